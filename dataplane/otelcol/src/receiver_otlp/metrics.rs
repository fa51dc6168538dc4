//! What the receiver tells of itself, under the Collector's names.

use engine::Build;
use runtime::metrics::Histogram;
use schema::{MetricDecl, MetricKind};

use crate::receiving::counts;

macro_rules! declared {
    ($($constant:ident $kind:ident $name:literal $help:literal;)*) => {
        $(const $constant: MetricDecl = MetricDecl {
            name: $name,
            kind: MetricKind::$kind,
            help: $help,
        };)*
    };
}

declared! {
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

/// All that the receiver has.
pub const DECLARED: &[MetricDecl] = &[
    counts::ACCEPTED_SPANS,
    counts::REFUSED_SPANS,
    counts::ACCEPTED_POINTS,
    counts::REFUSED_POINTS,
    counts::ACCEPTED_LOGS,
    counts::REFUSED_LOGS,
    DURATION,
    REQUEST_BYTES,
    REQUESTS,
    RESPONSE_BYTES,
    RESPONSES,
];

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
        let histogram =
            |decl: MetricDecl, bounds| cx.registry.histogram(decl.name, decl.help, &labels, bounds);
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
