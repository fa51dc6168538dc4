//! prometheus.WriteRequest to series, for receivers.

use batch::{Histogram, LabelsBuf, Metadata, MetricKind};

use super::histogram;
use crate::protobuf::{DecodeError, Fields};

/// What a request may hold. Bytes are bounded before (see `snappy::decompress`); these bound how much
/// memory a byte can turn into.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub series_max: usize,
    pub labels_per_series_max: usize,
    /// Samples, histograms, exemplars and metadata together.
    pub items_max: usize,
}

/// A decoded request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteRequest {
    pub series: Vec<TimeSeries>,
    pub metadata: Vec<Metadata>,
}

/// One series of a decoded request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TimeSeries {
    pub labels: LabelsBuf,
    /// What makes the labels unfit to be a series, if anything: receivers skip it and count.
    pub invalid: Option<&'static str>,
    /// Timestamp in ms and value.
    pub samples: Vec<(i64, f64)>,
    /// Timestamp in ms and histogram.
    pub histograms: Vec<(i64, Histogram)>,
    /// Timestamp in ms, value and labels.
    pub exemplars: Vec<(i64, f64, LabelsBuf)>,
}

/// Decodes a request whose snappy layer is already off. Fields that are not known are skipped.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<WriteRequest, DecodeError> {
    let mut request = WriteRequest::default();
    let mut decoder = Decoder { limits, items: 0 };
    let mut fields = Fields::new("write request", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 if request.series.len() == limits.series_max => {
                return Err(DecodeError {
                    field: "write request",
                    reason: "too many series",
                });
            }
            1 => request.series.push(decoder.series(value.bytes("series")?)?),
            3 => request
                .metadata
                .push(decoder.metadata(value.bytes("metadata")?)?),
            _ => {}
        }
    }
    Ok(request)
}

struct Decoder<'a> {
    limits: &'a Limits,
    items: usize,
}

impl Decoder<'_> {
    fn series(&mut self, bytes: &[u8]) -> Result<TimeSeries, DecodeError> {
        let mut series = TimeSeries::default();
        let mut labels = 0;
        let mut fields = Fields::new("series", bytes);
        while let Some((number, value)) = fields.next()? {
            if (2..=4).contains(&number) {
                self.count("series")?;
            }
            match number {
                1 if labels == self.limits.labels_per_series_max => {
                    return Err(DecodeError {
                        field: "series",
                        reason: "too many labels",
                    });
                }
                1 => {
                    labels += 1;
                    let problem = decode_label(value.bytes("label")?, &mut series.labels)?;
                    series.invalid = series.invalid.or(problem);
                }
                2 => series.samples.push(decode_sample(value.bytes("sample")?)?),
                3 => series
                    .exemplars
                    .push(self.exemplar(value.bytes("exemplar")?)?),
                4 => series
                    .histograms
                    .push(histogram::decode(value.bytes("histogram")?)?),
                _ => {}
            }
        }
        if series.invalid.is_none() && !series.labels.contains("__name__") {
            series.invalid = Some("no metric name");
        }
        Ok(series)
    }

    fn exemplar(&mut self, bytes: &[u8]) -> Result<(i64, f64, LabelsBuf), DecodeError> {
        let (mut timestamp_ms, mut number, mut labels) = (0, 0.0, LabelsBuf::new());
        let mut count = 0;
        let mut fields = Fields::new("exemplar", bytes);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 if count == self.limits.labels_per_series_max => {
                    return Err(DecodeError {
                        field: "exemplar",
                        reason: "too many labels",
                    });
                }
                1 => {
                    count += 1;
                    decode_label(value.bytes("exemplar label")?, &mut labels)?;
                }
                2 => number = value.double("exemplar value")?,
                3 => timestamp_ms = value.varint("exemplar timestamp")? as i64,
                _ => {}
            }
        }
        Ok((timestamp_ms, number, labels))
    }

    fn metadata(&mut self, bytes: &[u8]) -> Result<Metadata, DecodeError> {
        self.count("metadata")?;
        let mut metadata = Metadata {
            name: String::new(),
            kind: MetricKind::Unknown,
            help: String::new(),
            unit: String::new(),
        };
        let mut fields = Fields::new("metadata", bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => metadata.kind = kind(value.varint("metadata type")?),
                2 => metadata.name = value.text("metadata name")?,
                4 => metadata.help = value.text("metadata help")?,
                5 => metadata.unit = value.text("metadata unit")?,
                _ => {}
            }
        }
        Ok(metadata)
    }

    fn count(&mut self, field: &'static str) -> Result<(), DecodeError> {
        if self.items == self.limits.items_max {
            return Err(DecodeError {
                field,
                reason: "too many samples",
            });
        }
        self.items += 1;
        Ok(())
    }
}

/// Adds one label; gives what is wrong with it as part of a label set.
fn decode_label(bytes: &[u8], labels: &mut LabelsBuf) -> Result<Option<&'static str>, DecodeError> {
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

fn decode_sample(bytes: &[u8]) -> Result<(i64, f64), DecodeError> {
    let (mut timestamp_ms, mut number) = (0, 0.0);
    let mut fields = Fields::new("sample", bytes);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => number = value.double("sample value")?,
            2 => timestamp_ms = value.varint("sample timestamp")? as i64,
            _ => {}
        }
    }
    Ok((timestamp_ms, number))
}

fn kind(number: u64) -> MetricKind {
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
