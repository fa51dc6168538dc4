//! When two defaults mean the same: `60s` is `1m0s`, and none is the zero of the type.

use std::time::Duration;

use serde_json::Value;

/// Whether an argument of type `ty` starts out the same with either default.
pub fn equal(ty: &str, a: &Value, b: &Value) -> bool {
    meaning(ty, a) == meaning(ty, b)
}

/// What a default means, in one spelling.
fn meaning(ty: &str, default: &Value) -> Value {
    match (default, ty) {
        (Value::String(text), "duration") => duration(text).map_or_else(
            || default.clone(),
            |length| length.as_nanos().to_string().into(),
        ),
        (Value::Null, "duration") => "0".into(),
        (Value::Number(number), _) => number.as_f64().into(),
        (Value::Null, "bool") => false.into(),
        (Value::Null, "int" | "uint" | "float64" | "number") => 0.0.into(),
        (Value::Null, "string" | "secret" | "string|secret" | "size") => "".into(),
        (Value::Null, list) if list.starts_with("list(") => Value::Array(Vec::new()),
        (Value::Null, map) if map.starts_with("map(") => Value::Object(serde_json::Map::new()),
        _ => default.clone(),
    }
}

fn duration(text: &str) -> Option<Duration> {
    match text {
        // The longest time that Go can write down.
        "infinity" => Some(Duration::from_nanos(i64::MAX.cast_unsigned())),
        text => stdx::parse_duration(text).ok(),
    }
}

#[test]
fn defaults_are_compared_by_what_they_mean() {
    let equal = |ty, a: Value, b: Value| super::defaults::equal(ty, &a, &b);
    assert!(equal("duration", "60s".into(), "1m0s".into()));
    assert!(equal("duration", "0s".into(), Value::Null));
    assert!(equal(
        "duration",
        "infinity".into(),
        "2562047h47m16.854775807s".into()
    ));
    assert!(equal("list(string)", Value::Null, Value::Array(Vec::new())));
    assert!(equal("number", 0.into(), Value::Null));
    assert!(equal("float64", 1.into(), 1.0.into()));
    assert!(!equal("duration", "60s".into(), "61s".into()));
    assert!(!equal("bool", true.into(), Value::Null));
    assert!(!equal("string", "a".into(), Value::Null));
}
