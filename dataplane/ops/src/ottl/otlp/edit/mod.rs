//! What the editors of metrics do.

mod aggregate;
mod buckets;
mod extract;
mod percentile;

use batch::otlp::{Gauge, Lazy, Metric, MetricData, Number, Sum, Text};

use super::item::Metrics;
use crate::ottl::error::Error;
use crate::ottl::functions::MetricEdit;
use crate::ottl::value::Value;

/// Edits that are run on metrics.
pub(super) fn metric(
    it: &mut Metrics<'_, '_>,
    edit: &MetricEdit,
    values: &[Value<'static>],
    random: &dyn Fn() -> u128,
) -> Result<(), Error> {
    match edit {
        MetricEdit::SumToGauge => sum_to_gauge(it),
        MetricEdit::GaugeToSum(target) => {
            if let MetricData::Gauge(_) = it.metric.get().data {
                let metric = it.metric.get_mut();
                if let MetricData::Gauge(gauge) = std::mem::take(&mut metric.data) {
                    metric.data = MetricData::Sum(Sum {
                        points: gauge.points,
                        temporality: target.temporality,
                        is_monotonic: target.monotonic,
                    });
                }
            }
        }
        MetricEdit::ExtractCount { monotonic, suffix } => {
            extract::count(it, *monotonic, suffix)?;
        }
        MetricEdit::ExtractSum { monotonic, suffix } => extract::sum(it, *monotonic, suffix)?,
        MetricEdit::ExtractPercentile { percentile, suffix } => {
            percentile::extract(it, *percentile, suffix)?;
        }
        MetricEdit::SummaryQuantiles { attribute, suffix } => {
            extract::quantiles(it, attribute, suffix);
        }
        MetricEdit::Copy => copy(it, values),
        MetricEdit::Scale { multiplier } => scale(it, *multiplier, values)?,
        MetricEdit::AggregateOnAttributes {
            aggregation,
            attributes,
        } => aggregate::on_attributes(it.metric, *aggregation, attributes.as_deref())?,
        MetricEdit::AggregateOnValue {
            aggregation,
            attribute,
            values,
            new_value,
        } => aggregate::on_value(it.metric, *aggregation, (attribute, values, new_value)),
        MetricEdit::ToHistogram {
            distribution,
            bounds,
        } => buckets::to_histogram(it.metric, *distribution, bounds, random),
        MetricEdit::SummaryToSum { .. } | MetricEdit::RemoveBound | MetricEdit::LimitBuckets => {}
    }
    Ok(())
}

/// Edits that are run on data points.
pub(super) fn point(
    it: &mut Metrics<'_, '_>,
    at: usize,
    edit: &MetricEdit,
    values: &[Value<'static>],
) -> Result<(), Error> {
    match edit {
        MetricEdit::SummaryToSum {
            part,
            target,
            suffix,
        } => extract::summary_part(it, *part, *target, suffix),
        MetricEdit::RemoveBound => buckets::remove_bound(it.metric, at, &values[0])?,
        MetricEdit::LimitBuckets => buckets::limit(it.metric, at, &values[0])?,
        _ => {}
    }
    Ok(())
}

fn sum_to_gauge(it: &mut Metrics<'_, '_>) {
    if !matches!(it.metric.get().data, MetricData::Sum(_)) {
        return;
    }
    let metric = it.metric.get_mut();
    if let MetricData::Sum(sum) = std::mem::take(&mut metric.data) {
        metric.data = MetricData::Gauge(Gauge { points: sum.points });
    }
}

fn given<'a>(value: Option<&Value<'static>>) -> Option<Text<'a>> {
    match value {
        Some(Value::Text(text)) => Some(Text::from(text.to_string())),
        _ => None,
    }
}

fn copy(it: &mut Metrics<'_, '_>, values: &[Value<'static>]) {
    let mut copy = it.metric.get().clone();
    if let Some(name) = given(values.first()) {
        copy.name = name;
    }
    if let Some(description) = given(values.get(1)) {
        copy.description = description;
    }
    if let Some(unit) = given(values.get(2)) {
        copy.unit = unit;
    }
    it.made.push(Lazy::new(copy));
}

fn scaled(number: Number, multiplier: f64) -> Number {
    match number {
        Number::Int(value) => Number::Int((value as f64 * multiplier) as i64),
        Number::Double(value) => Number::Double(value * multiplier),
        Number::Empty => Number::Empty,
    }
}

fn scale(
    it: &mut Metrics<'_, '_>,
    multiplier: f64,
    values: &[Value<'static>],
) -> Result<(), Error> {
    let metric: &mut Metric<'_> = it.metric.get_mut();
    match &mut metric.data {
        MetricData::Gauge(Gauge { points }) | MetricData::Sum(Sum { points, .. }) => {
            for point in points {
                let point = point.get_mut();
                point.value = scaled(point.value, multiplier);
            }
        }
        MetricData::Histogram(histogram) => {
            for point in &mut histogram.points {
                let point = point.get_mut();
                for part in [&mut point.sum, &mut point.min, &mut point.max] {
                    *part = part.map(|value| value * multiplier);
                }
                for bound in &mut point.explicit_bounds {
                    *bound *= multiplier;
                }
                for exemplar in &mut point.exemplars {
                    let exemplar = exemplar.get_mut();
                    exemplar.value.0 = scaled(exemplar.value.0, multiplier);
                }
            }
        }
        MetricData::Summary(summary) => {
            for point in &mut summary.points {
                let point = point.get_mut();
                point.sum *= multiplier;
                for quantile in &mut point.quantiles {
                    quantile.value *= multiplier;
                }
            }
        }
        MetricData::ExponentialHistogram(_) => {
            return Err(Error::new(
                "exponential histograms are not supported by the 'scale_metric' function",
            ));
        }
        MetricData::Empty => return Err(Error::new("unsupported metric type: 'Empty'")),
    }
    if let Some(unit) = given(values.get(1)) {
        metric.unit = unit;
    }
    Ok(())
}
