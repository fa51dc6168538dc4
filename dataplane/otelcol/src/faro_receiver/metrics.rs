//! What the receiver tells of itself, under Alloy's names.

use std::rc::Rc;

use engine::Build;
use formats::faro::Payload;
use runtime::Instant;
use runtime::metrics::{Counter, Gauge, Histogram, Registry};
use schema::{MetricDecl, MetricKind};

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
    EXCEPTIONS Counter "faro_receiver_exceptions_total"
        "Total number of ingested exceptions";
    LOGS Counter "faro_receiver_logs_total"
        "Total number of ingested logs";
    MEASUREMENTS Counter "faro_receiver_measurements_total"
        "Total number of ingested measurements";
    EVENTS Counter "faro_receiver_events_total"
        "Total number of ingested events";
    ERRORS Counter "faro_receiver_exporter_errors_total"
        "Total number of errors produced by a receiver exporter";
    DURATION Histogram "faro_receiver_request_duration_seconds"
        "Time (in seconds) spent serving HTTP requests.";
    REQUEST_BYTES Histogram "faro_receiver_request_message_bytes"
        "Size (in bytes) of messages received in the request.";
    IN_FLIGHT Gauge "faro_receiver_inflight_requests"
        "Current number of inflight requests.";
}

const SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0,
];
const SIZES: &[f64] = &[
    1_048_576.0,
    2_621_440.0,
    5_242_880.0,
    10_485_760.0,
    26_214_400.0,
    52_428_800.0,
    104_857_600.0,
    262_144_000.0,
];

/// One shard's metrics.
pub struct Metrics {
    node: Rc<str>,
    registry: Registry,
    exceptions: Counter,
    logs: Counter,
    measurements: Counter,
    events: Counter,
    pub logs_failed: Counter,
    pub traces_failed: Counter,
    pub request_bytes: Histogram,
    pub in_flight: Gauge,
}

impl Metrics {
    pub fn new(cx: &Build) -> Metrics {
        let node = ("component_id", &*cx.node);
        let registry = &cx.registry;
        let counter = |decl: MetricDecl| registry.counter(decl.name, decl.help, &[node]);
        let failed = |exporter| {
            let labels = [node, ("exporter", exporter)];
            registry.counter(ERRORS.name, ERRORS.help, &labels)
        };
        let route = [node, ("method", "POST"), ("route", "collect")];
        Metrics {
            exceptions: counter(EXCEPTIONS),
            logs: counter(LOGS),
            measurements: counter(MEASUREMENTS),
            events: counter(EVENTS),
            logs_failed: failed("logs exporter"),
            traces_failed: failed("traces exporter"),
            request_bytes: registry.histogram(
                REQUEST_BYTES.name,
                REQUEST_BYTES.help,
                &route,
                SIZES,
            ),
            in_flight: registry.gauge(IN_FLIGHT.name, IN_FLIGHT.help, &route),
            node: cx.node.clone(),
            registry: registry.clone(),
        }
    }

    pub fn taken(&self, payload: &Payload) {
        self.exceptions.add(payload.exceptions.len() as u64);
        self.logs.add(payload.logs.len() as u64);
        self.measurements.add(payload.measurements.len() as u64);
        self.events.add(payload.events.len() as u64);
    }

    /// Costs a look into the registry a request, since a status is known only now.
    pub fn answered(&self, method: &str, status: &str, start: Instant) {
        let labels = [
            ("component_id", &*self.node),
            ("method", method),
            ("route", "collect"),
            ("status_code", status),
            ("ws", "false"),
        ];
        let (name, help) = (DURATION.name, DURATION.help);
        let duration = self.registry.histogram(name, help, &labels, SECONDS);
        duration.record(start.elapsed().as_secs_f64());
    }
}
