//! loki.source.docker: the logs of containers, from the API of their engine.
//!
//! ```text
//! targets -> containers -> inspect, follow the log: frames -> lines -> forward_to
//!                             ^                                          |
//!                             +------- the log ends: again in 5 s        +-> ack: cursors move
//! ```
//!
//! A container's cursor moves only when its lines are acked, and is on disk a second later: no line
//! is lost that the engine still has, a killed process delivers again what it read in the last
//! second, a stopped one nothing. Lines of one stream of a container keep their order. While the
//! outputs refuse, nothing more is read.
//!
//! All containers are followed by one shard: an engine gives its logs out one line at a time, which
//! costs it more than reading them costs here. Compatible with loki.source.docker of Alloy, whose
//! `positions.yml` is read and written on.
//! Reference: docs/sources/reference/components/loki/loki.source.docker.md

mod follow;
mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use blocks::{DockerHost, HttpClientConfig, RelabelRules};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread, Update};
use schema::{Arguments, Check, MetricDecl, MetricKind, Port, Stability, Targets};

pub static COMPONENT: Component = Component::of::<SourceDocker>();

/// The component.
pub struct SourceDocker;

#[derive(Arguments)]
#[arg(check = SourceDockerArguments::check)]
pub struct SourceDockerArguments {
    /// Address of the engine: `unix://`, `tcp://`, `http://` or `https://`.
    #[arg(required)]
    pub host: String,
    /// Containers to follow, by the label `__meta_docker_container_id`.
    #[arg(required)]
    pub targets: Targets,
    /// Where lines go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// Labels that every line gets, over those of its target.
    pub labels: BTreeMap<String, String>,
    /// Rules that make labels of those of targets.
    pub relabel_rules: RelabelRules,
    /// How long the engine may take to answer.
    #[arg(default = Duration::from_secs(60))]
    pub refresh_interval: Duration,
    /// How to reach an engine by HTTP.
    #[arg(block)]
    pub http_client_config: HttpClientConfig,
}

impl SourceDockerArguments {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(error) = DockerHost::parse(&self.host) {
            check.attribute("host", error);
        }
        if self.refresh_interval.is_zero() {
            check.attribute("refresh_interval", "refresh_interval must be positive");
        }
    }

    /// Whether lines are read and labelled the same way.
    fn reads_as(&self, other: &SourceDockerArguments) -> bool {
        self.host == other.host
            && self.refresh_interval == other.refresh_interval
            && self.relabel_rules == other.relabel_rules
            && self.http_client_config == other.http_client_config
    }
}

const ENTRIES: MetricDecl = MetricDecl {
    name: "loki_source_docker_target_entries_total",
    kind: MetricKind::Gauge,
    help: "Total number of successful entries sent to the Docker target",
};
const ERRORS: MetricDecl = MetricDecl {
    name: "loki_source_docker_target_parsing_errors_total",
    kind: MetricKind::Gauge,
    help: "Total number of parsing errors while receiving Docker messages",
};

impl DataComponent for SourceDocker {
    type Arguments = SourceDockerArguments;
    const NAME: &'static str = "loki.source.docker";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::One;
    const METRICS: &'static [MetricDecl] = &[ENTRIES, ERRORS];

    async fn build(arguments: Arc<SourceDockerArguments>, cx: &Build) -> Result<Built, BuildError> {
        let containers = run::Containers::new(arguments, cx)?;
        let (update, drained, shown) = (containers.clone(), containers.clone(), containers.clone());
        Ok(Built::new()
            .run(containers.run())
            .update(move |arguments: Arc<SourceDockerArguments>| {
                update.update(arguments).map(|()| Update::Done)
            })
            .drain(move |_| {
                let containers = drained.clone();
                async move { containers.drain().await }
            })
            .inspect(move || shown.inspect()))
    }
}
