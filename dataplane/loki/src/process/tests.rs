//! The component on a simulated shard.

use std::time::Duration;

use engine::testing::{
    Mood, SINK, TestShard, body, log_receivers, log_source, logs, metric, node, offer, sink,
    with_block,
};
use runtime::sim::check;
use schema::{Body, DecodeError, Value};

use super::*;

const NODE: &str = "loki.process.p";
const SINK_NODE: &str = "test.sink.out";

fn stages(stages: &[(&str, Body)]) -> Body {
    let mut arguments = body([("forward_to", log_receivers(&[SINK_NODE]))]);
    for (name, stage) in stages {
        arguments = with_block(arguments, name, stage.clone());
    }
    arguments
}

async fn start(arguments: Body) -> TestShard {
    let shard = TestShard::start();
    let nodes = [
        log_source("test.logs.in", &[NODE]),
        node(&COMPONENT, NODE, arguments),
        node(&SINK, SINK_NODE, body([])),
    ];
    let errors = shard.apply(&nodes).await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

async fn push(lines: &[&str]) {
    let taken = offer("test.logs.in", logs(&[(&[("app", "a")], lines)])).await;
    assert_eq!(taken, Ok(()));
}

fn object(pairs: &[(&str, &str)]) -> Value {
    let pair = |(name, value): &(&str, &str)| (Arc::from(*name), Value::string(*value));
    Value::Object(Arc::new(pairs.iter().map(pair).collect()))
}

fn text(text: &str) -> Value {
    Value::string(text)
}

#[test]
fn values_become_labels_and_equal_label_sets_are_one_stream() {
    check(1, || async {
        let json = body([("expressions", object(&[("level", ""), ("msg", "m")]))]);
        let shard = start(stages(&[
            ("stage.json", json),
            ("stage.labels", body([("values", object(&[("level", "")]))])),
            ("stage.output", body([("source", text("msg"))])),
        ]))
        .await;
        push(&[
            r#"{"level":"info","m":"1"}"#,
            r#"{"level":"warn","m":"2"}"#,
            r#"{"level":"info","m":"3"}"#,
            "plain",
        ])
        .await;
        let expected = [
            r#"{app="a", level="info"} 1@1"#,
            r#"{app="a", level="info"} 3@3"#,
            r#"{app="a", level="warn"} 2@2"#,
            r#"{app="a"} plain@4"#,
        ];
        assert_eq!(sink(SINK_NODE).take(), expected);
        shard.verify_ledgers().await;
    });
}

#[test]
fn dropped_entries_are_counted_by_reason() {
    check(2, || async {
        let shard = start(stages(&[
            ("stage.drop", body([("expression", text("^debug"))])),
            (
                "stage.match",
                body([
                    ("selector", text("{app=\"a\"} |= \"x\"")),
                    ("action", text("drop")),
                    ("drop_counter_reason", text("own")),
                ]),
            ),
        ]))
        .await;
        push(&["debug 1", "x", "stays", "debug 2"]).await;
        assert_eq!(sink(SINK_NODE).take(), [r#"{app="a"} stays@3"#]);
        let metrics = shard.metrics().await;
        let dropped = |reason: &str| {
            let labels = [("component_id", NODE), ("reason", reason)];
            metric(&metrics, "loki_process_dropped_lines_total", &labels)
        };
        assert_eq!((dropped("drop_stage"), dropped("own")), (2.0, 1.0));
        let books = shard.verify_ledgers().await;
        assert_eq!(
            books[0],
            "loki.process.p -> stages: 4 in, 1 out, 0 held, 3 dropped"
        );
    });
}

fn multiline() -> Body {
    let first = body([
        ("firstline", text(r"^\d")),
        ("max_wait_time", text("500ms")),
    ]);
    stages(&[("stage.multiline", first)])
}

#[test]
fn blocks_go_out_when_their_time_has_come() {
    check(3, || async {
        let shard = start(multiline()).await;
        push(&["1 a", " b", "2 c"]).await;
        assert_eq!(sink(SINK_NODE).take(), ["{app=\"a\"} 1 a\n b@1"]);
        runtime::sleep(Duration::from_millis(400)).await;
        push(&[" d"]).await;
        runtime::sleep(Duration::from_millis(400)).await;
        assert_eq!(sink(SINK_NODE).take(), [""; 0]);
        runtime::sleep(Duration::from_millis(200)).await;
        assert_eq!(sink(SINK_NODE).take(), ["{app=\"a\"} 2 c\n d@3"]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_change_of_stages_lets_go_of_what_is_held_back() {
    check(4, || async {
        let shard = start(multiline()).await;
        push(&["1 a", " b"]).await;
        let nodes = [
            log_source("test.logs.in", &[NODE]),
            node(&COMPONENT, NODE, stages(&[])),
            node(&SINK, SINK_NODE, body([])),
        ];
        assert!(shard.apply(&nodes).await.is_empty());
        runtime::sleep(Duration::from_millis(100)).await;
        assert_eq!(sink(SINK_NODE).take(), ["{app=\"a\"} 1 a\n b@1"]);
    });
}

#[test]
fn lines_over_a_limit_wait() {
    check(5, || async {
        let limit = body([("rate", Value::from(2_i64)), ("burst", Value::from(1_i64))]);
        let _shard = start(stages(&[("stage.limit", limit)])).await;
        let begin = runtime::now();
        push(&["a", "b", "c"]).await;
        let took = begin.elapsed().as_millis();
        assert!((990..1100).contains(&took), "{took} ms for two waits");
        assert_eq!(sink(SINK_NODE).take().len(), 3);
    });
}

#[test]
fn lines_are_offered_until_they_are_taken() {
    check(6, || async {
        let shard = start(stages(&[])).await;
        sink(SINK_NODE).mood.set(Mood::Refuse);
        let push = runtime::spawn(async { push(&["a"]).await });
        runtime::sleep(Duration::from_secs(2)).await;
        sink(SINK_NODE).mood.set(Mood::Take);
        runtime::sleep(Duration::from_secs(2)).await;
        drop(push);
        assert_eq!(sink(SINK_NODE).take(), [r#"{app="a"} a@1"#]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn metrics_of_stages_are_exported() {
    check(7, || async {
        let counter = body([
            ("name", text("lines")),
            ("action", text("inc")),
            ("match_all", Value::Bool(true)),
        ]);
        let metrics = with_block(body([]), "metric.counter", counter);
        let shard = start(stages(&[("stage.metrics", metrics)])).await;
        push(&["a", "b"]).await;
        let name = "loki_process_custom_lines";
        let labels = [("app", "a"), ("component_id", NODE)];
        assert_eq!(metric(&shard.metrics().await, name, &labels), 2.0);
        runtime::sleep(Duration::from_secs(301)).await;
        assert_eq!(metric(&shard.metrics().await, name, &labels), 2.0);
        assert_eq!(metric(&shard.metrics().await, name, &labels), 0.0);
    });
}

fn errors(stage: &str, settings: Body) -> Vec<DecodeError> {
    let mut errors = Vec::new();
    let decoded = ProcessArguments::decode(&stages(&[(stage, settings)]), &mut errors);
    assert!(decoded.is_none(), "{stage} was accepted");
    errors
}

#[test]
fn bad_settings_are_refused() {
    let bad_whole = [
        ("stage.json", body([])),
        ("stage.json", body([("expressions", object(&[("a", "[")]))])),
        ("stage.regex", body([("expression", text("("))])),
        ("stage.match", body([("selector", text("{a=b}"))])),
        ("stage.drop", body([])),
        ("stage.label_drop", body([("values", Value::array([]))])),
        ("stage.pattern", body([("pattern", text("x"))])),
        ("stage.tenant", body([])),
        (
            "stage.timestamp",
            body([
                ("source", text("t")),
                ("format", text("Unix")),
                ("location", text("Nowhere")),
            ]),
        ),
        (
            "stage.labels",
            body([
                ("values", object(&[("a", "")])),
                ("source_type", text("line")),
            ]),
        ),
    ];
    for (stage, settings) in bad_whole {
        let errors = errors(stage, settings);
        assert_eq!(errors[0].path, "", "{stage}: {errors:?}");
        assert!(errors[0].message.starts_with("invalid stage config: "));
    }
    let template = body([("source", text("x")), ("template", text("{{ .V"))]);
    assert_eq!(
        errors("stage.template", template)[0].path,
        "stage.template.template"
    );
    let rate = body([("rate", Value::from(2_i64))]);
    assert_eq!(errors("stage.sampling", rate)[0].path, "stage.sampling");
}
