//! Metrics as they move between components: samples of interned series.

use std::rc::Rc;
use std::time::Duration;

use crate::{LabelsBuf, SeriesId};

/// The NaN that Prometheus writes where a series ends. Only its bits identify it.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The value of a staleness marker.
pub const STALE_NAN: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether a value is a staleness marker, told by its bits: an ordinary NaN is a measurement.
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// One measurement of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub series: SeriesId,
    pub timestamp_ms: i64,
    pub value: f64,
}

/// A trace link of one measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    pub series: SeriesId,
    pub labels: LabelsBuf,
    pub timestamp_ms: i64,
    pub value: f64,
}

/// What a metric's name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    pub name: String,
    pub kind: MetricKind,
    pub help: String,
    pub unit: String,
}

/// The kinds of OpenMetrics, of which the Prometheus text format knows a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricKind {
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl MetricKind {
    /// The word that stands behind `# TYPE name` in OpenMetrics and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MetricKind::Unknown => "unknown",
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
            MetricKind::GaugeHistogram => "gaugehistogram",
            MetricKind::Summary => "summary",
            MetricKind::Info => "info",
            MetricKind::StateSet => "stateset",
        }
    }
}

/// A native histogram of one series at one time. Shared, for a batch may go to several components.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSample {
    pub series: SeriesId,
    pub timestamp_ms: i64,
    pub histogram: Rc<Histogram>,
}

/// A native histogram, with the fields of Prometheus' message of that name.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    pub schema: i32,
    pub sum: f64,
    pub zero_threshold: f64,
    pub reset_hint: ResetHint,
    pub positive_spans: Vec<Span>,
    pub negative_spans: Vec<Span>,
    pub counts: Counts,
    /// Upper bounds of the buckets when the schema is -53 (custom buckets).
    pub custom_values: Vec<f64>,
}

/// The numbers of a native histogram: integers are deltas between neighbouring buckets, floats are
/// absolute.
#[derive(Debug, Clone, PartialEq)]
pub enum Counts {
    Integer {
        count: u64,
        zero_count: u64,
        positive_deltas: Vec<i64>,
        negative_deltas: Vec<i64>,
    },
    Float {
        count: f64,
        zero_count: f64,
        positive_counts: Vec<f64>,
        negative_counts: Vec<f64>,
    },
}

/// A run of neighbouring buckets, and how many empty ones lie before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub offset: i32,
    pub length: u32,
}

/// What is known about a counter reset between a histogram and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHint {
    #[default]
    Unknown,
    Yes,
    No,
    Gauge,
}

/// One batch of metrics.
///
/// Invariant: whoever made the batch keeps its series retained until `consume` has returned, so
/// that a consumer can read labels without taking references.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricsBatch {
    pub samples: Vec<Sample>,
    pub exemplars: Vec<Exemplar>,
    pub histograms: Vec<HistogramSample>,
    pub metadata: Vec<Metadata>,
    /// Whether the metadata is to go along with each series, where a protocol can do that.
    pub describes_series: bool,
    /// How long the answer may take at leisure, so that more batches share a sync: nobody outside
    /// waits for a scrape's. Zero while a sender waits.
    pub patience: Duration,
}

impl MetricsBatch {
    /// What the conservation ledger counts: samples and histograms.
    #[must_use]
    pub fn items(&self) -> usize {
        self.samples.len() + self.histograms.len()
    }

    /// Whether there is nothing to deliver at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items() == 0 && self.exemplars.is_empty() && self.metadata.is_empty()
    }

    /// Empties the batch and keeps its allocations.
    pub fn clear(&mut self) {
        self.samples.clear();
        self.exemplars.clear();
        self.histograms.clear();
        self.metadata.clear();
        self.describes_series = false;
        self.patience = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_marker_is_told_from_other_nans_by_its_bits() {
        assert!(STALE_NAN.is_nan());
        assert!(is_stale(STALE_NAN));
        assert!(!is_stale(f64::NAN));
        assert!(!is_stale(0.0));
    }

    #[test]
    fn metadata_alone_makes_a_batch_worth_delivering() {
        let mut batch = MetricsBatch::default();
        assert!(batch.is_empty());
        batch.metadata.push(Metadata {
            name: "up".to_owned(),
            kind: MetricKind::Gauge,
            help: String::new(),
            unit: String::new(),
        });
        assert!(!batch.is_empty());
        assert_eq!(batch.items(), 0);
        batch.clear();
        assert!(batch.is_empty());
    }
}
