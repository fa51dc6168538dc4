//! otelcol.connector.host_info: tells once in a while which hosts have sent traces.
//!
//! Traces are acknowledged when they are looked at; hosts seen since the last time live in memory.
//! The node lives on one shard, and others hand over, so that a host is told of once.
//! Compatible with otelcol.connector.host_info of Alloy.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{
    Gauge, Lazy, Metric, MetricData, Number, NumberPoint, OtlpBatch, OtlpSignal, Resource, Text,
};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use ops::log_lines::as_text;
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::flush::{Gather, flushed, one_scope};
use crate::settings::{DebugMetrics, Outputs};
use crate::streams::now_ns;

pub static COMPONENT: Component = Component::of::<HostInfo>();

/// The component.
pub struct HostInfo;

#[derive(Arguments)]
#[arg(check = HostInfoArguments::check)]
pub struct HostInfoArguments {
    /// Attributes of the resource that tell a host.
    #[arg(default = vec!["host.id".to_owned()])]
    pub host_identifiers: Vec<String>,
    /// How often hosts are told of.
    #[arg(default = "60s")]
    pub metrics_flush_interval: Duration,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl HostInfoArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.host_identifiers.is_empty() {
            let message = "at least one host identifier is required";
            check.attribute("host_identifiers", message);
        }
        let limits = Duration::from_secs(15)..=Duration::from_secs(300);
        if !limits.contains(&self.metrics_flush_interval) {
            let interval = stdx::format_duration(self.metrics_flush_interval);
            let message = format!("\"{interval}\" is not a valid flush interval");
            check.attribute("metrics_flush_interval", message);
        }
    }
}

/// Limit: hosts between two flushes; further ones are told of when they come again after it.
const HOSTS_MAX: usize = 1_000_000;

impl DataComponent for HostInfo {
    type Arguments = HostInfoArguments;
    const NAME: &'static str = "otelcol.connector.host_info";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<HostInfoArguments>, cx: &Build) -> Result<Built, BuildError> {
        let forward = arguments.output.forward(cx);
        let hosts = Rc::new(Hosts {
            identifiers: arguments.host_identifiers.clone(),
            seen: RefCell::default(),
            ledger: cx.ledger("hosts"),
        });
        let built = Built::new().port("input", Rc::new(Input(hosts.clone())));
        let way = (forward, cx.ledger("points"));
        Ok(flushed(built, hosts, arguments.metrics_flush_interval, way))
    }
}

struct Hosts {
    identifiers: Vec<String>,
    seen: RefCell<BTreeSet<String>>,
    ledger: Ledger,
}

struct Input(Rc<Hosts>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let taken = batch.items() as u64;
            self.0.ledger.take(taken);
            if batch.signal() == OtlpSignal::Traces {
                self.0.look_at(&batch);
            }
            self.0.ledger.pass(taken);
            Ok(())
        })
    }
}

impl Hosts {
    fn look_at(&self, batch: &OtlpBatch) {
        let mut seen = self.seen.borrow_mut();
        for group in &batch.spans().resources {
            let attributes = &group.resource.get().attributes;
            for value in self
                .identifiers
                .iter()
                .filter_map(|key| attributes.get(key))
            {
                let host = as_text(value);
                if !seen.contains(&*host) && seen.len() < HOSTS_MAX {
                    seen.insert(host.into_owned());
                }
            }
        }
    }
}

impl Gather for Hosts {
    fn gather(&self) -> OtlpBatch {
        let now_ns = now_ns();
        let hosts = std::mem::take(&mut *self.seen.borrow_mut());
        let points = hosts.into_iter().map(|host| {
            let mut point = NumberPoint {
                start_unix_nano: now_ns,
                time_unix_nano: now_ns,
                value: Number::Int(1),
                ..NumberPoint::default()
            };
            point.attributes.set("grafana.host.id", host.into());
            Lazy::new(point)
        });
        let points: Vec<_> = points.collect();
        if points.is_empty() {
            return OtlpBatch::empty(OtlpSignal::Metrics);
        }
        let metric = Metric {
            name: Text::from("traces_host_info"),
            data: MetricData::Gauge(Gauge { points }),
            ..Metric::default()
        };
        one_scope(
            Resource::default(),
            "hostinfoconnector",
            vec![Lazy::new(metric)],
        )
    }
}
