//! Protobuf to JSON.

use std::io::Write;

use base64::Engine;
use batch::otlp::schema::{Field, FieldKind, Schema};
use stdx::protobuf::{DecodeError, Fields, Value};
use stdx::varint;

/// The JSON of a message. Fields come in the order of the schema; those that are not on the wire
/// are left out.
pub fn encode(schema: &'static Schema, message: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::with_capacity(message.len() * 2);
    object(schema, message, &mut out)?;
    Ok(out)
}

/// Costs a walk over the message for each field that it may have.
fn object(schema: &'static Schema, message: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    out.push(b'{');
    let mut first = true;
    for field in schema.fields.iter().chain(schema.oneof) {
        let mut open = false;
        let mut fields = Fields::new(schema.name, message);
        let mut last = None;
        while let Some((number, value)) = fields.next()? {
            if number != u64::from(field.number) {
                continue;
            }
            if !field.repeated {
                last = Some(value);
                continue;
            }
            if !open {
                key(field, &mut first, out);
                out.push(b'[');
            }
            elements(field, value, &mut open, out)?;
        }
        if open {
            out.push(b']');
        }
        if let Some(value) = last {
            key(field, &mut first, out);
            element(field, value, out)?;
        }
    }
    out.push(b'}');
    Ok(())
}

fn key(field: &Field, first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::replace(first, false) {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(field.json.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends the values of a repeated field, which numbers may have packed.
fn elements(
    field: &Field,
    value: Value<'_>,
    open: &mut bool,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let mut put = |value: Value<'_>, out: &mut Vec<u8>| {
        if std::mem::replace(open, true) {
            out.push(b',');
        }
        element(field, value, out)
    };
    let (Value::Bytes(mut packed), Some(width)) = (value, packed_width(field.kind)) else {
        return put(value, out);
    };
    while !packed.is_empty() {
        let cut = DecodeError {
            field: field.json,
            reason: "cut off",
        };
        let value = match width {
            Some(_) => {
                let (bytes, rest) = packed.split_first_chunk().ok_or(cut)?;
                packed = rest;
                Value::Fixed64(u64::from_le_bytes(*bytes))
            }
            None => {
                let (value, len) = varint::get(packed).ok_or(cut)?;
                packed = &packed[len..];
                Value::Varint(value)
            }
        };
        put(value, out)?;
    }
    // Nothing was packed: the array is there all the same.
    *open = true;
    Ok(())
}

/// Whether values of this kind may be packed, and in how many bytes each: none for varints.
fn packed_width(kind: FieldKind) -> Option<Option<usize>> {
    match kind {
        FieldKind::Fixed64 | FieldKind::SFixed64 | FieldKind::Double => Some(Some(8)),
        FieldKind::Uint64 => Some(None),
        _ => None,
    }
}

fn element(field: &Field, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let mut show = |text: std::fmt::Arguments<'_>| {
        out.write_fmt(text).expect("memory takes what it is given");
    };
    match (field.kind, value) {
        (FieldKind::Message(schema), Value::Bytes(bytes)) => object(schema, bytes, out)?,
        (FieldKind::Str, Value::Bytes(bytes)) => {
            let text = String::from_utf8_lossy(bytes);
            serde_json::to_writer(out, &*text).expect("memory takes what it is given");
        }
        (FieldKind::Id(_), Value::Bytes(bytes)) => {
            show(format_args!("\""));
            bytes
                .iter()
                .for_each(|byte| show(format_args!("{byte:02x}")));
            show(format_args!("\""));
        }
        (FieldKind::Blob, Value::Bytes(bytes)) => {
            let text = base64::engine::general_purpose::STANDARD.encode(bytes);
            show(format_args!("\"{text}\""));
        }
        (FieldKind::Uint32 | FieldKind::Enum, Value::Varint(value)) => {
            show(format_args!("{}", value as i32));
        }
        (FieldKind::SInt32, Value::Varint(value)) => {
            show(format_args!("{}", varint::unzigzag(value)));
        }
        (FieldKind::Bool, Value::Varint(value)) => show(format_args!("{}", value != 0)),
        (FieldKind::Uint64, Value::Varint(value)) | (FieldKind::Fixed64, Value::Fixed64(value)) => {
            show(format_args!("\"{value}\""));
        }
        (FieldKind::Int64, Value::Varint(value)) | (FieldKind::SFixed64, Value::Fixed64(value)) => {
            show(format_args!("\"{}\"", value as i64));
        }
        (FieldKind::Fixed32, Value::Fixed32(value)) => show(format_args!("{value}")),
        (FieldKind::Double, Value::Fixed64(bits)) => match f64::from_bits(bits) {
            value if value.is_nan() => show(format_args!("\"NaN\"")),
            value if value == f64::INFINITY => show(format_args!("\"Infinity\"")),
            value if value == f64::NEG_INFINITY => show(format_args!("\"-Infinity\"")),
            value => serde_json::to_writer(out, &value).expect("memory takes what it is given"),
        },
        _ => {
            return Err(DecodeError {
                field: field.json,
                reason: "field of a wrong wire type",
            });
        }
    }
    Ok(())
}
