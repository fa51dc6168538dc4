//! Components that remember: what they make of what comes in turn, from several shards, and when
//! what is behind them refuses.

use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{
    Lazy, Metric, MetricData, Number, NumberPoint, OtlpBatch, Resource, Span, Status, Sum, Text,
};
use engine::testing::{TestShard, body, node, with_block};
use engine::{Component, Peers, PlanNode};
use ops::points::{CUMULATIVE, DELTA};
use runtime::sim::check;
use schema::{Body, Value};

use crate::flush::one_scope;
use crate::testing::{SINK_NODE, feed, sink, sink_node, source, to_sink, traces};
use crate::{
    connector_count, connector_servicegraph, connector_spanmetrics, processor_cumulativetodelta,
    processor_deltatocumulative, processor_interval, processor_metric_start_time,
};

const NODE: &str = "otelcol.stateful.it";

fn stateful(component: &'static Component, arguments: Body) -> Arc<PlanNode> {
    node(component, NODE, with_block(arguments, "output", to_sink()))
}

fn nodes(component: &'static Component, arguments: Body) -> [Arc<PlanNode>; 3] {
    [sink_node(), stateful(component, arguments), source(NODE)]
}

/// A sum of one point.
fn sum(temporality: i32, start: u64, time: u64, value: i64) -> OtlpBatch {
    let point = NumberPoint {
        start_unix_nano: start,
        time_unix_nano: time,
        value: Number::Int(value),
        ..NumberPoint::default()
    };
    let metric = Metric {
        name: Text::from("c"),
        data: MetricData::Sum(Sum {
            points: vec![Lazy::new(point)],
            temporality,
            is_monotonic: true,
        }),
        ..Metric::default()
    };
    one_scope(Resource::default(), "lib", vec![Lazy::new(metric)])
}

/// The numbers of all points that the sink got: `name start time value`.
fn points() -> Vec<String> {
    let mut lines = Vec::new();
    for batch in sink().batches.take() {
        batch.metrics().for_each(|_, _, metric| {
            let metric = metric.get();
            let name = &metric.name;
            match &metric.data {
                MetricData::Sum(sum) => {
                    for point in sum.points.iter().map(Lazy::get) {
                        let value = ops::points::double(point.value);
                        let (start, time) = (point.start_unix_nano, point.time_unix_nano);
                        lines.push(format!("{name} {start} {time} {value}"));
                    }
                }
                MetricData::Histogram(histogram) => {
                    for point in histogram.points.iter().map(Lazy::get) {
                        let counts = &point.bucket_counts;
                        lines.push(format!("{name} {:?} {counts:?}", point.sum));
                    }
                }
                other => panic!("sums and histograms only: {other:?}"),
            }
        });
    }
    lines
}

#[test]
fn deltas_add_up_and_what_is_late_is_dropped() {
    check(1, || async {
        let shard = TestShard::start();
        let component = &processor_deltatocumulative::COMPONENT;
        let errors = shard.apply(&nodes(component, body([]))).await;
        assert!(errors.is_empty(), "{errors:?}");
        for (start, time, value) in [(1, 10, 5), (10, 20, 7), (10, 15, 2)] {
            feed(sum(DELTA, start, time, value)).await.expect("taken");
        }
        assert_eq!(points(), ["c 1 10 5", "c 1 20 12"]);
    });
}

#[test]
fn what_a_refused_batch_changed_is_taken_back() {
    check(1, || async {
        let shard = TestShard::start();
        let component = &processor_cumulativetodelta::COMPONENT;
        let arguments = body([("initial_value", Value::string("keep"))]);
        shard.apply(&nodes(component, arguments)).await;
        feed(sum(CUMULATIVE, 1, 10, 5)).await.expect("taken");
        sink().refuses.set(Some("full"));
        feed(sum(CUMULATIVE, 1, 20, 9)).await.expect_err("refused");
        sink().refuses.set(None);
        feed(sum(CUMULATIVE, 1, 20, 9)).await.expect("taken");
        feed(sum(CUMULATIVE, 1, 30, 2))
            .await
            .expect("a reset is dropped");
        assert_eq!(points(), ["c 0 10 5", "c 10 20 4"]);
        shard.verify_ledgers().await;
    });
}

