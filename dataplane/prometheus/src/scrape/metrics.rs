//! What scrapes count about themselves.

use engine::Build;
use runtime::metrics::{Counter, Gauge};
use schema::{MetricDecl, MetricKind};

use super::error::ScrapeError;
use crate::forward;

const fn counter(name: &'static str, help: &'static str) -> MetricDecl {
    MetricDecl {
        name,
        kind: MetricKind::Counter,
        help,
    }
}

const TARGETS: MetricDecl = MetricDecl {
    name: "prometheus_scrape_targets_gauge",
    kind: MetricKind::Gauge,
    help: "Number of targets this component is configured to scrape",
};
const SKIPPED: MetricDecl = counter(
    "invar_scrape_skipped_total",
    "Scrapes that did not happen: late (the one before took too long), memory (no room).",
);
const DROPPED: MetricDecl = counter(
    "invar_scrape_dropped_samples_total",
    "Scraped samples that forward_to did not take before the next scrape.",
);
const TARGET_LIMIT: MetricDecl = counter(
    "prometheus_target_scrape_pool_exceeded_target_limit_total",
    "Total number of times scrape pools hit the target limit, during sync or config reload.",
);
const BODY_LIMIT: MetricDecl = counter(
    "prometheus_target_scrapes_exceeded_body_size_limit_total",
    "Total number of scrapes that hit the body size limit",
);
const SAMPLE_LIMIT: MetricDecl = counter(
    "prometheus_target_scrapes_exceeded_sample_limit_total",
    "Total number of scrapes that hit the sample limit and were rejected.",
);
const BUCKET_LIMIT: MetricDecl = counter(
    "prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
    "Total number of scrapes that hit the native histogram bucket limit and were rejected.",
);
const LABEL_LIMIT: MetricDecl = counter(
    "prometheus_target_scrape_pool_exceeded_label_limits_total",
    "Total number of times scrape pools hit the label limits, during sync or config reload.",
);
const DUPLICATES: MetricDecl = counter(
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "Total number of samples rejected due to duplicate timestamps but different values.",
);
const OUT_OF_BOUNDS: MetricDecl = counter(
    "prometheus_target_scrapes_sample_out_of_bounds_total",
    "Total number of samples rejected due to timestamp falling outside of the time bounds.",
);

pub const DECLARED: &[MetricDecl] = &[
    forward::LATENCY,
    forward::FORWARDED,
    TARGETS,
    SKIPPED,
    DROPPED,
    TARGET_LIMIT,
    BODY_LIMIT,
    SAMPLE_LIMIT,
    BUCKET_LIMIT,
    LABEL_LIMIT,
    DUPLICATES,
    OUT_OF_BOUNDS,
];

/// The counters of one instance.
pub struct Metrics {
    pub targets: Gauge,
    pub skipped_late: Counter,
    pub skipped_memory: Counter,
    pub dropped: Counter,
    pub duplicates: Counter,
    pub out_of_bounds: Counter,
    target_limit: Counter,
    body_limit: Counter,
    sample_limit: Counter,
    bucket_limit: Counter,
    label_limit: Counter,
}

impl Metrics {
    pub fn new(cx: &Build) -> Metrics {
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: &MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let skipped = |reason| {
            let labels = [("component_id", &*cx.node), ("reason", reason)];
            cx.registry.counter(SKIPPED.name, SKIPPED.help, &labels)
        };
        Metrics {
            targets: cx.registry.gauge(TARGETS.name, TARGETS.help, &labels),
            skipped_late: skipped("late"),
            skipped_memory: skipped("memory"),
            dropped: counter(&DROPPED),
            duplicates: counter(&DUPLICATES),
            out_of_bounds: counter(&OUT_OF_BOUNDS),
            target_limit: counter(&TARGET_LIMIT),
            body_limit: counter(&BODY_LIMIT),
            sample_limit: counter(&SAMPLE_LIMIT),
            bucket_limit: counter(&BUCKET_LIMIT),
            label_limit: counter(&LABEL_LIMIT),
        }
    }

    pub fn failed(&self, error: &ScrapeError) {
        match error {
            ScrapeError::TargetLimit { .. } => self.target_limit.inc(),
            ScrapeError::BodySizeLimit { .. } => self.body_limit.inc(),
            ScrapeError::SampleLimit { .. } => self.sample_limit.inc(),
            ScrapeError::BucketLimit { .. } => self.bucket_limit.inc(),
            ScrapeError::LabelLimit(_) => self.label_limit.inc(),
            ScrapeError::Http(_)
            | ScrapeError::Status(_)
            | ScrapeError::ContentType(_)
            | ScrapeError::Parse(_) => {}
        }
    }
}
