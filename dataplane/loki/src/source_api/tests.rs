//! Requests from the socket to a sink.

use std::rc::Rc;
use std::sync::Arc;

use batch::LabelsBuf;
use engine::PlanNode;
use engine::testing::{Mood, SINK, TestShard, body, log_receivers, node, sink, with_block};
use formats::loki_push::Encoder;
use formats::snappy::Compressor;
use runtime::sim::check;
use schema::Value;

use super::COMPONENT;
use crate::testing;

const SINK_NODE: &str = "test.sink.out";
const PORT: u16 = 3100;

fn api<const N: usize>(settings: [(&str, Value); N]) -> Arc<PlanNode> {
    let mut arguments = body([("forward_to", log_receivers(&[SINK_NODE]))]);
    arguments.attributes.extend(body(settings).attributes);
    let http = body([
        ("listen_address", Value::string("127.0.0.1")),
        ("listen_port", Value::from(i64::from(PORT))),
    ]);
    node(
        &COMPONENT,
        "loki.source.api.in",
        with_block(arguments, "http", http),
    )
}

async fn started(api: Arc<PlanNode>) -> TestShard {
    let shard = TestShard::start();
    let errors = shard.apply(&[api, node(&SINK, SINK_NODE, body([]))]).await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

/// Status and text of the answer.
async fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
    testing::post(PORT, path, headers, body).await
}

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const PUSH: &str = "/loki/api/v1/push";

fn push(streams: &[(&[(&str, &str)], &str)]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    for (labels, line) in streams {
        let labels: Rc<LabelsBuf> = Rc::new(labels.iter().copied().collect());
        let stream = encoder.open(&labels);
        let metadata = [(&b"m"[..], &b"1"[..])].into_iter();
        encoder.entry(stream, 7, line.as_bytes(), metadata);
    }
    let mut out = Vec::new();
    Compressor::new().compress(encoder.finish(), &mut out);
    out
}

fn keep_time() -> (&'static str, Value) {
    ("use_incoming_timestamp", Value::from(true))
}

#[test]
fn both_encodings_are_taken_with_fixed_labels_and_metadata() {
    check(1, || async {
        let labels = Value::object([("src", Value::string("api")), ("a", Value::string("over"))]);
        let shard = started(api([keep_time(), ("labels", labels)])).await;
        let request = push(&[(&[("a", "1"), ("b", "2")], "p")]);
        assert_eq!(post(PUSH, &[PROTOBUF], &request).await.0, 204);
        let json = r#"{"streams":[{"stream":{"b":"x"},"values":[["5","j"]]}]}"#;
        assert_eq!(post("/api/v1/push", &[JSON], json.as_bytes()).await.0, 204);
        let expected = [
            r#"{a="over", b="2", src="api"} p@7 [m=1]"#,
            r#"{a="over", b="x", src="api"} j@5"#,
        ];
        assert_eq!(sink(SINK_NODE).take(), expected);
        shard.verify_ledgers().await;
    });
}

#[test]
fn the_time_of_arrival_replaces_that_of_the_sender_unless_told_otherwise() {
    check(2, || async {
        let _shard = started(api([])).await;
        let before = runtime::wall_ns();
        let request = push(&[(&[("a", "1")], "p")]);
        assert_eq!(post(PUSH, &[PROTOBUF], &request).await.0, 204);
        let lines = sink(SINK_NODE).take();
        let (_, time) = lines[0].rsplit_once('@').expect("a time");
        let time = time.split(' ').next().expect("a time");
        let time: i64 = time.parse().expect("a number");
        assert!((before..=runtime::wall_ns()).contains(&time), "{lines:?}");
    });
}

#[test]
fn rules_drop_streams_and_internal_labels_do_not_leave_but_for_the_tenant() {
    check(3, || async {
        let rule = |action: &str, source: &[&str], regex: &str| ops::relabel::RuleText {
            source_labels: source.iter().map(|name| (*name).to_owned()).collect(),
            separator: ";".to_owned(),
            regex: regex.to_owned(),
            modulus: 0,
            target_label: if action == "replace" { "copy" } else { "" }.to_owned(),
            replacement: "$1".to_owned(),
            action: action.to_owned(),
        };
        let rules = [
            rule("drop", &["a"], "gone"),
            rule("replace", &["__secret"], "(.*)"),
        ];
        let rules = rules.map(|text| {
            ops::relabel::Rule::new(text, ops::relabel::NameScheme::Legacy).expect("a rule")
        });
        let rules = Value::opaque("RelabelRules", rules.to_vec());
        let shard = started(api([keep_time(), ("relabel_rules", rules)])).await;
        let request = r#"{"streams":[{"stream":{"a":"gone"},"values":[["7","1"]]},
            {"stream":{"__secret":"x","a":"kept"},"values":[["7","2"]]}]}"#;
        for (tenant, shown) in [
            ("t", r#"{__tenant_id__="t", a="kept", copy="x"} 2@7"#),
            ("t|u", r#"{a="kept", copy="x"} 2@7"#),
        ] {
            let headers = [JSON, ("x-scope-orgid", tenant)];
            assert_eq!(post(PUSH, &headers, request.as_bytes()).await.0, 204);
            assert_eq!(sink(SINK_NODE).take(), [shown]);
        }
        shard.verify_ledgers().await;
    });
}

