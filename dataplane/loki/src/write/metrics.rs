//! What loki.write counts, under the reference's names.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use engine::Build;
use runtime::metrics::{Counter, Histogram};
use schema::{MetricDecl, MetricKind};

use super::messages::{Drop, LINE_TOO_LONG, STREAM_LIMITED};

const fn declare(name: &'static str, kind: MetricKind, help: &'static str) -> MetricDecl {
    MetricDecl { name, kind, help }
}

const SENT_BYTES: MetricDecl = declare(
    "loki_write_sent_bytes_total",
    MetricKind::Counter,
    "Number of bytes sent.",
);
const DROPPED_BYTES: MetricDecl = declare(
    "loki_write_dropped_bytes_total",
    MetricKind::Counter,
    "Number of bytes dropped because failed to be sent to the ingester after all retries.",
);
const SENT_ENTRIES: MetricDecl = declare(
    "loki_write_sent_entries_total",
    MetricKind::Counter,
    "Number of log entries sent to the ingester.",
);
const DROPPED_ENTRIES: MetricDecl = declare(
    "loki_write_dropped_entries_total",
    MetricKind::Counter,
    "Number of log entries dropped because failed to be sent to the ingester after all retries.",
);
const LATENCY: MetricDecl = declare(
    "loki_write_entry_propagation_latency_seconds",
    MetricKind::Histogram,
    "Time between the append of a request to the log and its delivery.",
);
const REQUEST_BYTES: MetricDecl = declare(
    "loki_write_request_size_bytes",
    MetricKind::Histogram,
    "Number of bytes for requests.",
);
const REQUEST_DURATION: MetricDecl = declare(
    "loki_write_request_duration_seconds",
    MetricKind::Histogram,
    "Duration of send requests.",
);
const RETRIES: MetricDecl = declare(
    "loki_write_batch_retries_total",
    MetricKind::Counter,
    "Number of times batches has had to be retried.",
);

pub const DECLARED: &[MetricDecl] = &[
    SENT_BYTES,
    DROPPED_BYTES,
    SENT_ENTRIES,
    DROPPED_ENTRIES,
    LATENCY,
    REQUEST_BYTES,
    REQUEST_DURATION,
    RETRIES,
];

const LATENCY_BOUNDS: &[f64] = &[0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
const REQUEST_BOUNDS: &[f64] = &[
    1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 524288.0, 1048576.0, 2097152.0, 4194304.0,
    8388608.0, 16777216.0, 20971520.0,
];
const DURATION_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Why a request is dropped, in the reference's words.
pub const INGESTER_ERROR: &str = "ingester_error";
pub const RATE_LIMITED: &str = "rate_limited";

/// Present from the start, so that a first drop is an increase. `queue_is_full` never happens here.
const REASONS: [&str; 5] = [
    INGESTER_ERROR,
    RATE_LIMITED,
    STREAM_LIMITED,
    LINE_TOO_LONG,
    "queue_is_full",
];

/// What goes to one endpoint, by tenant.
pub struct EndpointMetrics {
    cx: Build,
    host: String,
    tenants: RefCell<HashMap<String, Rc<TenantMetrics>>>,
}

/// What goes to one endpoint for one tenant.
pub struct TenantMetrics {
    sent_bytes: Counter,
    sent_entries: Counter,
    dropped: HashMap<&'static str, (Counter, Counter)>,
    retries: Counter,
    latency: Histogram,
    request_bytes: Histogram,
    durations: RefCell<HashMap<i32, Histogram>>,
}

impl EndpointMetrics {
    pub fn new(cx: &Build, host: String) -> EndpointMetrics {
        EndpointMetrics {
            cx: cx.clone(),
            host,
            tenants: RefCell::default(),
        }
    }

    pub fn tenant(&self, name: &str) -> Rc<TenantMetrics> {
        if let Some(known) = self.tenants.borrow().get(name) {
            return known.clone();
        }
        let made = Rc::new(TenantMetrics::new(&self.cx, &self.host, name));
        let mut tenants = self.tenants.borrow_mut();
        tenants.insert(name.to_owned(), made.clone());
        made
    }

    /// An answer, or -1 where there was none.
    pub fn answered(&self, tenant: &str, status: i32, took: Duration) {
        let metrics = self.tenant(tenant);
        let mut durations = metrics.durations.borrow_mut();
        let histogram = durations.entry(status).or_insert_with(|| {
            let status = status.to_string();
            let labels = [
                ("component_id", &*self.cx.node),
                ("status_code", status.as_str()),
                ("host", self.host.as_str()),
                ("tenant", tenant),
            ];
            let (name, help) = (REQUEST_DURATION.name, REQUEST_DURATION.help);
            self.cx
                .registry
                .histogram(name, help, &labels, DURATION_BOUNDS)
        });
        histogram.record(took.as_secs_f64());
    }

    /// Entries that never became a request.
    pub fn dropped(&self, drop: &Drop, default_tenant: &str) {
        let tenant = match &*drop.tenant {
            "" => default_tenant,
            tenant => tenant,
        };
        self.tenant(tenant)
            .dropped(drop.reason, drop.entries, drop.bytes);
    }
}

impl TenantMetrics {
    fn new(cx: &Build, host: &str, tenant: &str) -> TenantMetrics {
        let labels = [
            ("component_id", &*cx.node),
            ("host", host),
            ("tenant", tenant),
        ];
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let histogram =
            |decl: MetricDecl, bounds| cx.registry.histogram(decl.name, decl.help, &labels, bounds);
        let mut dropped = HashMap::new();
        for reason in REASONS {
            let [node, host, tenant] = labels;
            let labels = [node, host, tenant, ("reason", reason)];
            let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
            dropped.insert(reason, (counter(DROPPED_ENTRIES), counter(DROPPED_BYTES)));
        }
        TenantMetrics {
            sent_bytes: counter(SENT_BYTES),
            sent_entries: counter(SENT_ENTRIES),
            dropped,
            retries: counter(RETRIES),
            latency: histogram(LATENCY, LATENCY_BOUNDS),
            request_bytes: histogram(REQUEST_BYTES, REQUEST_BOUNDS),
            durations: RefCell::default(),
        }
    }

    pub fn request(&self, bytes: usize) {
        self.request_bytes.record(bytes as f64);
    }

    pub fn retried(&self) {
        self.retries.inc();
    }

    pub fn sent(&self, entries: u64, bytes: u64, age: Duration) {
        self.sent_entries.add(entries);
        self.sent_bytes.add(bytes);
        self.latency.record(age.as_secs_f64());
    }

    pub fn dropped(&self, reason: &'static str, entries: u64, bytes: u64) {
        let known = self.dropped.get(reason);
        // Damage and limits of the log are in its own books.
        let (entries_total, bytes_total) = known.unwrap_or(&self.dropped[INGESTER_ERROR]);
        entries_total.add(entries);
        bytes_total.add(bytes);
    }
}
