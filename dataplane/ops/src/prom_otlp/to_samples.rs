//! A tree of metrics as samples: labels of the resource, attributes, names; histograms and
//! summaries as their series.

use std::fmt::Write as _;

use batch::otlp::{
    Attributes, Exemplar, ExponentialPoint, HistogramPoint, Lazy, Metric, MetricData, NumberPoint,
    Resource, Scope, SummaryPoint, Tree,
};
use batch::{Histogram, LabelsBuf, MetricKind, STALE_NAN};

use super::{LE, QUANTILE, layout, metric_name};
use crate::log_lines::{as_text, label_name};
use crate::points::{CUMULATIVE, NO_VALUE, double};

/// What samples are made with.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub target_info: bool,
    pub scope_info: bool,
    pub suffixes: bool,
    pub resource_labels: bool,
    pub identifying_attributes: bool,
    pub custom_buckets: bool,
    pub metadata: bool,
}

/// Times of a value.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    pub time_ms: i64,
    /// When counting began; 0 if that is unknown or means nothing.
    pub start_ms: i64,
}

/// Takes what comes out, in its order.
pub trait Take {
    fn sample(&mut self, labels: &LabelsBuf, taken: Taken, value: f64);
    fn histogram(&mut self, labels: &LabelsBuf, taken: Taken, histogram: Histogram);
    /// Of the series of the last sample or histogram.
    fn exemplar(&mut self, labels: LabelsBuf, time_ms: i64, value: f64);
    fn metadata(&mut self, name: &str, kind: MetricKind, metric: Option<&Metric<'_>>);
    /// So many points cannot be told.
    fn drop(&mut self, reason: &'static str, points: u64);
}

/// Makes samples, with buffers that are used again.
pub struct ToSamples {
    options: Options,
    job: String,
    instance: String,
    /// Labels of all series of a resource.
    shared: LabelsBuf,
    labels: LabelsBuf,
    name: String,
}

const SCOPE_NAME: &str = "otel_scope_name";
const SCOPE_VERSION: &str = "otel_scope_version";

impl ToSamples {
    #[must_use]
    pub fn new(options: Options) -> ToSamples {
        ToSamples {
            options,
            job: String::new(),
            instance: String::new(),
            shared: LabelsBuf::new(),
            labels: LabelsBuf::new(),
            name: String::new(),
        }
    }

    /// Takes a tree apart. `now_ms` is the time of what tells of the resources themselves.
    pub fn convert<'a>(&mut self, tree: &Tree<'a, Metric<'a>>, now_ms: i64, out: &mut impl Take) {
        let now = Taken {
            time_ms: now_ms,
            start_ms: 0,
        };
        for group in &tree.resources {
            let resource = group.resource.get();
            self.resource(resource, now, out);
            for scope in &group.scopes {
                if self.options.scope_info {
                    self.scope_info(scope.scope.get(), now, out);
                }
                for metric in &scope.items {
                    self.metric(metric.get(), resource, out);
                }
            }
        }
    }

    /// Compat: `include_scope_labels` is taken and does nothing, as in Alloy, which never hands it
    /// on; see the case `exporter_prometheus`.
    fn resource(&mut self, resource: &Resource<'_>, now: Taken, out: &mut impl Take) {
        let attributes = &resource.attributes;
        let text = |key| attributes.get(key).map(as_text);
        self.job.clear();
        if let Some(name) = text("service.name") {
            if let Some(namespace) = text("service.namespace") {
                self.job.push_str(&namespace);
                self.job.push('/');
            }
            self.job.push_str(&name);
        }
        self.instance.clear();
        self.instance
            .push_str(&text("service.instance.id").unwrap_or_default());
        self.shared.clear();
        self.shared.set("job", &self.job);
        self.shared.set("instance", &self.instance);
        if !self.options.target_info {
            return;
        }
        self.labels.copy_from(&self.shared);
        self.labels.set("__name__", "target_info");
        for attribute in attributes {
            let key = attribute.key.to_str();
            let told = matches!(
                &*key,
                "service.name" | "service.namespace" | "service.instance.id"
            );
            if !told || self.options.identifying_attributes {
                self.labels
                    .set(&label_name(&key), &as_text(&attribute.value));
            }
        }
        out.sample(&self.labels, now, 1.0);
        if self.options.metadata {
            out.metadata("target_info", MetricKind::Gauge, None);
        }
    }

    fn scope_info(&mut self, scope: &Scope<'_>, now: Taken, out: &mut impl Take) {
        self.labels.copy_from(&self.shared);
        self.labels.set("__name__", "otel_scope_info");
        self.labels.set(SCOPE_NAME, &scope.name.to_str());
        self.labels.set(SCOPE_VERSION, &scope.version.to_str());
        put_attributes(&mut self.labels, &scope.attributes);
        out.sample(&self.labels, now, 1.0);
        if self.options.metadata {
            out.metadata("otel_scope_info", MetricKind::Gauge, None);
        }
    }

    fn metric(&mut self, metric: &Metric<'_>, resource: &Resource<'_>, out: &mut impl Take) {
        let temporality = match &metric.data {
            MetricData::Sum(it) => it.temporality,
            MetricData::Histogram(it) => it.temporality,
            MetricData::ExponentialHistogram(it) => it.temporality,
            MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => CUMULATIVE,
        };
        if temporality != CUMULATIVE {
            out.drop("not_cumulative", metric.data.points() as u64);
            return;
        }
        self.name = metric_name(metric, self.options.suffixes);
        let kind = match &metric.data {
            MetricData::Empty => return,
            MetricData::Gauge(it) => {
                self.numbers(&it.points, resource, false, out);
                MetricKind::Gauge
            }
            MetricData::Sum(it) => {
                self.numbers(&it.points, resource, it.is_monotonic, out);
                match it.is_monotonic {
                    true => MetricKind::Counter,
                    false => MetricKind::Gauge,
                }
            }
            MetricData::Histogram(it) => {
                for point in &it.points {
                    self.histogram(point.get(), resource, out);
                }
                MetricKind::Histogram
            }
            MetricData::ExponentialHistogram(it) => {
                for point in &it.points {
                    self.exponential(point.get(), resource, out);
                }
                MetricKind::Histogram
            }
            MetricData::Summary(it) => {
                for point in &it.points {
                    self.summary(point.get(), resource, out);
                }
                MetricKind::Summary
            }
        };
        if self.options.metadata {
            out.metadata(&self.name, kind, Some(metric));
        }
    }

    /// Begins the labels of a series of the metric.
    fn series(
        &mut self,
        suffix: &str,
        extra: Option<(&str, &str)>,
        attributes: &Attributes<'_>,
        resource: &Resource<'_>,
    ) {
        self.labels.copy_from(&self.shared);
        let end = self.name.len();
        self.name.push_str(suffix);
        self.labels.set("__name__", &self.name);
        self.name.truncate(end);
        if let Some((name, value)) = extra {
            self.labels.set(name, value);
        }
        put_attributes(&mut self.labels, attributes);
        if self.options.resource_labels {
            put_attributes(&mut self.labels, &resource.attributes);
        }
    }

    fn numbers<'a>(
        &mut self,
        points: &[Lazy<'a, NumberPoint<'a>>],
        resource: &Resource<'_>,
        counts: bool,
        out: &mut impl Take,
    ) {
        for point in points {
            let point = point.get();
            self.series("", None, &point.attributes, resource);
            let taken = Taken {
                time_ms: millis(point.time_unix_nano),
                start_ms: if counts {
                    millis(point.start_unix_nano)
                } else {
                    0
                },
            };
            out.sample(&self.labels, taken, told(point.flags, double(point.value)));
            for exemplar in point.exemplars.iter().filter(|_| counts) {
                put_exemplar(exemplar.get(), out);
            }
        }
    }

