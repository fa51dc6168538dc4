//! Values as text: JSON, hexadecimal, base64, numbers as Go writes them.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::Error;
use super::value::{List, ListKind, Map, Value};

/// A value as the string-like functions read it; nil stays nil.
pub(super) fn text_like<'a>(value: Value<'a>) -> Result<Option<Cow<'a, str>>, Error> {
    Ok(Some(match value {
        Value::Nil => return Ok(None),
        Value::Text(text) => text,
        Value::Bytes(bytes) => Cow::Owned(to_hex(&bytes)),
        other => {
            let mut out = String::new();
            Json::LIKE.write(&other, &mut out)?;
            Cow::Owned(out)
        }
    }))
}

/// A value of an attribute as text: bytes in base64, nil empty.
pub(super) fn attribute_text<'a>(value: &'a Value<'a>) -> Cow<'a, str> {
    match value {
        Value::Nil => Cow::Borrowed(""),
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        Value::Float(value) if !value.is_finite() => {
            Cow::Owned(format!("json: unsupported value: {}", go_float(*value)))
        }
        other => {
            let mut out = String::new();
            match Json::ATTRIBUTE.write(other, &mut out) {
                Ok(()) => Cow::Owned(out),
                // Compat: Go's marshaller gives nothing for a map with a NaN inside.
                Err(_) => Cow::Borrowed(""),
            }
        }
    }
}

/// How values are written as JSON: keys sorted, bytes in base64.
///
/// Compat: the reference has two writers, which differ in what they escape and in exponents.
#[derive(Debug, Clone, Copy)]
struct Json {
    escape_html: bool,
    /// Whether exponents have two digits at least.
    long_exponents: bool,
}

impl Json {
    /// For functions that take what is like a string.
    const LIKE: Json = Json {
        escape_html: true,
        long_exponents: true,
    };
    /// For attributes as text.
    const ATTRIBUTE: Json = Json {
        escape_html: false,
        long_exponents: false,
    };

    fn write(self, value: &Value<'_>, out: &mut String) -> Result<(), Error> {
        match value {
            Value::Nil => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Int(value) | Value::Duration(value) => push(out, value),
            Value::Float(value) if !value.is_finite() => {
                let message = format!("json: unsupported value: {}", go_float(*value));
                return Err(Error::new(message));
            }
            Value::Float(value) => out.push_str(&json_float(*value, self.long_exponents)),
            Value::Text(text) => self.text(text, out),
            Value::Bytes(bytes) => {
                out.push('"');
                STANDARD.encode_string(bytes, out);
                out.push('"');
            }
            Value::Map(map) => self.map(map, out)?,
            Value::List(list) => self.list(list, out)?,
            Value::Time(time) => self.text(&time.rfc3339(), out),
            Value::TraceId(id) | Value::ProfileId(id) => numbers(id, out),
            Value::SpanId(id) => numbers(id, out),
            // Compat: these are structures without public fields in the reference.
            Value::Part(_) => out.push_str("{}"),
        }
        Ok(())
    }

    fn list(self, list: &List, out: &mut String) -> Result<(), Error> {
        out.push('[');
        for (index, item) in list.items.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match (list.kind, item) {
                // Compat: maps and lists of data lose their content in a list that is written.
                (ListKind::Written, Value::Map(_)) => out.push_str("{}"),
                (ListKind::Written, Value::List(inner)) if inner.kind == ListKind::Any => {
                    out.push_str("{}");
                }
                (_, item) => self.write(item, out)?,
            }
        }
        out.push(']');
        Ok(())
    }

    fn map(self, map: &Map, out: &mut String) -> Result<(), Error> {
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_by_key(|(key, _)| *key);
        out.push('{');
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.text(key, out);
            out.push(':');
            self.write(value, out)?;
        }
        out.push('}');
        Ok(())
    }

    fn text(self, text: &str, out: &mut String) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '<' | '>' | '&' if !self.escape_html => out.push(c),
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                    write!(out, "\\u{:04x}", c as u32).expect("writing to a string does not fail");
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

fn push(out: &mut String, value: &impl std::fmt::Display) {
    write!(out, "{value}").expect("writing to a string does not fail");
}

fn numbers(bytes: &[u8], out: &mut String) {
    out.push('[');
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push(out, byte);
    }
    out.push(']');
}

/// A float in JSON: plain between 1e-6 and 1e21, else with an exponent.
fn json_float(value: f64, long_exponents: bool) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    if long_exponents {
        return exponent_form(text);
    }
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent}"),
            None => format!("{digits}e+{exponent}"),
        },
        None => text,
    }
}

/// A float as Go's `%v` writes it: the shortest digits, an exponent from a million on and below
/// 1e-4.
pub(crate) fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    // The digits are the shortest that read back, so that the exponent is told by the size.
    let size = value.abs();
    match size == 0.0 || (1e-4..1e6).contains(&size) {
        true => format!("{value}"),
        false => exponent_form(format!("{value:e}")),
    }
}

/// Rust's exponent as Go's: a sign, and at least two digits.
pub(super) fn exponent_form(text: String) -> String {
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    match exponent.strip_prefix('-') {
        Some(exponent) => format!("{digits}e-{exponent:0>2}"),
        None => format!("{digits}e+{exponent:0>2}"),
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Lower-case hexadecimal.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

/// Bytes from hexadecimal digits of either case.
pub(super) fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.len() % 2 == 1 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8))
        .collect()
}
