//! prometheus.scrape: asks targets for their metrics in an interval and passes the samples on.
//!
//! ```text
//! targets -> Pool -> one loop per target of this shard
//!                    tick -> GET -> Intake (parse, labels, limits) -> report series -> forward_to
//! ```
//!
//! A target belongs to the shard that its hash falls to, on which one loop asks it. The loop waits
//! until `forward_to` has taken the batch: while that takes longer than the interval, scrapes are
//! skipped and counted. A batch that is refused is offered again until the next tick, then it is
//! dropped and counted. Each sample is passed on once; samples of a target keep their order.
//!
//! Arguments change in place: loops of targets that stay keep their cache and schedule.
//!
//! Compatible with prometheus.scrape of Alloy.

mod classic;
mod comments;
mod error;
mod failures;
#[cfg(test)]
mod histogram_tests;
mod inspect;
mod intake;
mod labels;
mod metrics;
mod pool;
mod protobuf;
mod report;
mod run;
mod schedule;
mod seen;
mod settings;
mod starts;
mod target;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::{Build, BuildError, Built, Component, DataComponent, Globals, Leave, Role, Spread};
use schema::{
    Arguments, Attribute, Body, Bytes, Check, MetricDecl, Port, Stability, Targets, Value,
};

use crate::series_budget::SeriesBudget;
use pool::Pool;

pub static COMPONENT: Component = Component::of::<Scrape>();

/// The component.
pub struct Scrape;

#[derive(Arguments)]
#[arg(check = ScrapeArguments::check)]
pub struct ScrapeArguments {
    /// What to scrape.
    #[arg(required)]
    pub targets: Targets,
    /// Where samples go.
    #[arg(required, port = Metrics)]
    pub forward_to: Vec<Port>,
    /// The label `job` of targets without one; the component's id unless set.
    pub job_name: String,
    /// How often to scrape.
    #[arg(default = Duration::from_secs(60))]
    pub scrape_interval: Duration,
    /// How long an answer may take; at most the interval.
    #[arg(default = Duration::from_secs(10))]
    pub scrape_timeout: Duration,
    /// The path to ask for.
    #[arg(default = "/metrics")]
    pub metrics_path: String,
    /// The scheme to ask with, http or https.
    #[arg(default = "http")]
    pub scheme: String,
    /// URL parameters to ask with.
    pub params: BTreeMap<String, Vec<String>>,
    /// Keep exposed labels that clash with the target's, instead of renaming them to `exported_`.
    pub honor_labels: bool,
    /// Keep exposed timestamps.
    #[arg(default = true)]
    pub honor_timestamps: bool,
    /// Mark series with exposed timestamps as stale too when they vanish.
    pub track_timestamps_staleness: bool,
    /// Ask for gzip.
    #[arg(default = true)]
    pub enable_compression: bool,
    /// Add scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes.
    pub extra_metrics: bool,
    /// Largest uncompressed body; 0 is no limit.
    pub body_size_limit: Bytes,
    /// Most samples of one scrape; 0 is no limit.
    pub sample_limit: u64,
    /// Most targets; above it none is scraped; 0 is no limit.
    pub target_limit: u64,
    /// Most labels of a sample; 0 is no limit.
    pub label_limit: u64,
    /// Longest label name; 0 is no limit.
    pub label_name_length_limit: u64,
    /// Longest label value; 0 is no limit.
    pub label_value_length_limit: u64,
    /// Formats to ask for, the first preferred.
    #[arg(
        default = ["OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0",
            "PrometheusText0.0.4"],
        one_of("OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0",
            "PrometheusText0.0.4", "PrometheusProto")
    )]
    pub scrape_protocols: Vec<String>,
    /// The format of answers whose content type is missing or unknown.
    #[arg(default = "PrometheusText0.0.4")]
    pub scrape_fallback_protocol: String,
    /// Which names are valid: legacy or utf8.
    #[arg(default = "legacy", one_of("legacy", "utf8"))]
    pub metric_name_validation_scheme: String,
    /// How targets are asked to write names that are not legacy ones: underscores, dots, values or
    /// allow-utf-8. The default is underscores, or allow-utf-8 if utf8 names are valid.
    pub metric_name_escaping_scheme: String,
    /// A file that gets a line for each failed scrape.
    #[arg(default = "")]
    pub scrape_failure_log_file: String,
    /// Ask for native histograms.
    pub scrape_native_histograms: bool,
    /// Keep classic histograms beside native ones.
    pub scrape_classic_histograms: bool,
    /// Turn classic histograms into native ones with custom buckets.
    pub convert_classic_histograms_to_nhcb: bool,
    /// Most buckets of a native histogram; 0 is no limit.
    #[arg(default = 0)]
    pub native_histogram_bucket_limit: u64,
    /// Smallest growth factor between buckets of a native histogram.
    #[arg(default = 0.0)]
    pub native_histogram_min_bucket_factor: f64,
    /// Old name of scrape_native_histograms.
    #[arg(deprecated = "scrape_native_histograms")]
    pub enable_protobuf_negotiation: bool,
    /// Add the labels `__type__` and `__unit__`.
    #[arg(stability = "experimental")]
    pub enable_type_and_unit_labels: bool,
    /// Pass metadata on with samples. It is passed on in any case: what is done with it is the
    /// receiver's setting.
    #[arg(stability = "experimental")]
    pub honor_metadata: bool,
    /// Write a zero where a counter says it started.
    #[arg(stability = "experimental")]
    pub start_timestamp_zero_ingestion: bool,
    /// How to connect and authenticate.
    #[arg(flatten)]
    pub client: blocks::HttpClientConfig,
    /// Share of targets among cluster members.
    #[arg(block)]
    pub clustering: Clustering,
    /// An extension of this program: how many series targets may make.
    #[arg(block)]
    pub series_budget: SeriesBudget,
}

