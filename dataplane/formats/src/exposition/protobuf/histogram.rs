//! Histograms: classic buckets and the native form, which stand side by side in one message.

use batch::{Counts, Histogram, MetricKind, ResetHint};
use stdx::varint;

use super::exemplar::Exemplar;
use super::timestamp;
use crate::protobuf::{DecodeError, Fields, Value};
use crate::remote_write::decode_span;

const HISTOGRAM: &str = "histogram";
const BUCKET: &str = "bucket";

/// A histogram, in its classic and its native form.
#[derive(Debug, Clone, Copy)]
pub struct HistogramData<'a> {
    pub count: f64,
    pub sum: f64,
    /// Whether there is a native form.
    pub is_native: bool,
    pub start_ms: Option<i64>,
    kind: MetricKind,
    bytes: &'a [u8],
}

/// One bucket of the classic form; the count is of this and all before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket<'a> {
    pub bound: f64,
    pub count: f64,
    pub exemplar: Option<Exemplar<'a>>,
}

impl<'a> HistogramData<'a> {
    pub(super) fn read(
        kind: MetricKind,
        bytes: &'a [u8],
    ) -> Result<HistogramData<'a>, DecodeError> {
        let (mut count, mut count_float) = (0, 0.0);
        let mut read = HistogramData {
            count: 0.0,
            sum: 0.0,
            is_native: false,
            start_ms: None,
            kind,
            bytes,
        };
        let mut fields = Fields::new(HISTOGRAM, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => count = value.varint(HISTOGRAM)?,
                2 => read.sum = value.double(HISTOGRAM)?,
                4 => count_float = value.double(HISTOGRAM)?,
                // Spans may be empty: they say that there is a native form without observations.
                9 | 12 => read.is_native = true,
                6 => read.is_native |= value.double(HISTOGRAM)? > 0.0,
                7 => read.is_native |= value.varint(HISTOGRAM)? > 0,
                15 => read.start_ms = Some(timestamp(value)?),
                _ => {}
            }
        }
        read.count = either(count_float, count);
        Ok(read)
    }

    /// Appends the classic buckets.
    pub fn buckets(&self, out: &mut Vec<Bucket<'a>>) -> Result<(), DecodeError> {
        let mut fields = Fields::new(HISTOGRAM, self.bytes);
        while let Some((number, value)) = fields.next()? {
            if number != 3 {
                continue;
            }
            let (mut count, mut count_float) = (0, 0.0);
            let (mut bound, mut exemplar) = (0.0, None);
            let mut fields = Fields::new(BUCKET, value.bytes(HISTOGRAM)?);
            while let Some((number, value)) = fields.next()? {
                match number {
                    1 => count = value.varint(BUCKET)?,
                    2 => bound = value.double(BUCKET)?,
                    3 => exemplar = Some(Exemplar::read(value.bytes(HISTOGRAM)?)?),
                    4 => count_float = value.double(BUCKET)?,
                    _ => {}
                }
            }
            let count = either(count_float, count);
            out.push(Bucket {
                bound,
                count,
                exemplar,
            });
        }
        Ok(())
    }

    /// Appends the exemplars of the native form.
    pub fn exemplars(&self, out: &mut Vec<Exemplar<'a>>) -> Result<(), DecodeError> {
        let mut fields = Fields::new(HISTOGRAM, self.bytes);
        while let Some((number, value)) = fields.next()? {
            if number == 16 {
                out.push(Exemplar::read(value.bytes(HISTOGRAM)?)?);
            }
        }
        Ok(())
    }

    /// The native form.
    pub fn native(&self) -> Result<Histogram, DecodeError> {
        let mut read = Native::default();
        let mut fields = Fields::new(HISTOGRAM, self.bytes);
        while let Some((number, value)) = fields.next()? {
            read.field(number, value)?;
        }
        Ok(read.finish(self.sum, self.kind))
    }
}

/// Fields of the native form as they come: which of the two kinds it is shows at the end.
struct Native {
    count: u64,
    zero_count: u64,
    count_float: f64,
    zero_count_float: f64,
    positive_deltas: Vec<i64>,
    negative_deltas: Vec<i64>,
    positive_counts: Vec<f64>,
    negative_counts: Vec<f64>,
    histogram: Histogram,
}

impl Default for Native {
    fn default() -> Native {
        let counts = Counts::Float {
            count: 0.0,
            zero_count: 0.0,
            positive_counts: Vec::new(),
            negative_counts: Vec::new(),
        };
        Native {
            count: 0,
            zero_count: 0,
            count_float: 0.0,
            zero_count_float: 0.0,
            positive_deltas: Vec::new(),
            negative_deltas: Vec::new(),
            positive_counts: Vec::new(),
            negative_counts: Vec::new(),
            histogram: Histogram {
                schema: 0,
                sum: 0.0,
                zero_threshold: 0.0,
                reset_hint: ResetHint::Unknown,
                positive_spans: Vec::new(),
                negative_spans: Vec::new(),
                counts,
                custom_values: Vec::new(),
            },
        }
    }
}

impl Native {
    fn field(&mut self, number: u64, value: Value<'_>) -> Result<(), DecodeError> {
        let histogram = &mut self.histogram;
        match number {
            1 => self.count = value.varint(HISTOGRAM)?,
            4 => self.count_float = value.double(HISTOGRAM)?,
            5 => histogram.schema = varint::unzigzag(value.varint(HISTOGRAM)?) as i32,
            6 => histogram.zero_threshold = value.double(HISTOGRAM)?,
            7 => self.zero_count = value.varint(HISTOGRAM)?,
            8 => self.zero_count_float = value.double(HISTOGRAM)?,
            9 => histogram
                .negative_spans
                .push(decode_span(value.bytes(HISTOGRAM)?)?),
            10 => value.zigzags(HISTOGRAM, &mut self.negative_deltas)?,
            11 => value.doubles(HISTOGRAM, &mut self.negative_counts)?,
            12 => histogram
                .positive_spans
                .push(decode_span(value.bytes(HISTOGRAM)?)?),
            13 => value.zigzags(HISTOGRAM, &mut self.positive_deltas)?,
            14 => value.doubles(HISTOGRAM, &mut self.positive_counts)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(self, sum: f64, kind: MetricKind) -> Histogram {
        let mut histogram = self.histogram;
        histogram.sum = sum;
        if kind == MetricKind::GaugeHistogram {
            histogram.reset_hint = ResetHint::Gauge;
        }
        histogram.counts = if self.count_float > 0.0 || self.zero_count_float > 0.0 {
            Counts::Float {
                count: self.count_float,
                zero_count: self.zero_count_float,
                positive_counts: self.positive_counts,
                negative_counts: self.negative_counts,
            }
        } else {
            Counts::Integer {
                count: self.count,
                zero_count: self.zero_count,
                positive_deltas: self.positive_deltas,
                negative_deltas: self.negative_deltas,
            }
        };
        histogram
    }
}

/// Counts come as integers or as floats; the format has a field for each.
fn either(float: f64, integer: u64) -> f64 {
    if float == 0.0 { integer as f64 } else { float }
}
