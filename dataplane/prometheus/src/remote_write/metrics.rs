//! What remote write counts, under the reference's names where the thing counted is the same.

use batch::MetricsBatch;
use engine::Build;
use engine::outbox::{Fate, Outcome};
use runtime::metrics::{Counter, Gauge, Histogram, Hook};
use schema::{MetricDecl, MetricKind};

use super::arguments::Endpoint;
use super::messages::{Cursor, Header};

const fn counter(name: &'static str, help: &'static str) -> MetricDecl {
    MetricDecl {
        name,
        kind: MetricKind::Counter,
        help,
    }
}

const fn gauge(name: &'static str, help: &'static str) -> MetricDecl {
    MetricDecl {
        name,
        kind: MetricKind::Gauge,
        help,
    }
}

const SAMPLES: MetricDecl = counter(
    "prometheus_remote_storage_samples_total",
    "Total number of samples sent to remote storage.",
);
const EXEMPLARS: MetricDecl = counter(
    "prometheus_remote_storage_exemplars_total",
    "Total number of exemplars sent to remote storage.",
);
const HISTOGRAMS: MetricDecl = counter(
    "prometheus_remote_storage_histograms_total",
    "Total number of histograms sent to remote storage.",
);
const METADATA: MetricDecl = counter(
    "prometheus_remote_storage_metadata_total",
    "Total number of metadata entries sent to remote storage.",
);
const SAMPLES_FAILED: MetricDecl = counter(
    "prometheus_remote_storage_samples_failed_total",
    "Total number of samples which failed on send to remote storage, non-recoverable errors.",
);
const EXEMPLARS_FAILED: MetricDecl = counter(
    "prometheus_remote_storage_exemplars_failed_total",
    "Total number of exemplars which failed on send to remote storage, non-recoverable errors.",
);
const METADATA_FAILED: MetricDecl = counter(
    "prometheus_remote_storage_metadata_failed_total",
    "Total number of metadata entries which failed on send, non-recoverable errors.",
);
const SAMPLES_RETRIED: MetricDecl = counter(
    "prometheus_remote_storage_samples_retried_total",
    "Total number of samples which failed on send to remote storage but were retried.",
);
const SAMPLES_RETRIES: MetricDecl = counter(
    "prometheus_remote_storage_samples_retries_total",
    "Total number of sample sends that were retried.",
);
const EXEMPLARS_RETRIED: MetricDecl = counter(
    "prometheus_remote_storage_exemplars_retried_total",
    "Total number of exemplars which failed on send to remote storage but were retried.",
);
const METADATA_RETRIED: MetricDecl = counter(
    "prometheus_remote_storage_metadata_retried_total",
    "Total number of metadata entries which failed on send but were retried.",
);
const SAMPLES_DROPPED: MetricDecl = counter(
    "prometheus_remote_storage_samples_dropped_total",
    "Total number of samples which were dropped before being sent, by reason.",
);
const EXEMPLARS_DROPPED: MetricDecl = counter(
    "prometheus_remote_storage_exemplars_dropped_total",
    "Total number of exemplars which were dropped before being sent, by reason.",
);
const BYTES: MetricDecl = counter(
    "prometheus_remote_storage_bytes_total",
    "The total number of bytes of data (not metadata) sent after compression.",
);
const METADATA_BYTES: MetricDecl = counter(
    "prometheus_remote_storage_metadata_bytes_total",
    "The total number of bytes of metadata sent after compression.",
);
const SAMPLES_IN: MetricDecl = counter(
    "prometheus_remote_storage_samples_in_total",
    "Samples in to remote storage, compare to samples out for queue managers.",
);
const EXEMPLARS_IN: MetricDecl = counter(
    "prometheus_remote_storage_exemplars_in_total",
    "Exemplars in to remote storage, compare to exemplars out for queue managers.",
);
const WAL_SAMPLES: MetricDecl = counter(
    "prometheus_remote_write_wal_samples_appended_total",
    "Total number of samples appended to the WAL",
);
const WAL_EXEMPLARS: MetricDecl = counter(
    "prometheus_remote_write_wal_exemplars_appended_total",
    "Total number of exemplars appended to the WAL",
);
const WAL_METADATA: MetricDecl = counter(
    "prometheus_remote_write_wal_metadata_updates_total",
    "Total number of metadata updates",
);
const ACTIVE_SERIES: MetricDecl = gauge(
    "prometheus_remote_write_wal_storage_active_series",
    "Series that are known on the shards that this component runs on.",
);
const HIGHEST_IN: MetricDecl = gauge(
    "prometheus_remote_storage_highest_timestamp_in_seconds",
    "Timestamp of the latest sample that came in, seconds since epoch.",
);
const HIGHEST_SENT: MetricDecl = gauge(
    "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
    "Timestamp of the latest sample that was sent, seconds since epoch.",
);
const MAX_SAMPLES: MetricDecl = gauge(
    "prometheus_remote_storage_max_samples_per_send",
    "The maximum number of samples to be sent, in a single request, to the remote storage.",
);
const SENDERS: MetricDecl = gauge(
    "prometheus_remote_storage_shards",
    "The number of requests that are under way.",
);
const SENDERS_MAX: MetricDecl = gauge(
    "prometheus_remote_storage_shards_max",
    "The maximum number of senders, as configured.",
);
const SENDERS_MIN: MetricDecl = gauge(
    "prometheus_remote_storage_shards_min",
    "The minimum number of senders, as configured.",
);
const CAPACITY: MetricDecl = gauge(
    "prometheus_remote_storage_shard_capacity",
    "The capacity of each sender, as configured; the log on disk takes what goes beyond.",
);
const DURATION: MetricDecl = MetricDecl {
    name: "prometheus_remote_storage_sent_batch_duration_seconds",
    kind: MetricKind::Histogram,
    help: "Duration of send calls to the remote storage.",
};

