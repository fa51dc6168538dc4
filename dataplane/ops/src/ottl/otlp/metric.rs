//! Fields of metrics.

use batch::otlp::{Metric, MetricData};

use super::convert::{as_bool, as_int, as_part, as_text, lazy_part, text};
use crate::ottl::error::Error;
use crate::ottl::path::Field;
use crate::ottl::value::{PartKind, Value};

pub(super) fn get<'v>(metric: &'v Metric<'_>, field: Field) -> Value<'v> {
    match field {
        Field::Name => text(&metric.name),
        Field::Description => text(&metric.description),
        Field::Unit => text(&metric.unit),
        Field::MetricType => Value::Int(match &metric.data {
            MetricData::Empty => 0,
            MetricData::Gauge(_) => 1,
            MetricData::Sum(_) => 2,
            MetricData::Histogram(_) => 3,
            MetricData::ExponentialHistogram(_) => 4,
            MetricData::Summary(_) => 5,
        }),
        Field::Temporality => match &metric.data {
            MetricData::Sum(sum) => Value::Int(i64::from(sum.temporality)),
            MetricData::Histogram(it) => Value::Int(i64::from(it.temporality)),
            MetricData::ExponentialHistogram(it) => Value::Int(i64::from(it.temporality)),
            _ => Value::Nil,
        },
        Field::Monotonic => match &metric.data {
            MetricData::Sum(sum) => Value::Bool(sum.is_monotonic),
            _ => Value::Nil,
        },
        Field::DataPoints => match &metric.data {
            MetricData::Empty => Value::Nil,
            MetricData::Gauge(it) => lazy_part(PartKind::NumberPoints, &it.points),
            MetricData::Sum(it) => lazy_part(PartKind::NumberPoints, &it.points),
            MetricData::Histogram(it) => lazy_part(PartKind::HistogramPoints, &it.points),
            MetricData::ExponentialHistogram(it) => {
                lazy_part(PartKind::ExponentialPoints, &it.points)
            }
            MetricData::Summary(it) => lazy_part(PartKind::SummaryPoints, &it.points),
        },
        _ => Value::Nil,
    }
}

pub(super) fn set(metric: &mut Metric<'_>, field: Field, value: &Value<'_>) -> Result<(), Error> {
    match field {
        Field::Name => metric.name = as_text(value)?,
        Field::Description => metric.description = as_text(value)?,
        Field::Unit => metric.unit = as_text(value)?,
        Field::Temporality => {
            let temporality = as_int(value)? as i32;
            match &mut metric.data {
                MetricData::Sum(sum) => sum.temporality = temporality,
                MetricData::Histogram(it) => it.temporality = temporality,
                MetricData::ExponentialHistogram(it) => it.temporality = temporality,
                _ => {}
            }
        }
        Field::Monotonic => {
            let monotonic = as_bool(value)?;
            if let MetricData::Sum(sum) = &mut metric.data {
                sum.is_monotonic = monotonic;
            }
        }
        Field::DataPoints => {
            // The only data points that a statement can name are the metric's own.
            let kind = match &metric.data {
                MetricData::Empty => return Ok(()),
                MetricData::Gauge(_) | MetricData::Sum(_) => PartKind::NumberPoints,
                MetricData::Histogram(_) => PartKind::HistogramPoints,
                MetricData::ExponentialHistogram(_) => PartKind::ExponentialPoints,
                MetricData::Summary(_) => PartKind::SummaryPoints,
            };
            as_part(kind, value)?;
        }
        // Compat: the type cannot be changed, and asking for it is no error.
        _ => {}
    }
    Ok(())
}
