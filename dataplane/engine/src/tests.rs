//! Rollouts, fan-out and ledgers on the simulated backend.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::{LabelsBuf, MetricsBatch, Sample};
use runtime::LocalBoxFuture;
use runtime::sim::check;
use schema::{Arguments, Port, Stability, Value};

use crate::testing::{Mood, SINK, TestShard, body, node, receivers, sink};
use crate::{Batch, Build, BuildError, Built, Component, DataComponent, Fanout, Leave, Nack};
use crate::{PlanNode, Role, Spread, Update};

/// Hands its fan-out to the test, which then is the source.
static SOURCE: Component = Component::of::<Source>();

struct Source;

#[derive(Arguments)]
struct SourceArguments {
    #[arg(port = Metrics)]
    forward_to: Vec<Port>,
    in_place: bool,
    /// Panics in its own work when this is set.
    panics: bool,
}

#[derive(Default)]
struct Seen {
    fanout: Option<(Build, Fanout)>,
    builds: usize,
    updates: usize,
    leaves: Vec<Leave>,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

impl DataComponent for Source {
    type Arguments = SourceArguments;
    const NAME: &'static str = "test.source";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::All;

    async fn build(arguments: Arc<SourceArguments>, cx: &Build) -> Result<Built, BuildError> {
        let fanout = cx.fanout(&arguments.forward_to);
        SEEN.with_borrow_mut(|seen| {
            seen.builds += 1;
            seen.fanout = Some((cx.clone(), fanout));
        });
        let panics = arguments.panics;
        let run = async move {
            runtime::sleep(Duration::from_secs(1)).await;
            assert!(!panics, "told to panic");
            std::future::pending().await
        };
        let drain = |why| async move { SEEN.with_borrow_mut(|seen| seen.leaves.push(why)) };
        let built = Built::new().run(run).drain(drain);
        if !arguments.in_place {
            return Ok(built);
        }
        Ok(built.update(|_: Arc<SourceArguments>| {
            SEEN.with_borrow_mut(|seen| seen.updates += 1);
            Ok(Update::Done)
        }))
    }
}

fn source(sinks: &[&str]) -> Arc<PlanNode> {
    node(
        &SOURCE,
        "test.source.a",
        body([("forward_to", receivers(sinks))]),
    )
}

fn sink_node(name: &str, tag: &str) -> Arc<PlanNode> {
    let id = format!("test.sink.{name}");
    node(&SINK, &id, body([("tag", Value::string(tag))]))
}

/// Sends a batch of one sample down the source's fan-out.
async fn send(value: f64) -> Result<(), Nack> {
    with_batch(value, |fanout, batch| {
        Box::pin(async move { fanout.consume(batch).await })
    })
    .await
}

async fn send_until(value: f64, wait: Duration) -> Result<(), Nack> {
    let deadline = runtime::now() + wait;
    with_batch(value, move |fanout, batch| {
        Box::pin(async move { fanout.consume_until(batch, deadline).await })
    })
    .await
}

async fn with_batch(
    value: f64,
    send: impl FnOnce(Fanout, Batch) -> LocalBoxFuture<'static, Result<(), Nack>>,
) -> Result<(), Nack> {
    let (cx, fanout) = SEEN
        .with_borrow(|seen| seen.fanout.clone())
        .expect("the source is built");
    let labels: LabelsBuf = [("__name__", "m")].into_iter().collect();
    let series = cx.series.borrow_mut().intern(&labels);
    let sample = Sample {
        series,
        timestamp_ms: 0,
        value,
    };
    let batch = MetricsBatch {
        samples: vec![sample],
        ..MetricsBatch::default()
    };
    let result = send(fanout, Batch::Metrics(Rc::new(batch))).await;
    cx.series.borrow_mut().release(series);
    result
}

#[test]
fn a_batch_reaches_every_branch_and_the_books_balance() {
    check(1, || async {
        let shard = TestShard::start();
        let plan = [
            source(&["test.sink.x", "test.sink.y"]),
            sink_node("x", ""),
            sink_node("y", ""),
        ];
        assert!(shard.apply(&plan).await.is_empty());
        send(1.0).await.expect("both take it");
        assert_eq!(sink("test.sink.x").take(), ["m 1@0"]);
        assert_eq!(sink("test.sink.y").take(), ["m 1@0"]);
        let books = shard.verify_ledgers().await;
        assert_eq!(
            books,
            [
                "test.source.a -> test.sink.x.receiver: 1 in, 1 out, 0 held, 0 dropped",
                "test.source.a -> test.sink.y.receiver: 1 in, 1 out, 0 held, 0 dropped",
            ]
        );
    });
}

#[test]
fn equal_nodes_stay_and_replaced_ones_take_over_their_ports() {
    check(2, || async {
        let shard = TestShard::start();
        shard
            .apply(&[source(&["test.sink.x"]), sink_node("x", "old")])
            .await;
        send(1.0).await.expect("taken");
        shard
            .apply(&[source(&["test.sink.x"]), sink_node("x", "new")])
            .await;
        send(2.0).await.expect("taken by the new instance");
        assert_eq!(*sink("test.sink.x").tags.borrow(), ["old", "new"]);
        SEEN.with_borrow(|seen| assert_eq!((seen.builds, seen.leaves.len()), (1, 0)));
    });
}

#[test]
fn a_component_that_offers_it_is_updated_in_place_and_others_drain_first() {
    check(3, || async {
        let shard = TestShard::start();
        let changed = |in_place: bool, panics: bool| {
            let attributes = [
                ("in_place", Value::from(in_place)),
                ("panics", Value::from(panics)),
            ];
            node(&SOURCE, "test.source.a", body(attributes))
        };
        shard.apply(&[changed(false, false)]).await;
        shard.apply(&[changed(true, false)]).await;
        SEEN.with_borrow(|seen| assert_eq!((seen.builds, seen.updates), (2, 0)));
        SEEN.with_borrow(|seen| assert_eq!(seen.leaves, [Leave::Replaced]));
        shard.apply(&[changed(true, true)]).await;
        SEEN.with_borrow(|seen| assert_eq!((seen.builds, seen.updates), (2, 1)));
        shard.apply(&[]).await;
        SEEN.with_borrow(|seen| assert_eq!(seen.leaves, [Leave::Replaced, Leave::Removed]));
    });
}

#[test]
fn a_build_error_keeps_the_old_instance_and_is_reported() {
    check(4, || async {
        let shard = TestShard::start();
        shard
            .apply(&[source(&["test.sink.x"]), sink_node("x", "old")])
            .await;
        let broken = node(&SINK, "test.sink.x", body([("broken", Value::from(true))]));
        let errors = shard.apply(&[source(&["test.sink.x"]), broken]).await;
        assert_eq!(errors[0].message, "told to fail");
        send(1.0).await.expect("the old instance goes on");
        assert!(
            shard
                .unhealthy
                .borrow()
                .contains(&"test.sink.x Unhealthy told to fail".to_owned())
        );
    });
}

#[test]
fn a_panic_in_consume_costs_the_batch_and_turns_the_node_unhealthy() {
    check(5, || async {
        let shard = TestShard::start();
        shard
            .apply(&[source(&["test.sink.x"]), sink_node("x", "")])
            .await;
        sink("test.sink.x").mood.set(Mood::Panic);
        let nack = send(1.0).await.expect_err("the batch is lost");
        assert_eq!((nack.retryable, nack.reason), (false, "panic"));
        sink("test.sink.x").mood.set(Mood::Take);
        send(2.0).await.expect("the shard goes on");
        let books = shard.verify_ledgers().await;
        assert_eq!(
            books,
            ["test.source.a -> test.sink.x.receiver: 2 in, 1 out, 0 held, 1 dropped"]
        );
        shard.apply(&[]).await;
        let told = shard.unhealthy.borrow().join("\n");
        assert!(
            told.contains("test.sink.x Unhealthy panicked: told to panic"),
            "{told}"
        );
    });
}

#[test]
fn an_instance_whose_own_work_panics_is_built_again() {
    check(6, || async {
        let shard = TestShard::start();
        let panicking = node(
            &SOURCE,
            "test.source.a",
            body([("panics", Value::from(true))]),
        );
        shard.apply(&[panicking]).await;
        runtime::sleep(Duration::from_millis(4500)).await;
        SEEN.with_borrow(|seen| assert_eq!(seen.builds, 3));
        let panics = shard.metrics().await;
        let labels = [("component_id", "test.source.a")];
        assert_eq!(
            panics.number("invar_component_panics_total", &labels),
            Some(2.0)
        );
    });
}

#[test]
fn only_the_branch_that_refused_is_offered_the_batch_again() {
    check(7, || async {
        let shard = TestShard::start();
        let plan = [
            source(&["test.sink.x", "test.sink.y"]),
            sink_node("x", ""),
            sink_node("y", ""),
        ];
        shard.apply(&plan).await;
        sink("test.sink.y").mood.set(Mood::Refuse);
        runtime::spawn(async {
            runtime::sleep(Duration::from_secs(3)).await;
            sink("test.sink.y").mood.set(Mood::Take);
        });
        send_until(1.0, Duration::from_secs(60))
            .await
            .expect("taken in the end");
        assert_eq!(sink("test.sink.x").take().len(), 1);
        assert_eq!(sink("test.sink.y").take().len(), 1);
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_retryable_answer_hides_a_permanent_one() {
    check(8, || async {
        let shard = TestShard::start();
        let plan = [
            source(&["test.sink.x", "test.sink.y"]),
            sink_node("x", ""),
            sink_node("y", ""),
        ];
        shard.apply(&plan).await;
        sink("test.sink.x").mood.set(Mood::Reject);
        sink("test.sink.y").mood.set(Mood::Refuse);
        let nack = send_until(1.0, Duration::from_secs(1))
            .await
            .expect_err("nobody takes it");
        assert!(nack.retryable);
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_batch_that_waits_is_held_in_the_books() {
    check(9, || async {
        let shard = TestShard::start();
        shard
            .apply(&[source(&["test.sink.x"]), sink_node("x", "")])
            .await;
        sink("test.sink.x").mood.set(Mood::Hang);
        let waiting = runtime::timeout(Duration::from_secs(1), send(1.0));
        let task = async { assert!(waiting.await.is_err(), "nobody answers") };
        let task = runtime::spawn(task);
        runtime::sleep(Duration::from_millis(500)).await;
        let books = shard.verify_ledgers().await;
        assert_eq!(
            books,
            ["test.source.a -> test.sink.x.receiver: 1 in, 0 out, 1 held, 0 dropped"]
        );
        task.join().await;
        let books = shard.verify_ledgers().await;
        assert_eq!(
            books,
            ["test.source.a -> test.sink.x.receiver: 1 in, 0 out, 0 held, 1 dropped"]
        );
    });
}

#[test]
fn a_missing_receiver_refuses_for_now() {
    check(10, || async {
        let shard = TestShard::start();
        shard.apply(&[source(&["test.sink.gone"])]).await;
        let nack = send(1.0).await.expect_err("nobody is there");
        assert_eq!((nack.retryable, nack.reason), (true, "no_receiver"));
    });
}

#[test]
fn a_drain_lets_instances_leave_and_answers() {
    check(11, || async {
        let shard = TestShard::start();
        shard
            .apply(&[source(&["test.sink.x"]), sink_node("x", "")])
            .await;
        shard.drain().await;
        SEEN.with_borrow(|seen| assert_eq!(seen.leaves, [Leave::Ended]));
    });
}
