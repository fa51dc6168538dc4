//! From a source through the exporter to two receivers of a simulated network.

use std::sync::Arc;

use batch::otlp::{OtlpBatch, Span, Text};
use engine::PlanNode;
use engine::testing::{TestShard, body, node, with_block};
use runtime::sim::check;
use schema::{Body, Value};

use crate::receiver_otlp;
use crate::testing::{address, feed, sink, sink_node, source, to_sink, traces};

const NODE: &str = "otelcol.exporter.loadbalancing.out";

fn exporter(routing_key: &str, ports: &[u16]) -> Arc<PlanNode> {
    let names = ports
        .iter()
        .map(|port| Value::string(address(*port).to_string()));
    let fixed = body([("hostnames", Value::array(names))]);
    let resolver = with_block(body([]), "static", fixed);
    let tls = body([("insecure", Value::from(true))]);
    let client = with_block(body([]), "tls", tls);
    let protocol = with_block(body([]), "otlp", with_block(body([]), "client", client));
    let arguments = body([("routing_key", Value::string(routing_key))]);
    let arguments = with_block(arguments, "resolver", resolver);
    let arguments = with_block(arguments, "protocol", protocol);
    node(&super::COMPONENT, NODE, arguments)
}

fn receiver(name: &str, port: u16) -> Arc<PlanNode> {
    let server: Body = body([("endpoint", Value::string(address(port).to_string()))]);
    let arguments = with_block(body([]), "grpc", server);
    let arguments = with_block(arguments, "output", to_sink());
    let id = format!("otelcol.receiver.otlp.{name}");
    node(&receiver_otlp::COMPONENT, &id, arguments)
}

/// Spans of 64 traces, two of each.
fn spans() -> OtlpBatch {
    let spans = (0..128_u8).map(|at| Span {
        trace_id: vec![at % 64 + 1; 16].into(),
        span_id: vec![1; 8].into(),
        name: Text::from(format!("{}", at % 64)),
        ..Span::default()
    });
    traces(spans.collect())
}

#[test]
fn spans_of_a_trace_go_to_one_backend_and_traces_to_all() {
    check(1, || async {
        let shard = TestShard::start();
        let nodes = [
            sink_node(),
            receiver("one", 4317),
            receiver("two", 4318),
            exporter("traceID", &[4317, 4318]),
            source(NODE),
        ];
        let errors = shard.apply(&nodes).await;
        assert!(errors.is_empty(), "{errors:?}");
        feed(spans()).await.expect("both backends take it");
        let taken = sink().take_spans();
        assert_eq!(taken.len(), 2, "a request a backend");
        for names in &taken {
            assert!((40..=88).contains(&names.len()), "{}", names.len());
            for name in names {
                let both = names.iter().filter(|it| *it == name).count();
                assert_eq!(both, 2, "of trace {name}");
            }
        }
        shard.verify_ledgers().await;
    });
}

#[test]
fn what_waits_for_a_backend_goes_where_the_new_ring_leads() {
    check(1, || async {
        let shard = TestShard::start();
        let before = [
            sink_node(),
            receiver("one", 4317),
            exporter("traceID", &[4317, 4999]),
            source(NODE),
        ];
        shard.apply(&before).await;
        feed(spans())
            .await
            .expect("what has no backend is in the log");
        let first: usize = sink().take_spans().iter().map(Vec::len).sum();
        assert!((1..128).contains(&first), "one backend is away: {first}");
        let after = [
            sink_node(),
            receiver("one", 4317),
            exporter("traceID", &[4317]),
            source(NODE),
        ];
        shard.apply(&after).await;
        runtime::sleep(std::time::Duration::from_secs(120)).await;
        let rest: usize = sink().take_spans().iter().map(Vec::len).sum();
        assert_eq!(first + rest, 128);
        shard.verify_ledgers().await;
    });
}

#[test]
fn signals_that_the_key_cannot_part_are_refused() {
    check(1, || async {
        let shard = TestShard::start();
        let nodes = [sink_node(), exporter("metric", &[4317]), source(NODE)];
        shard.apply(&nodes).await;
        let nack = feed(spans()).await.expect_err("traces have no metrics");
        assert_eq!((nack.reason, nack.retryable), ("unsupported_signal", false));
    });
}