    fn histogram(
        &mut self,
        point: &HistogramPoint<'_>,
        resource: &Resource<'_>,
        out: &mut impl Take,
    ) {
        let taken = Taken {
            time_ms: millis(point.time_unix_nano),
            start_ms: millis(point.start_unix_nano),
        };
        let attributes = &point.attributes;
        if self.options.custom_buckets {
            let Some(histogram) = layout::custom(point) else {
                return out.drop("invalid_buckets", 1);
            };
            self.series("", None, attributes, resource);
            out.histogram(&self.labels, taken, histogram);
            for exemplar in &point.exemplars {
                put_exemplar(exemplar.get(), out);
            }
            return;
        }
        if let Some(sum) = point.sum {
            self.series("_sum", None, attributes, resource);
            out.sample(&self.labels, taken, told(point.flags, sum));
        }
        let count = told(point.flags, point.count as f64);
        self.series("_count", None, attributes, resource);
        out.sample(&self.labels, taken, count);
        let mut exemplars: Vec<_> = point.exemplars.iter().map(Lazy::get).collect();
        exemplars.sort_by(|left, right| double(left.value.0).total_cmp(&double(right.value.0)));
        let mut exemplars = exemplars.into_iter().peekable();
        let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(point.explicit_bounds.len());
        let pairs = point.explicit_bounds.iter().zip(&point.bucket_counts);
        buckets.extend(pairs.map(|(bound, count)| (*bound, *count)));
        buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
        let (mut total, mut bound_text) = (0u64, String::new());
        for (bound, count) in buckets {
            total = total.saturating_add(count);
            put_number(bound, &mut bound_text);
            self.series("_bucket", Some((LE, &bound_text)), attributes, resource);
            out.sample(&self.labels, taken, told(point.flags, total as f64));
            while let Some(exemplar) = exemplars.next_if(|it| double(it.value.0) < bound) {
                put_exemplar(exemplar, out);
            }
        }
        self.series("_bucket", Some((LE, "+Inf")), attributes, resource);
        out.sample(&self.labels, taken, count);
        for exemplar in exemplars {
            put_exemplar(exemplar, out);
        }
    }

