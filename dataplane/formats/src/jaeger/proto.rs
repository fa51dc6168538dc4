//! `jaeger.api_v2` in protobuf.

use batch::otlp::{AnyValue, KeyValue};

use super::model::{Batch, Process, Reference, Span};
use crate::protobuf::{DecodeError, Fields, Value};

/// The batch of a request.
pub fn decode(message: &[u8]) -> Result<Batch, DecodeError> {
    let mut batch = Batch::default();
    let mut request = Fields::new("PostSpansRequest", message);
    while let Some((number, value)) = request.next()? {
        if number != 1 {
            continue;
        }
        let mut fields = Fields::new("Batch", value.bytes("batch")?);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => batch.spans.push(span(value.bytes("spans")?)?),
                2 => batch.process = Some(process(value.bytes("process")?)?),
                _ => {}
            }
        }
    }
    Ok(batch)
}

fn span(bytes: &[u8]) -> Result<Span, DecodeError> {
    let mut span = Span::default();
    let mut fields = Fields::new("Span", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => span.trace_id = trace_id(value)?,
            2 => span.id = span_id(value)?,
            3 => span.name = value.text("operation_name")?,
            4 => span.references.push(reference(value.bytes("references")?)?),
            6 => span.start_ns = nanoseconds(value.bytes("start_time")?)?,
            7 => span.duration_ns = nanoseconds(value.bytes("duration")?)?,
            8 => span.tags.push(tag(value.bytes("tags")?)?),
            9 => span.logs.push(log(value.bytes("logs")?)?),
            10 => span.process = Some(process(value.bytes("process")?)?),
            _ => {}
        }
    }
    Ok(span)
}

/// 16 bytes, or 8 of the lower half.
fn trace_id(value: Value<'_>) -> Result<[u8; 16], DecodeError> {
    let bytes = value.bytes("trace_id")?;
    let mut id = [0; 16];
    match bytes.len() {
        0 => {}
        8 => id[8..].copy_from_slice(bytes),
        16 => id.copy_from_slice(bytes),
        _ => {
            return Err(DecodeError {
                field: "trace_id",
                reason: "invalid length for TraceID",
            });
        }
    }
    Ok(id)
}

fn span_id(value: Value<'_>) -> Result<[u8; 8], DecodeError> {
    match value.bytes("span_id")? {
        [] => Ok([0; 8]),
        bytes => bytes.as_array().copied().ok_or(DecodeError {
            field: "span_id",
            reason: "invalid length for SpanID",
        }),
    }
}

fn reference(bytes: &[u8]) -> Result<Reference, DecodeError> {
    let mut reference = Reference::default();
    let mut fields = Fields::new("SpanRef", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => reference.trace_id = trace_id(value)?,
            2 => reference.span_id = span_id(value)?,
            3 => reference.follows = value.varint("ref_type")? == 1,
            _ => {}
        }
    }
    Ok(reference)
}

/// A `Timestamp` or `Duration`.
fn nanoseconds(bytes: &[u8]) -> Result<u64, DecodeError> {
    let (mut seconds, mut nanos) = (0_u64, 0_u64);
    let mut fields = Fields::new("Timestamp", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => seconds = value.varint("seconds")?,
            2 => nanos = value.varint("nanos")?,
            _ => {}
        }
    }
    // What is before 1970 is none.
    let seconds = u64::try_from(seconds as i64).unwrap_or(0);
    Ok(seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanos.min(999_999_999)))
}

fn log(bytes: &[u8]) -> Result<(u64, Vec<KeyValue<'static>>), DecodeError> {
    let mut log = (0, Vec::new());
    let mut fields = Fields::new("Log", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => log.0 = nanoseconds(value.bytes("timestamp")?)?,
            2 => log.1.push(tag(value.bytes("fields")?)?),
            _ => {}
        }
    }
    Ok(log)
}

fn process(bytes: &[u8]) -> Result<Process, DecodeError> {
    let mut process = Process::default();
    let mut fields = Fields::new("Process", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => process.service = value.text("service_name")?,
            2 => process.tags.push(tag(value.bytes("tags")?)?),
            _ => {}
        }
    }
    Ok(process)
}

fn tag(bytes: &[u8]) -> Result<KeyValue<'static>, DecodeError> {
    let mut key = String::new();
    let mut kind = 0;
    let mut values = [const { None }; 5];
    let mut fields = Fields::new("KeyValue", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = value.text("key")?,
            2 => kind = value.varint("v_type")?,
            3 => values[0] = Some(AnyValue::from(value.text("v_str")?)),
            4 => values[1] = Some(AnyValue::Bool(value.varint("v_bool")? != 0)),
            5 => values[2] = Some(AnyValue::Int(value.varint("v_int64")? as i64)),
            6 => values[3] = Some(AnyValue::Double(value.double("v_float64")?)),
            7 => {
                let bytes = value.bytes("v_binary")?.to_vec();
                values[4] = Some(AnyValue::Bytes(bytes.into()));
            }
            _ => {}
        }
    }
    // A value of the type that was told; what is not there is that type's nothing.
    let nothing = match kind {
        0 => AnyValue::from(""),
        1 => AnyValue::Bool(false),
        2 => AnyValue::Int(0),
        3 => AnyValue::Double(0.0),
        4 => AnyValue::Bytes(Vec::new().into()),
        kind => AnyValue::from(format!("<Unknown Jaeger TagType \"{kind}\">")),
    };
    let told = values.get_mut(kind as usize).and_then(Option::take);
    Ok(KeyValue {
        key: key.into(),
        value: told.unwrap_or(nothing),
    })
}
