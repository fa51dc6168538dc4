//! Values of attributes as text, as the Collector writes them: text as it is, bytes as base64,
//! lists and maps as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use batch::otlp::AnyValue;
use serde_json::Value;

/// The text of a value; empty if it has none.
pub fn any_text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Empty => String::new(),
        AnyValue::String(text) => text.to_string(),
        AnyValue::Bool(value) => value.to_string(),
        AnyValue::Int(value) => value.to_string(),
        AnyValue::Double(value) => double(*value),
        AnyValue::Bytes(bytes) => STANDARD.encode(bytes),
        AnyValue::Array(_) | AnyValue::Map(_) => json(value).to_string(),
    }
}

/// The shortest digits; an exponent only for the very large and the very small.
fn double(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) && value.is_finite() {
        let text = format!("{value:e}");
        return match text.contains("e-") {
            true => text,
            false => text.replacen('e', "e+", 1),
        };
    }
    value.to_string()
}

fn json(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Empty => Value::Null,
        AnyValue::Bool(value) => Value::Bool(*value),
        AnyValue::Int(value) => Value::from(*value),
        AnyValue::Double(value) => double(*value).parse().map_or(Value::Null, Value::Number),
        AnyValue::Array(values) => values.iter().map(json).collect(),
        AnyValue::Map(map) => {
            let each = map.iter().map(|it| (it.key.to_string(), json(&it.value)));
            Value::Object(each.collect())
        }
        text => Value::String(any_text(text)),
    }
}

#[cfg(test)]
mod tests {
    use batch::otlp::{Attributes, KeyValue};

    use super::*;

    #[test]
    fn values_of_all_kinds_have_a_text() {
        let map = AnyValue::Map(Attributes::from(vec![KeyValue {
            key: "k".into(),
            value: AnyValue::Array(vec![AnyValue::Double(1.0), AnyValue::from("x")]),
        }]));
        let cases = [
            (AnyValue::Empty, ""),
            (AnyValue::from("a"), "a"),
            (AnyValue::Bool(true), "true"),
            (AnyValue::Int(-3), "-3"),
            (AnyValue::Double(2.0), "2"),
            (AnyValue::Double(1e21), "1e+21"),
            (AnyValue::Double(2.5e-7), "2.5e-7"),
            (AnyValue::Bytes(vec![1, 2].into()), "AQI="),
            (map, r#"{"k":[1,"x"]}"#),
        ];
        for (value, expected) in cases {
            assert_eq!(any_text(&value), expected);
        }
    }
}