    fn exponential(
        &mut self,
        point: &ExponentialPoint<'_>,
        resource: &Resource<'_>,
        out: &mut impl Take,
    ) {
        let Some(histogram) = layout::native(point) else {
            return out.drop("invalid_scale", 1);
        };
        self.series("", None, &point.attributes, resource);
        let taken = Taken {
            time_ms: millis(point.time_unix_nano),
            start_ms: millis(point.start_unix_nano),
        };
        out.histogram(&self.labels, taken, histogram);
        for exemplar in &point.exemplars {
            put_exemplar(exemplar.get(), out);
        }
    }

    fn summary(&mut self, point: &SummaryPoint<'_>, resource: &Resource<'_>, out: &mut impl Take) {
        let taken = Taken {
            time_ms: millis(point.time_unix_nano),
            start_ms: millis(point.start_unix_nano),
        };
        let attributes = &point.attributes;
        self.series("_sum", None, attributes, resource);
        out.sample(&self.labels, taken, told(point.flags, point.sum));
        self.series("_count", None, attributes, resource);
        out.sample(&self.labels, taken, told(point.flags, point.count as f64));
        let mut quantile_text = String::new();
        for quantile in &point.quantiles {
            put_number(quantile.quantile, &mut quantile_text);
            self.series("", Some((QUANTILE, &quantile_text)), attributes, resource);
            let taken = Taken {
                start_ms: 0,
                ..taken
            };
            out.sample(&self.labels, taken, told(point.flags, quantile.value));
        }
    }
}

fn millis(nanos: u64) -> i64 {
    (nanos / 1_000_000) as i64
}

/// A value, or the marker of a series that has ended.
fn told(flags: u32, value: f64) -> f64 {
    if flags & NO_VALUE != 0 {
        STALE_NAN
    } else {
        value
    }
}

fn put_attributes(labels: &mut LabelsBuf, attributes: &Attributes<'_>) {
    for attribute in attributes {
        let name = attribute.key.to_str();
        labels.set(&label_name(&name), &as_text(&attribute.value));
    }
}

/// A number as Go's `FormatFloat(value, 'f', -1, 64)` writes it.
fn put_number(value: f64, text: &mut String) {
    text.clear();
    match value {
        f64::INFINITY => text.push_str("+Inf"),
        f64::NEG_INFINITY => text.push_str("-Inf"),
        value => write!(text, "{value}").expect("a string takes any text"),
    }
}

fn put_exemplar(exemplar: &Exemplar<'_>, out: &mut impl Take) {
    let mut labels = LabelsBuf::new();
    for (name, id) in [
        ("trace_id", &exemplar.trace_id),
        ("span_id", &exemplar.span_id),
    ] {
        if id.iter().any(|byte| *byte != 0) {
            let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            labels.set(name, &hex);
        }
    }
    let value = double(exemplar.value.0);
    out.exemplar(labels, millis(exemplar.time_unix_nano), value);
}
