//! Metrics and their data points.

use stdx::protobuf::{DecodeError, Value};

use super::kinds::{
    Attrs, Bool, Double, Enum, Fixed64, Id, LazyList, List, One, OptDouble, PackedDouble,
    PackedFixed64, PackedUint64, SInt32, Str, Uint32,
};
use super::schema::FieldKind;
use super::wire::{Message, OneOf, message, put_fixed64, put_nested};

message! {
    /// A metric with its data points.
    Metric "Metric" {
        1 "name" name: Str,
        2 "description" description: Str,
        3 "unit" unit: Str,
        12 "metadata" metadata: Attrs,
    }
    oneof data: MetricData<'a> {
        5 "gauge" FieldKind::Message(Gauge::SCHEMA),
        7 "sum" FieldKind::Message(Sum::SCHEMA),
        9 "histogram" FieldKind::Message(Histogram::SCHEMA),
        10 "exponentialHistogram" FieldKind::Message(ExponentialHistogram::SCHEMA),
        11 "summary" FieldKind::Message(Summary::SCHEMA),
    }
}

/// The data points of a metric.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum MetricData<'a> {
    #[default]
    Empty,
    Gauge(Gauge<'a>),
    Sum(Sum<'a>),
    Histogram(Histogram<'a>),
    ExponentialHistogram(ExponentialHistogram<'a>),
    Summary(Summary<'a>),
}

impl MetricData<'_> {
    /// The number of data points.
    #[must_use]
    pub fn points(&self) -> usize {
        match self {
            MetricData::Empty => 0,
            MetricData::Gauge(gauge) => gauge.points.len(),
            MetricData::Sum(sum) => sum.points.len(),
            MetricData::Histogram(histogram) => histogram.points.len(),
            MetricData::ExponentialHistogram(histogram) => histogram.points.len(),
            MetricData::Summary(summary) => summary.points.len(),
        }
    }
}

impl<'a> OneOf<'a> for MetricData<'a> {
    fn read_field(&mut self, number: u64, value: Value<'a>) -> Result<bool, DecodeError> {
        let bytes = || value.bytes("Metric");
        *self = match number {
            5 => MetricData::Gauge(Gauge::decode(bytes()?)?),
            7 => MetricData::Sum(Sum::decode(bytes()?)?),
            9 => MetricData::Histogram(Histogram::decode(bytes()?)?),
            10 => MetricData::ExponentialHistogram(ExponentialHistogram::decode(bytes()?)?),
            11 => MetricData::Summary(Summary::decode(bytes()?)?),
            _ => return Ok(false),
        };
        Ok(true)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            MetricData::Empty => {}
            MetricData::Gauge(gauge) => put_data(out, 5, gauge),
            MetricData::Sum(sum) => put_data(out, 7, sum),
            MetricData::Histogram(histogram) => put_data(out, 9, histogram),
            MetricData::ExponentialHistogram(histogram) => put_data(out, 10, histogram),
            MetricData::Summary(summary) => put_data(out, 11, summary),
        }
    }
}

fn put_data<'a>(out: &mut Vec<u8>, number: u32, data: &impl Message<'a>) {
    put_nested(out, number, EXPECTED_BYTES, |out| data.write(out));
}

/// A few data points: their length takes two bytes.
const EXPECTED_BYTES: usize = 512;

message! {
    /// A value that goes up and down.
    Gauge "Gauge" {
        1 "dataPoints" points: LazyList<NumberPoint<'a>>,
    }
}

message! {
    /// A value that adds up.
    Sum "Sum" {
        1 "dataPoints" points: LazyList<NumberPoint<'a>>,
        /// 0 unspecified, 1 delta, 2 cumulative.
        2 "aggregationTemporality" temporality: Enum,
        3 "isMonotonic" is_monotonic: Bool,
    }
}

message! {
    /// Counts of values in buckets with given bounds.
    Histogram "Histogram" {
        1 "dataPoints" points: LazyList<HistogramPoint<'a>>,
        /// 0 unspecified, 1 delta, 2 cumulative.
        2 "aggregationTemporality" temporality: Enum,
    }
}

message! {
    /// Counts of values in buckets with bounds that grow exponentially.
    ExponentialHistogram "ExponentialHistogram" {
        1 "dataPoints" points: LazyList<ExponentialPoint<'a>>,
        /// 0 unspecified, 1 delta, 2 cumulative.
        2 "aggregationTemporality" temporality: Enum,
    }
}

message! {
    /// Quantiles that the source has computed.
    Summary "Summary" {
        1 "dataPoints" points: LazyList<SummaryPoint<'a>>,
    }
}