#[test]
fn the_newest_point_of_each_stream_goes_on_once_an_interval_and_at_the_end() {
    check(1, || async {
        let shard = TestShard::start();
        let arguments = body([("interval", Value::string("10s"))]);
        shard
            .apply(&nodes(&processor_interval::COMPONENT, arguments))
            .await;
        for (time, value) in [(10, 1), (30, 3), (20, 2)] {
            feed(sum(CUMULATIVE, 1, time, value)).await.expect("held");
        }
        feed(sum(DELTA, 1, 9, 9)).await.expect("passed");
        assert_eq!(points(), ["c 1 9 9"]);
        runtime::sleep(Duration::from_secs(11)).await;
        assert_eq!(points(), ["c 1 30 3"]);
        feed(sum(CUMULATIVE, 1, 40, 4)).await.expect("held");
        shard.drain().await;
        assert_eq!(points(), ["c 1 40 4"]);
    });
}

/// A span of a service of its own kind, that took so many milliseconds.
fn span(kind: i32, id: u8, parent: u8, milliseconds: u64) -> Span<'static> {
    let id_of = |byte: u8| match byte {
        0 => Vec::new(),
        byte => vec![byte; 8],
    };
    Span {
        trace_id: vec![7; 16].into(),
        span_id: id_of(id).into(),
        parent_span_id: id_of(parent).into(),
        name: Text::from("call"),
        kind,
        start_unix_nano: 1_000_000_000,
        end_unix_nano: 1_000_000_000 + milliseconds * 1_000_000,
        status: Status::default(),
        ..Span::default()
    }
}

#[test]
fn spans_are_counted_and_measured() {
    check(1, || async {
        let shard = TestShard::start();
        let arguments = body([("metrics_flush_interval", Value::string("1s"))]);
        let arguments = with_block(arguments, "histogram", {
            let buckets = Value::array([Value::string("50ms")]);
            with_block(body([]), "explicit", body([("buckets", buckets)]))
        });
        let nodes = nodes(&connector_spanmetrics::COMPONENT, arguments);
        let errors = shard.apply(&nodes).await;
        assert!(errors.is_empty(), "{errors:?}");
        let spans = vec![span(2, 1, 0, 60), span(2, 2, 0, 20)];
        feed(traces(spans)).await.expect("taken");
        runtime::sleep(Duration::from_millis(1500)).await;
        let lines = points();
        let last = |line: &String| line.rsplit(' ').next().map(str::to_owned);
        let calls = lines.iter().filter(|line| line.contains(".calls "));
        let values: Vec<_> = calls.filter_map(last).collect();
        assert_eq!(values, ["0", "2"]);
        let duration = "traces.span.metrics.duration Some(80.0) [1, 1]".to_owned();
        assert!(lines.contains(&duration), "{lines:?}");
    });
}

#[test]
fn requests_are_paired_and_one_without_a_client_comes_from_a_user() {
    check(1, || async {
        let shard = TestShard::start();
        let arguments = body([("metrics_flush_interval", Value::string("5s"))]);
        shard
            .apply(&nodes(&connector_servicegraph::COMPONENT, arguments))
            .await;
        let spans = vec![span(3, 1, 9, 80), span(2, 2, 1, 60), span(2, 3, 0, 10)];
        feed(traces(spans)).await.expect("taken");
        runtime::sleep(Duration::from_secs(6)).await;
        let lines = points();
        let total = "traces_service_graph_request_total ";
        let requests = lines.iter().filter(|line| line.starts_with(total));
        assert_eq!(requests.count(), 2, "{lines:?}");
    });
}

#[test]
fn counts_are_by_attribute_and_condition() {
    check(1, || async {
        let shard = TestShard::start();
        let condition = Value::array([Value::string("kind == SPAN_KIND_SERVER")]);
        let counted = body([("name", Value::string("n")), ("conditions", condition)]);
        let by = body([("key", Value::string("service.name"))]);
        let counted = with_block(counted, "attributes", by);
        let arguments = with_block(body([]), "spans", counted);
        let errors = shard
            .apply(&nodes(&connector_count::COMPONENT, arguments))
            .await;
        assert!(errors.is_empty(), "{errors:?}");
        let spans = vec![span(2, 1, 0, 60), span(3, 2, 0, 20), span(2, 3, 0, 1)];
        feed(traces(spans)).await.expect("taken");
        assert_eq!(points(), ["n 1000000000 1060000000 2"]);
    });
}

