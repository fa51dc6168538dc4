//! What exporters tell of themselves, under the Collector's names.

use std::time::Duration;

use batch::otlp::OtlpSignal;
use engine::{Build, Throttle};
use runtime::metrics::{Counter, Gauge, Histogram};
use schema::{MetricDecl, MetricKind};

use super::answers::Rejection;
use crate::settings::SendingQueue;

macro_rules! declared {
    ($($constant:ident $kind:ident $name:literal $help:literal;)*) => {
        $(const $constant: MetricDecl = MetricDecl {
            name: $name,
            kind: MetricKind::$kind,
            help: $help,
        };)*
        pub const DECLARED: &[MetricDecl] = &[$($constant),*];
    };
}

declared! {
    QUEUE_CAPACITY Gauge "otelcol_exporter_queue_capacity"
        "Fixed capacity of the retry queue (in batches).";
    QUEUE_SIZE Gauge "otelcol_exporter_queue_size"
        "Current size of the retry queue (in batches).";
    SENT_SPANS Counter "otelcol_exporter_sent_spans_total"
        "Number of spans successfully sent to destination.";
    FAILED_SPANS Counter "otelcol_exporter_send_failed_spans_total"
        "Number of spans in failed attempts to send to destination.";
    SENT_POINTS Counter "otelcol_exporter_sent_metric_points_total"
        "Number of metric points successfully sent to destination.";
    FAILED_POINTS Counter "otelcol_exporter_send_failed_metric_points_total"
        "Number of metric points in failed attempts to send to destination.";
    SENT_LOGS Counter "otelcol_exporter_sent_log_records_total"
        "Number of log records successfully sent to destination.";
    FAILED_LOGS Counter "otelcol_exporter_send_failed_log_records_total"
        "Number of log records in failed attempts to send to destination.";
    REJECTED Counter "invar_exporter_rejected_items_total"
        "Number of items that the destination said it had rejected in requests it accepted.";
    DURATION Histogram "rpc_client_duration_milliseconds"
        "Measures the duration of outbound RPC.";
    REQUEST_BYTES Histogram "rpc_client_request_size_bytes"
        "Measures size of RPC request messages (uncompressed).";
    REQUESTS Histogram "rpc_client_requests_per_rpc"
        "Measures the number of messages received per RPC.";
    RESPONSE_BYTES Histogram "rpc_client_response_size_bytes"
        "Measures size of RPC response messages (uncompressed).";
    RESPONSES Histogram "rpc_client_responses_per_rpc"
        "Measures the number of messages sent per RPC.";
}

/// Of exporters without a queue or calls.
pub const ITEMS: &[MetricDecl] = &[
    SENT_SPANS,
    FAILED_SPANS,
    SENT_POINTS,
    FAILED_POINTS,
    SENT_LOGS,
    FAILED_LOGS,
];

/// How often a line about the same trouble is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

const MILLISECONDS: &[f64] = &[
    5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];
const SIZES: &[f64] = &[
    128.0, 1024.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
];
const MESSAGES: &[f64] = &[1.0, 5.0];

/// What was sent and what was not, by signal.
pub struct ItemMetrics(Vec<(Counter, Counter)>);

impl ItemMetrics {
    pub fn new(cx: &Build) -> ItemMetrics {
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        ItemMetrics(vec![
            (counter(SENT_SPANS), counter(FAILED_SPANS)),
            (counter(SENT_POINTS), counter(FAILED_POINTS)),
            (counter(SENT_LOGS), counter(FAILED_LOGS)),
        ])
    }

    pub fn sent(&self, signal: OtlpSignal, items: u64) {
        self.of(signal).0.add(items);
    }

    pub fn failed(&self, signal: OtlpSignal, items: u64) {
        self.of(signal).1.add(items);
    }

    fn of(&self, signal: OtlpSignal) -> &(Counter, Counter) {
        let index = OtlpSignal::ALL.iter().position(|known| *known == signal);
        &self.0[index.expect("all signals are listed")]
    }
}

/// One exporter's metrics.
pub struct ExporterMetrics {
    node: std::rc::Rc<str>,
    items: ItemMetrics,
    duration: Histogram,
    request_bytes: Histogram,
    requests: Histogram,
    response_bytes: Histogram,
    responses: Histogram,
    rejected_items: Counter,
    failed: Throttle,
    partial: Throttle,
    pub queue_size: Gauge,
}

impl ExporterMetrics {
    pub fn new(cx: &Build, queue: Option<&SendingQueue>) -> ExporterMetrics {
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let histogram =
            |decl: MetricDecl, bounds| cx.registry.histogram(decl.name, decl.help, &labels, bounds);
        let gauge = |decl: MetricDecl| cx.registry.gauge(decl.name, decl.help, &labels);
        gauge(QUEUE_CAPACITY).set(queue.map_or(1000.0, |queue| queue.queue_size as f64));
        ExporterMetrics {
            node: cx.node.clone(),
            items: ItemMetrics::new(cx),
            duration: histogram(DURATION, MILLISECONDS),
            request_bytes: histogram(REQUEST_BYTES, SIZES),
            requests: histogram(REQUESTS, MESSAGES),
            response_bytes: histogram(RESPONSE_BYTES, SIZES),
            responses: histogram(RESPONSES, MESSAGES),
            rejected_items: counter(REJECTED),
            failed: Throttle::new(LOG_INTERVAL),
            partial: Throttle::new(LOG_INTERVAL),
            queue_size: gauge(QUEUE_SIZE),
        }
    }

    pub fn call(&self, took: Duration, bytes: usize, answer_bytes: usize) {
        self.response_bytes.record(answer_bytes as f64);
        self.duration.record(took.as_secs_f64() * 1e3);
        self.request_bytes.record(bytes as f64);
        self.requests.record(1.0);
        self.responses.record(1.0);
    }

    pub fn sent(&self, signal: OtlpSignal, items: u64) {
        self.items.sent(signal, items);
    }

    pub fn failed(&self, signal: OtlpSignal, items: u64) {
        self.items.failed(signal, items);
    }

    /// Compat: what the endpoint took and did not keep counts as sent.
    pub fn rejected(&self, signal: OtlpSignal, rejection: &Rejection) {
        self.rejected_items.add(rejection.items);
        if let Some(held_back) = self.partial.pass() {
            tracing::warn!(
                component_id = &*self.node,
                held_back,
                "the endpoint has rejected {} of the items of a request ({}): {}",
                rejection.items,
                signal.name(),
                rejection.message
            );
        }
    }

    pub fn log_failed(&self, items: u64, message: &str) {
        if let Some(held_back) = self.failed.pass() {
            tracing::error!(
                component_id = &*self.node,
                held_back,
                "the endpoint refused {items} items for good, they are dropped: {message}"
            );
        }
    }
}
