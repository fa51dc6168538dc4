//! Fields of spans and of their events.

use batch::otlp::wire::Message as _;
use batch::otlp::{Span, Status};

use super::convert::{
    as_hex_id, as_int, as_nanos, as_part, as_span_id, as_str, as_text, as_time, as_trace_id, id,
    lazy_part, nanos, part, text, time,
};
use crate::ottl::error::Error;
use crate::ottl::path::Field;
use crate::ottl::text::to_hex;
use crate::ottl::value::{PartKind, Value};

/// Names of kinds, in the order of their numbers.
const KINDS: [&str; 6] = [
    "Unspecified",
    "Internal",
    "Server",
    "Client",
    "Producer",
    "Consumer",
];
const OLD_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

fn kind_name(names: &[&'static str; 6], kind: i32) -> Value<'static> {
    let name = usize::try_from(kind).ok().and_then(|kind| names.get(kind));
    Value::text(*name.unwrap_or(&""))
}

fn kind_number(names: &[&str; 6], value: &Value<'_>) -> Result<i32, Error> {
    let name = as_str(value)?;
    let found = names.iter().position(|other| *other == name);
    let found = found.ok_or_else(|| Error::new(format!("unknown span kind string, {name}")))?;
    Ok(found as i32)
}

fn hex_id<const LENGTH: usize>(bytes: &[u8]) -> Value<'static> {
    Value::text(to_hex(&id::<LENGTH>(bytes)))
}

fn count<'v>(value: u32) -> Value<'v> {
    Value::Int(i64::from(value))
}

pub(super) fn get<'v>(span: &'v Span<'_>, field: Field) -> Value<'v> {
    match field {
        Field::TraceId => Value::TraceId(id(&span.trace_id)),
        Field::TraceIdText => hex_id::<16>(&span.trace_id),
        Field::SpanId => Value::SpanId(id(&span.span_id)),
        Field::SpanIdText => hex_id::<8>(&span.span_id),
        Field::ParentSpanId => Value::SpanId(id(&span.parent_span_id)),
        Field::ParentSpanIdText => hex_id::<8>(&span.parent_span_id),
        Field::TraceState => text(&span.trace_state),
        Field::Status => part(PartKind::Status, std::iter::once(&span.status)),
        Field::StatusCode => Value::Int(i64::from(span.status.code)),
        Field::StatusMessage => text(&span.status.message),
        Field::Name => text(&span.name),
        Field::Kind => Value::Int(i64::from(span.kind)),
        Field::KindText => kind_name(&KINDS, span.kind),
        Field::KindDeprecatedText => kind_name(&OLD_KINDS, span.kind),
        Field::StartNano => nanos(span.start_unix_nano),
        Field::EndNano => nanos(span.end_unix_nano),
        Field::Start => time(span.start_unix_nano),
        Field::End => time(span.end_unix_nano),
        Field::DroppedAttributes => count(span.dropped_attributes_count),
        Field::Events => lazy_part(PartKind::Events, &span.events),
        Field::DroppedEvents => count(span.dropped_events_count),
        Field::Links => lazy_part(PartKind::Links, &span.links),
        Field::DroppedLinks => count(span.dropped_links_count),
        Field::Flags => count(span.flags),
        _ => Value::Nil,
    }
}

pub(super) fn set(span: &mut Span<'_>, field: Field, value: &Value<'_>) -> Result<(), Error> {
    match field {
        Field::TraceId => span.trace_id = as_trace_id(value)?,
        Field::TraceIdText => span.trace_id = as_hex_id::<16>(value)?,
        Field::SpanId => span.span_id = as_span_id(value)?,
        Field::SpanIdText => span.span_id = as_hex_id::<8>(value)?,
        Field::ParentSpanId => span.parent_span_id = as_span_id(value)?,
        Field::ParentSpanIdText => span.parent_span_id = as_hex_id::<8>(value)?,
        Field::TraceState => span.trace_state = as_text(value)?,
        Field::Status => set_status(span, value)?,
        Field::StatusCode => span.status.code = as_int(value)? as i32,
        Field::StatusMessage => span.status.message = as_text(value)?,
        Field::Name => span.name = as_text(value)?,
        Field::Kind => span.kind = as_int(value)? as i32,
        Field::KindText => span.kind = kind_number(&KINDS, value)?,
        Field::KindDeprecatedText => span.kind = kind_number(&OLD_KINDS, value)?,
        Field::StartNano => span.start_unix_nano = as_nanos(value)?,
        Field::EndNano => span.end_unix_nano = as_nanos(value)?,
        Field::Start => span.start_unix_nano = as_time(value)?,
        Field::End => span.end_unix_nano = as_time(value)?,
        Field::DroppedAttributes => span.dropped_attributes_count = as_int(value)? as u32,
        // The only events and links that a statement can name are the span's own.
        Field::Events => as_part(PartKind::Events, value).map(|_| ())?,
        Field::DroppedEvents => span.dropped_events_count = as_int(value)? as u32,
        Field::Links => as_part(PartKind::Links, value).map(|_| ())?,
        Field::DroppedLinks => span.dropped_links_count = as_int(value)? as u32,
        Field::Flags => {
            let flags = as_int(value)?;
            span.flags = u32::try_from(flags)
                .map_err(|_| Error::new(format!("value {flags} is out of range for uint32")))?;
        }
        _ => {}
    }
    Ok(())
}

fn set_status(span: &mut Span<'_>, value: &Value<'_>) -> Result<(), Error> {
    let part = as_part(PartKind::Status, value)?;
    let bytes = part.messages.first().map_or(&[][..], Vec::as_slice);
    let status = Status::decode(bytes).map_err(|error| Error::new(error.to_string()))?;
    span.status.code = status.code;
    span.status.message = status.message.into_owned();
    Ok(())
}

pub(super) fn get_event<'v>(span: &'v Span<'_>, at: usize, field: Field) -> Value<'v> {
    let Some(event) = span.events.get(at).map(|event| event.get()) else {
        return Value::Nil;
    };
    match field {
        Field::TimeNano => nanos(event.time_unix_nano),
        Field::Time => time(event.time_unix_nano),
        Field::Name => text(&event.name),
        Field::DroppedAttributes => count(event.dropped_attributes_count),
        Field::EventIndex => Value::Int(at as i64),
        _ => Value::Nil,
    }
}

pub(super) fn set_event(
    span: &mut Span<'_>,
    at: usize,
    field: Field,
    value: &Value<'_>,
) -> Result<(), Error> {
    let Some(event) = span.events.get_mut(at) else {
        return Ok(());
    };
    let event = event.get_mut();
    match field {
        Field::TimeNano => event.time_unix_nano = as_nanos(value)?,
        Field::Time => event.time_unix_nano = as_time(value)?,
        Field::Name => event.name = as_text(value)?,
        Field::DroppedAttributes => event.dropped_attributes_count = as_int(value)? as u32,
        Field::EventIndex => return Err(Error::new("the 'event_index' path cannot be modified")),
        _ => {}
    }
    Ok(())
}
