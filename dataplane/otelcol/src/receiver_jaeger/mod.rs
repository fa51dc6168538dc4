//! otelcol.receiver.jaeger: takes spans as Jaeger's clients and agents send them.
//!
//! ```text
//! grpc         jaeger.api_v2.CollectorService/PostSpans -> spans -> OTLP -> output
//! thrift_http  POST /api/traces, binary Thrift  -------/
//! thrift_*     packet of an agent, over UDP  ----------/
//! ```
//!
//! A call is answered with success only when its spans were delivered, logged or dropped on
//! purpose. What comes in packets nobody waits for: it is offered again while the output
//! refuses, and the system drops what does not fit meanwhile. One shard reads the packets.
//!
//! Compatible with otelcol.receiver.jaeger of Alloy.

mod arguments;
mod run;

use std::rc::Rc;
use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use runtime::LocalBoxFuture;
use runtime::net::UdpReceiver;
use schema::{MetricDecl, Stability};

use crate::receiving::{Intake, Transport, counts, handler, listen, serve};
use crate::settings::address;

pub use arguments::ReceiverJaegerArguments;
use run::{Grpc, ThriftHttp};

pub static COMPONENT: Component = Component::of::<ReceiverJaeger>();

/// The component.
pub struct ReceiverJaeger;

const TRANSPORTS: &[Transport] = &[Transport::Grpc, Transport::Http, Transport::Udp];

impl DataComponent for ReceiverJaeger {
    type Arguments = ReceiverJaegerArguments;
    const NAME: &'static str = "otelcol.receiver.jaeger";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = counts::DECLARED;

    async fn build(
        arguments: Arc<ReceiverJaegerArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let intake = Rc::new(Intake::new(cx, &arguments.output, "jaeger", TRANSPORTS));
        let mut servers = Vec::new();
        let checked = "checked: it is an address";
        if let Some(settings) = &arguments.protocols.grpc {
            let listener = listen(address(&settings.endpoint).expect(checked))?;
            let service = Rc::new(Grpc::new(&settings.server, intake.clone()));
            let handler = handler(move |request| service.clone().answer(request));
            servers.push((listener, handler, settings.server.options()));
        }
        if let Some(settings) = &arguments.protocols.thrift_http {
            let listener = listen(address(&settings.endpoint).expect(checked))?;
            let service = Rc::new(ThriftHttp::new(&settings.server, intake.clone()));
            let handler = handler(move |request| service.clone().answer(request));
            servers.push((listener, handler, settings.server.options()));
        }
        let mut readers: Vec<LocalBoxFuture<'static, ()>> = Vec::new();
        // One shard reads the packets: sockets do not share a port for them.
        if cx.shard_index == 0 {
            for (protocol, endpoint, packets) in arguments.protocols.packets() {
                let address = address(endpoint).expect(checked);
                let len_max = packets.max_packet_size.0 as usize;
                let receiver = UdpReceiver::bind(address, len_max).map_err(|cause| {
                    BuildError::new(format!(
                        "cannot listen on {address}: {cause}; change endpoint, or stop what \
                         listens there"
                    ))
                })?;
                readers.push(Box::pin(run::packets(receiver, protocol, intake.clone())));
            }
        }
        Ok(serve(servers).run(async move {
            engine::join(readers).await;
        }))
    }
}
