//! loki.source.api: takes pushes of Loki's API, and plain lines, over HTTP.
//!
//! ```text
//! connection (of the shard that the kernel chose) -> snappy, gzip -> streams -> forward_to
//!                                                                        204 <-/
//! ```
//!
//! A request is answered with success only when every branch has delivered its entries, synced them
//! or dropped them on purpose; otherwise the sender gets 503 and keeps it. Order within a
//! connection is kept. Streams whose labels cannot be read are left out, and the sender is told
//! with 400. Compatible with loki.source.api of Alloy.

mod decode;
mod tenant;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use blocks::{GrpcServerConfig, HttpServerConfig, RelabelRules};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{Arguments, Bytes, MetricDecl, Port, Stability};

use crate::http::{Names, Receiver, names};

pub static COMPONENT: Component = Component::of::<SourceApi>();

/// The component.
pub struct SourceApi;

#[derive(Arguments)]
pub struct SourceApiArguments {
    /// Where entries go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// Labels that every entry gets.
    pub labels: BTreeMap<String, String>,
    /// Rules for the labels of what is pushed.
    pub relabel_rules: RelabelRules,
    /// Keep the time that the sender gave, instead of that of the arrival.
    #[arg(default = false)]
    pub use_incoming_timestamp: bool,
    /// Most bytes of a request, compressed or not.
    #[arg(default = Bytes(100 << 20))]
    pub max_send_message_size: Bytes,
    /// How long requests that were begun may take when the component stops.
    #[arg(default = Duration::from_secs(30))]
    pub graceful_shutdown_timeout: Duration,
    /// Where to listen, and how.
    #[arg(block)]
    pub http: HttpServerConfig,
    /// Taken for compatibility: nothing is served over gRPC.
    #[arg(block)]
    pub grpc: GrpcServerConfig,
}

const NAMES: Names = names!("loki_source_api");

impl DataComponent for SourceApi {
    type Arguments = SourceApiArguments;
    const NAME: &'static str = "loki.source.api";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = &NAMES;

    async fn build(arguments: Arc<SourceApiArguments>, cx: &Build) -> Result<Built, BuildError> {
        let limit = match arguments.max_send_message_size.0 {
            0 => 100 << 20,
            bytes => bytes,
        };
        let source = decode::Pushes::new(&arguments, limit);
        let receiver = Receiver::new(cx, &NAMES, &arguments.forward_to, limit, source);
        receiver.serve(&arguments.http)?;
        let (stop, grace) = (receiver.clone(), arguments.graceful_shutdown_timeout);
        Ok(Built::new().run(receiver.run()).drain(move |_| {
            let stop = stop.clone();
            async move { stop.shut_down(grace).await }
        }))
    }
}
