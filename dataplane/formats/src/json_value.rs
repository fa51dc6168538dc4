//! Values of JSON as values of OTLP.

use batch::otlp::{AnyValue, Attributes, KeyValue};
use serde_json::Value;

/// How numbers are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Whole numbers are integers.
    ByShape,
    /// All are floats, as Go decodes them.
    Floats,
}

/// The same value; objects keep their order.
pub fn any_value(value: Value, numbers: Numbers) -> AnyValue<'static> {
    match value {
        Value::Null => AnyValue::Empty,
        Value::Bool(value) => AnyValue::Bool(value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) if numbers == Numbers::ByShape => AnyValue::Int(whole),
            _ => AnyValue::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => text.into(),
        Value::Array(values) => {
            let values = values.into_iter().map(|value| any_value(value, numbers));
            AnyValue::Array(values.collect())
        }
        Value::Object(map) => AnyValue::Map(attributes(map, numbers)),
    }
}

/// The fields of an object as attributes.
pub fn attributes(map: serde_json::Map<String, Value>, numbers: Numbers) -> Attributes<'static> {
    let list = map.into_iter().map(|(key, value)| KeyValue {
        key: key.into(),
        value: any_value(value, numbers),
    });
    list.collect::<Vec<_>>().into()
}
