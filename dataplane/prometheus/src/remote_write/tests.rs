//! From simulated targets through the log on a simulated disk to simulated receivers.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::PlanNode;
use engine::testing::{TestShard, body, node, receivers, with_block};
use runtime::metrics::{Sample, Value as Measured};
use runtime::sim::check;
use schema::{Body, Value};

use super::COMPONENT;
use crate::testing::{Exposer, Receiver};
use crate::{relabel, scrape};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const NODE: &str = "prometheus.remote_write.out";

pub(super) fn endpoint(receiver: &Receiver) -> Body {
    let queue = body([("batch_send_deadline", Value::string("100ms"))]);
    with_block(body([("url", receiver.url())]), "queue_config", queue)
}

pub(super) fn remote_write(endpoints: &[Body]) -> Arc<PlanNode> {
    let arguments = endpoints.iter().fold(body([]), |arguments, endpoint| {
        with_block(arguments, "endpoint", endpoint.clone())
    });
    node(&COMPONENT, NODE, arguments)
}

fn scrape_to(exposer: &Exposer, to: &str) -> Arc<PlanNode> {
    scrape_targets(Value::array([exposer.target()]), to)
}

fn scrape_targets(targets: Value, to: &str) -> Arc<PlanNode> {
    let arguments = body([
        ("targets", targets),
        ("forward_to", receivers(&[to])),
        ("scrape_interval", Value::string("1s")),
        ("scrape_timeout", Value::string("500ms")),
    ]);
    node(&scrape::COMPONENT, "prometheus.scrape.s", arguments)
}

pub(super) async fn apply(shard: &TestShard, nodes: &[Arc<PlanNode>]) {
    let errors = shard.apply(nodes).await;
    assert!(errors.is_empty(), "{errors:?}");
}

/// The values of one metric in the order of their arrival; labels and times left out.
fn values(receiver: &Receiver, name: &str) -> Vec<String> {
    let lines = receiver.got.lines.borrow();
    let of_name = lines
        .iter()
        .filter(|line| line.starts_with(&format!("{name}{{")));
    let value = |line: &String| {
        let value = line
            .rsplit_once(' ')
            .map(|(_, value)| value)
            .unwrap_or_default();
        value.split('@').next().unwrap_or_default().to_owned()
    };
    of_name.map(value).collect()
}

/// A target whose metric `n` counts seconds.
fn counting() -> (Rc<Exposer>, Rc<Cell<u64>>) {
    let exposer = Rc::new(Exposer::start("n 0\n"));
    let shown = Rc::new(Cell::new(0));
    let (page, count) = (exposer.clone(), shown.clone());
    runtime::spawn(async move {
        loop {
            runtime::sleep(SECOND).await;
            count.set(count.get() + 1);
            page.show(&format!("n {}\n", count.get()));
        }
    });
    (exposer, shown)
}

fn assert_ascending(values: &[String]) {
    let numbers: Vec<f64> = values
        .iter()
        .filter_map(|value| value.parse().ok())
        .collect();
    assert!(numbers.is_sorted(), "{values:?}");
}

#[test]
fn samples_arrive_with_external_labels_and_rules() {
    check(1, || async {
        let shard = TestShard::start();
        let exposer = Exposer::start("a{x=\"1\"} 1\nb{x=\"2\"} 2\n");
        let receiver = Receiver::start();
        let drop = body([
            ("source_labels", Value::array([Value::string("x")])),
            ("regex", Value::string("2")),
            ("action", Value::string("drop")),
        ]);
        let region = body([
            ("source_labels", Value::array([Value::string("zone")])),
            ("target_label", Value::string("region")),
        ]);
        let endpoint = endpoint(&receiver);
        let endpoint = with_block(endpoint, "write_relabel_config", drop);
        let endpoint = with_block(endpoint, "write_relabel_config", region);
        let labels = [
            ("zone", Value::string("z")),
            ("job", Value::string("never")),
        ];
        let arguments = body([("external_labels", Value::object(labels))]);
        let out = node(
            &COMPONENT,
            NODE,
            with_block(arguments, "endpoint", endpoint),
        );
        apply(&shard, &[scrape_to(&exposer, NODE), out]).await;
        runtime::sleep(SECOND * 3).await;
        let lines = receiver.got.lines.borrow().join("\n");
        let expected = "a{instance=\"i\",job=\"j\",region=\"z\",x=\"1\",zone=\"z\"} 1@";
        assert!(lines.contains(expected), "{lines}");
        assert!(!lines.contains("b{"), "{lines}");
        shard.verify_ledgers().await;
    });
}

