//! For tests: values as plain JSON.

use schema::{Number, Value};
use serde_json::Value as Json;

pub(crate) fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::from(*value),
        Value::Number(Number::Int(value)) => Json::from(*value),
        Value::Number(Number::Uint(value)) => Json::from(*value),
        Value::Number(Number::Float(value)) => Json::from(*value),
        Value::String(text) => Json::from(&**text),
        Value::Array(values) => values.iter().map(json_of).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.to_string(), json_of(value)))
            .collect(),
        other => Json::from(other.describe()),
    }
}

/// Equal, where 1e3 and 1000 are the same number.
pub(crate) fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let equal = |(key, a): (&String, &Json)| b.get(key).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(equal)
        }
        _ => a == b,
    }
}