const DURATION_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0, 300.0,
];

pub const DECLARED: &[MetricDecl] = &[
    SAMPLES,
    EXEMPLARS,
    HISTOGRAMS,
    METADATA,
    SAMPLES_FAILED,
    EXEMPLARS_FAILED,
    METADATA_FAILED,
    SAMPLES_RETRIED,
    SAMPLES_RETRIES,
    EXEMPLARS_RETRIED,
    METADATA_RETRIED,
    SAMPLES_DROPPED,
    EXEMPLARS_DROPPED,
    BYTES,
    METADATA_BYTES,
    SAMPLES_IN,
    EXEMPLARS_IN,
    WAL_SAMPLES,
    WAL_EXEMPLARS,
    WAL_METADATA,
    ACTIVE_SERIES,
    HIGHEST_IN,
    HIGHEST_SENT,
    MAX_SAMPLES,
    SENDERS,
    SENDERS_MAX,
    SENDERS_MIN,
    CAPACITY,
    DURATION,
];

/// What the encoding of one lane drops on purpose.
pub struct Drops {
    ruled_out: Counter,
    histograms_off: Counter,
    custom_buckets: Counter,
}

/// Why version 1 drops histograms with custom buckets, in the reference's words.
pub const CUSTOM_BUCKETS: &str = "nhcb_in_rw1_not_supported";

impl Drops {
    pub fn new(cx: &Build) -> Drops {
        let counter = |reason| {
            let labels = [("component_id", &*cx.node), ("reason", reason)];
            cx.registry
                .counter(SAMPLES_DROPPED.name, SAMPLES_DROPPED.help, &labels)
        };
        Drops {
            ruled_out: counter("relabel"),
            histograms_off: counter("native_histograms_off"),
            custom_buckets: counter(CUSTOM_BUCKETS),
        }
    }

    pub fn count(&self, cursor: &Cursor) {
        self.ruled_out.add(cursor.ruled_out);
        self.histograms_off.add(cursor.histograms_off);
        self.custom_buckets.add(cursor.custom_buckets);
    }
}

/// What the encoder of one lane sees by itself.
pub struct Encoded {
    pub exemplars_ruled_out: Counter,
    pub exemplars_alone: Counter,
    highest: Gauge,
}

impl Encoded {
    pub fn new(cx: &Build) -> Encoded {
        let node = ("component_id", &*cx.node);
        let dropped = |reason| {
            let labels = [node, ("reason", reason)];
            cx.registry
                .counter(EXEMPLARS_DROPPED.name, EXEMPLARS_DROPPED.help, &labels)
        };
        Encoded {
            exemplars_ruled_out: dropped("relabel"),
            exemplars_alone: dropped("no_sample"),
            highest: cx.registry.gauge(HIGHEST_IN.name, HIGHEST_IN.help, &[node]),
        }
    }

    /// A message is done, of which this is the latest sample.
    pub fn sealed(&self, highest_ms: i64) {
        raise(&self.highest, highest_ms);
    }
}

/// Gauges of points in time never go back.
fn raise(gauge: &Gauge, time_ms: i64) {
    let seconds = time_ms as f64 / 1000.0;
    if gauge.get() < seconds {
        gauge.set(seconds);
    }
}

/// What an instance takes in.
pub struct Intake {
    samples: Counter,
    exemplars: Counter,
    wal_samples: Counter,
    wal_exemplars: Counter,
    wal_metadata: Counter,
    _active_series: Hook,
}

