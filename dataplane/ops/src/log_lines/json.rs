//! Values of attributes as JSON and as text, as the Collector writes them.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use batch::otlp::{AnyValue, Attributes};

use super::Unwritable;
use crate::stages::go_json::{write_number, write_string};

/// Appends attributes as an object, sorted by key.
pub fn write_object(map: &Attributes<'_>, out: &mut String) -> Result<(), Unwritable> {
    write_map(map, |_| true, out)
}

/// Appends a value.
pub(super) fn write_value(value: &AnyValue<'_>, out: &mut String) -> Result<(), Unwritable> {
    match value {
        AnyValue::Empty => out.push_str("null"),
        AnyValue::String(text) => write_string(&text.to_str(), out),
        AnyValue::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        AnyValue::Int(value) => write!(out, "{value}").expect("a string takes any text"),
        AnyValue::Double(value) if !value.is_finite() => {
            return Err(Unwritable(format!("json: unsupported value: {value}")));
        }
        AnyValue::Double(value) => write_number(*value, out),
        AnyValue::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_value(value, out)?;
            }
            out.push(']');
        }
        AnyValue::Map(map) => write_map(map, |_| true, out)?,
        AnyValue::Bytes(bytes) => {
            out.push('"');
            STANDARD.encode_string(bytes, out);
            out.push('"');
        }
    }
    Ok(())
}

/// Appends attributes as an object, sorted by key.
pub(super) fn write_map(
    map: &Attributes<'_>,
    takes: impl Fn(&str) -> bool,
    out: &mut String,
) -> Result<(), Unwritable> {
    let mut fields: Vec<(Cow<'_, str>, &AnyValue<'_>)> = Vec::with_capacity(map.len());
    for attribute in map {
        let key = attribute.key.to_str();
        if takes(&key) {
            fields.push((key, &attribute.value));
        }
    }
    fields.sort_by(|left, right| left.0.cmp(&right.0));
    out.push('{');
    for (index, (key, value)) in fields.into_iter().enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        write_string(&key, out);
        out.push(':');
        write_value(value, out)?;
    }
    out.push('}');
    Ok(())
}

/// A value as text: what a label or a name of it says.
#[must_use]
pub fn as_text<'v>(value: &'v AnyValue<'_>) -> Cow<'v, str> {
    match value {
        AnyValue::Empty => Cow::Borrowed(""),
        AnyValue::String(text) => text.to_str(),
        AnyValue::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        AnyValue::Int(value) => Cow::Owned(value.to_string()),
        AnyValue::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        AnyValue::Double(value) if !value.is_finite() => Cow::Owned(crate::ottl::go_float(*value)),
        other => {
            let mut text = String::new();
            match write_value(other, &mut text) {
                Ok(()) => Cow::Owned(text),
                // Compat: a map with a NaN inside has no text in Go either.
                Err(_) => Cow::Borrowed(""),
            }
        }
    }
}
