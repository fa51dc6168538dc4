//! What of each form becomes spans, and which ids are refused.

use batch::otlp::AnyValue;

use super::*;

const OPTIONS: Options = Options {
    parse_string_tags: false,
    now_ns: 7,
};

/// Name, kind, start, end, attributes and service of the first span.
fn first(batch: &OtlpBatch) -> String {
    let tree = batch.spans();
    let group = &tree.resources[0];
    let service = group.resource.get().attributes.get("service.name").cloned();
    let span = group.scopes[0].items[0].get();
    let mut keys: Vec<String> = span
        .attributes
        .iter()
        .map(|it| it.key.to_string())
        .collect();
    keys.sort();
    let times = (span.start_unix_nano, span.end_unix_nano);
    format!("{} {} {times:?} {keys:?} {service:?}", span.name, span.kind)
}

#[test]
fn version_1_takes_kind_times_and_service_from_annotations() {
    let body = br#"[{"traceId":"0000000000000001","id":"0000000000000002","name":"n",
        "annotations":[{"timestamp":5,"value":"cs","endpoint":{"serviceName":"s"}},
        {"timestamp":6,"value":"mid"},{"timestamp":9,"value":"cr"}],
        "binaryAnnotations":[{"key":"lc","value":"comp"},{"key":"error","value":"true"}]}]"#;
    let batch = decode(Form::V1Json, body, OPTIONS).unwrap();
    let service = Some(AnyValue::from("s"));
    assert_eq!(
        first(&batch),
        format!("n 3 (5000, 9000) [\"component\"] {service:?}")
    );
    let tree = batch.spans();
    let span = tree.resources[0].scopes[0].items[0].get();
    assert_eq!(span.status.code, 2);
    assert_eq!(span.events[0].get().name, "mid");
}

#[test]
fn tags_become_numbers_only_when_asked() {
    assert_eq!(tag_value("12".into(), true), AnyValue::Int(12));
    assert_eq!(tag_value("-1.5".into(), true), AnyValue::Double(-1.5));
    assert_eq!(tag_value("true".into(), true), AnyValue::Bool(true));
    assert_eq!(tag_value("1e5".into(), true), AnyValue::from("1e5"));
    assert_eq!(tag_value("12".into(), false), AnyValue::from("12"));
}

#[test]
fn ids_that_are_missing_or_zero_are_refused() {
    for (form, body) in [
        (Form::V2Json, r#"[{"id":"1"}]"#),
        (Form::V2Json, r#"[{"traceId":"1","id":"0"}]"#),
        (Form::V1Json, r#"[{"traceId":"1","id":"0000000000000001"}]"#),
    ] {
        let refused = decode(form, body.as_bytes(), OPTIONS);
        assert!(refused.is_err(), "{body}: {refused:?}");
    }
}

#[test]
fn protobuf_is_read_like_json() {
    let mut span = vec![0x0a, 8, 0, 0, 0, 0, 0, 0, 0, 1]; // trace id of 8 bytes
    span.extend([0x1a, 8, 0, 0, 0, 0, 0, 0, 0, 2]); // id
    span.extend([0x20, 2]); // server
    span.extend(b"\x2a\x01n"); // name
    span.extend([0x31, 5, 0, 0, 0, 0, 0, 0, 0]); // timestamp
    span.extend([0x38, 4]); // duration
    span.extend(b"\x42\x03\x0a\x01s"); // local endpoint
    span.extend(b"\x5a\x06\x0a\x01k\x12\x01v"); // tag
    let mut body = vec![0x0a, span.len() as u8];
    body.extend(span);
    let batch = decode(Form::V2Proto, &body, OPTIONS).unwrap();
    let service = Some(AnyValue::from("s"));
    assert_eq!(
        first(&batch),
        format!("n 2 (5000, 9000) [\"k\"] {service:?}")
    );
}
