//! The protobuf exposition: messages io.prometheus.client.MetricFamily, each with its length in
//! front.
//!
//! A family, a metric, its histogram are views of the body; what a metric means is decoded when it
//! is asked for. Nothing here recurses: messages are as deep as the calls that read them.
//!
//! A series is identified by bytes here too: the label fields that remote write has, which are the
//! fields of this format. They are copied, not decoded; `read_series` decodes them once per series.

mod exemplar;
mod histogram;
mod summary;
#[cfg(test)]
mod tests;

use batch::{LabelsBuf, MetricKind};
use stdx::varint;

use super::number::open_metrics_float;
use crate::protobuf::{Fields, Value};
use crate::remote_write::WireLabels;

pub use crate::protobuf::DecodeError;
pub use exemplar::Exemplar;
pub use histogram::{Bucket, HistogramData};
pub use summary::Summary;

/// A cursor over a body.
pub struct Families<'a> {
    rest: &'a [u8],
}

const STREAM: &str = "metric families";
const FAMILY: &str = "metric family";
const METRIC: &str = "metric";

impl<'a> Families<'a> {
    #[must_use]
    pub fn new(body: &'a [u8]) -> Families<'a> {
        Families { rest: body }
    }

    /// The next family; none at the end. After an error there is nothing more to ask.
    #[allow(
        clippy::should_implement_trait,
        reason = "gives a result of an option, unlike an iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Family<'a>>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let cut = DecodeError {
            field: STREAM,
            reason: "cut off",
        };
        let (len, prefix) = varint::get(self.rest).ok_or(cut.clone())?;
        let len = usize::try_from(len).ok();
        let bytes = len.and_then(|len| self.rest[prefix..].split_at_checked(len));
        let (family, rest) = bytes.ok_or(cut)?;
        self.rest = rest;
        Family::read(family).map(Some)
    }
}

/// Metrics of one name.
#[derive(Debug, Clone, Copy)]
pub struct Family<'a> {
    pub name: &'a str,
    pub help: &'a str,
    pub unit: &'a str,
    pub kind: MetricKind,
    bytes: &'a [u8],
}

impl<'a> Family<'a> {
    fn read(bytes: &'a [u8]) -> Result<Family<'a>, DecodeError> {
        let mut family = Family {
            name: "",
            help: "",
            unit: "",
            kind: MetricKind::Counter,
            bytes,
        };
        let mut fields = Fields::new(FAMILY, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => family.name = utf8(value.bytes(FAMILY)?, "name is not UTF-8")?,
                2 => family.help = utf8(value.bytes(FAMILY)?, "help is not UTF-8")?,
                3 => family.kind = kind(value.varint(FAMILY)?)?,
                5 => family.unit = utf8(value.bytes(FAMILY)?, "unit is not UTF-8")?,
                _ => {}
            }
        }
        Ok(family)
    }

    /// The family's metrics, in their order.
    #[must_use]
    pub fn metrics(&self) -> Metrics<'a> {
        Metrics {
            kind: self.kind,
            fields: Fields::new(FAMILY, self.bytes),
        }
    }
}

/// A cursor over the metrics of a family.
pub struct Metrics<'a> {
    kind: MetricKind,
    fields: Fields<'a>,
}

impl<'a> Metrics<'a> {
    /// The next metric; none at the end.
    #[allow(
        clippy::should_implement_trait,
        reason = "gives a result of an option, unlike an iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Metric<'a>>, DecodeError> {
        while let Some((number, value)) = self.fields.next()? {
            if number == 4 {
                return Metric::read(self.kind, value.bytes(METRIC)?).map(Some);
            }
        }
        Ok(None)
    }
}

/// One metric: its labels and what was measured.
#[derive(Debug, Clone, Copy)]
pub struct Metric<'a> {
    pub timestamp_ms: Option<i64>,
    pub data: Data<'a>,
    bytes: &'a [u8],
}

