//! JSON: reading, writing, and paths into it.

use schema::{Object, Value};

use super::call::{Call, Result, fail};

/// Compat: every number is a float.
pub(super) fn from_json(call: &Call<'_>) -> Result {
    call.expect(1)?;
    match serde_json::from_str::<serde_json::Value>(&call.text(0)?) {
        Ok(json) => Ok(value_of(&json)),
        Err(error) => fail(format!("not JSON: {error}")),
    }
}

pub(crate) fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::from(
            number
                .as_f64()
                .expect("without arbitrary precision every number is a float"),
        ),
        serde_json::Value::String(text) => Value::string(text.as_str()),
        serde_json::Value::Array(values) => Value::array(values.iter().map(value_of)),
        serde_json::Value::Object(fields) => Value::object(
            fields
                .iter()
                .map(|(key, value)| (key.as_str(), value_of(value))),
        ),
    }
}

/// As `value_of`, but whole numbers stay whole.
fn exact_value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(whole)) => Value::from(whole),
            (None, None) => value_of(json),
        },
        serde_json::Value::Array(values) => Value::array(values.iter().map(exact_value_of)),
        serde_json::Value::Object(fields) => Value::object(
            fields
                .iter()
                .map(|(key, value)| (key.as_str(), exact_value_of(value))),
        ),
        _ => value_of(json),
    }
}

/// Compat: only objects are taken; keys are sorted, `<`, `>` and `&` are escaped as Go does.
pub(super) fn to_json(call: &Call<'_>) -> Result {
    call.expect(1)?;
    let Value::Object(object) = &call.all()[0] else {
        return Err(call.mismatch(0, "object"));
    };
    let mut out = String::new();
    if let Err(message) = write_object(object, &mut out) {
        return call.blame(0, message);
    }
    Ok(Value::string(out))
}

fn write_object(object: &Object, out: &mut String) -> std::result::Result<(), String> {
    out.push('{');
    for (at, (key, value)) in object.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(key, out);
        out.push(':');
        write_value(value, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_value(value: &Value, out: &mut String) -> std::result::Result<(), String> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&crate::format::json_number(*number)?),
        Value::String(text) => write_text(text, out),
        Value::Object(object) => write_object(object, out)?,
        Value::Array(_) | Value::Targets(_) => {
            out.push('[');
            for (at, element) in value.elements().unwrap_or_default().iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(element, out)?;
            }
            out.push(']');
        }
        Value::Function(_) | Value::Capsule(_) => {
            return Err(format!("{} cannot be written as JSON", value.describe()));
        }
    }
    Ok(())
}

fn write_text(text: &str, out: &mut String) {
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
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

pub(super) fn json_path(call: &Call<'_>) -> Result {
    call.expect(2)?;
    let path = match crate::json_path::parse(&call.text(1)?) {
        Ok(path) => path,
        Err(message) => return call.blame(1, message),
    };
    match serde_json::from_str::<serde_json::Value>(&call.text(0)?) {
        Ok(json) => Ok(Value::array(
            path.select(&json).into_iter().map(exact_value_of),
        )),
        Err(error) => call.blame(0, format!("not JSON: {error}")),
    }
}
