//! Writes JSON the way the library does that Alloy uses: HTML-safe texts, Go's floats.

use std::fmt::Write as _;

use serde_json::Value;

/// Appends a text in quotes.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                write!(out, "\\u{:04x}", c as u32).expect("a string takes any text");
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a number: with an exponent below 1e-6 and from 1e21 on, as in JavaScript.
pub(crate) fn write_number(value: f64, out: &mut String) {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').expect("an exponent was asked for");
        let sign = if exponent.starts_with('-') { '-' } else { '+' };
        let exponent = exponent.trim_start_matches('-');
        // Compat: one digit below ten on the small side, two on the large side do not occur.
        write!(out, "{digits}e{sign}{exponent:0>2}").expect("a string takes any text");
        if sign == '-' && exponent.len() == 1 {
            let zero = out.len() - 2;
            out.remove(zero);
        }
        return;
    }
    write!(out, "{value}").expect("a string takes any text");
}

/// Appends a value; fields in the order in which they came.
pub(crate) fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => write_number(number.as_f64().unwrap_or_default(), out),
        Value::String(text) => write_string(text, out),
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write(value, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_string(name, out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_go_does() {
        let mut out = String::new();
        let text = r#"{"b":[1.0,1e21,1e-7,0.5,null],"a":"<&>\u0001é"}"#;
        write(&serde_json::from_str(text).expect("JSON"), &mut out);
        let expected = r#"{"b":[1,1e+21,1e-7,0.5,null],"a":"\u003c\u0026\u003e\u0001é"}"#;
        assert_eq!(out, expected);
    }
}
