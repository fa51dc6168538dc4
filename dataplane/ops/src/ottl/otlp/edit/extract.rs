//! Metrics made of parts of others.

use batch::otlp::{
    AnyValue, Attributes, Gauge, Lazy, Metric, MetricData, Number, NumberPoint, Sum, Text,
};

use super::super::item::Metrics;
use crate::ottl::error::Error;
use crate::ottl::functions::{SummaryPart, Target};

/// What a point that is made of another takes over.
pub(super) struct Source<'p, 'a> {
    pub attributes: &'p Attributes<'a>,
    pub start: u64,
    pub time: u64,
}

impl<'a> Source<'_, 'a> {
    pub(super) fn point(&self, value: Number) -> NumberPoint<'a> {
        NumberPoint {
            attributes: self.attributes.clone(),
            start_unix_nano: self.start,
            time_unix_nano: self.time,
            value,
            ..NumberPoint::default()
        }
    }
}

macro_rules! source {
    ($point:expr) => {
        Source {
            attributes: &$point.attributes,
            start: $point.start_unix_nano,
            time: $point.time_unix_nano,
        }
    };
}
pub(super) use source;

/// A metric beside another, named after it.
pub(super) fn named<'a>(metric: &Metric<'a>, suffix: &str, data: MetricData<'a>) -> Metric<'a> {
    Metric {
        name: Text::from(format!("{}{suffix}", metric.name)),
        description: metric.description.clone(),
        unit: metric.unit.clone(),
        data,
        ..Metric::default()
    }
}

/// The points of a metric with a count and a sum, and their temporality. A summary counts as
/// cumulative.
fn each<'a>(
    metric: &Metric<'a>,
    function: &str,
    mut value: impl FnMut(u64, Option<f64>) -> Option<Number>,
) -> Result<(i32, Vec<Lazy<'a, NumberPoint<'a>>>), Error> {
    let mut points = Vec::new();
    let mut push = |source: Source<'_, 'a>, number: Option<Number>| {
        if let Some(number) = number {
            points.push(Lazy::new(source.point(number)));
        }
    };
    let temporality = match &metric.data {
        MetricData::Histogram(it) => {
            for point in it.points.iter().map(Lazy::get) {
                push(source!(point), value(point.count, point.sum));
            }
            it.temporality
        }
        MetricData::ExponentialHistogram(it) => {
            for point in it.points.iter().map(Lazy::get) {
                push(source!(point), value(point.count, point.sum));
            }
            it.temporality
        }
        MetricData::Summary(it) => {
            for point in it.points.iter().map(Lazy::get) {
                push(source!(point), value(point.count, Some(point.sum)));
            }
            2
        }
        _ => 0,
    };
    match temporality {
        0 => Err(Error::new(format!(
            "{function} requires an input metric of type Histogram, ExponentialHistogram or Summary"
        ))),
        temporality => Ok((temporality, points)),
    }
}

pub(super) fn count(it: &mut Metrics<'_, '_>, monotonic: bool, suffix: &str) -> Result<(), Error> {
    let metric = it.metric.get();
    let (temporality, points) = each(metric, "extract_count_metric", |count, _| {
        Some(Number::Int(count as i64))
    })?;
    if points.is_empty() {
        return Ok(());
    }
    let sum = Sum {
        points,
        temporality,
        is_monotonic: monotonic,
    };
    let mut made = named(metric, suffix, MetricData::Sum(sum));
    made.unit = Text::from("1");
    it.made.push(Lazy::new(made));
    Ok(())
}

pub(super) fn sum(it: &mut Metrics<'_, '_>, monotonic: bool, suffix: &str) -> Result<(), Error> {
    let metric = it.metric.get();
    let (temporality, points) = each(metric, "extract_sum_metric", |_, sum| {
        sum.map(Number::Double)
    })?;
    if points.is_empty() {
        return Ok(());
    }
    let sum = Sum {
        points,
        temporality,
        is_monotonic: monotonic,
    };
    it.made
        .push(Lazy::new(named(metric, suffix, MetricData::Sum(sum))));
    Ok(())
}

/// Compat: all points of the summary are taken each time one of them is met.
pub(super) fn summary_part(
    it: &mut Metrics<'_, '_>,
    part: SummaryPart,
    target: Target,
    suffix: &str,
) {
    let metric = it.metric.get();
    let MetricData::Summary(summary) = &metric.data else {
        return;
    };
    let points = summary.points.iter().map(|point| {
        let point = point.get();
        Lazy::new(source!(point).point(match part {
            SummaryPart::Count => Number::Int(point.count as i64),
            SummaryPart::Sum => Number::Double(point.sum),
        }))
    });
    let sum = Sum {
        points: points.collect(),
        temporality: target.temporality,
        is_monotonic: target.monotonic,
    };
    it.made
        .push(Lazy::new(named(metric, suffix, MetricData::Sum(sum))));
}

pub(super) fn quantiles(it: &mut Metrics<'_, '_>, attribute: &str, suffix: &str) {
    let metric = it.metric.get();
    let MetricData::Summary(summary) = &metric.data else {
        return;
    };
    let mut points = Vec::new();
    for point in summary.points.iter().map(Lazy::get) {
        for quantile in &point.quantiles {
            let mut made = source!(point).point(Number::Double(quantile.value));
            let key = attribute.to_owned();
            made.attributes
                .set(key, AnyValue::Double(quantile.quantile));
            points.push(Lazy::new(made));
        }
    }
    let gauge = MetricData::Gauge(Gauge { points });
    it.made.push(Lazy::new(named(metric, suffix, gauge)));
}
