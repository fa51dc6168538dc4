//! Lines and labels that records make, and records that lines make.

use batch::otlp::{AnyValue, Attributes, LogRecord, Resource, Scope};

use super::*;

fn attributes(pairs: &[(&'static str, AnyValue<'static>)]) -> Attributes<'static> {
    let mut attributes = Attributes::default();
    for (key, value) in pairs {
        attributes.set(*key, value.clone());
    }
    attributes
}

fn text(value: &'static str) -> AnyValue<'static> {
    AnyValue::from(value)
}

fn made(
    record: &LogRecord<'_>,
    resource: &[(&'static str, AnyValue<'static>)],
) -> (String, String) {
    let resource = Resource {
        attributes: attributes(resource),
        ..Resource::default()
    };
    let scope = Scope {
        name: "lib".into(),
        ..Scope::default()
    };
    let mut maker = LineMaker::default();
    maker.make(record, &resource, &scope).expect("a line");
    (format!("{:?}", maker.labels), maker.line)
}

#[test]
fn hinted_attributes_become_labels_and_leave_the_line() {
    let record = LogRecord {
        severity_number: 10,
        body: text("a<b"),
        attributes: attributes(&[
            ("loki.attribute.labels", text("k, m.n,absent")),
            ("k", AnyValue::Int(1)),
            ("m", AnyValue::Map(attributes(&[("n", text("deep"))]))),
            ("rest", AnyValue::Bool(true)),
        ]),
        ..LogRecord::default()
    };
    let resource = [
        (
            "loki.resource.labels",
            AnyValue::Array(vec![text("host.name")]),
        ),
        ("host.name", text("h")),
        ("service.name", text("shop")),
    ];
    let (labels, line) = made(&record, &resource);
    let expected =
        r#"{exporter="OTLP", host_name="h", job="shop", k="1", level="INFO2", m_n="deep"}"#;
    assert_eq!(labels, expected);
    let expected = r#"{"body":"a\u003cb","attributes":{"m":{"n":"deep"},"rest":true},"#.to_owned()
        + r#""resources":{"service.name":"shop"},"instrumentation_scope":{"name":"lib"}}"#;
    assert_eq!(line, expected);
}

#[test]
fn logfmt_takes_bodies_apart_and_raw_lines_are_the_body() {
    let mut record = LogRecord {
        body: text("msg=hi n=5"),
        severity_text: "WARN".into(),
        attributes: attributes(&[
            ("loki.format", text("logfmt")),
            (
                "list",
                AnyValue::Array(vec![text("x y"), AnyValue::Double(0.5)]),
            ),
        ]),
        ..LogRecord::default()
    };
    let expected = "msg=hi n=5 severity=WARN attribute_list_0=\"x y\" attribute_list_1=0.5 \
        instrumentation_scope_name=lib";
    assert_eq!(made(&record, &[]).1, expected);
    record.attributes.set("loki.format", text("raw"));
    assert_eq!(made(&record, &[]).1, "msg=hi n=5");
    record.attributes.set("loki.format", text("xml"));
    let mut maker = LineMaker::default();
    let result = maker.make(&record, &Resource::default(), &Scope::default());
    assert!(result.is_err_and(|error| error.0.contains("invalid format xml")));
}

#[test]
fn label_names_are_made_legal() {
    for (name, legal) in [
        ("a.b", "a_b"),
        ("1a", "key_1a"),
        ("_a", "key_a"),
        ("__a", "__a"),
    ] {
        assert_eq!(label_name(name), legal);
    }
}

#[test]
fn logfmt_quotes_what_has_to_be() {
    let mut line = String::new();
    for (key, value) in [
        ("a b", text("")),
        ("n", text("null")),
        ("q", text("x=\"1\"\n")),
    ] {
        logfmt::write_pair(key, &value, &mut line).expect("a key");
    }
    logfmt::write_pair("l", &AnyValue::Array(vec![]), &mut line).expect("a key");
    let expected = r#"ab= n="null" q="x=\"1\"\n" l="unsupported value type""#;
    assert_eq!(line, expected);
    assert!(logfmt::write_pair("=", &text("x"), &mut line).is_err());
}

#[test]
fn entries_of_loki_become_records_that_find_their_labels_again() {
    let labels: LabelsBuf = [("app", "a"), ("filename", "/x/y.log")]
        .into_iter()
        .collect();
    let labels = std::rc::Rc::new(labels);
    let mut batch = batch::LogsBatch::default();
    batch.add_line(&labels, 7, b"one");
    let entry = batch.streams[0].entries[0];
    let record = record_of(&batch, &labels, &entry, 9);
    assert_eq!((record.time_unix_nano, record.observed_unix_nano), (7, 9));
    assert_eq!(record.attributes.get("log.file.name"), Some(&text("y.log")));
    assert_eq!(
        record.attributes.get(LOKI_LABELS),
        Some(&text("app,filename"))
    );
}
