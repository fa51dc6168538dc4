//! Fields of data points. A field that the type of a point lacks reads as nil.

use batch::otlp::wire::Message as _;
use batch::otlp::{
    Attributes, Buckets, Exemplar, ExponentialPoint, HistogramPoint, Lazy, Metric, MetricData,
    Number, NumberPoint, Quantile, SummaryPoint,
};

use super::convert::{as_float, as_int, as_nanos, as_part, as_time, lazy_part, nanos, part, time};
use super::exemplar::{double, int};
use crate::ottl::error::Error;
use crate::ottl::path::Field;
use crate::ottl::value::{ListKind, PartKind, Value};

/// A data point of any type.
enum Point<'p, 'a> {
    Number(&'p NumberPoint<'a>),
    Histogram(&'p HistogramPoint<'a>),
    Exponential(&'p ExponentialPoint<'a>),
    Summary(&'p SummaryPoint<'a>),
}

/// A data point of any type, to be changed.
enum PointMut<'p, 'a> {
    Number(&'p mut NumberPoint<'a>),
    Histogram(&'p mut HistogramPoint<'a>),
    Exponential(&'p mut ExponentialPoint<'a>),
    Summary(&'p mut SummaryPoint<'a>),
}

fn find<'p, 'a>(metric: &'p Metric<'a>, at: usize) -> Option<Point<'p, 'a>> {
    Some(match &metric.data {
        MetricData::Empty => return None,
        MetricData::Gauge(it) => Point::Number(it.points.get(at)?.get()),
        MetricData::Sum(it) => Point::Number(it.points.get(at)?.get()),
        MetricData::Histogram(it) => Point::Histogram(it.points.get(at)?.get()),
        MetricData::ExponentialHistogram(it) => Point::Exponential(it.points.get(at)?.get()),
        MetricData::Summary(it) => Point::Summary(it.points.get(at)?.get()),
    })
}

fn find_mut<'p, 'a>(metric: &'p mut Metric<'a>, at: usize) -> Option<PointMut<'p, 'a>> {
    Some(match &mut metric.data {
        MetricData::Empty => return None,
        MetricData::Gauge(it) => PointMut::Number(it.points.get_mut(at)?.get_mut()),
        MetricData::Sum(it) => PointMut::Number(it.points.get_mut(at)?.get_mut()),
        MetricData::Histogram(it) => PointMut::Histogram(it.points.get_mut(at)?.get_mut()),
        MetricData::ExponentialHistogram(it) => {
            PointMut::Exponential(it.points.get_mut(at)?.get_mut())
        }
        MetricData::Summary(it) => PointMut::Summary(it.points.get_mut(at)?.get_mut()),
    })
}

pub(super) fn attributes<'p, 'a>(metric: &'p Metric<'a>, at: usize) -> Option<&'p Attributes<'a>> {
    Some(match find(metric, at)? {
        Point::Number(point) => &point.attributes,
        Point::Histogram(point) => &point.attributes,
        Point::Exponential(point) => &point.attributes,
        Point::Summary(point) => &point.attributes,
    })
}

pub(super) fn attributes_mut<'p, 'a>(
    metric: &'p mut Metric<'a>,
    at: usize,
) -> Option<&'p mut Attributes<'a>> {
    Some(match find_mut(metric, at)? {
        PointMut::Number(point) => &mut point.attributes,
        PointMut::Histogram(point) => &mut point.attributes,
        PointMut::Exponential(point) => &mut point.attributes,
        PointMut::Summary(point) => &mut point.attributes,
    })
}

pub(super) fn exemplars<'p, 'a>(
    metric: &'p Metric<'a>,
    at: usize,
) -> Option<&'p [Lazy<'a, Exemplar<'a>>]> {
    match find(metric, at)? {
        Point::Number(point) => Some(&point.exemplars),
        Point::Histogram(point) => Some(&point.exemplars),
        Point::Exponential(point) => Some(&point.exemplars),
        Point::Summary(_) => None,
    }
}

pub(super) fn exemplars_mut<'p, 'a>(
    metric: &'p mut Metric<'a>,
    at: usize,
) -> Option<&'p mut [Lazy<'a, Exemplar<'a>>]> {
    match find_mut(metric, at)? {
        PointMut::Number(point) => Some(&mut point.exemplars),
        PointMut::Histogram(point) => Some(&mut point.exemplars),
        PointMut::Exponential(point) => Some(&mut point.exemplars),
        PointMut::Summary(_) => None,
    }
}

