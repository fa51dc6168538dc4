//! Remote write 2.0, and what the versions have of each other.

use std::sync::Arc;

use engine::PlanNode;
use engine::testing::{TestShard, body, node, receivers, with_block};
use runtime::sim::check;
use schema::{Body, Value};

use super::tests::{NODE, SECOND, apply, endpoint, remote_write};
use crate::scrape;
use crate::testing::{Exposer, Receiver};

const V2: &str = "io.prometheus.write.v2.Request";

fn second(receiver: &Receiver) -> Body {
    let mut endpoint = endpoint(receiver);
    let more = [
        ("protobuf_message", Value::string(V2)),
        ("send_native_histograms", on()),
    ];
    endpoint.attributes.extend(body(more).attributes);
    endpoint
}

fn on() -> Value {
    Value::from(true)
}

fn scrape_with<const N: usize>(exposer: &Exposer, more: [(&str, Value); N]) -> Arc<PlanNode> {
    let forward = body([("forward_to", receivers(&[NODE]))]);
    let mut scrape = body(more);
    scrape.attributes.extend(forward.attributes);
    scrape_body(exposer, scrape)
}

fn scrape_to<const N: usize>(exposer: &Exposer, all: [(&str, Value); N]) -> Arc<PlanNode> {
    scrape_body(exposer, body(all))
}

fn scrape_body(exposer: &Exposer, more: Body) -> Arc<PlanNode> {
    let mut arguments = body([
        ("targets", Value::array([exposer.target()])),
        ("scrape_interval", Value::string("1s")),
        ("scrape_timeout", Value::string("500ms")),
    ]);
    arguments.attributes.extend(more.attributes);
    node(&scrape::COMPONENT, "prometheus.scrape.s", arguments)
}

/// What arrived of the series that the page shows, times and the target's labels left out, each
/// once.
fn arrived(receiver: &Receiver) -> Vec<String> {
    let lines = receiver.got.lines.borrow();
    let short = |line: &String| {
        let line = line
            .rsplit_once('@')
            .map_or(line.as_str(), |(line, _)| line);
        line.replace("instance=\"i\",job=\"j\"", "")
            .replace("{}", "")
            .replace("{,", "{")
    };
    let mut short: Vec<String> = lines.iter().map(short).collect();
    short.retain(|line| !line.starts_with("scrape_") && !line.starts_with("up"));
    short.sort();
    short.dedup();
    short
}