message! {
    /// A data point of a gauge or sum.
    NumberPoint "NumberDataPoint" counted true {
        7 "attributes" attributes: Attrs,
        2 "startTimeUnixNano" start_unix_nano: Fixed64,
        3 "timeUnixNano" time_unix_nano: Fixed64,
        5 "exemplars" exemplars: LazyList<Exemplar<'a>>,
        8 "flags" flags: Uint32,
    }
    oneof value: Number {
        4 "asDouble" FieldKind::Double,
        6 "asInt" FieldKind::SFixed64,
    }
}

/// The value of a data point or exemplar.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Number {
    #[default]
    Empty,
    Double(f64),
    Int(i64),
}

impl<'a> OneOf<'a> for Number {
    fn read_field(&mut self, number: u64, value: Value<'a>) -> Result<bool, DecodeError> {
        *self = match number {
            4 => Number::Double(value.double("value")?),
            6 => Number::Int(value.double("value")?.to_bits() as i64),
            _ => return Ok(false),
        };
        Ok(true)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Number::Empty => {}
            Number::Double(value) => put_fixed64(out, 4, value.to_bits()),
            Number::Int(value) => put_fixed64(out, 6, *value as u64),
        }
    }
}

/// The value of an exemplar, which has other numbers than that of a data point.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExemplarValue(pub Number);

impl<'a> OneOf<'a> for ExemplarValue {
    fn read_field(&mut self, number: u64, value: Value<'a>) -> Result<bool, DecodeError> {
        self.0 = match number {
            3 => Number::Double(value.double("Exemplar")?),
            6 => Number::Int(value.double("Exemplar")?.to_bits() as i64),
            _ => return Ok(false),
        };
        Ok(true)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self.0 {
            Number::Empty => {}
            Number::Double(value) => put_fixed64(out, 3, value.to_bits()),
            Number::Int(value) => put_fixed64(out, 6, value as u64),
        }
    }
}

message! {
    /// A data point of a histogram.
    HistogramPoint "HistogramDataPoint" counted true {
        9 "attributes" attributes: Attrs,
        2 "startTimeUnixNano" start_unix_nano: Fixed64,
        3 "timeUnixNano" time_unix_nano: Fixed64,
        4 "count" count: Fixed64,
        5 "sum" sum: OptDouble,
        /// One more than there are bounds, or none.
        6 "bucketCounts" bucket_counts: PackedFixed64,
        7 "explicitBounds" explicit_bounds: PackedDouble,
        8 "exemplars" exemplars: LazyList<Exemplar<'a>>,
        10 "flags" flags: Uint32,
        11 "min" min: OptDouble,
        12 "max" max: OptDouble,
    }
}

message! {
    /// A data point of an exponential histogram.
    ExponentialPoint "ExponentialHistogramDataPoint" counted true {
        1 "attributes" attributes: Attrs,
        2 "startTimeUnixNano" start_unix_nano: Fixed64,
        3 "timeUnixNano" time_unix_nano: Fixed64,
        4 "count" count: Fixed64,
        5 "sum" sum: OptDouble,
        6 "scale" scale: SInt32,
        7 "zeroCount" zero_count: Fixed64,
        8 "positive" positive: One<Buckets<'a>>,
        9 "negative" negative: One<Buckets<'a>>,
        10 "flags" flags: Uint32,
        11 "exemplars" exemplars: LazyList<Exemplar<'a>>,
        12 "min" min: OptDouble,
        13 "max" max: OptDouble,
        14 "zeroThreshold" zero_threshold: Double,
    }
}

message! {
    /// Buckets of an exponential histogram: the counts of consecutive ones.
    Buckets "Buckets" {
        1 "offset" offset: SInt32,
        2 "bucketCounts" bucket_counts: PackedUint64,
    }
}

message! {
    /// A data point of a summary.
    SummaryPoint "SummaryDataPoint" counted true {
        7 "attributes" attributes: Attrs,
        2 "startTimeUnixNano" start_unix_nano: Fixed64,
        3 "timeUnixNano" time_unix_nano: Fixed64,
        4 "count" count: Fixed64,
        5 "sum" sum: Double,
        6 "quantileValues" quantiles: List<Quantile<'a>>,
        8 "flags" flags: Uint32,
    }
}

message! {
    /// A quantile and its value.
    Quantile "ValueAtQuantile" {
        1 "quantile" quantile: Double,
        2 "value" value: Double,
    }
}

message! {
    /// A measurement that stands for others in its data point.
    Exemplar "Exemplar" {
        7 "filteredAttributes" filtered_attributes: Attrs,
        2 "timeUnixNano" time_unix_nano: Fixed64,
        4 "spanId" span_id: Id<8>,
        5 "traceId" trace_id: Id<16>,
    }
    oneof value: ExemplarValue {
        3 "asDouble" FieldKind::Double,
        6 "asInt" FieldKind::SFixed64,
    }
}