/// A field that all types of points have.
macro_rules! shared {
    ($point:expr, $of:ident, $it:ident => $value:expr) => {
        match $point {
            $of::Number($it) => $value,
            $of::Histogram($it) => $value,
            $of::Exponential($it) => $value,
            $of::Summary($it) => $value,
        }
    };
}

pub(super) fn get<'v>(metric: &'v Metric<'_>, at: usize, field: Field) -> Value<'v> {
    let Some(point) = find(metric, at) else {
        return Value::Nil;
    };
    match (field, &point) {
        (Field::StartNano, point) => shared!(point, Point, it => nanos(it.start_unix_nano)),
        (Field::TimeNano, point) => shared!(point, Point, it => nanos(it.time_unix_nano)),
        (Field::Start, point) => shared!(point, Point, it => time(it.start_unix_nano)),
        (Field::Time, point) => shared!(point, Point, it => time(it.time_unix_nano)),
        (Field::Flags, point) => shared!(point, Point, it => Value::Int(i64::from(it.flags))),
        (Field::DoubleValue, Point::Number(it)) => Value::Float(double(it.value)),
        (Field::IntValue, Point::Number(it)) => Value::Int(int(it.value)),
        (Field::Exemplars, Point::Number(it)) => lazy_part(PartKind::Exemplars, &it.exemplars),
        (Field::Exemplars, Point::Histogram(it)) => lazy_part(PartKind::Exemplars, &it.exemplars),
        (Field::Exemplars, Point::Exponential(it)) => lazy_part(PartKind::Exemplars, &it.exemplars),
        (Field::Count, Point::Histogram(it)) => nanos(it.count),
        (Field::Count, Point::Exponential(it)) => nanos(it.count),
        (Field::Count, Point::Summary(it)) => nanos(it.count),
        (Field::Sum, Point::Histogram(it)) => Value::Float(it.sum.unwrap_or_default()),
        (Field::Sum, Point::Exponential(it)) => Value::Float(it.sum.unwrap_or_default()),
        (Field::Sum, Point::Summary(it)) => Value::Float(it.sum),
        (Field::BucketCounts, Point::Histogram(it)) => counts(&it.bucket_counts),
        (Field::ExplicitBounds, Point::Histogram(it)) => {
            let bounds = it.explicit_bounds.iter().copied().map(Value::Float);
            Value::typed_list(ListKind::Floats, bounds.collect())
        }
        (Field::Scale, Point::Exponential(it)) => Value::Int(i64::from(it.scale)),
        (Field::ZeroCount, Point::Exponential(it)) => nanos(it.zero_count),
        (Field::Positive, Point::Exponential(it)) => buckets(&it.positive),
        (Field::PositiveOffset, Point::Exponential(it)) => {
            Value::Int(i64::from(it.positive.offset))
        }
        (Field::PositiveCounts, Point::Exponential(it)) => counts(&it.positive.bucket_counts),
        (Field::Negative, Point::Exponential(it)) => buckets(&it.negative),
        (Field::NegativeOffset, Point::Exponential(it)) => {
            Value::Int(i64::from(it.negative.offset))
        }
        (Field::NegativeCounts, Point::Exponential(it)) => counts(&it.negative.bucket_counts),
        (Field::Quantiles, Point::Summary(it)) => part(PartKind::Quantiles, it.quantiles.iter()),
        _ => Value::Nil,
    }
}

fn counts(counts: &[u64]) -> Value<'static> {
    let items = counts.iter().map(|&count| Value::Int(count as i64));
    Value::typed_list(ListKind::Unsigned, items.collect())
}

fn buckets<'v>(buckets: &Buckets<'_>) -> Value<'v> {
    part(PartKind::Buckets, std::iter::once(buckets))
}

pub(super) fn set(
    metric: &mut Metric<'_>,
    at: usize,
    field: Field,
    value: &Value<'_>,
) -> Result<(), Error> {
    let Some(mut point) = find_mut(metric, at) else {
        return Ok(());
    };
    match field {
        Field::StartNano => {
            let nanos = as_nanos(value)?;
            shared!(&mut point, PointMut, it => it.start_unix_nano = nanos);
        }
        Field::TimeNano => {
            let nanos = as_nanos(value)?;
            shared!(&mut point, PointMut, it => it.time_unix_nano = nanos);
        }
        Field::Start => {
            let nanos = as_time(value)?;
            shared!(&mut point, PointMut, it => it.start_unix_nano = nanos);
        }
        Field::Time => {
            let nanos = as_time(value)?;
            shared!(&mut point, PointMut, it => it.time_unix_nano = nanos);
        }
        Field::Flags => {
            let flags = as_int(value)? as u32;
            shared!(&mut point, PointMut, it => it.flags = flags);
        }
        field => match point {
            PointMut::Number(point) => set_number(point, field, value)?,
            PointMut::Histogram(point) => set_histogram(point, field, value)?,
            PointMut::Exponential(point) => set_exponential(point, field, value)?,
            PointMut::Summary(point) => set_summary(point, field, value)?,
        },
    }
    Ok(())
}