/// Whether targets are shared out among the members of the cluster.
#[derive(Arguments, Clone, Debug, PartialEq)]
pub struct Clustering {
    /// Scrape only the targets that this member owns; a process without a cluster owns all.
    #[arg(required)]
    pub enabled: bool,
}

const ESCAPING: &str = "metric_name_escaping_scheme";

const DEFAULT_PROTOCOLS: [&str; 4] = [
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
];

impl ScrapeArguments {
    fn has_default_protocols(&self) -> bool {
        self.scrape_protocols == DEFAULT_PROTOCOLS
    }

    /// Whether native histograms are taken.
    pub fn scrapes_native(&self) -> bool {
        self.scrape_native_histograms || self.enable_protobuf_negotiation
    }

    /// The protocols to ask for: native histograms come by protobuf only, which goes first then.
    pub fn protocols(&self) -> impl Iterator<Item = &str> {
        let native = self.scrapes_native() && self.has_default_protocols();
        let first = native.then_some(settings::PROTOBUF);
        first
            .into_iter()
            .chain(self.scrape_protocols.iter().map(String::as_str))
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.scrape_interval.is_zero() {
            check.attribute("scrape_interval", "must be greater than 0s");
        }
        if self.scrape_timeout.is_zero() {
            check.attribute("scrape_timeout", "must be greater than 0s");
        } else if self.scrape_timeout > self.scrape_interval {
            check.attribute(
                "scrape_timeout",
                "must not be greater than \"scrape_interval\"",
            );
        }
        if settings::fallback(&self.scrape_fallback_protocol).is_none() {
            check.attribute(
                "scrape_fallback_protocol",
                "is not a protocol this program knows",
            );
        }
        let mut protocols = self.scrape_protocols.iter();
        if (1..)
            .zip(protocols.clone())
            .any(|(next, name)| self.scrape_protocols[next..].contains(name))
        {
            check.attribute("scrape_protocols", "names a protocol twice");
        }
        let proto = protocols.any(|name| name == settings::PROTOBUF);
        if self.scrape_native_histograms && !proto && !self.has_default_protocols() {
            let text = "needs PrometheusProto in scrape_protocols";
            check.attribute("scrape_native_histograms", text);
        }
        if self.enable_protobuf_negotiation && !self.has_default_protocols() {
            let text = "cannot be combined with scrape_protocols";
            check.attribute("enable_protobuf_negotiation", text);
        }
        let utf8 = self.metric_name_validation_scheme == "utf8";
        match self.metric_name_escaping_scheme.as_str() {
            "underscores" | "dots" | "values" | "" => {}
            "allow-utf-8" if utf8 => {}
            "allow-utf-8" => {
                let text = "allow-utf-8 needs metric_name_validation_scheme = \"utf8\"";
                check.attribute("metric_name_escaping_scheme", text);
            }
            _ => {
                let text = "must be one of underscores, dots, values, allow-utf-8";
                check.attribute("metric_name_escaping_scheme", text);
            }
        }
    }
}

impl DataComponent for Scrape {
    type Arguments = ScrapeArguments;
    const NAME: &'static str = "prometheus.scrape";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByKey;
    const METRICS: &'static [MetricDecl] = metrics::DECLARED;

    async fn build(arguments: Arc<ScrapeArguments>, cx: &Build) -> Result<Built, BuildError> {
        let pool = Pool::new(cx, &arguments)?;
        let (update, drain, inspect) = (pool.clone(), pool.clone(), pool.clone());
        Ok(Built::new()
            .run(run::run(pool))
            .update(move |arguments: Arc<ScrapeArguments>| update.update(&arguments))
            .drain(move |_: Leave| drain.clone().drain())
            .inspect(move || inspect::body(&inspect)))
    }

    /// Compat: the reference shows which escaping scheme it has chosen.
    fn shown(body: &Body, _: &Globals) -> Body {
        let mut shown = body.clone();
        if shown.attribute(ESCAPING).is_none() {
            let validation = shown.attribute("metric_name_validation_scheme");
            let utf8 = validation.is_some_and(|given| given.value == Value::string("utf8"));
            let value = Value::string(settings::default_escaping(utf8));
            shown.attributes.push(Attribute::new(ESCAPING, value));
        }
        shown
    }
}
