//! What is redacted of attributes and bodies, and what is told of it.

use batch::otlp::{AnyValue, KeyValue};

use super::*;

fn arguments() -> RedactionArguments {
    RedactionArguments {
        allow_all_keys: false,
        allowed_keys: vec!["note".to_owned(), "list".to_owned(), "n".to_owned()],
        allowed_values: vec!["^ok".to_owned()],
        blocked_key_patterns: vec!["^n$".to_owned()],
        blocked_values: vec!["[0-9]{4}".to_owned()],
        hash_function: String::new(),
        hmac_key: None,
        ignored_key_patterns: vec!["^safe".to_owned()],
        ignored_keys: Vec::new(),
        redact_all_types: false,
        summary: "debug".to_owned(),
        db_sanitizer: None,
        debug_metrics: None,
        output: Outputs {
            logs: Vec::new(),
            metrics: Vec::new(),
            traces: Vec::new(),
        },
        url_sanitizer: None,
    }
}

fn attributes(pairs: &[(&'static str, &'static str)]) -> Attributes<'static> {
    let each = pairs.iter().map(|(key, value)| KeyValue {
        key: (*key).into(),
        value: AnyValue::from(*value),
    });
    each.collect::<Vec<_>>().into()
}

fn texts(attributes: &Attributes<'_>) -> Vec<String> {
    let text = |it: &KeyValue<'_>| format!("{}={}", it.key, crate::any_text::any_text(&it.value));
    attributes.iter().map(text).collect()
}

#[test]
fn keys_go_values_are_masked_and_both_are_told() {
    let rules = Rules::new(&arguments()).unwrap();
    let mut given = attributes(&[
        ("note", "pin 1234"),
        ("gone", "x"),
        ("safe.pin", "1234"),
        ("list", "ok 1234"),
        ("n", "all"),
    ]);
    let found = rules.find(&given).unwrap();
    rules.apply(found, &mut given);
    let expected = [
        "note=pin ****",
        "safe.pin=1234",
        "list=ok 1234",
        "n=****",
        "redaction.redacted.keys=gone",
        "redaction.redacted.count=1",
        "redaction.masked.keys=n,note",
        "redaction.masked.count=2",
        "redaction.allowed.keys=list",
        "redaction.allowed.count=1",
        "redaction.ignored.count=1",
    ];
    assert_eq!(texts(&given), expected);
}

#[test]
fn what_has_nothing_to_hide_is_left_alone() {
    let rules = Rules::new(&arguments()).unwrap();
    assert!(rules.find(&attributes(&[("note", "fine")])).is_none());
    let batch = crate::testing::spans(&["a"]);
    let open = RedactionArguments {
        allow_all_keys: true,
        ..arguments()
    };
    let redacted = redact(&Rules::new(&open).unwrap(), &batch);
    assert_eq!(redacted.to_request(), batch.to_request());
}

#[test]
fn bodies_are_redacted_at_every_depth() {
    let rules = Rules::new(&arguments()).unwrap();
    let inner = AnyValue::Map(attributes(&[("note", "1234"), ("gone", "x")]));
    let list = AnyValue::Array(vec![AnyValue::Int(5678), inner]);
    let body = AnyValue::Map(Attributes::from(vec![KeyValue {
        key: "list".into(),
        value: list,
    }]));
    let mut log = Lazy::new(LogRecord {
        body,
        ..LogRecord::default()
    });
    redact_log(&rules, &mut log);
    let body = crate::any_text::any_text(&log.get().body);
    assert_eq!(body, r#"{"list":["****",{"note":"****"}]}"#);
    let told = [
        "redaction.body.redacted.keys=list.[1].gone",
        "redaction.body.redacted.count=1",
        "redaction.body.masked.keys=list.[0],list.[1].note",
        "redaction.body.masked.count=2",
    ];
    assert_eq!(texts(&log.get().attributes), told);
}
