//! What operators make of an entry, and which settings are refused.

use batch::otlp::AnyValue;
use serde_json::json;

use super::*;

/// The entry that operators make of a body, as text; `dropped`, or why there are no operators.
fn run(operators: serde_json::Value, body: &str) -> String {
    let settings = operators.as_array().unwrap();
    let pipeline = match Pipeline::new(settings) {
        Ok(pipeline) => pipeline,
        Err(error) => return error,
    };
    let mut entry = Entry::default();
    entry.record.body = AnyValue::from(body.to_owned());
    let mut errors = Vec::new();
    if !pipeline.run(&mut entry, 0, |error| errors.push(error.to_owned())) {
        return format!("dropped {errors:?}");
    }
    let record = entry.record;
    let mut keys = Vec::new();
    for attribute in &record.attributes {
        keys.push(format!("{}={:?}", attribute.key, attribute.value));
    }
    format!(
        "{:?} {keys:?} {} {} {}",
        record.body, record.severity_number, record.severity_text, record.time_unix_nano
    )
}

#[test]
fn a_line_is_taken_apart_by_a_pattern() {
    let operators = json!([
        {"type": "regex_parser", "regex": "^(?P<t>\\S+) (?P<s>\\w+) (?P<m>.*)$",
         "timestamp": {"parse_from": "attributes.t", "layout": "%Y-%m-%dT%H:%M:%SZ"},
         "severity": {"parse_from": "attributes.s"}},
        {"type": "move", "from": "attributes.m", "to": "body"},
        {"type": "remove", "field": "attributes.t"},
    ]);
    let made = run(operators, "1970-01-01T00:00:02Z WARN some text");
    assert_eq!(
        made,
        "String(\"some text\") [\"s=String(\\\"WARN\\\")\"] 13 WARN 2000000000"
    );
}

#[test]
fn json_and_pairs_become_attributes() {
    let json = run(
        json!([{"type": "json_parser"}]),
        "{\"a\":1,\"b\":{\"c\":\"d\"}}",
    );
    assert!(
        json.contains("a=Double(1.0)") && json.contains("b=Map"),
        "{json}"
    );
    let pairs = run(json!([{"type": "key_value_parser"}]), "a=b c=\"d e\"");
    assert!(
        pairs.contains("a=String(\\\"b\\\")") && pairs.contains("d e"),
        "{pairs}"
    );
}

#[test]
fn what_fails_goes_on_or_is_dropped() {
    let parser = |on_error: &str| json!([{"type": "json_parser", "on_error": on_error}]);
    assert!(run(parser("send"), "x").starts_with("String(\"x\") []"));
    assert!(run(parser("drop"), "x").starts_with("dropped [\""));
    assert_eq!(run(parser("drop_quiet"), "x"), "dropped []");
}

#[test]
fn fields_are_put_kept_and_taken_away() {
    let operators = json!([
        {"type": "add", "field": "attributes.a.b", "value": 1},
        {"type": "add", "field": "attributes[\"c.d\"]", "value": "x"},
        {"type": "copy", "from": "body", "to": "attributes.e"},
        {"type": "retain", "fields": ["attributes.a", "attributes[\"c.d\"]"]},
    ]);
    let made = run(operators, "t");
    assert!(made.contains("\"c.d=String(\\\"x\\\")\""), "{made}");
    assert!(made.contains("a=Map") && !made.contains("e="), "{made}");
}

#[test]
fn epochs_keep_their_digits() {
    let parser = |layout: &str| {
        json!([{"type": "time_parser", "parse_from": "body", "layout_type": "epoch",
                "layout": layout}])
    };
    assert!(run(parser("s.ns"), "1.000000003").ends_with(" 1000000003"));
    assert!(run(parser("ms"), "5").ends_with(" 5000000"));
}

#[test]
fn settings_that_cannot_be_are_refused_with_the_operator() {
    for (operator, error) in [
        (
            json!({"type": "xyz"}),
            "operators of type \"xyz\" are not supported yet",
        ),
        (
            json!({"type": "move", "from": "body"}),
            "missing required field 'to'",
        ),
        (
            json!({"type": "regex_parser", "regex": "a"}),
            "no named capture groups in regex pattern",
        ),
        (
            json!({"type": "noop", "if": "true"}),
            "\"if\" is not supported yet",
        ),
    ] {
        assert_eq!(run(json!([operator]), ""), format!("operator 0: {error}"));
    }
}
