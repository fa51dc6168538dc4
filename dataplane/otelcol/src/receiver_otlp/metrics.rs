//! What the receiver tells of itself, under the Collector's names.

use batch::otlp::OtlpSignal;
use engine::Build;
use runtime::metrics::{Counter, Histogram};
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
    ACCEPTED_SPANS Counter "otelcol_receiver_accepted_spans_total"
        "Number of spans successfully pushed into the pipeline.";
    REFUSED_SPANS Counter "otelcol_receiver_refused_spans_total"
        "Number of spans that could not be pushed into the pipeline.";
    ACCEPTED_POINTS Counter "otelcol_receiver_accepted_metric_points_total"
        "Number of metric points successfully pushed into the pipeline.";
    REFUSED_POINTS Counter "otelcol_receiver_refused_metric_points_total"
        "Number of metric points that could not be pushed into the pipeline.";
    ACCEPTED_LOGS Counter "otelcol_receiver_accepted_log_records_total"
        "Number of log records successfully pushed into the pipeline.";
    REFUSED_LOGS Counter "otelcol_receiver_refused_log_records_total"
        "Number of log records that could not be pushed into the pipeline.";
    DURATION Histogram "rpc_server_duration_milliseconds"
        "Measures the duration of inbound RPC.";
    REQUEST_BYTES Histogram "rpc_server_request_size_bytes"
        "Measures size of RPC request messages (uncompressed).";
    REQUESTS Histogram "rpc_server_requests_per_rpc"
        "Measures the number of messages received per RPC.";
    RESPONSE_BYTES Histogram "rpc_server_response_size_bytes"
        "Measures size of RPC response messages (uncompressed).";
    RESPONSES Histogram "rpc_server_responses_per_rpc"
        "Measures the number of messages sent per RPC.";
}

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Grpc,
    Http,
}

/// Items that were taken and refused.
pub struct Counts {
    /// By signal, transport and outcome.
    counters: Vec<Counter>,
}

impl Counts {
    pub fn new(cx: &Build) -> Counts {
        let mut counters = Vec::new();
        for signal in OtlpSignal::ALL {
            for transport in ["grpc", "http"] {
                let (accepted, refused) = match signal {
                    OtlpSignal::Traces => (ACCEPTED_SPANS, REFUSED_SPANS),
                    OtlpSignal::Metrics => (ACCEPTED_POINTS, REFUSED_POINTS),
                    OtlpSignal::Logs => (ACCEPTED_LOGS, REFUSED_LOGS),
                };
                let labels = [
                    ("component_id", &*cx.node),
                    ("receiver", "otlp"),
                    ("transport", transport),
                ];
                for decl in [accepted, refused] {
                    counters.push(cx.registry.counter(decl.name, decl.help, &labels));
                }
            }
        }
        Counts { counters }
    }

    pub fn count(&self, signal: OtlpSignal, transport: Transport, items: u64, accepted: bool) {
        let signal = OtlpSignal::ALL.iter().position(|known| *known == signal);
        let index = signal.expect("all signals are listed") * 4
            + usize::from(transport == Transport::Http) * 2
            + usize::from(!accepted);
        self.counters[index].add(items);
    }
}

const MILLISECONDS: &[f64] = &[
    5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];
const SIZES: &[f64] = &[
    128.0, 1024.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
];
const MESSAGES: &[f64] = &[1.0, 5.0];

/// What calls look like.
pub struct Calls {
    duration: Histogram,
    request_bytes: Histogram,
    requests: Histogram,
    response_bytes: Histogram,
    responses: Histogram,
}

impl Calls {
    pub fn new(cx: &Build) -> Calls {
        let labels = [("component_id", &*cx.node), ("rpc_system", "grpc")];
        let histogram = |decl: MetricDecl, bounds| {
            cx.registry.histogram(decl.name, decl.help, &labels, bounds)
        };
        Calls {
            duration: histogram(DURATION, MILLISECONDS),
            request_bytes: histogram(REQUEST_BYTES, SIZES),
            requests: histogram(REQUESTS, MESSAGES),
            response_bytes: histogram(RESPONSE_BYTES, SIZES),
            responses: histogram(RESPONSES, MESSAGES),
        }
    }

    pub fn count(&self, seconds: f64, request_bytes: usize, response_bytes: usize) {
        self.duration.record(seconds * 1e3);
        self.request_bytes.record(request_bytes as f64);
        self.requests.record(1.0);
        self.response_bytes.record(response_bytes as f64);
        self.responses.record(1.0);
    }
}
