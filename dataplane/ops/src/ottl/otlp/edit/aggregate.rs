//! Points that have become alike made one.

use std::collections::HashMap;

use batch::otlp::wire::Message as _;
use batch::otlp::{
    AnyValue, Attributes, Buckets, ExponentialPoint, Gauge, HistogramPoint, Lazy, Metric,
    MetricData, Number, NumberPoint, Sum,
};

use crate::ottl::error::Error;
use crate::ottl::functions::Aggregation;

type Target<'t, 'a> = &'t mut Lazy<'a, Metric<'a>>;

pub(super) fn on_attributes(
    metric: Target<'_, '_>,
    aggregation: Aggregation,
    kept: Option<&[String]>,
) -> Result<(), Error> {
    if matches!(metric.get().data, MetricData::Summary(_)) {
        return Err(Error::new(
            "aggregate_on_attributes does not support aggregating Summary metrics",
        ));
    }
    let metric = metric.get_mut();
    if let Some(kept) = kept {
        each_attributes(metric, &mut |attributes| {
            attributes.retain(|attribute| kept.iter().any(|key| attribute.key == **key));
        });
    }
    merge(metric, aggregation);
    Ok(())
}

/// Attribute, the values that become one, and that one.
pub(super) fn on_value(
    metric: Target<'_, '_>,
    aggregation: Aggregation,
    (attribute, values, new_value): (&str, &[String], &str),
) {
    let metric = metric.get_mut();
    each_attributes(metric, &mut |attributes| {
        let Some(AnyValue::String(text)) = attributes.get_mut(attribute) else {
            return;
        };
        if values.iter().any(|value| *text == **value) {
            *text = new_value.to_owned().into();
        }
    });
    merge(metric, aggregation);
}

fn each_attributes<'a>(metric: &mut Metric<'a>, change: &mut dyn FnMut(&mut Attributes<'a>)) {
    match &mut metric.data {
        MetricData::Empty => {}
        MetricData::Gauge(Gauge { points }) | MetricData::Sum(Sum { points, .. }) => {
            points
                .iter_mut()
                .for_each(|it| change(&mut it.get_mut().attributes));
        }
        MetricData::Histogram(it) => {
            let points = it.points.iter_mut();
            points.for_each(|it| change(&mut it.get_mut().attributes));
        }
        MetricData::ExponentialHistogram(it) => {
            let points = it.points.iter_mut();
            points.for_each(|it| change(&mut it.get_mut().attributes));
        }
        MetricData::Summary(it) => {
            let points = it.points.iter_mut();
            points.for_each(|it| change(&mut it.get_mut().attributes));
        }
    }
}

/// What points that fall together have in common: their attributes, whatever the order, and the
/// times that tell them apart.
fn key(attributes: &Attributes<'_>, times: [u64; 2], more: &[u8]) -> Vec<u8> {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_by(|left, right| left.key.cmp(&right.key));
    let mut key = Vec::with_capacity(64);
    for attribute in sorted {
        let mut encoded = Vec::new();
        attribute.write(&mut encoded);
        key.extend_from_slice(&(encoded.len() as u64).to_le_bytes());
        key.extend_from_slice(&encoded);
    }
    key.extend_from_slice(&times[0].to_le_bytes());
    key.extend_from_slice(&times[1].to_le_bytes());
    key.extend_from_slice(more);
    key
}

/// Groups in the order of their first points.
fn groups<T>(points: Vec<T>, key: impl Fn(&T) -> Vec<u8>) -> Vec<Vec<T>> {
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut groups: Vec<Vec<T>> = Vec::new();
    for point in points {
        let place = *places.entry(key(&point)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(point),
            None => groups.push(vec![point]),
        }
    }
    groups
}

/// Delta points of different spans of time stay apart.
fn start_if(delta: bool, start: u64) -> u64 {
    if delta { start } else { 0 }
}