const PAGE: &str = "\
# HELP a Help of a.
# TYPE a counter
a_total{x=\"1\"} 1 # {trace_id=\"t\"} 0.5
# TYPE r histogram
r_bucket{le=\"1\"} 3 # {trace_id=\"h\"} 0.5 1
r_bucket{le=\"+Inf\"} 4
# EOF
";

fn page() -> Exposer {
    let exposer = Exposer::start(PAGE);
    exposer.page.borrow_mut().media = "application/openmetrics-text";
    exposer
}

#[test]
fn version_2_carries_what_version_1_cannot() {
    check(31, || async {
        let shard = TestShard::start();
        let (exposer, receiver) = (page(), Receiver::start());
        receiver.got.written.set(Some(1));
        let more = [
            ("convert_classic_histograms_to_nhcb", on()),
            ("honor_metadata", on()),
        ];
        let nodes = [
            scrape_with(&exposer, more),
            remote_write(&[second(&receiver)]),
        ];
        apply(&shard, &nodes).await;
        runtime::sleep(SECOND * 3).await;
        let headers = receiver.got.headers.borrow()[0].clone();
        let header = |name: &str| headers[name].to_str().expect("text").to_owned();
        assert_eq!(
            header("content-type"),
            format!("application/x-protobuf;proto={V2}")
        );
        assert_eq!(header("x-prometheus-remote-write-version"), "2.0.0");
        let expected = [
            "a_total{x=\"1\"} 1",
            "a_total{x=\"1\"} exemplar {trace_id=\"t\"} 0.5",
            "r [schema=-53 count=4 sum=0 zero=0 +0:2=3,-2 bounds=1]",
            "r exemplar {trace_id=\"h\"} 0.5",
        ];
        let got: Vec<String> = arrived(&receiver)
            .iter()
            .map(|line| line.replace(",x=", "x="))
            .collect();
        assert_eq!(got, expected);
        let metadata = receiver.got.metadata.borrow().clone();
        for expected in ["a_total counter Help of a. ", "r histogram  "] {
            assert!(
                metadata.iter().any(|line| line == expected),
                "{expected}: {metadata:?}"
            );
        }
        let up = "up gauge Health of the scrape target. 1 means the target is healthy, 0 if the \
                  scrape failed. targets";
        assert!(metadata.iter().any(|line| line == up), "{metadata:?}");
        shard.verify_ledgers().await;
    });
}

#[test]
fn metadata_goes_along_with_series_that_rules_give_another_name() {
    check(32, || async {
        let shard = TestShard::start();
        let (exposer, receiver) = (page(), Receiver::start());
        let rule = body([
            ("source_labels", Value::array([Value::string("__name__")])),
            ("regex", Value::string("a_(.*)")),
            ("target_label", Value::string("__name__")),
            ("replacement", Value::string("site_$1")),
        ]);
        let renaming = body([("forward_to", receivers(&[NODE]))]);
        let renamer = "prometheus.relabel.names";
        let forward = ("forward_to", receivers(&[renamer]));
        let nodes = [
            scrape_to(&exposer, [forward, ("honor_metadata", on())]),
            node(
                &crate::relabel::COMPONENT,
                renamer,
                with_block(renaming, "rule", rule),
            ),
            remote_write(&[second(&receiver)]),
        ];
        apply(&shard, &nodes).await;
        runtime::sleep(SECOND * 3).await;
        let metadata = receiver.got.metadata.borrow().clone();
        let expected = "site_total counter Help of a. ";
        assert!(metadata.iter().any(|line| line == expected), "{metadata:?}");
        shard.verify_ledgers().await;
    });
}

#[test]
fn metadata_goes_along_with_series_only_where_it_is_honored() {
    check(32, || async {
        let shard = TestShard::start();
        let (exposer, receiver) = (page(), Receiver::start());
        receiver.got.written.set(Some(1));
        let nodes = [
            scrape_with(&exposer, []),
            remote_write(&[second(&receiver)]),
        ];
        apply(&shard, &nodes).await;
        runtime::sleep(SECOND * 70).await;
        assert!(!receiver.got.lines.borrow().is_empty());
        let described = receiver.got.metadata.borrow();
        assert!(described.is_empty(), "{described:?}");
    });
}

#[test]
fn version_1_drops_histograms_with_custom_buckets_and_counts_them() {
    check(33, || async {
        let shard = TestShard::start();
        let (exposer, receiver) = (page(), Receiver::start());
        let mut first = endpoint(&receiver);
        first
            .attributes
            .extend(body([("send_native_histograms", on())]).attributes);
        let more = [("convert_classic_histograms_to_nhcb", on())];
        apply(
            &shard,
            &[scrape_with(&exposer, more), remote_write(&[first])],
        )
        .await;
        runtime::sleep(SECOND * 3).await;
        let got = arrived(&receiver).join("\n");
        assert!(got.contains("a_total"), "{got}");
        assert!(!got.contains("schema"), "{got}");
        let metrics = shard.metrics().await;
        let dropped = metrics.family("prometheus_remote_storage_samples_dropped_total");
        let dropped = format!("{:?}", dropped.expect("declared").samples);
        assert!(dropped.contains("nhcb_in_rw1_not_supported"), "{dropped}");
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_success_that_says_nothing_was_written_is_a_refusal() {
    check(34, || async {
        let shard = TestShard::start();
        let (exposer, receiver) = (page(), Receiver::start());
        apply(
            &shard,
            &[
                scrape_with(&exposer, []),
                remote_write(&[second(&receiver)]),
            ],
        )
        .await;
        runtime::sleep(SECOND * 3).await;
        let metrics = shard.metrics().await;
        let value = |name: &str| {
            let family = metrics.family(name).expect("declared");
            format!("{:?}", family.samples[0].value)
        };
        assert_ne!(
            value("prometheus_remote_storage_samples_failed_total"),
            "Number(0.0)"
        );
        assert_eq!(
            value("prometheus_remote_storage_samples_total"),
            "Number(0.0)"
        );
        shard.verify_ledgers().await;
    });
}

#[test]
fn endpoints_of_both_versions_stand_side_by_side_and_a_change_sends_the_rest_as_it_was() {
    check(35, || async {
        let shard = TestShard::start();
        let (exposer, old, new) = (page(), Receiver::start(), Receiver::start());
        for receiver in [&old, &new] {
            receiver.got.written.set(Some(1));
        }
        let scrape = scrape_with(&exposer, []);
        apply(
            &shard,
            &[
                scrape.clone(),
                remote_write(&[endpoint(&old), second(&new)]),
            ],
        )
        .await;
        runtime::sleep(SECOND * 3).await;
        assert!(arrived(&old).iter().any(|line| line.starts_with("a_total")));
        assert!(arrived(&new).iter().any(|line| line.starts_with("a_total")));
        // What waits for the old endpoint was written as version 1 and goes out as such.
        old.got.status.set(503);
        runtime::sleep(SECOND * 3).await;
        let before = old.got.headers.borrow().len();
        apply(&shard, &[scrape, remote_write(&[second(&old)])]).await;
        old.got.status.set(204);
        runtime::sleep(SECOND * 20).await;
        let headers = old.got.headers.borrow().clone();
        let version = |at: usize| {
            let version = &headers[at]["x-prometheus-remote-write-version"];
            version.to_str().expect("text").to_owned()
        };
        let versions: Vec<String> = (before..headers.len()).map(version).collect();
        assert_eq!(versions.first().map(String::as_str), Some("0.1.0"));
        assert_eq!(versions.last().map(String::as_str), Some("2.0.0"));
        assert!(versions.is_sorted(), "{versions:?}");
        shard.verify_ledgers().await;
    });
}
