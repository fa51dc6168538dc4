//! otelcol.receiver.fluentforward: takes records as Fluentd and Fluent Bit forward them.
//!
//! ```text
//! connection -> event -> records -> output.logs
//!     {ack: chunk} <- acknowledged <-/
//! ```
//!
//! A chunk is acknowledged when its records were delivered, logged or dropped on purpose, so what
//! was not is sent again. While the output refuses, the connection is not read. Compatible with
//! otelcol.receiver.fluentforward of Alloy, over TCP.

use std::rc::Rc;
use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use formats::fluent_forward::{self, Progress};
use runtime::net::TcpStream;
use schema::{Arguments, Check, MetricDecl, Stability};

use crate::receiving::{Intake, Transport, counts, listen, serve_streams};
use crate::settings::{DebugMetrics, Outputs, address, refuse_endpoint};

pub static COMPONENT: Component = Component::of::<ReceiverFluentforward>();

/// The component.
pub struct ReceiverFluentforward;

#[derive(Arguments)]
#[arg(check = ReceiverFluentforwardArguments::check)]
pub struct ReceiverFluentforwardArguments {
    /// Address and port to listen on.
    #[arg(required)]
    pub endpoint: String,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl ReceiverFluentforwardArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.endpoint.starts_with("unix://") {
            let text = "unix sockets are not supported yet; give an IP address and a port";
            check.attribute("endpoint", text);
            return;
        }
        refuse_endpoint(&self.endpoint, check);
    }
}

/// Bytes that a read takes at once.
const READ_BYTES: usize = 64 << 10;

impl DataComponent for ReceiverFluentforward {
    type Arguments = ReceiverFluentforwardArguments;
    const NAME: &'static str = "otelcol.receiver.fluentforward";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = counts::DECLARED;

    async fn build(
        arguments: Arc<ReceiverFluentforwardArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let outputs = &arguments.output;
        let intake = Intake::new(cx, outputs, "fluentforward", &[Transport::Tcp]);
        let intake = Rc::new(intake);
        let listener = listen(address(&arguments.endpoint).expect("checked: it is an address"))?;
        Ok(serve_streams(listener, move |stream, peer| {
            let intake = intake.clone();
            async move {
                if let Err(reason) = serve(stream, &intake).await {
                    tracing::warn!("connection of {peer} is closed: {reason}");
                }
            }
        }))
    }
}

/// Takes the events of a connection until it ends.
async fn serve(mut stream: TcpStream, intake: &Intake) -> Result<(), String> {
    let mut room = intake
        .reserve(READ_BYTES as u64)
        .map_err(|status| status.message)?;
    let mut buffer = Vec::with_capacity(READ_BYTES);
    let mut held: Vec<u8> = Vec::new();
    let mut wanted = 1;
    loop {
        let read;
        (read, buffer) = stream.read(buffer).await;
        match read {
            Ok(0) => return Ok(()),
            Ok(_) => held.extend_from_slice(&buffer),
            Err(error) => return Err(error.to_string()),
        }
        let more = (held.len() as u64).saturating_sub(room.bytes());
        if more > 0 && !room.grow(more) {
            return Err("the memory limit is reached; raise --dataplane.memory-limit".to_owned());
        }
        let mut used = 0;
        // An event is tried again only when what it lacked is there, so that a long one that
        // arrives in small pieces is not read over and over.
        while wanted <= held.len() - used {
            match fluent_forward::decode(&held[used..])? {
                Progress::Wants(bytes) => wanted = bytes,
                Progress::Event(event, bytes) => {
                    used += bytes;
                    wanted = 1;
                    intake.insist(event.batch, Transport::Tcp).await;
                    if let Some(chunk) = event.chunk {
                        let answer = fluent_forward::acknowledgement(&chunk).into();
                        stream
                            .write_all(answer)
                            .await
                            .0
                            .map_err(|error| error.to_string())?;
                    }
                }
            }
        }
        held.drain(..used);
    }
}
