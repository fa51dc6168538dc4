//! Lines of `key=value` pairs, as the Go package logfmt writes them.

use std::borrow::Cow;
use std::fmt::Write as _;

use batch::otlp::AnyValue;

use super::Unwritable;
use crate::ottl::go_float;

/// Appends a pair. What a key may not hold is left out of it; an empty key is an error.
pub fn write_pair(key: &str, value: &AnyValue<'_>, out: &mut String) -> Result<(), Unwritable> {
    match value {
        AnyValue::Empty => write_text(key, None, out),
        AnyValue::String(text) => write_text(key, Some(&text.to_str()), out),
        AnyValue::Bool(value) => write_text(key, Some(if *value { "true" } else { "false" }), out),
        AnyValue::Int(value) => write_text(key, Some(&value.to_string()), out),
        AnyValue::Double(value) => write_text(key, Some(&go_float(*value)), out),
        AnyValue::Bytes(bytes) => write_text(key, Some(&String::from_utf8_lossy(bytes)), out),
        // Compat: the package writes its error in place of a list or map.
        AnyValue::Array(_) | AnyValue::Map(_) => {
            write_text(key, Some("unsupported value type"), out)
        }
    }
}

/// `write_pair` with a text, or with nothing.
pub fn write_text(key: &str, value: Option<&str>, out: &mut String) -> Result<(), Unwritable> {
    let key = clean(key);
    if key.is_empty() {
        return Err(Unwritable("logfmt: invalid key".to_owned()));
    }
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(&key);
    out.push('=');
    match value {
        None => out.push_str("null"),
        Some("null") => out.push_str("\"null\""),
        Some(text) if text.chars().any(special) => quote(text, out),
        Some(text) => out.push_str(text),
    }
    Ok(())
}

fn special(c: char) -> bool {
    c <= ' ' || matches!(c, '=' | '"' | '\u{fffd}')
}

fn clean(key: &str) -> Cow<'_, str> {
    match key.chars().any(special) {
        true => Cow::Owned(key.chars().filter(|c| !special(*c)).collect()),
        false => Cow::Borrowed(key),
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '\u{fffd}' => {
                write!(out, "\\u{:04x}", c as u32).expect("a string takes any text");
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}