impl Intake {
    pub fn new(cx: &Build) -> Intake {
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let active = cx
            .registry
            .gauge(ACTIVE_SERIES.name, ACTIVE_SERIES.help, &labels);
        let series = cx.series.clone();
        let read = move || active.set(series.borrow().len() as f64);
        Intake {
            _active_series: cx.registry.on_snapshot(read),
            samples: counter(SAMPLES_IN),
            exemplars: counter(EXEMPLARS_IN),
            wal_samples: counter(WAL_SAMPLES),
            wal_exemplars: counter(WAL_EXEMPLARS),
            wal_metadata: counter(WAL_METADATA),
        }
    }

    /// Counts a batch that is in the log.
    pub fn count(&self, batch: &MetricsBatch) {
        let (items, exemplars) = (batch.items() as u64, batch.exemplars.len() as u64);
        self.samples.add(items);
        self.wal_samples.add(items);
        self.exemplars.add(exemplars);
        self.wal_exemplars.add(exemplars);
        self.wal_metadata.add(batch.metadata.len() as u64);
    }
}

/// What goes out to one endpoint.
pub struct EndpointMetrics {
    pub duration: Histogram,
    /// Requests under way.
    pub senders: Gauge,
    samples: Counter,
    exemplars: Counter,
    histograms: Counter,
    metadata: Counter,
    samples_failed: Counter,
    exemplars_failed: Counter,
    metadata_failed: Counter,
    samples_retried: Counter,
    samples_retries: Counter,
    exemplars_retried: Counter,
    metadata_retried: Counter,
    bytes: Counter,
    metadata_bytes: Counter,
    highest_sent: Gauge,
}

impl EndpointMetrics {
    pub fn new(cx: &Build, name: &str, settings: &Endpoint) -> EndpointMetrics {
        let labels = [
            ("component_id", &*cx.node),
            ("remote_name", name),
            ("url", settings.url.as_str()),
        ];
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let gauge = |decl: MetricDecl| cx.registry.gauge(decl.name, decl.help, &labels);
        if cx.shard_index == 0 {
            // Shards add up: settings are told by one of them.
            let queue = &settings.queue_config;
            gauge(MAX_SAMPLES).set(queue.max_samples_per_send as f64);
            gauge(SENDERS_MAX).set(queue.max_shards as f64);
            gauge(SENDERS_MIN).set(queue.min_shards as f64);
            gauge(CAPACITY).set(queue.capacity as f64);
        }
        let (name, help) = (DURATION.name, DURATION.help);
        EndpointMetrics {
            duration: cx.registry.histogram(name, help, &labels, DURATION_BOUNDS),
            senders: gauge(SENDERS),
            samples: counter(SAMPLES),
            exemplars: counter(EXEMPLARS),
            histograms: counter(HISTOGRAMS),
            metadata: counter(METADATA),
            samples_failed: counter(SAMPLES_FAILED),
            exemplars_failed: counter(EXEMPLARS_FAILED),
            metadata_failed: counter(METADATA_FAILED),
            samples_retried: counter(SAMPLES_RETRIED),
            samples_retries: counter(SAMPLES_RETRIES),
            exemplars_retried: counter(EXEMPLARS_RETRIED),
            metadata_retried: counter(METADATA_RETRIED),
            bytes: counter(BYTES),
            metadata_bytes: counter(METADATA_BYTES),
            highest_sent: gauge(HIGHEST_SENT),
        }
    }

    /// A record has left the lane for this endpoint.
    pub fn settled(&self, header: &Header, bytes: usize, fate: Fate) {
        let (samples, exemplars) = (u64::from(header.samples), u64::from(header.exemplars));
        if let Fate::Dropped(_) = fate {
            self.samples_failed
                .add(samples + u64::from(header.histograms));
            self.exemplars_failed.add(exemplars);
            return;
        }
        self.samples.add(samples);
        self.exemplars.add(exemplars);
        self.histograms.add(u64::from(header.histograms));
        self.bytes.add(bytes as u64);
        raise(&self.highest_sent, header.highest_ms);
    }

    pub fn retried(&self, header: &Header) {
        self.samples_retries.inc();
        self.samples_retried.add(u64::from(header.samples));
        self.exemplars_retried.add(u64::from(header.exemplars));
    }

    /// What came of one request with metadata.
    pub fn metadata(&self, outcome: &Outcome, entries: usize, bytes: usize) {
        match outcome {
            Outcome::Ack => {
                self.metadata.add(entries as u64);
                self.metadata_bytes.add(bytes as u64);
            }
            Outcome::Retry { .. } => self.metadata_retried.add(entries as u64),
            Outcome::Drop { .. } => self.metadata_failed.add(entries as u64),
        }
    }
}
