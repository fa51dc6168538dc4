//! prometheus.receive_http: takes remote write requests over HTTP.
//!
//! ```text
//! connection (of the shard that the kernel chose) -> snappy -> walk -> series ids -> forward_to
//!                                                                                 204 <-/
//! ```
//!
//! A request is answered with success only when every branch has delivered it, synced it or dropped
//! it on purpose; otherwise the sender gets 503 and keeps it. Order within a connection is kept.
//! Series that have no name or a label twice are dropped and counted; senders of version 2 are told
//! with
//! 400. Compatible with prometheus.receive_http of Alloy.

mod answers;
mod intake;
mod known;
mod serve;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use blocks::{GrpcServerConfig, HttpServerConfig};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use runtime::net::{ListenOptions, TcpListener};
use schema::{Arguments, Body, Check, MetricDecl, MetricKind, Port, Stability};

use crate::forward;
use crate::series_budget::{self, SeriesBudget};

pub static COMPONENT: Component = Component::of::<ReceiveHttp>();

/// The component.
pub struct ReceiveHttp;

#[derive(Arguments)]
#[arg(check = ReceiveHttpArguments::check)]
pub struct ReceiveHttpArguments {
    /// Where samples go.
    #[arg(required, port = Metrics)]
    pub forward_to: Vec<Port>,
    /// The messages of remote write that are taken.
    #[arg(default = vec![V1.to_owned()])]
    pub accepted_remote_write_protobuf_messages: Vec<String>,
    /// Pass on metadata.
    #[arg(default = false)]
    pub append_metadata: bool,
    /// Add the labels `__type__` and `__unit__` from metadata.
    #[arg(default = false)]
    pub enable_type_and_unit_labels: bool,
    /// How long requests that were begun may take when the component stops.
    #[arg(default = Duration::from_secs(30))]
    pub graceful_shutdown_timeout: Duration,
    /// Where to listen, and how.
    #[arg(block)]
    pub http: HttpServerConfig,
    /// Taken for compatibility: nothing is served over gRPC.
    #[arg(block)]
    pub grpc: GrpcServerConfig,
    /// An extension of this program: how many series senders may make.
    #[arg(block)]
    pub series_budget: SeriesBudget,
}

/// The message of remote write 1.0.
pub const V1: &str = "prometheus.WriteRequest";
/// The message of remote write 2.0.
pub const V2: &str = "io.prometheus.write.v2.Request";

impl ReceiveHttpArguments {
    fn check(&self, check: &mut Check<'_>) {
        for message in &self.accepted_remote_write_protobuf_messages {
            if message != V1 && message != V2 {
                let text =
                    format!("unknown message \"{message}\"; known are \"{V1}\" and \"{V2}\"");
                check.attribute("accepted_remote_write_protobuf_messages", text);
            }
        }
    }

    /// Whether requests with this message are taken.
    fn accepts(&self, message: &str) -> bool {
        self.accepted_remote_write_protobuf_messages
            .iter()
            .any(|accepted| accepted == message)
    }
}

const DURATION: MetricDecl = MetricDecl {
    name: "prometheus_receive_http_request_duration_seconds",
    kind: MetricKind::Histogram,
    help: "Time spent serving HTTP requests.",
};
const REQUEST_BYTES: MetricDecl = MetricDecl {
    name: "prometheus_receive_http_request_message_bytes",
    kind: MetricKind::Histogram,
    help: "Size of messages received in the request.",
};
const RESPONSE_BYTES: MetricDecl = MetricDecl {
    name: "prometheus_receive_http_response_message_bytes",
    kind: MetricKind::Histogram,
    help: "Size of messages sent in response.",
};
const CONNECTIONS: MetricDecl = MetricDecl {
    name: "prometheus_receive_http_tcp_connections",
    kind: MetricKind::Gauge,
    help: "Current number of accepted TCP connections.",
};

impl DataComponent for ReceiveHttp {
    type Arguments = ReceiveHttpArguments;
    const NAME: &'static str = "prometheus.receive_http";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = &[
        forward::LATENCY,
        forward::FORWARDED,
        DURATION,
        REQUEST_BYTES,
        RESPONSE_BYTES,
        CONNECTIONS,
    ];

    async fn build(arguments: Arc<ReceiveHttpArguments>, cx: &Build) -> Result<Built, BuildError> {
        let address = arguments
            .http
            .address()
            .expect("checked: it is an IP address");
        let listener = TcpListener::bind(address, &ListenOptions::shared()).map_err(|cause| {
            BuildError::new(format!(
                "cannot listen on {address}: {cause}; change http.listen_address or \
                 http.listen_port, or stop what listens there"
            ))
        })?;
        let receiver = Rc::new(serve::Receiver::new(cx, &arguments));
        let options = arguments.http.options(cx.shard_count);
        let grace = arguments.graceful_shutdown_timeout;
        receiver.serve(listener, options);
        let (stop, shown) = (receiver.clone(), receiver.clone());
        Ok(Built::new()
            .run(receiver.run())
            .drain(move |_| {
                let stop = stop.clone();
                async move { stop.shut_down(grace).await }
            })
            .inspect(move || Body {
                blocks: series_budget::blocks(&shown.gate),
                ..Body::default()
            }))
    }
}