#[test]
fn a_node_on_one_shard_takes_what_others_have() {
    check(1, || async {
        let mut peers = Peers::of(2).into_iter().enumerate();
        let mut start = || {
            let (index, peers) = peers.next().expect("two shards");
            TestShard::start_as(index, 2, peers)
        };
        let shards = [start(), start()];
        let component = &processor_deltatocumulative::COMPONENT;
        let nodes = nodes(component, body([]));
        // What `feed` reaches is the source of the shard that applied last: each takes its turn.
        for (turn, shard) in [(1, &shards[0]), (2, &shards[1])] {
            for other in &shards {
                other.apply(&nodes[..2]).await;
            }
            shard.apply(&nodes).await;
            feed(sum(DELTA, turn, turn * 10, 5)).await.expect("taken");
        }
        assert_eq!(points(), ["c 1 10 5", "c 1 20 10"]);
        for shard in &shards {
            shard.apply(&nodes[..1]).await;
        }
        assert_eq!(SINK_NODE, nodes[0].id);
    });
}

async fn started_by(strategy: &str) -> TestShard {
    let shard = TestShard::start();
    let component = &processor_metric_start_time::COMPONENT;
    let arguments = body([("strategy", Value::string(strategy))]);
    let errors = shard.apply(&nodes(component, arguments)).await;
    assert!(errors.is_empty(), "{errors:?}");
    shard
}

const MS: u64 = 1_000_000;

#[test]
fn a_stream_starts_where_its_first_point_is_and_anew_when_it_shrinks() {
    check(1, || async {
        let shard = started_by("true_reset_point").await;
        for (time, value) in [(10, 5), (20, 9), (30, 2), (40, 3)] {
            feed(sum(CUMULATIVE, 0, time * MS, value))
                .await
                .expect("taken");
        }
        feed(sum(DELTA, 1, 50 * MS, 7)).await.expect("passed");
        let expected = [(10, 10, 5), (10, 20, 9), (29, 30, 2), (29, 40, 3)];
        let mut expected: Vec<String> = expected
            .iter()
            .map(|(start, time, value)| format!("c {} {} {value}", start * MS, time * MS))
            .collect();
        expected.push(format!("c 1 {} 7", 50 * MS));
        assert_eq!(points(), expected);
        shard.verify_ledgers().await;
    });
}

#[test]
fn the_first_point_is_subtracted_until_the_stream_starts_anew() {
    check(1, || async {
        let shard = started_by("subtract_initial_point").await;
        for (time, value) in [(10, 5), (20, 9), (30, 2), (40, 3)] {
            feed(sum(CUMULATIVE, 0, time * MS, value))
                .await
                .expect("taken");
        }
        let expected = [(10, 20, 4), (29, 30, 2), (29, 40, 3)];
        let expected =
            expected.map(|(start, time, value)| format!("c {} {} {value}", start * MS, time * MS));
        assert_eq!(points(), expected);
        shard.verify_ledgers().await;
    });
}

#[test]
fn a_start_is_taken_back_with_the_batch_that_was_refused() {
    check(1, || async {
        let _shard = started_by("true_reset_point").await;
        sink().refuses.set(Some("full"));
        feed(sum(CUMULATIVE, 0, 10, 5)).await.expect_err("refused");
        sink().refuses.set(None);
        feed(sum(CUMULATIVE, 0, 20, 5)).await.expect("taken");
        assert_eq!(points(), ["c 20 20 5"]);
    });
}

#[test]
fn a_metric_tells_when_the_others_of_its_batch_have_started() {
    check(1, || async {
        let shard = started_by("start_time_metric").await;
        let told = NumberPoint {
            value: Number::Double(1.5),
            ..NumberPoint::default()
        };
        let told = Metric {
            name: Text::from("process_start_time_seconds"),
            data: MetricData::Gauge(batch::otlp::Gauge {
                points: vec![Lazy::new(told)],
            }),
            ..Metric::default()
        };
        let counted = sum(CUMULATIVE, 0, 3_000_000_000, 4);
        let mut tree = counted.metrics();
        let scope = &mut tree.resources[0].scopes[0];
        scope.items.push(Lazy::new(told));
        feed(tree.encode()).await.expect("taken");
        let batch = sink().batches.take().remove(0);
        let mut starts = Vec::new();
        batch.metrics().for_each(|_, _, metric| {
            if let MetricData::Sum(sum) = &metric.get().data {
                starts.push(sum.points[0].get().start_unix_nano);
            }
        });
        assert_eq!(starts, [1_500_000_000]);
        shard.verify_ledgers().await;
    });
}
