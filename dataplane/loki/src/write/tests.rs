//! From a source through the log on a simulated disk to a simulated Loki.

use std::sync::Arc;
use std::time::Duration;

use batch::LogsBatch;
use engine::PlanNode;
use engine::testing::{TestShard, body, log_source, logs, metric, node, offer, with_block};
use runtime::sim::check;
use schema::{Body, Value};

use super::COMPONENT;
use crate::testing::Loki;

const SECOND: Duration = Duration::from_secs(1);
const NODE: &str = "loki.write.out";
const SOURCE: &str = "test.logs.in";

fn write<const N: usize>(arguments: [(&str, Value); N], endpoints: &[Body]) -> Arc<PlanNode> {
    let arguments = endpoints.iter().fold(body(arguments), |arguments, block| {
        with_block(arguments, "endpoint", block.clone())
    });
    node(&COMPONENT, NODE, arguments)
}

async fn started(write: Arc<PlanNode>) -> TestShard {
    let shard = TestShard::start();
    apply(&shard, write).await;
    shard
}

async fn apply(shard: &TestShard, write: Arc<PlanNode>) {
    let errors = shard.apply(&[log_source(SOURCE, &[NODE]), write]).await;
    assert!(errors.is_empty(), "{errors:?}");
}

fn url(loki: &Loki) -> Body {
    body([("url", loki.url())])
}

fn two_streams() -> LogsBatch {
    logs(&[
        (&[("app", "a")], &["one", "two"]),
        (&[("app", "b"), ("__internal", "x")], &["three"]),
    ])
}

#[test]
fn entries_arrive_with_external_labels_and_without_internal_ones() {
    check(1, || async {
        let loki = Loki::start();
        let labels = Value::object([
            ("cluster", Value::string("c")),
            ("app", Value::string("never")),
        ]);
        let shard = started(write([("external_labels", labels)], &[url(&loki)])).await;
        let mut batch = two_streams();
        let start = batch.pairs_begin();
        batch.add_pair(b"trace", b"7");
        batch.streams[1].entries[0].metadata = batch.pairs_since(start);
        assert_eq!(offer(SOURCE, batch).await, Ok(()));
        runtime::sleep(SECOND).await;
        let expected = [
            r#"{app="a", cluster="c"} one@1"#,
            r#"{app="a", cluster="c"} two@2"#,
            r#"{app="b", cluster="c"} three@3 [trace=7]"#,
        ];
        assert_eq!(*loki.got.lines.borrow(), expected);
        assert_eq!(loki.got.requests.get(), 1);
        shard.verify_ledgers().await;
        let metrics = shard.metrics().await;
        let of = |name: &str| metric(&metrics, name, &[("tenant", "")]);
        assert_eq!(of("loki_write_sent_entries_total"), 3.0);
        assert_eq!(of("loki_write_dropped_entries_total"), 0.0);
    });
}