/// The type of the point has no such field.
fn unsupported() -> Error {
    Error::new("unsupported data point type")
}

fn set_number(point: &mut NumberPoint<'_>, field: Field, value: &Value<'_>) -> Result<(), Error> {
    match field {
        Field::DoubleValue => point.value = Number::Double(as_float(value)?),
        Field::IntValue => point.value = Number::Int(as_int(value)?),
        // The only exemplars that a statement can name are the point's own.
        Field::Exemplars => as_part(PartKind::Exemplars, value).map(|_| ())?,
        _ => return Err(unsupported()),
    }
    Ok(())
}

fn set_histogram(
    point: &mut HistogramPoint<'_>,
    field: Field,
    value: &Value<'_>,
) -> Result<(), Error> {
    match field {
        Field::Exemplars => as_part(PartKind::Exemplars, value).map(|_| ())?,
        Field::Count => point.count = as_int(value)? as u64,
        Field::Sum => point.sum = Some(as_float(value)?),
        Field::BucketCounts => point.bucket_counts = as_counts(value)?,
        Field::ExplicitBounds => {
            let Value::List(list) = value else {
                return Err(Error::expected("list of floats", value.type_name()));
            };
            let bounds = list.items.iter().map(as_float);
            point.explicit_bounds = bounds.collect::<Result<_, _>>()?;
        }
        _ => return Err(unsupported()),
    }
    Ok(())
}

fn set_exponential(
    point: &mut ExponentialPoint<'_>,
    field: Field,
    value: &Value<'_>,
) -> Result<(), Error> {
    match field {
        Field::Exemplars => as_part(PartKind::Exemplars, value).map(|_| ())?,
        Field::Count => point.count = as_int(value)? as u64,
        Field::Sum => point.sum = Some(as_float(value)?),
        Field::Scale => point.scale = as_int(value)? as i32,
        Field::ZeroCount => point.zero_count = as_int(value)? as u64,
        Field::Positive => set_buckets(&mut point.positive, value)?,
        Field::PositiveOffset => point.positive.offset = as_int(value)? as i32,
        Field::PositiveCounts => point.positive.bucket_counts = as_counts(value)?,
        Field::Negative => set_buckets(&mut point.negative, value)?,
        Field::NegativeOffset => point.negative.offset = as_int(value)? as i32,
        Field::NegativeCounts => point.negative.bucket_counts = as_counts(value)?,
        _ => return Err(unsupported()),
    }
    Ok(())
}

fn set_summary(point: &mut SummaryPoint<'_>, field: Field, value: &Value<'_>) -> Result<(), Error> {
    match field {
        Field::Count => point.count = as_int(value)? as u64,
        Field::Sum => point.sum = as_float(value)?,
        Field::Quantiles => {
            let part = as_part(PartKind::Quantiles, value)?;
            let quantiles = part.messages.iter().map(|bytes| {
                let read =
                    Quantile::decode(bytes).map_err(|error| Error::new(error.to_string()))?;
                let mut quantile = Quantile::default();
                quantile.quantile = read.quantile;
                quantile.value = read.value;
                Ok(quantile)
            });
            point.quantiles = quantiles.collect::<Result<_, Error>>()?;
        }
        _ => return Err(unsupported()),
    }
    Ok(())
}

fn set_buckets(buckets: &mut Buckets<'_>, value: &Value<'_>) -> Result<(), Error> {
    let part = as_part(PartKind::Buckets, value)?;
    let bytes = part.messages.first().map_or(&[][..], Vec::as_slice);
    let read = Buckets::decode(bytes).map_err(|error| Error::new(error.to_string()))?;
    buckets.offset = read.offset;
    buckets.bucket_counts = read.bucket_counts;
    Ok(())
}

fn as_counts(value: &Value<'_>) -> Result<Vec<u64>, Error> {
    let Value::List(list) = value else {
        return Err(Error::expected("list of ints", value.type_name()));
    };
    let counts = list
        .items
        .iter()
        .map(|item| as_int(item).map(|count| count as u64));
    counts.collect()
}