fn merge(metric: &mut Metric<'_>, aggregation: Aggregation) {
    const DELTA: i32 = 1;
    match &mut metric.data {
        MetricData::Gauge(it) => {
            it.points = numbers(std::mem::take(&mut it.points), aggregation, false);
        }
        MetricData::Sum(it) => {
            let delta = it.temporality == DELTA;
            it.points = numbers(std::mem::take(&mut it.points), aggregation, delta);
        }
        MetricData::Histogram(it) => {
            let delta = it.temporality == DELTA;
            let points = std::mem::take(&mut it.points)
                .into_iter()
                .map(Lazy::into_inner);
            let groups = groups(points.collect(), |point: &HistogramPoint<'_>| {
                let times = [point.time_unix_nano, start_if(delta, point.start_unix_nano)];
                let bounds = point.explicit_bounds.iter().flat_map(|it| it.to_le_bytes());
                key(&point.attributes, times, &bounds.collect::<Vec<u8>>())
            });
            it.points = groups.into_iter().map(histograms).map(Lazy::new).collect();
        }
        MetricData::ExponentialHistogram(it) => {
            let delta = it.temporality == DELTA;
            let points = std::mem::take(&mut it.points)
                .into_iter()
                .map(Lazy::into_inner);
            let groups = groups(points.collect(), |point: &ExponentialPoint<'_>| {
                let times = [point.time_unix_nano, start_if(delta, point.start_unix_nano)];
                key(&point.attributes, times, &point.scale.to_le_bytes())
            });
            it.points = groups
                .into_iter()
                .map(exponentials)
                .map(Lazy::new)
                .collect();
        }
        MetricData::Summary(_) | MetricData::Empty => {}
    }
    metric.metadata.clear();
}

type Points<'a> = Vec<Lazy<'a, NumberPoint<'a>>>;

fn numbers<'a>(points: Points<'a>, aggregation: Aggregation, delta: bool) -> Points<'a> {
    let points = points.into_iter().map(Lazy::into_inner);
    let groups = groups(points.collect(), |point: &NumberPoint<'_>| {
        let times = [point.time_unix_nano, start_if(delta, point.start_unix_nano)];
        key(&point.attributes, times, &[])
    });
    let merged = groups.into_iter().map(|group| {
        let count = group.len();
        let starts = group.iter().map(|point| point.start_unix_nano);
        let start = starts.min().unwrap_or_default();
        let values: Vec<Number> = group.iter().map(|point| point.value).collect();
        let mut first = group.into_iter().next().expect("a group has a point");
        // Compat: a point that is alone stays, even if points are to be counted.
        if count > 1 || aggregation != Aggregation::Count {
            first.value = combine(&values, aggregation);
        }
        first.start_unix_nano = start;
        Lazy::new(first)
    });
    merged.collect()
}

/// The type of the first value is that of the result.
fn combine(values: &[Number], aggregation: Aggregation) -> Number {
    let count = values.len();
    match values[0] {
        Number::Empty => Number::Empty,
        Number::Double(_) => {
            let values = values.iter().map(|value| match value {
                Number::Double(value) => *value,
                Number::Int(value) => *value as f64,
                Number::Empty => 0.0,
            });
            let mut values: Vec<f64> = values.collect();
            Number::Double(match aggregation {
                Aggregation::Sum => values.iter().sum(),
                Aggregation::Mean => values.iter().sum::<f64>() / count as f64,
                Aggregation::Max => values.into_iter().fold(f64::NEG_INFINITY, f64::max),
                Aggregation::Min => values.into_iter().fold(f64::INFINITY, f64::min),
                Aggregation::Count => count as f64,
                Aggregation::Median => {
                    values.sort_by(f64::total_cmp);
                    let middle = count / 2;
                    match count % 2 {
                        1 => values[middle],
                        _ => (values[middle - 1] + values[middle]) / 2.0,
                    }
                }
            })
        }
        Number::Int(_) => {
            let values = values.iter().map(|value| match value {
                Number::Int(value) => *value,
                Number::Double(value) => *value as i64,
                Number::Empty => 0,
            });
            let mut values: Vec<i64> = values.collect();
            let total = values
                .iter()
                .fold(0i64, |sum, value| sum.wrapping_add(*value));
            Number::Int(match aggregation {
                Aggregation::Sum => total,
                Aggregation::Mean => total / count as i64,
                Aggregation::Max => values.into_iter().max().unwrap_or_default(),
                Aggregation::Min => values.into_iter().min().unwrap_or_default(),
                Aggregation::Count => count as i64,
                Aggregation::Median => {
                    values.sort_unstable();
                    let middle = count / 2;
                    match count % 2 {
                        1 => values[middle],
                        _ => values[middle - 1].wrapping_add(values[middle]) / 2,
                    }
                }
            })
        }
    }
}