#[test]
fn each_tenant_has_requests_of_its_own() {
    check(2, || async {
        let loki = Loki::start();
        let endpoint = body([("url", loki.url()), ("tenant_id", Value::string("t"))]);
        let _shard = started(write([], &[endpoint])).await;
        let batch = logs(&[
            (&[("app", "a"), ("__tenant_id__", "own")], &["one"]),
            (&[("app", "a")], &["two"]),
        ]);
        assert_eq!(offer(SOURCE, batch).await, Ok(()));
        runtime::sleep(SECOND).await;
        let mut got = Vec::new();
        let (lines, headers) = (loki.got.lines.borrow(), loki.got.headers.borrow());
        for (line, headers) in lines.iter().zip(&*headers) {
            let tenant = headers["x-scope-orgid"].to_str().expect("text");
            got.push(format!("{tenant}: {line}"));
        }
        got.sort();
        let expected = [r#"own: {app="a"} one@1"#, r#"t: {app="a"} two@2"#];
        assert_eq!(got, expected);
    });
}

#[test]
fn failures_are_tried_again_and_refusals_are_dropped_and_counted() {
    check(3, || async {
        let loki = Loki::start();
        *loki.got.statuses.borrow_mut() = vec![500, 429, 204, 400];
        let shard = started(write([], &[url(&loki)])).await;
        let batch = |line: &'static str| logs(&[(&[("app", "a")], &[line])]);
        assert_eq!(offer(SOURCE, batch("kept")).await, Ok(()));
        runtime::sleep(SECOND * 10).await;
        assert_eq!(offer(SOURCE, batch("refused")).await, Ok(()));
        runtime::sleep(SECOND * 10).await;
        assert_eq!(*loki.got.lines.borrow(), [r#"{app="a"} kept@1"#]);
        shard.verify_ledgers().await;
        let metrics = shard.metrics().await;
        let of = |name: &str| metric(&metrics, name, &[]);
        assert_eq!(of("loki_write_batch_retries_total"), 2.0);
        assert_eq!(of("loki_write_sent_entries_total"), 1.0);
        let reason = [("reason", "ingester_error")];
        let dropped = metric(&metrics, "loki_write_dropped_entries_total", &reason);
        assert_eq!(dropped, 1.0);
    });
}

#[test]
fn attempts_end_only_where_they_are_counted() {
    check(4, || async {
        let (counted, patient) = (Loki::start(), Loki::start());
        for loki in [&counted, &patient] {
            *loki.got.statuses.borrow_mut() = vec![429; 20];
        }
        let settings = |loki: &Loki, retries: i64| {
            body([
                ("url", loki.url()),
                ("max_backoff_period", Value::string("2s")),
                ("max_backoff_retries", Value::from(retries)),
            ])
        };
        let endpoints = [settings(&counted, 3), settings(&patient, 0)];
        let shard = started(write([], &endpoints)).await;
        assert_eq!(offer(SOURCE, two_streams()).await, Ok(()));
        runtime::sleep(SECOND * 60).await;
        assert_eq!(counted.got.requests.get(), 3);
        assert_eq!(patient.got.lines.borrow().len(), 3);
        let metrics = shard.metrics().await;
        let reason = [("reason", "rate_limited")];
        let dropped = metric(&metrics, "loki_write_dropped_entries_total", &reason);
        assert_eq!(dropped, 3.0);
        shard.verify_ledgers().await;
    });
}

#[test]
fn requests_are_ended_by_size_and_streams_beyond_the_limit_are_dropped() {
    check(5, || async {
        let loki = Loki::start();
        let small = body([("url", loki.url()), ("batch_size", Value::string("8B"))]);
        let shard = started(write([("max_streams", Value::from(1))], &[small])).await;
        let batch = logs(&[
            (&[("app", "a")], &["12345678", "1", "2"]),
            (&[("app", "b")], &["gone"]),
        ]);
        assert_eq!(offer(SOURCE, batch).await, Ok(()));
        runtime::sleep(SECOND).await;
        let lines = loki.got.lines.borrow().clone();
        let expected = [
            r#"{app="a"} 12345678@1"#,
            r#"{app="a"} 1@2"#,
            r#"{app="a"} 2@3"#,
        ];
        assert_eq!(lines, expected);
        assert_eq!(loki.got.requests.get(), 2);
        let metrics = shard.metrics().await;
        let reason = [("reason", "stream_limited")];
        let dropped = metric(&metrics, "loki_write_dropped_entries_total", &reason);
        assert_eq!(dropped, 1.0);
        shard.verify_ledgers().await;
    });
}

#[test]
fn what_was_acked_survives_an_outage_and_other_settings() {
    check(6, || async {
        let loki = Loki::start();
        *loki.got.statuses.borrow_mut() = vec![503; 5];
        let shard = started(write([], &[url(&loki)])).await;
        assert_eq!(offer(SOURCE, two_streams()).await, Ok(()));
        let labels = Value::object([("cluster", Value::string("c"))]);
        apply(&shard, write([("external_labels", labels)], &[url(&loki)])).await;
        let late = logs(&[(&[("app", "a")], &["late"])]);
        assert_eq!(offer(SOURCE, late).await, Ok(()));
        runtime::sleep(SECOND * 120).await;
        let expected = [
            r#"{app="a"} one@1"#,
            r#"{app="a"} two@2"#,
            r#"{app="b"} three@3"#,
            r#"{app="a", cluster="c"} late@1"#,
        ];
        assert_eq!(*loki.got.lines.borrow(), expected);
        shard.verify_ledgers().await;
    });
}
