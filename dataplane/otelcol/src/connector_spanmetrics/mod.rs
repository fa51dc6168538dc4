//! otelcol.connector.spanmetrics: counts spans and measures their durations, by service, name,
//! kind, status and what dimensions name.
//!
//! ```text
//! spans -> series of their resource (calls, duration, events)     every interval: series -> output
//! ```
//!
//! Traces are acknowledged when they are taken in; series live in memory and begin again after a
//! restart. Spans of one series come from many senders: the node lives on one shard, and others
//! hand over. Compatible with otelcol.connector.spanmetrics of Alloy.

mod dimension;
mod run;
mod series;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{Arguments, Check, ExportField, Stability};

use crate::flush::flushed;
use crate::settings::{DebugMetrics, Outputs};

pub static COMPONENT: Component = Component::of::<SpanMetrics>();

/// The component.
pub struct SpanMetrics;

#[derive(Arguments)]
#[arg(check = SpanMetricsArguments::check)]
pub struct SpanMetricsArguments {
    /// Most series of a metric and resource; what goes beyond is counted in one; 0 sets no limit.
    #[arg(default = 0, min = 0)]
    pub aggregation_cardinality_limit: i64,
    /// `CUMULATIVE`, or `DELTA` to tell what came since the last time.
    #[arg(default = "CUMULATIVE")]
    pub aggregation_temporality: String,
    /// Taken for compatibility.
    #[arg(default = 0, deprecated = "it has no effect")]
    pub dimensions_cache_size: i64,
    /// Dimensions that are left out: `service.name`, `span.name`, `span.kind`, `status.code`.
    pub exclude_dimensions: Vec<String>,
    /// Whether series tell which process made them.
    #[arg(default = false)]
    pub include_collector_instance_id: bool,
    /// Names of scopes that become dimensions.
    pub include_instrumentation_scope: Vec<String>,
    /// Taken for compatibility: when deltas began is known of all series.
    #[arg(default = 1000)]
    pub metric_timestamp_cache_size: i64,
    /// Resources without spans for so long are forgotten; 0 is never.
    #[arg(default = Duration::ZERO)]
    pub metrics_expiration: Duration,
    /// How often series are sent.
    #[arg(default = "60s")]
    pub metrics_flush_interval: Duration,
    /// What names of metrics begin with.
    #[arg(default = "traces.span.metrics")]
    pub namespace: String,
    /// Most resources; of more, those that were not seen for longest are forgotten.
    #[arg(default = 1000)]
    pub resource_metrics_cache_size: i64,
    /// Attributes that tell resources apart; all if none are given.
    pub resource_metrics_key_attributes: Vec<String>,
    /// Series without spans for so long are forgotten; 0 is never.
    #[arg(default = Duration::ZERO)]
    pub series_expiration: Duration,
    /// Dimensions of counts only.
    #[arg(block, name = "calls_dimension")]
    pub calls_dimensions: Vec<DimensionBlock>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Dimensions of all metrics.
    #[arg(block, name = "dimension")]
    pub dimensions: Vec<DimensionBlock>,
    /// Counts of events.
    #[arg(block)]
    pub events: Option<Events>,
    /// Links from series to traces.
    #[arg(block)]
    pub exemplars: Option<Exemplars>,
    /// How durations are measured.
    #[arg(block, required)]
    pub histogram: HistogramBlock,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

/// An attribute of the span or its resource by which is counted apart.
#[derive(Arguments, Clone)]
pub struct DimensionBlock {
    /// Its value where there is none; without, the series does not have it.
    pub default: Option<String>,
    /// A pattern of keys in place of a name.
    pub glob: Option<String>,
    /// Its key.
    pub name: Option<String>,
}

/// Counts of events.
#[derive(Arguments, Clone)]
pub struct Events {
    /// Whether events are counted.
    #[arg(default = false)]
    pub enabled: bool,
    /// Attributes of events by which is counted apart.
    #[arg(block, name = "dimension")]
    pub dimensions: Vec<DimensionBlock>,
}

/// Links from series to traces.
#[derive(Arguments, Clone)]
pub struct Exemplars {
    /// Whether there are any.
    #[arg(default = false)]
    pub enabled: bool,
    /// Most links of a data point.
    #[arg(default = 5)]
    pub max_per_data_point: i64,
}

/// How durations are measured.
#[derive(Arguments, Clone)]
pub struct HistogramBlock {
    /// Leaves durations out.
    #[arg(default = false)]
    pub disable: bool,
    /// `ms` or `s`.
    #[arg(default = "ms")]
    pub unit: String,
    /// Dimensions of durations only.
    #[arg(block, name = "dimension")]
    pub dimensions: Vec<DimensionBlock>,
    /// Buckets with given bounds.
    #[arg(block)]
    pub explicit: Option<Explicit>,
    /// Buckets whose bounds grow exponentially.
    #[arg(block)]
    pub exponential: Option<Exponential>,
}

/// Buckets with given bounds.
#[derive(Arguments, Clone)]
pub struct Explicit {
    /// Upper bounds.
    #[arg(default = default_buckets())]
    pub buckets: Vec<Duration>,
}

/// Buckets whose bounds grow exponentially.
#[derive(Arguments, Clone)]
pub struct Exponential {
    /// Most buckets.
    #[arg(default = 160)]
    pub max_size: i64,
}

const MILLISECONDS: [u64; 16] = [
    2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000,
];

fn default_buckets() -> Vec<Duration> {
    MILLISECONDS.map(Duration::from_millis).to_vec()
}

impl SpanMetricsArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.metrics_flush_interval.is_zero() {
            let message = "metrics_flush_interval must be greater than 0";
            check.attribute("metrics_flush_interval", message);
        }
        // Compat: the rest is told at the component, as Alloy does.
        if let Err(message) = self.mistake() {
            check.body(message);
        }
    }

    fn mistake(&self) -> Result<(), String> {
        if !matches!(&*self.aggregation_temporality, "CUMULATIVE" | "DELTA") {
            let given = &self.aggregation_temporality;
            return Err(format!("invalid aggregation_temporality: {given}"));
        }
        let histogram = &self.histogram;
        if !matches!(&*histogram.unit, "ms" | "s") {
            let unit = &histogram.unit;
            return Err(format!(
                "unknown unit {unit:?}, allowed units are \"ms\", \"s\""
            ));
        }
        if histogram.explicit.is_some() && histogram.exponential.is_some() {
            return Err("use either `explicit` or `exponential` buckets histogram".to_owned());
        }
        dimension::check(&[&self.dimensions, &self.calls_dimensions])?;
        dimension::check(&[&self.dimensions, &histogram.dimensions])?;
        if let Some(events) = self.events.as_ref().filter(|events| events.enabled) {
            if events.dimensions.is_empty() {
                return Err("no dimensions configured for events".to_owned());
            }
            dimension::check(&[&self.dimensions, &events.dimensions])?;
        }
        if self.aggregation_temporality == "DELTA" && self.metric_timestamp_cache_size <= 0 {
            return Err(format!(
                "invalid delta timestamp cache size: {}, the maximum number of the items in \
                    the cache should be positive",
                self.metric_timestamp_cache_size
            ));
        }
        Ok(())
    }
}

impl DataComponent for SpanMetrics {
    type Arguments = SpanMetricsArguments;
    const NAME: &'static str = "otelcol.connector.spanmetrics";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<SpanMetricsArguments>, cx: &Build) -> Result<Built, BuildError> {
        let forward = arguments.output.forward(cx);
        let interval = arguments.metrics_flush_interval;
        let measurer = run::Measurer::new(&arguments, cx).map_err(BuildError::new)?;
        let measurer = Rc::new(measurer);
        let built = Built::new().port("input", Rc::new(run::Input(measurer.clone())));
        let way = (forward, cx.ledger("series"));
        Ok(flushed(built, measurer, interval, way))
    }
}