#[test]
fn raw_lines_get_the_fixed_labels_only() {
    check(4, || async {
        let labels = Value::object([("src", Value::string("raw"))]);
        let _shard = started(api([("labels", labels)])).await;
        let path = "/loki/api/v1/raw";
        assert_eq!(post(path, &[], b"one\r\n\n\r\n two \nlast").await.0, 204);
        let lines = sink(SINK_NODE).take();
        let lines = lines.iter().map(|line| line.split('@').next());
        let lines: Vec<&str> = lines.map(|line| line.expect("a line")).collect();
        let expected = ["one", " two ", "last"].map(|line| format!("{{src=\"raw\"}} {line}"));
        assert_eq!(lines, expected);
        assert_eq!(post(path, &[], b"").await.0, 204);
    });
}

#[test]
fn bad_requests_are_told_why_and_good_streams_beside_bad_ones_are_taken() {
    check(5, || async {
        let shard = started(api([keep_time()])).await;
        let good = push(&[(&[("a", "1")], "p")]);
        for (headers, body, part) in [
            (vec![JSON], &b"{broken"[..], "key must be a string"),
            (vec![], &good, "is not a media type"),
            (vec![PROTOBUF], b"not snappy", "snappy"),
            (
                vec![PROTOBUF, ("content-encoding", "br")],
                &good,
                "not supported",
            ),
            (vec![PROTOBUF], b"\x03\x08abc", "cut off"),
        ] {
            let (status, text) = post(PUSH, &headers, body).await;
            assert_eq!(status, 400, "{text}");
            assert!(text.contains(part), "{text}: {part}");
        }
        let json = r#"{"streams":[{"stream":{"a b":"x"},"values":[["5","no"]]},
            {"stream":{"a":"x"},"values":[["5","yes"]]}]}"#;
        let (status, text) = post(PUSH, &[JSON], json.as_bytes()).await;
        assert_eq!(status, 400, "{text}");
        assert_eq!(sink(SINK_NODE).take(), [r#"{a="x"} yes@5"#]);
        assert_eq!(post("/other", &[JSON], b"").await.0, 404);
        assert_eq!(post("/ready", &[], b"").await.0, 405);
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_sender_keeps_what_nobody_took() {
    check(6, || async {
        let shard = started(api([keep_time()])).await;
        sink(SINK_NODE).mood.set(Mood::Refuse);
        let request = push(&[(&[("a", "1")], "p")]);
        assert_eq!(post(PUSH, &[PROTOBUF], &request).await.0, 503);
        sink(SINK_NODE).mood.set(Mood::Take);
        assert_eq!(post(PUSH, &[PROTOBUF], &request).await.0, 204);
        assert_eq!(sink(SINK_NODE).take().len(), 1);
        shard.verify_ledgers().await;
    });
}

#[test]
fn deflated_bodies_are_unpacked_and_bounded() {
    check(7, || async {
        let limit = ("max_send_message_size", Value::string("1KiB"));
        let _shard = started(api([keep_time(), limit])).await;
        let deflated = |line: &str| {
            let values = format!(r#"[["5","{line}"]]"#);
            let json = format!(r#"{{"streams":[{{"stream":{{"a":"1"}},"values":{values}}}]}}"#);
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
            std::io::Write::write_all(&mut encoder, json.as_bytes()).expect("in memory");
            encoder.finish().expect("in memory")
        };
        let headers = [JSON, ("content-encoding", "deflate")];
        assert_eq!(post(PUSH, &headers, &deflated("x")).await.0, 204);
        assert_eq!(sink(SINK_NODE).take(), [r#"{a="1"} x@5"#]);
        let bomb = deflated(&"x".repeat(100_000));
        assert!(bomb.len() < 1024);
        assert_eq!(post(PUSH, &headers, &bomb).await.0, 400);
    });
}
