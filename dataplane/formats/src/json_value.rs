//! Values of JSON as values of OTLP.

use batch::otlp::{AnyValue, Attributes, KeyValue, VALUE_DEPTH_MAX};
use serde_json::Value;

/// How numbers are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Whole numbers are integers.
    ByShape,
    /// All are floats, as Go decodes them.
    Floats,
}

/// The same value; objects keep their order. What is nested deeper than OTLP can be stays JSON.
pub fn any_value(value: Value, numbers: Numbers) -> AnyValue<'static> {
    nested(value, numbers, VALUE_DEPTH_MAX)
}

fn nested(value: Value, numbers: Numbers, depth: usize) -> AnyValue<'static> {
    let Some(depth) = depth.checked_sub(1) else {
        return value.to_string().into();
    };
    match value {
        Value::Null => AnyValue::Empty,
        Value::Bool(value) => AnyValue::Bool(value),
        Value::Number(number) => match number.as_i64() {
            Some(whole) if numbers == Numbers::ByShape => AnyValue::Int(whole),
            _ => AnyValue::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => text.into(),
        Value::Array(values) => {
            let values = values
                .into_iter()
                .map(|value| nested(value, numbers, depth));
            AnyValue::Array(values.collect())
        }
        Value::Object(map) => AnyValue::Map(pairs(map, numbers, depth)),
    }
}

/// The fields of an object as attributes.
pub fn attributes(map: serde_json::Map<String, Value>, numbers: Numbers) -> Attributes<'static> {
    pairs(map, numbers, VALUE_DEPTH_MAX)
}

fn pairs(
    map: serde_json::Map<String, Value>,
    numbers: Numbers,
    depth: usize,
) -> Attributes<'static> {
    let list = map.into_iter().map(|(key, value)| KeyValue {
        key: key.into(),
        value: nested(value, numbers, depth),
    });
    list.collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use batch::otlp::{Lazy, LogRecord, OtlpSignal};

    use super::*;
    use crate::grouped::Grouped;

    /// Lists in each other, around a number.
    fn lists(depth: usize) -> Value {
        (0..depth).fold(Value::from(1), |inner, _| Value::Array(vec![inner]))
    }

    /// Maps are the deepest on the wire.
    fn maps(depth: usize) -> Value {
        (0..depth).fold(Value::from(1), |inner, _| serde_json::json!({ "a": inner }))
    }

    #[test]
    fn what_is_nested_too_deeply_stays_json_and_the_rest_passes_the_check() {
        for value in [lists(120), maps(120), maps(VALUE_DEPTH_MAX)] {
            let mut grouped = Grouped::new();
            grouped
                .items(&Attributes::default(), "", "")
                .push(Lazy::new(LogRecord {
                    body: any_value(value, Numbers::ByShape),
                    ..LogRecord::default()
                }));
            let batch = grouped.encode();
            let request = batch.to_request();
            let items = OtlpSignal::Logs.request().check(&request);
            assert_eq!(items.expect("what we made is valid"), 1);
        }
        let AnyValue::Array(mut values) = any_value(lists(40), Numbers::ByShape) else {
            panic!("the outer lists are lists");
        };
        let mut depth = 1;
        while let AnyValue::Array(inner) = values.remove(0) {
            values = inner;
            depth += 1;
        }
        assert_eq!(depth, VALUE_DEPTH_MAX);
    }
}