fn lesser(into: &mut Option<f64>, other: Option<f64>) {
    if let Some(value) = into {
        *value = value.min(other.unwrap_or_default());
    }
}

fn greater(into: &mut Option<f64>, other: Option<f64>) {
    if let Some(value) = into {
        *value = value.max(other.unwrap_or_default());
    }
}

fn histograms(group: Vec<HistogramPoint<'_>>) -> HistogramPoint<'_> {
    let mut points = group.into_iter();
    let mut first = points.next().expect("a group has a point");
    for point in points.filter(|point| point.count > 0) {
        first.count += point.count;
        first.sum = Some(first.sum.unwrap_or_default() + point.sum.unwrap_or_default());
        lesser(&mut first.min, point.min);
        greater(&mut first.max, point.max);
        for (into, count) in first.bucket_counts.iter_mut().zip(&point.bucket_counts) {
            *into += count;
        }
        first.exemplars.extend(point.exemplars);
        first.start_unix_nano = first.start_unix_nano.min(point.start_unix_nano);
    }
    first
}

fn exponentials(group: Vec<ExponentialPoint<'_>>) -> ExponentialPoint<'_> {
    let mut points = group.into_iter();
    let mut first = points.next().expect("a group has a point");
    for point in points.filter(|point| point.count > 0) {
        first.count += point.count;
        first.sum = Some(first.sum.unwrap_or_default() + point.sum.unwrap_or_default());
        first.zero_count += point.zero_count;
        lesser(&mut first.min, point.min);
        greater(&mut first.max, point.max);
        add_buckets(&mut first.negative, &point.negative);
        add_buckets(&mut first.positive, &point.positive);
        first.exemplars.extend(point.exemplars);
        first.start_unix_nano = first.start_unix_nano.min(point.start_unix_nano);
    }
    first
}

/// Limit: buckets of a point after merging; what would spread wider is left out of the sum.
const BUCKETS_MAX: i64 = 1 << 16;

fn add_buckets(into: &mut Buckets<'_>, other: &Buckets<'_>) {
    if other.bucket_counts.is_empty() {
        return;
    }
    let moved = i64::from(into.offset) - i64::from(other.offset);
    if into.bucket_counts.is_empty() {
        into.offset = other.offset;
    } else if 0 < moved && moved < BUCKETS_MAX {
        let zeros = std::iter::repeat_n(0, moved as usize);
        into.bucket_counts.splice(0..0, zeros);
        into.offset = other.offset;
    }
    let shift = i64::from(other.offset) - i64::from(into.offset);
    if !(0..BUCKETS_MAX).contains(&shift) {
        return;
    }
    let length = shift as usize + other.bucket_counts.len();
    if into.bucket_counts.len() < length {
        into.bucket_counts.resize(length, 0);
    }
    let slots = &mut into.bucket_counts[shift as usize..];
    for (slot, count) in slots.iter_mut().zip(&other.bucket_counts) {
        *slot += count;
    }
}