/// What a metric measures, by the kind of its family.
#[derive(Debug, Clone, Copy)]
pub enum Data<'a> {
    Number(Number<'a>),
    Summary(Summary<'a>),
    Histogram(HistogramData<'a>),
}

/// A counter, gauge or untyped value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Number<'a> {
    pub value: f64,
    pub exemplar: Option<Exemplar<'a>>,
    /// When the counter began.
    pub start_ms: Option<i64>,
}

impl<'a> Metric<'a> {
    fn read(kind: MetricKind, bytes: &'a [u8]) -> Result<Metric<'a>, DecodeError> {
        let wanted = match kind {
            MetricKind::Gauge => 2,
            MetricKind::Counter => 3,
            MetricKind::Summary => 4,
            MetricKind::Histogram | MetricKind::GaugeHistogram => 7,
            _ => 5,
        };
        let (mut timestamp_ms, mut data) = (0, &[][..]);
        let mut fields = Fields::new(METRIC, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                6 => timestamp_ms = value.varint(METRIC)?.cast_signed(),
                number if number == wanted => data = value.bytes(METRIC)?,
                _ => {}
            }
        }
        Ok(Metric {
            // Compat: a timestamp of zero is none, since the format does not tell them apart.
            timestamp_ms: (timestamp_ms != 0).then_some(timestamp_ms),
            data: match kind {
                MetricKind::Summary => Data::Summary(Summary::read(data)?),
                MetricKind::Histogram | MetricKind::GaugeHistogram => {
                    Data::Histogram(HistogramData::read(kind, data)?)
                }
                _ => Data::Number(Number::read(data)?),
            },
            bytes,
        })
    }

    /// Replaces `key` by what identifies a series of this metric: its name, its labels and, if
    /// given, one more (`le`, `quantile`).
    pub fn write_key(&self, name: &[&str], extra: Option<(&str, f64)>, key: &mut SeriesKey) {
        let SeriesKey { bytes, number } = key;
        bytes.clear();
        put_label(bytes, "__name__", name);
        let mut fields = Fields::new(METRIC, self.bytes);
        let mut start = 0;
        while let Ok(Some((number, _))) = fields.next() {
            let end = self.bytes.len() - fields.rest().len();
            if number == 1 {
                bytes.extend_from_slice(&self.bytes[start..end]);
            }
            start = end;
        }
        if let Some((name, value)) = extra {
            open_metrics_float(value, number);
            put_label(bytes, name, &[number.as_str()]);
        }
    }
}

/// What identifies a series in this format; reused from series to series.
#[derive(Default)]
pub struct SeriesKey {
    bytes: Vec<u8>,
    number: String,
}

impl SeriesKey {
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Limit: labels of one series. More are refused like any limit that a target breaks.
const LABELS_MAX: usize = 10_000;

/// Decodes the key of a series. The error says what is wrong with it.
pub fn read_series(key: &[u8], labels: &mut LabelsBuf) -> Result<(), String> {
    let wire = WireLabels::new(key, LABELS_MAX);
    match wire.read(labels) {
        Ok(None) => Ok(()),
        Ok(Some(problem)) => Err(problem.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn put_label(out: &mut Vec<u8>, name: &str, value: &[&str]) {
    let value_len: usize = value.iter().map(|part| part.len()).sum();
    let (name_bytes, value_bytes) = (name.len() as u64, value_len as u64);
    let lengths = varint::len(name_bytes) + varint::len(value_bytes);
    out.push(0x0a);
    varint::put(out, (2 + lengths + name.len() + value_len) as u64);
    out.push(0x0a);
    varint::put(out, name_bytes);
    out.extend_from_slice(name.as_bytes());
    out.push(0x12);
    varint::put(out, value_bytes);
    for part in value {
        out.extend_from_slice(part.as_bytes());
    }
}

impl<'a> Number<'a> {
    fn read(bytes: &'a [u8]) -> Result<Number<'a>, DecodeError> {
        let mut read = Number::default();
        let mut fields = Fields::new(METRIC, bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => read.value = value.double(METRIC)?,
                2 => read.exemplar = Some(Exemplar::read(value.bytes(METRIC)?)?),
                3 => read.start_ms = Some(timestamp(value)?),
                _ => {}
            }
        }
        Ok(read)
    }
}

fn kind(number: u64) -> Result<MetricKind, DecodeError> {
    match number {
        0 => Ok(MetricKind::Counter),
        1 => Ok(MetricKind::Gauge),
        2 => Ok(MetricKind::Summary),
        3 => Ok(MetricKind::Unknown),
        4 => Ok(MetricKind::Histogram),
        5 => Ok(MetricKind::GaugeHistogram),
        _ => Err(DecodeError {
            field: FAMILY,
            reason: "unknown metric type",
        }),
    }
}

/// A google.protobuf.Timestamp in milliseconds.
fn timestamp(value: Value<'_>) -> Result<i64, DecodeError> {
    const MESSAGE: &str = "timestamp";
    let (mut seconds, mut nanos) = (0i64, 0i64);
    let mut fields = Fields::new(MESSAGE, value.bytes(MESSAGE)?);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => seconds = value.varint(MESSAGE)?.cast_signed(),
            2 => nanos = value.varint(MESSAGE)?.cast_signed(),
            _ => {}
        }
    }
    Ok(seconds
        .saturating_mul(1000)
        .saturating_add(nanos / 1_000_000))
}

fn utf8<'a>(bytes: &'a [u8], reason: &'static str) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError {
        field: FAMILY,
        reason,
    })
}
