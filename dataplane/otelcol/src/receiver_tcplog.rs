//! otelcol.receiver.tcplog: takes lines over TCP as log records.
//!
//! ```text
//! connection -> lines -> records -> output.logs
//! ```
//!
//! The protocol has no answers: what the output refuses for now is offered again, and the
//! connection is not read meanwhile. Compatible with otelcol.receiver.tcplog of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{Attributes, LogRecord};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use ops::stanza::Splitter;
use schema::{Arguments, Bytes, Check, MetricDecl, Stability};

use crate::receiving::{
    Intake, LineReader, Transport, Trim, counts, listen, now_ns, serve_streams,
};
use crate::settings::{
    DebugMetrics, Multiline, Outputs, RetryOnFailure, TlsServer, address, refuse_encoding,
    refuse_listen_address, splitter,
};

pub static COMPONENT: Component = Component::of::<ReceiverTcplog>();

/// The component.
pub struct ReceiverTcplog;

#[derive(Arguments)]
#[arg(check = ReceiverTcplogArguments::check)]
pub struct ReceiverTcplogArguments {
    /// Address and port to listen on.
    #[arg(required)]
    pub listen_address: String,
    /// Add attributes with the addresses of both ends.
    #[arg(default = false)]
    pub add_attributes: bool,
    /// Encoding of the lines.
    #[arg(default = "utf-8")]
    pub encoding: String,
    /// Most bytes of a record; longer ones are cut.
    #[arg(default = Bytes(1 << 20))]
    pub max_log_size: Bytes,
    /// Take all that a connection sends for one record.
    #[arg(default = false)]
    pub one_log_per_packet: bool,
    /// Records of several lines.
    #[arg(block)]
    pub multiline: Option<Multiline>,
    /// What is done about a refusal.
    #[arg(block)]
    pub retry_on_failure: Option<RetryOnFailure>,
    /// TLS towards clients: declared, and refused.
    #[arg(block)]
    pub tls: Option<TlsServer>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl ReceiverTcplogArguments {
    fn check(&self, check: &mut Check<'_>) {
        refuse_listen_address(&self.listen_address, check);
        refuse_encoding(&self.encoding, check);
        if self.max_log_size.0 < 64 << 10 {
            check.attribute("max_log_size", "invalid value, must be at least 64KiB");
        }
        if self.tls.is_some() {
            check.body("tls is not supported here yet; terminate it in front");
        }
    }
}

impl DataComponent for ReceiverTcplog {
    type Arguments = ReceiverTcplogArguments;
    const NAME: &'static str = "otelcol.receiver.tcplog";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = counts::DECLARED;

    async fn build(
        arguments: Arc<ReceiverTcplogArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let intake = Intake::new(cx, &arguments.output, "tcplog", &[Transport::Tcp]);
        let intake = Rc::new(intake);
        let bytes_max = arguments.max_log_size.0 as usize;
        let reader = Rc::new(LineReader {
            splitter: match arguments.one_log_per_packet {
                true => Splitter::whole(bytes_max),
                false => splitter(arguments.multiline.as_ref(), bytes_max),
            },
            trim: Trim {
                leading: true,
                trailing: true,
            },
            add_attributes: arguments.add_attributes,
            record,
        });
        let address = address(&arguments.listen_address).expect("checked: it is an address");
        Ok(serve_streams(listen(address)?, move |stream, peer| {
            let (reader, intake) = (reader.clone(), intake.clone());
            async move { reader.stream(stream, peer, &intake).await }
        }))
    }
}

fn record(line: &[u8], attributes: Attributes<'static>) -> Option<LogRecord<'static>> {
    Some(LogRecord {
        observed_unix_nano: now_ns(),
        body: String::from_utf8_lossy(line).into_owned().into(),
        attributes,
        ..LogRecord::default()
    })
}
