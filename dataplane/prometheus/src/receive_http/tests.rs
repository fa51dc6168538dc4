//! Requests of both versions, from the socket to a sink.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use batch::{
    Counts, Histogram, LabelsBuf, Metadata, MetricKind, ResetHint, Sample, SeriesTable, Span,
};
use engine::PlanNode;
use engine::testing::{Mood, SINK, TestShard, body, node, receivers, sink, with_block};
use formats::remote_write::v2::Items;
use formats::remote_write::{v1, v2};
use formats::snappy::Compressor;
use net::{BodyLimits, Bytes, Client, ClientOptions, HeaderValue, Request, Response, Target};
use runtime::sim::check;
use schema::Value;

use super::COMPONENT;

const SINK_NODE: &str = "test.sink.out";
const PORT: u16 = 9009;
const V1: &str = "application/x-protobuf";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

fn receive(messages: &[&str], type_and_unit: bool) -> Arc<PlanNode> {
    let messages = messages.iter().map(|message| Value::string(*message));
    let arguments = body([
        ("forward_to", receivers(&[SINK_NODE])),
        (
            "accepted_remote_write_protobuf_messages",
            Value::array(messages),
        ),
        ("enable_type_and_unit_labels", Value::from(type_and_unit)),
    ]);
    let address = Value::string("127.0.0.1");
    let http = body([
        ("listen_address", address),
        ("listen_port", Value::from(i64::from(PORT))),
    ]);
    node(
        &COMPONENT,
        "prometheus.receive_http.in",
        with_block(arguments, "http", http),
    )
}

async fn post(kind: &str, body: &[u8]) -> Response {
    let address = SocketAddr::from(([127, 0, 0, 1], PORT));
    let target = Target::parse(&format!("http://{address}/api/v1/metrics/write")).expect("a URL");
    let mut request = Request::post(&target, Bytes::copy_from_slice(body));
    request.headers.insert(
        "content-type",
        HeaderValue::from_str(kind).expect("a header"),
    );
    request
        .headers
        .insert("content-encoding", HeaderValue::from_static("snappy"));
    let client = Client::new(ClientOptions::new("test")).expect("plain options");
    let limits = BodyLimits::both(1 << 20);
    let answer = client.send(&request, Duration::from_secs(5), limits).await;
    answer.expect("an answer")
}

fn compressed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Compressor::new().compress(message, &mut out);
    out
}

/// What is written of one series.
enum Item {
    Sample(i64, f64),
    Histogram(i64, u64),
    Nothing,
}

fn histogram(count: u64) -> Histogram {
    Histogram {
        schema: 0,
        sum: 1.5,
        zero_threshold: 0.0,
        reset_hint: ResetHint::Unknown,
        positive_spans: vec![Span {
            offset: 0,
            length: 1,
        }],
        negative_spans: Vec::new(),
        counts: Counts::Integer {
            count,
            zero_count: 0,
            positive_deltas: vec![3],
            negative_deltas: Vec::new(),
        },
        custom_values: Vec::new(),
    }
}

fn labels(text: &[(&str, &str)]) -> LabelsBuf {
    text.iter().copied().collect()
}

fn second(series: &[(&[(&str, &str)], Item)]) -> Vec<u8> {
    let metadata = Metadata {
        name: String::new(),
        kind: MetricKind::Counter,
        help: "h".to_owned(),
        unit: "s".to_owned(),
    };
    let mut table = SeriesTable::new(1);
    let mut encoder = v2::Encoder::new(1);
    for (text, item) in series {
        let id = table.intern(&labels(text));
        match item {
            Item::Sample(timestamp_ms, value) => {
                encoder.open(&table, id, Items::Samples, Some(&metadata));
                encoder.sample(*timestamp_ms, *value);
            }
            Item::Histogram(timestamp_ms, count) => {
                encoder.open(&table, id, Items::Histograms, None);
                encoder.histogram(*timestamp_ms, &histogram(*count));
            }
            Item::Nothing => encoder.open(&table, id, Items::Samples, None),
        }
    }
    compressed(encoder.finish())
}

fn first(series: &[(&[(&str, &str)], i64)]) -> Vec<u8> {
    let mut table = SeriesTable::new(1);
    let mut encoder = v1::Encoder::new();
    for (text, timestamp_ms) in series {
        let series = table.intern(&labels(text));
        encoder.sample(
            &table,
            Sample {
                series,
                timestamp_ms: *timestamp_ms,
                value: 1.0,
            },
        );
    }
    compressed(encoder.finish())
}

/// Status, then the counts of samples, histograms and exemplars that were written.
fn shown(answer: &Response) -> String {
    let count = |what: &str| {
        let name = format!("x-prometheus-remote-write-{what}-written");
        let value = answer.head.headers.get(&name);
        value.map_or("-".to_owned(), |value| {
            value.to_str().expect("text").to_owned()
        })
    };
    let counts = ["samples", "histograms", "exemplars"].map(count).join(" ");
    format!("{} {counts}", answer.head.status.as_u16())
}

