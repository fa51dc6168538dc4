//! Fields of exemplars.

use batch::otlp::{Exemplar, ExemplarValue, Number};

use super::convert::{
    as_float, as_hex_id, as_int, as_nanos, as_span_id, as_time, as_trace_id, id, nanos, time,
};
use crate::ottl::error::Error;
use crate::ottl::path::Field;
use crate::ottl::text::to_hex;
use crate::ottl::value::Value;

pub(super) fn get<'v>(exemplar: &'v Exemplar<'_>, field: Field) -> Value<'v> {
    match field {
        Field::TimeNano => nanos(exemplar.time_unix_nano),
        Field::Time => time(exemplar.time_unix_nano),
        Field::DoubleValue => Value::Float(double(exemplar.value.0)),
        Field::IntValue => Value::Int(int(exemplar.value.0)),
        Field::TraceId => Value::TraceId(id(&exemplar.trace_id)),
        Field::TraceIdText => Value::text(to_hex(&id::<16>(&exemplar.trace_id))),
        Field::SpanId => Value::SpanId(id(&exemplar.span_id)),
        Field::SpanIdText => Value::text(to_hex(&id::<8>(&exemplar.span_id))),
        _ => Value::Nil,
    }
}

/// Compat: a number that is of the other type reads as zero.
pub(super) fn double(number: Number) -> f64 {
    match number {
        Number::Double(value) => value,
        _ => 0.0,
    }
}

pub(super) fn int(number: Number) -> i64 {
    match number {
        Number::Int(value) => value,
        _ => 0,
    }
}

pub(super) fn set(
    exemplar: &mut Exemplar<'_>,
    field: Field,
    value: &Value<'_>,
) -> Result<(), Error> {
    match field {
        Field::TimeNano => exemplar.time_unix_nano = as_nanos(value)?,
        Field::Time => exemplar.time_unix_nano = as_time(value)?,
        Field::DoubleValue => exemplar.value = ExemplarValue(Number::Double(as_float(value)?)),
        Field::IntValue => exemplar.value = ExemplarValue(Number::Int(as_int(value)?)),
        Field::TraceId => exemplar.trace_id = as_trace_id(value)?,
        Field::TraceIdText => exemplar.trace_id = as_hex_id::<16>(value)?,
        Field::SpanId => exemplar.span_id = as_span_id(value)?,
        Field::SpanIdText => exemplar.span_id = as_hex_id::<8>(value)?,
        _ => {}
    }
    Ok(())
}