#[test]
fn the_lag_of_an_endpoint_is_seen_in_the_latest_times_in_and_sent() {
    check(17, || async {
        let shard = TestShard::start();
        let (exposer, receiver) = (Exposer::start("a 1\n"), Receiver::start());
        apply(
            &shard,
            &[
                scrape_to(&exposer, NODE),
                remote_write(&[endpoint(&receiver)]),
            ],
        )
        .await;
        let lag = async || {
            let metrics = shard.metrics().await;
            let time = |name: &str| {
                let family = metrics.family(name).expect("declared");
                match family.samples[..] {
                    [
                        Sample {
                            value: Measured::Number(seconds),
                            ..
                        },
                    ] => seconds,
                    ref other => panic!("one time was expected: {other:?}"),
                }
            };
            time("prometheus_remote_storage_highest_timestamp_in_seconds")
                - time("prometheus_remote_storage_queue_highest_sent_timestamp_seconds")
        };
        runtime::sleep(SECOND * 5).await;
        assert!(lag().await <= 1.0, "{}", lag().await);
        receiver.got.status.set(503);
        runtime::sleep(SECOND * 60).await;
        assert!(lag().await >= 50.0, "{}", lag().await);
    });
}

#[test]
fn requests_carry_the_headers_of_the_protocol_and_of_the_installation() {
    check(2, || async {
        let shard = TestShard::start();
        let (exposer, receiver) = (Exposer::start("a 1\n"), Receiver::start());
        let mut endpoint = endpoint(&receiver);
        let headers = Value::object([("X-Scope-OrgID", Value::string("t1"))]);
        endpoint
            .attributes
            .extend(body([("headers", headers)]).attributes);
        apply(
            &shard,
            &[scrape_to(&exposer, NODE), remote_write(&[endpoint])],
        )
        .await;
        runtime::sleep(SECOND * 3).await;
        let headers = receiver.got.headers.borrow()[0].clone();
        let header = |name: &str| headers[name].to_str().expect("text").to_owned();
        assert_eq!(header("content-type"), "application/x-protobuf");
        assert_eq!(header("content-encoding"), "snappy");
        assert_eq!(header("x-prometheus-remote-write-version"), "0.1.0");
        assert_eq!(header("user-agent"), "invar/test");
        assert_eq!(header("x-scope-orgid"), "t1");
        assert_eq!(header("x-agent-id"), "00000000-0000-0000-0000-000000000000");
        assert!(!headers.contains_key("retry-attempt"));
    });
}

#[test]
fn failures_are_tried_again_in_order_and_refusals_are_dropped_and_counted() {
    check(3, || async {
        let shard = TestShard::start();
        let receiver = Receiver::start();
        let (exposer, _) = counting();
        apply(
            &shard,
            &[
                scrape_to(&exposer, NODE),
                remote_write(&[endpoint(&receiver)]),
            ],
        )
        .await;
        receiver.got.status.set(503);
        runtime::sleep(SECOND * 5).await;
        assert!(receiver.got.lines.borrow().is_empty());
        let headers = receiver.got.headers.borrow().clone();
        let last = headers.last().expect("a request");
        let attempt = last["retry-attempt"].to_str().expect("text");
        assert!("2" < attempt, "{attempt}");
        receiver.got.status.set(200);
        runtime::sleep(SECOND * 6).await;
        let arrived = values(&receiver, "n");
        assert_ascending(&arrived);
        assert!(9 <= arrived.len(), "{arrived:?}");
        receiver.got.status.set(400);
        runtime::sleep(SECOND * 3).await;
        receiver.got.status.set(200);
        runtime::sleep(SECOND * 3).await;
        let metrics = shard.metrics().await;
        let failed = metrics.family("prometheus_remote_storage_samples_failed_total");
        let failed = format!("{:?}", failed.expect("declared").samples[0].value);
        assert!(
            ["Number(12.0)", "Number(18.0)", "Number(24.0)"].contains(&&*failed),
            "{failed}"
        );
        shard.verify_ledgers().await;
    });
}