const BOTH: [&str; 2] = [super::V1, super::V2];

async fn started(receive: Arc<PlanNode>) -> TestShard {
    let shard = TestShard::start();
    let errors = shard
        .apply(&[receive, node(&SINK, SINK_NODE, body([]))])
        .await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

fn taken() -> Vec<String> {
    let lines = sink(SINK_NODE).take();
    let short = |line: String| {
        line.rsplit_once('@')
            .map_or(line.clone(), |(line, _)| line.to_owned())
    };
    lines.into_iter().map(short).collect()
}

fn text(answer: &Response) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[test]
fn a_request_of_version_2_is_taken_and_counted() {
    check(1, || async {
        let shard = started(receive(&BOTH, false)).await;
        let now = runtime::wall_ms();
        let request = second(&[
            (&[("__name__", "m"), ("a", "1")], Item::Sample(now, 1.5)),
            (&[("__name__", "h")], Item::Histogram(now, 3)),
        ]);
        assert_eq!(shown(&post(V2, &request).await), "204 1 1 0");
        let expected = [
            "m{a=\"1\"} 1.5",
            "h [schema=0 count=3 sum=1.5 zero=0 +0:1=3]",
        ];
        assert_eq!(taken(), expected);
        shard.verify_ledgers().await;
    });
}

#[test]
fn what_is_wrong_with_a_part_of_version_2_is_told_and_the_rest_is_taken() {
    check(2, || async {
        let shard = started(receive(&BOTH, false)).await;
        let now = runtime::wall_ms();
        let hour = 3_600_000;
        let request = second(&[
            (&[("a", "nameless")], Item::Sample(now, 1.0)),
            (&[("__name__", "good")], Item::Sample(now, 2.0)),
            (&[("__name__", "future")], Item::Sample(now + hour, 3.0)),
            (&[("__name__", "wrong")], Item::Histogram(now, 99)),
            (&[("__name__", "empty")], Item::Nothing),
        ]);
        let answer = post(V2, &request).await;
        assert_eq!(shown(&answer), "400 1 0 0");
        let text = text(&answer);
        for part in [
            "no metric name",
            "too far in the future",
            "observation count",
            "neither",
        ] {
            assert!(text.contains(part), "{text}: {part}");
        }
        assert_eq!(taken(), ["good 2"]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn version_1_leaves_bad_series_out_and_refuses_a_request_from_the_future() {
    check(3, || async {
        let shard = started(receive(&BOTH, false)).await;
        let now = runtime::wall_ms();
        let request = first(&[(&[("a", "nameless")], now), (&[("__name__", "m")], now)]);
        assert!(shown(&post(V1, &request).await).starts_with("204"));
        assert_eq!(taken(), ["m 1"]);
        let future = now + 3_600_000;
        let request = first(&[(&[("__name__", "m")], now), (&[("__name__", "n")], future)]);
        assert_eq!(shown(&post(V1, &request).await), "400 - - -");
        assert!(taken().is_empty());
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_type_that_is_not_taken_gets_415_and_a_body_that_is_no_message_400() {
    check(4, || async {
        let shard = started(receive(&[super::V1], false)).await;
        let now = runtime::wall_ms();
        let good = first(&[(&[("__name__", "m")], now)]);
        for kind in [V2, "text/plain", "application/x-protobuf;proto=other"] {
            assert_eq!(shown(&post(kind, &good).await), "415 - - -", "{kind}");
            assert_eq!(
                shown(&post(kind, b"not snappy").await),
                "400 - - -",
                "{kind}"
            );
        }
        assert_eq!(
            shown(&post(V1, &compressed(b"\x0a\xff")).await),
            "400 - - -"
        );
        assert!(taken().is_empty());
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_refusal_of_version_2_says_that_nothing_was_written() {
    check(5, || async {
        let shard = started(receive(&BOTH, false)).await;
        assert_eq!(
            shown(&post(V2, &compressed(b"\x2a\xff")).await),
            "400 0 0 0"
        );
        sink(SINK_NODE).mood.set(Mood::Refuse);
        let request = second(&[(&[("__name__", "m")], Item::Sample(runtime::wall_ms(), 1.0))]);
        assert_eq!(shown(&post(V2, &request).await), "503 0 0 0");
        shard.verify_ledgers().await;
    });
}

#[test]
fn types_and_units_of_version_2_become_labels_when_asked_for() {
    check(6, || async {
        let shard = started(receive(&BOTH, true)).await;
        let name = [("__name__", "m"), ("__type__", "own")];
        let request = second(&[(&name, Item::Sample(runtime::wall_ms(), 1.0))]);
        assert_eq!(shown(&post(V2, &request).await), "204 1 0 0");
        assert_eq!(taken(), ["m{__type__=\"counter\",__unit__=\"s\"} 1"]);
        shard.verify_ledgers().await;
    });
}
