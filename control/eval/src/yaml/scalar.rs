//! What a scalar means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saphyr_parser::Tag;
use schema::{Number, Value};

use super::timestamp;

/// The value of a scalar; a quoted one, or one with a tag of its own, is a text.
pub(super) fn resolve(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    let Some(tag) = tag else {
        return Ok(if plain {
            untagged(text)
        } else {
            Value::string(text)
        });
    };
    if !tag.is_yaml_core_schema() {
        return Ok(Value::string(text));
    }
    let wrong = || format!("cannot decode {text:?} as a !!{}", tag.suffix);
    let value = untagged(text);
    match (tag.suffix.as_str(), &value) {
        ("null", Value::Null) | ("bool", Value::Bool(_)) => Ok(value),
        ("int", Value::Number(Number::Int(_) | Number::Uint(_))) => Ok(value),
        ("float", Value::Number(number)) => Ok(Value::from(number.as_f64())),
        ("timestamp", _) => timestamp::parse(text).map(Value::from).ok_or_else(wrong),
        ("binary", _) => {
            let plain: String = text.split_whitespace().collect();
            let bytes = STANDARD.decode(plain).map_err(|_| wrong())?;
            Ok(Value::string(String::from_utf8_lossy(&bytes)))
        }
        ("null" | "bool" | "int" | "float", _) => Err(wrong()),
        _ => Ok(Value::string(text)),
    }
}

fn untagged(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::from(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::from(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::from(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::string(text);
    }
    if let Some(time) = timestamp::parse(text) {
        return Value::from(time);
    }
    let plain = text.replace('_', "");
    if let Some(number) = whole(&plain) {
        return Value::Number(number);
    }
    match plain.parse() {
        Ok(value) if is_float(&plain) => Value::Number(Number::Float(value)),
        _ => Value::string(text),
    }
}

/// With a sign and a prefix that names the base; a leading zero alone means octal.
fn whole(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let (digits, radix) = match prefix.as_deref() {
        Some("0x") => (&digits[2..], 16),
        Some("0b") => (&digits[2..], 2),
        Some("0o") => (&digits[2..], 8),
        Some(octal) if octal.starts_with('0') => (&digits[1..], 8),
        _ => (digits, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let absolute = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(absolute)) {
        (false, Ok(value)) => Some(Number::Int(value)),
        (false, Err(_)) => Some(Number::Uint(absolute)),
        (true, _) => 0_i64.checked_sub_unsigned(absolute).map(Number::Int),
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)))
}