#[test]
fn what_is_refused_for_good_is_kept_with_the_reason_and_sent_again_on_demand() {
    check(5, || async {
        let shard = TestShard::start();
        let (exposer, receiver) = (Exposer::start("a 1\n"), Receiver::start());
        receiver.got.status.set(400);
        let out = remote_write(&[endpoint(&receiver)]);
        apply(&shard, &[scrape_to(&exposer, NODE), out]).await;
        runtime::sleep(SECOND * 2).await;
        receiver.got.status.set(200);
        exposer.show("b 2\n");
        runtime::sleep(SECOND * 2).await;
        assert!(values(&receiver, "a").iter().all(|value| value != "1"));
        let folder = std::path::Path::new("/storage")
            .join(NODE)
            .join("dead-letters");
        let letters = runtime::fs::read_dir(&folder).await.expect("a folder");
        assert!(!letters.is_empty());
        for letter in &letters {
            let path = folder.join(&letter.name);
            let file = runtime::fs::read(&path).await.expect("a file");
            let read = engine::outbox::Letter::decode(&file).expect("a letter");
            assert_eq!(
                (read.node.as_str(), read.reason.as_str()),
                (NODE, "rejected")
            );
            assert!(read.message.contains("400"), "{}", read.message);
            let again = path.with_extension("redrive");
            runtime::fs::rename(&path, &again).await.expect("renamed");
        }
        runtime::sleep(SECOND * 10).await;
        assert!(values(&receiver, "a").iter().any(|value| value == "1"));
        let left = runtime::fs::read_dir(&folder).await.expect("a folder");
        assert!(left.is_empty(), "{left:?}");
        shard.verify_ledgers().await;
    });
}

#[test]
fn retry_after_is_obeyed_in_both_forms() {
    check(4, || async {
        for form in ["5", "date"] {
            let shard = TestShard::start();
            let (exposer, receiver) = (Exposer::start("a 1\n"), Receiver::start());
            receiver.got.status.set(429);
            let wish = match form {
                // Two minutes after the simulated clock's first minute, which is 1,700,000,000 s.
                "date" => "Tue, 14 Nov 2023 22:15:20 GMT".to_owned(),
                seconds => seconds.to_owned(),
            };
            *receiver.got.retry_after.borrow_mut() = Some(wish);
            apply(
                &shard,
                &[
                    scrape_to(&exposer, NODE),
                    remote_write(&[endpoint(&receiver)]),
                ],
            )
            .await;
            runtime::sleep(SECOND * 4).await;
            let requests = receiver.got.requests.get();
            assert!(requests <= 2, "{form}: {requests} requests");
            shard.drain().await;
        }
    });
}

