//! otelcol.exporter.loadbalancing: sends data over gRPC so that what belongs together has one
//! backend of several.
//!
//! ```text
//! batch -> parts by routing key -> the exporter's queue -> backend that the ring has for the key
//! static names, DNS -> ring ---------------------------------^
//! ```
//!
//! The queue is the exporter's and not a backend's: what waits goes where the ring leads when it is
//! sent, so that a backend that is gone keeps nothing. A part is sent again as a whole if the ring
//! has parted it anew and one of its backends refuses: then others may get it twice.
//!
//! Compatible with otelcol.exporter.loadbalancing of Alloy: traces and service names find the same
//! backends as there. By `resource` and `streamID` they are others, and the resolvers `kubernetes`
//! and `aws_cloud_map` are known and refused.

mod arguments;
mod backends;
mod ring;
mod routing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{ExportField, MetricDecl, Stability};

use crate::exporting::{self, Delivery};
use arguments::LoadBalancingArguments;
use backends::Backends;

pub static COMPONENT: Component = Component::of::<ExporterLoadBalancing>();

/// The component.
pub struct ExporterLoadBalancing;

impl DataComponent for ExporterLoadBalancing {
    type Arguments = LoadBalancingArguments;
    const NAME: &'static str = "otelcol.exporter.loadbalancing";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];
    const METRICS: &'static [MetricDecl] = exporting::DECLARED;

    async fn build(
        arguments: Arc<LoadBalancingArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let otlp = &arguments.protocol.otlp;
        // What is said of the exporter counts for more than what is said of its backends.
        let queue = arguments.sending_queue.as_ref().or(otlp.queue.as_ref());
        let retry = arguments.retry_on_failure.as_ref().or(otlp.retry.as_ref());
        let delivery = Delivery {
            queue: queue.cloned(),
            retry: retry.cloned(),
        };
        let backends = Backends::start(&arguments, cx).await?;
        exporting::build(cx, &delivery, backends).await
    }
}
