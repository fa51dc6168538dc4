//! Passing on to `forward_to`, with the metrics that components of this family share.

use engine::{Batch, Build, Fanout, Nack};
use runtime::Instant;
use runtime::metrics::{Counter, Histogram};
use schema::{MetricDecl, MetricKind, Port};

pub const FORWARDED: MetricDecl = MetricDecl {
    name: "prometheus_forwarded_samples_total",
    kind: MetricKind::Counter,
    help: "Total number of samples sent to downstream components.",
};

pub const LATENCY: MetricDecl = MetricDecl {
    name: "prometheus_fanout_latency",
    kind: MetricKind::Histogram,
    help: "Write latency for sending to direct and indirect components",
};

const LATENCY_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The way downstream of one instance.
#[derive(Clone)]
pub struct Forward {
    fanout: Fanout,
    forwarded: Counter,
    latency: Histogram,
}

impl Forward {
    pub fn new(cx: &Build, forward_to: &[Port]) -> Forward {
        let labels = [("component_id", &*cx.node)];
        Forward {
            fanout: cx.fanout(forward_to),
            forwarded: cx.registry.counter(FORWARDED.name, FORWARDED.help, &labels),
            latency: cx
                .registry
                .histogram(LATENCY.name, LATENCY.help, &labels, LATENCY_BOUNDS),
        }
    }

    pub async fn consume(&self, batch: Batch) -> Result<(), Nack> {
        let (items, start) = (batch.items(), runtime::now());
        let result = self.fanout.consume(batch).await;
        self.count(items, start, &result);
        result
    }

    /// See `Fanout::consume_until`.
    pub async fn consume_until(&self, batch: Batch, deadline: Instant) -> Result<(), Nack> {
        let (items, start) = (batch.items(), runtime::now());
        let result = self.fanout.consume_until(batch, deadline).await;
        self.count(items, start, &result);
        result
    }

    fn count(&self, items: u64, start: Instant, result: &Result<(), Nack>) {
        self.latency.record(start.elapsed().as_secs_f64());
        if result.is_ok() {
            self.forwarded.add(items);
        }
    }
}
