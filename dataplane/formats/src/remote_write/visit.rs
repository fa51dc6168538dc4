//! A request as a receiver sees it, whichever version of the message it is: walked once, not built.
//!
//! A sample costs its fields and nothing else; a series shows its labels as bytes, so that a
//! receiver which knows them (by their hash) decodes no label at all. Version 2 writes labels as
//! numbers of symbols; its walk shows them as the bytes that version 1 has, so that both find the
//! same series.

use std::borrow::Cow;

use batch::{Histogram, LabelsBuf, Metadata, MetricKind};

use crate::protobuf::{DecodeError, Fields};

/// What a request may hold. Bytes are bounded before (see `snappy::decompress`); these bound how
/// much memory a byte can turn into.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub series_max: usize,
    pub labels_per_series_max: usize,
    /// Samples, histograms, exemplars and metadata together.
    pub items_max: usize,
}

/// The labels of one series as they lie on the wire: equal bytes are equal labels.
#[derive(Clone, Copy)]
pub struct WireLabels<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) labels_max: usize,
    pub(super) problem: Option<&'static str>,
}

impl<'a> WireLabels<'a> {
    pub(crate) fn new(bytes: &'a [u8], labels_max: usize) -> WireLabels<'a> {
        WireLabels {
            bytes,
            labels_max,
            problem: None,
        }
    }

    /// What made it impossible to bring the labels into this form, if anything: then the bytes mean
    /// nothing. Only in version 2.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        self.problem
    }

    /// The label fields, one after the other.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// Replaces `labels`. Gives what makes them unfit to be a series, if anything.
    pub fn read(&self, labels: &mut LabelsBuf) -> Result<Option<&'static str>, DecodeError> {
        labels.clear();
        let (mut problem, mut count) = (self.problem, 0);
        let mut fields = Fields::new("series", self.bytes);
        while let Some((_, value)) = fields.next()? {
            if count == self.labels_max {
                return Err(DecodeError {
                    field: "series",
                    reason: "too many labels",
                });
            }
            count += 1;
            problem = problem.or(decode_label(value.bytes("label")?, labels)?);
        }
        if problem.is_none() && !labels.contains("__name__") {
            problem = Some("no metric name");
        }
        Ok(problem)
    }
}

/// Takes what a request holds, in its order.
pub trait Visit {
    /// A series begins; what follows belongs to it until the next one begins.
    fn series(&mut self, labels: WireLabels<'_>) -> Result<(), DecodeError>;
    fn sample(&mut self, timestamp_ms: i64, value: f64);
    fn histogram(&mut self, timestamp_ms: i64, histogram: Histogram);
    fn exemplar(&mut self, timestamp_ms: i64, value: f64, labels: LabelsBuf);
    /// Version 1: what a metric's name means.
    fn metadata(&mut self, metadata: Metadata);
    /// Version 2: what the series that has begun means, after its items.
    fn series_metadata(&mut self, metadata: SeriesMetadata<'_>);
    /// Version 2: an exemplar whose labels cannot be read, and why.
    fn unreadable_exemplar(&mut self, problem: &'static str);
}

/// What one series means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesMetadata<'a> {
    pub kind: MetricKind,
    pub help: Cow<'a, str>,
    pub unit: Cow<'a, str>,
}

/// Adds one label; gives what is wrong with it as part of a label set.
pub(super) fn decode_label(
    bytes: &[u8],
    labels: &mut LabelsBuf,
) -> Result<Option<&'static str>, DecodeError> {
    let (mut name, mut text): (&[u8], &[u8]) = (b"", b"");
    let mut fields = Fields::new("label", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => name = value.bytes("label name")?,
            2 => text = value.bytes("label value")?,
            _ => {}
        }
    }
    if name.is_empty() {
        return Ok(Some("empty label name"));
    }
    let (Ok(name), Ok(text)) = (std::str::from_utf8(name), std::str::from_utf8(text)) else {
        return Ok(Some("label is not UTF-8"));
    };
    Ok((!labels.insert(name, text)).then_some("label name is given twice"))
}

pub(super) fn decode_sample(bytes: &[u8]) -> Result<(i64, f64), DecodeError> {
    let (mut timestamp_ms, mut number) = (0, 0.0);
    let mut fields = Fields::new("sample", bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => number = value.double("sample value")?,
            2 => timestamp_ms = value.varint("sample timestamp")?.cast_signed(),
            _ => {}
        }
    }
    Ok((timestamp_ms, number))
}

pub(super) fn kind(number: u64) -> MetricKind {
    match number {
        1 => MetricKind::Counter,
        2 => MetricKind::Gauge,
        3 => MetricKind::Histogram,
        4 => MetricKind::GaugeHistogram,
        5 => MetricKind::Summary,
        6 => MetricKind::Info,
        7 => MetricKind::StateSet,
        _ => MetricKind::Unknown,
    }
}