#[test]
fn a_dead_endpoint_delays_no_other_one() {
    check(5, || async {
        let shard = TestShard::start();
        let (alive, dead) = (Receiver::start(), Receiver::start());
        dead.got.delay.set(SECOND * 3600);
        let (exposer, shown) = counting();
        let endpoints = [endpoint(&alive), endpoint(&dead)];
        apply(
            &shard,
            &[scrape_to(&exposer, NODE), remote_write(&endpoints)],
        )
        .await;
        runtime::sleep(SECOND * 60).await;
        let arrived = values(&alive, "n");
        assert!(
            shown.get() as usize <= arrived.len() + 2,
            "{} of {}",
            arrived.len(),
            shown.get()
        );
        assert!(dead.got.lines.borrow().is_empty());
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_distant_endpoint_gets_requests_in_parallel_and_each_series_in_order() {
    check(17, || async {
        let shard = TestShard::start();
        let receiver = Receiver::start();
        receiver.got.delay.set(SECOND * 4 / 5);
        let exposers: Vec<_> = (0..10).map(|_| counting()).collect();
        let instances: Vec<String> = (0..10).map(|index| format!("i{index}")).collect();
        let targets = exposers
            .iter()
            .zip(&instances)
            .map(|((exposer, _), instance)| {
                exposer.target_with([("instance", instance.as_str()), ("job", "j")])
            });
        let source = scrape_targets(Value::array(targets), NODE);
        apply(&shard, &[source, remote_write(&[endpoint(&receiver)])]).await;
        runtime::sleep(SECOND * 60).await;
        let lines = receiver.got.lines.borrow().clone();
        for instance in &instances {
            let of_instance = format!("n{{instance=\"{instance}\"");
            let values: Vec<f64> = lines
                .iter()
                .filter(|line| line.starts_with(&of_instance))
                .filter_map(|line| line.rsplit_once(' ')?.1.split('@').next()?.parse().ok())
                .collect();
            assert!(values.is_sorted(), "{instance}: {values:?}");
            assert!(55 <= values.len(), "{instance}: {values:?}");
        }
        shard.verify_ledgers().await;
    });
}

#[test]
fn nothing_is_lost_while_the_sink_is_down_for_ten_minutes_and_memory_stays_flat() {
    check(6, || async {
        let shard = TestShard::start();
        let receiver = Receiver::start();
        let (exposer, shown) = counting();
        apply(
            &shard,
            &[
                scrape_to(&exposer, NODE),
                remote_write(&[endpoint(&receiver)]),
            ],
        )
        .await;
        runtime::sleep(SECOND * 5).await;
        let series_bytes = |metrics: runtime::metrics::Snapshot| {
            metrics.number("invar_series_bytes", &[]).expect("a gauge")
        };
        let before = series_bytes(shard.metrics().await);
        receiver.got.status.set(500);
        runtime::sleep(SECOND * 600).await;
        assert_eq!(series_bytes(shard.metrics().await), before);
        receiver.got.status.set(200);
        runtime::sleep(SECOND * 30).await;
        let arrived = values(&receiver, "n");
        assert_ascending(&arrived);
        let distinct: std::collections::BTreeSet<&String> = arrived.iter().collect();
        let missing = shown.get() as usize - distinct.len();
        assert!(missing <= 2, "{missing} of {} missing", shown.get());
        let books = shard.verify_ledgers().await;
        assert!(
            books.iter().all(|line| line.contains(" 0 dropped")),
            "{books:?}"
        );
    });
}

#[test]
fn a_message_holds_at_most_max_samples_per_send() {
    check(7, || async {
        let shard = TestShard::start();
        let page: String = (0..1000).map(|n| format!("m{{n=\"{n}\"}} {n}\n")).collect();
        let (exposer, receiver) = (Exposer::start(&page), Receiver::start());
        let queue = body([("max_samples_per_send", Value::from(300u64))]);
        let endpoint = with_block(body([("url", receiver.url())]), "queue_config", queue);
        apply(
            &shard,
            &[scrape_to(&exposer, NODE), remote_write(&[endpoint])],
        )
        .await;
        runtime::sleep(SECOND * 2).await;
        let sizes = receiver.got.sizes.borrow().clone();
        assert_eq!(sizes[..4], [300, 300, 300, 105]);
    });
}

#[test]
fn what_the_process_left_in_the_log_is_sent_after_a_restart() {
    let simulation =
        runtime::sim::Simulation::new(8, runtime::sim::Options::new(runtime::sim::Disk::new()));
    let disk = simulation.disk();
    let ended = simulation.run(|| {
        Box::pin(async {
            let shard = TestShard::start();
            let receiver = Receiver::on_port(7000);
            receiver.got.status.set(500);
            let (exposer, _) = counting();
            apply(
                &shard,
                &[
                    scrape_to(&exposer, NODE),
                    remote_write(&[endpoint(&receiver)]),
                ],
            )
            .await;
            runtime::sleep(SECOND * 10).await;
        })
    });
    assert_eq!(ended, Ok(()));
    // The machine loses its power: nothing that was not synced survives.
    let crashed = runtime::sim::Options::new(disk.crash(8));
    let ended = runtime::sim::Simulation::new(9, crashed).run(|| {
        Box::pin(async {
            let shard = TestShard::start();
            let receiver = Receiver::on_port(7000);
            apply(&shard, &[remote_write(&[endpoint(&receiver)])]).await;
            runtime::sleep(SECOND * 10).await;
            let arrived = values(&receiver, "n");
            assert!(8 <= arrived.len(), "{arrived:?}");
            assert_ascending(&arrived);
            let books = shard.verify_ledgers().await;
            assert!(books[0].contains(" 0 held, 0 dropped"), "{books:?}");
        })
    });
    assert_eq!(ended, Ok(()));
}

#[test]
fn a_reload_with_other_rules_empties_the_old_log_first() {
    check(10, || async {
        let shard = TestShard::start();
        let receiver = Receiver::start();
        let (exposer, _) = counting();
        receiver.got.status.set(500);
        let source = scrape_to(&exposer, NODE);
        apply(
            &shard,
            &[source.clone(), remote_write(&[endpoint(&receiver)])],
        )
        .await;
        runtime::sleep(SECOND * 5).await;
        let rule = body([
            ("target_label", Value::string("added")),
            ("replacement", Value::string("yes")),
        ]);
        let changed = with_block(endpoint(&receiver), "write_relabel_config", rule);
        apply(&shard, &[source, remote_write(&[changed])]).await;
        runtime::sleep(SECOND * 5).await;
        receiver.got.status.set(200);
        runtime::sleep(SECOND * 10).await;
        let arrived = values(&receiver, "n");
        assert_ascending(&arrived);
        assert!(15 <= arrived.len(), "{arrived:?}");
        let lines = receiver.got.lines.borrow().clone();
        let first_new = lines.iter().position(|line| line.contains("added=\"yes\""));
        let last_old = lines
            .iter()
            .rposition(|line| !line.contains("added=\"yes\""));
        assert!(last_old < first_new, "old records come before new ones");
        let books = shard.verify_ledgers().await;
        assert!(
            books.iter().all(|line| line.contains(" 0 held, 0 dropped")),
            "{books:?}"
        );
    });
}

#[test]
fn a_reload_that_adds_an_endpoint_loses_nothing_for_the_first() {
    check(11, || async {
        let shard = TestShard::start();
        let (first, second) = (Receiver::start(), Receiver::start());
        let (exposer, shown) = counting();
        let source = scrape_to(&exposer, NODE);
        apply(&shard, &[source.clone(), remote_write(&[endpoint(&first)])]).await;
        runtime::sleep(SECOND * 5).await;
        apply(
            &shard,
            &[source, remote_write(&[endpoint(&first), endpoint(&second)])],
        )
        .await;
        runtime::sleep(SECOND * 5).await;
        let arrived = values(&first, "n");
        assert!(shown.get() as usize <= arrived.len() + 2, "{arrived:?}");
        assert!(3 <= values(&second, "n").len());
        shard.verify_ledgers().await;
    });
}

#[test]
fn two_endpoints_with_different_rules_get_what_is_theirs() {
    check(12, || async {
        let shard = TestShard::start();
        let (all, some) = (Receiver::start(), Receiver::start());
        let exposer = Exposer::start("a 1\nb 2\n");
        let keep = body([
            ("source_labels", Value::array([Value::string("__name__")])),
            ("regex", Value::string("a")),
            ("action", Value::string("keep")),
        ]);
        let filtered = with_block(endpoint(&some), "write_relabel_config", keep);
        let out = remote_write(&[endpoint(&all), filtered]);
        apply(&shard, &[scrape_to(&exposer, NODE), out]).await;
        runtime::sleep(SECOND * 3).await;
        assert!(!values(&all, "b").is_empty() && !values(&all, "up").is_empty());
        assert!(!values(&some, "a").is_empty());
        assert!(values(&some, "b").is_empty() && values(&some, "up").is_empty());
    });
}

#[test]
fn a_full_disk_holds_samples_back_and_recovers_by_itself() {
    check(13, || async {
        let shard = TestShard::start();
        let receiver = Receiver::start();
        let (exposer, _) = counting();
        apply(
            &shard,
            &[
                scrape_to(&exposer, NODE),
                remote_write(&[endpoint(&receiver)]),
            ],
        )
        .await;
        runtime::sleep(SECOND * 5).await;
        runtime::sim::disk().fail_all(Some(runtime::sim::Fault::Enospc));
        runtime::sleep(SECOND * 5).await;
        runtime::sim::disk().fail_all(None);
        let before = values(&receiver, "n").len();
        runtime::sleep(SECOND * 10).await;
        assert!(before + 5 <= values(&receiver, "n").len());
        shard.verify_ledgers().await;
    });
}

#[test]
fn metadata_is_sent_in_its_interval() {
    check(14, || async {
        let shard = TestShard::start();
        let receiver = Receiver::start();
        let page = "# HELP a Help.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 2\n";
        let exposer = Exposer::start(page);
        let config = body([("send_interval", Value::string("10s"))]);
        let endpoint = with_block(endpoint(&receiver), "metadata_config", config);
        apply(
            &shard,
            &[scrape_to(&exposer, NODE), remote_write(&[endpoint])],
        )
        .await;
        runtime::sleep(SECOND * 15).await;
        assert_eq!(*receiver.got.metadata.borrow(), ["a counter", "b gauge"]);
    });
}

#[test]
fn relabelled_samples_reach_the_endpoint_and_dropped_ones_are_in_the_books() {
    check(15, || async {
        let shard = TestShard::start();
        let receiver = Receiver::start();
        let exposer = Exposer::start("a{x=\"1\"} 1\nb{x=\"2\"} 2\n");
        let rule = body([
            ("source_labels", Value::array([Value::string("__name__")])),
            ("regex", Value::string("b")),
            ("action", Value::string("drop")),
        ]);
        let arguments = with_block(body([("forward_to", receivers(&[NODE]))]), "rule", rule);
        let middle = node(&relabel::COMPONENT, "prometheus.relabel.r", arguments);
        let out = remote_write(&[endpoint(&receiver)]);
        apply(
            &shard,
            &[scrape_to(&exposer, "prometheus.relabel.r"), middle, out],
        )
        .await;
        runtime::sleep(SECOND * 10).await;
        assert!(!values(&receiver, "a").is_empty());
        assert!(values(&receiver, "b").is_empty());
        exposer.show("b{x=\"2\"} 2\n");
        runtime::sleep(SECOND * 3).await;
        assert_eq!(
            values(&receiver, "a").last().map(String::as_str),
            Some("STALE")
        );
        shard.verify_ledgers().await;
        let metrics = shard.metrics().await;
        let hits = metrics
            .family("prometheus_relabel_cache_hits")
            .expect("declared");
        assert_eq!(hits.samples.len(), 1);
    });
}

#[test]
fn a_shutdown_sends_what_was_accepted() {
    check(16, || async {
        let shard = TestShard::start();
        let receiver = Receiver::start();
        receiver.got.delay.set(SECOND / 2);
        let (exposer, shown) = counting();
        apply(
            &shard,
            &[
                scrape_to(&exposer, NODE),
                remote_write(&[endpoint(&receiver)]),
            ],
        )
        .await;
        runtime::sleep(SECOND * 10).await;
        let shown = shown.get();
        shard.drain().await;
        let last: u64 = values(&receiver, "n")
            .last()
            .expect("some")
            .parse()
            .expect("a number");
        assert!(shown <= last + 1, "{last} of {shown}");
    });
}
