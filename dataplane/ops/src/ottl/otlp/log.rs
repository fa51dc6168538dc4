//! Fields of log records.

use batch::otlp::{AnyValue, LogRecord};

use super::convert::{
    as_hex_id, as_int, as_nanos, as_span_id, as_text, as_time, as_trace_id, from_any, id, nanos,
    text, time, to_any,
};
use crate::ottl::error::Error;
use crate::ottl::path::Field;
use crate::ottl::text::{attribute_text, to_hex};
use crate::ottl::value::Value;

pub(super) fn get<'v>(record: &'v LogRecord<'_>, field: Field) -> Value<'v> {
    match field {
        Field::TimeNano => nanos(record.time_unix_nano),
        Field::ObservedNano => nanos(record.observed_unix_nano),
        Field::Time => time(record.time_unix_nano),
        Field::Observed => time(record.observed_unix_nano),
        Field::SeverityNumber => Value::Int(i64::from(record.severity_number)),
        Field::SeverityText => text(&record.severity_text),
        Field::EventName => text(&record.event_name),
        Field::Body => from_any(&record.body),
        Field::BodyText => match from_any(&record.body) {
            text @ Value::Text(_) => text,
            other => Value::text(attribute_text(&other).into_owned()),
        },
        Field::DroppedAttributes => Value::Int(i64::from(record.dropped_attributes_count)),
        Field::Flags => Value::Int(i64::from(record.flags)),
        Field::TraceId => Value::TraceId(id(&record.trace_id)),
        Field::TraceIdText => Value::text(to_hex(&id::<16>(&record.trace_id))),
        Field::SpanId => Value::SpanId(id(&record.span_id)),
        Field::SpanIdText => Value::text(to_hex(&id::<8>(&record.span_id))),
        _ => Value::Nil,
    }
}

pub(super) fn set(
    record: &mut LogRecord<'_>,
    field: Field,
    value: &Value<'_>,
) -> Result<(), Error> {
    match field {
        Field::TimeNano => record.time_unix_nano = as_nanos(value)?,
        Field::ObservedNano => record.observed_unix_nano = as_nanos(value)?,
        Field::Time => record.time_unix_nano = as_time(value)?,
        Field::Observed => record.observed_unix_nano = as_time(value)?,
        Field::SeverityNumber => record.severity_number = as_int(value)? as i32,
        Field::SeverityText => record.severity_text = as_text(value)?,
        Field::EventName => record.event_name = as_text(value)?,
        Field::Body => record.body = to_any(value)?,
        Field::BodyText => record.body = AnyValue::String(as_text(value)?),
        Field::DroppedAttributes => record.dropped_attributes_count = as_int(value)? as u32,
        Field::Flags => record.flags = as_int(value)? as u32,
        Field::TraceId => record.trace_id = as_trace_id(value)?,
        Field::TraceIdText => record.trace_id = as_hex_id::<16>(value)?,
        Field::SpanId => record.span_id = as_span_id(value)?,
        Field::SpanIdText => record.span_id = as_hex_id::<8>(value)?,
        _ => {}
    }
    Ok(())
}
