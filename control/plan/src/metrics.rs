//! The control plane's own metrics, under Alloy's names where the same thing is measured.

use std::collections::BTreeMap;

use runtime::metrics::{Counter, Gauge, Histogram, Registry, Snapshot};
use schema::MetricKind;

use crate::graph::{ROOT, Role};
use crate::health::State;
use crate::live::{Live, Part};

/// Compat: the buckets of Alloy's controller, so that recorded quantiles go on.
const SECONDS_BUCKETS: [f64; 12] = [
    0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0,
];

const RUNNING_COMPONENTS: &str = "alloy_component_controller_running_components";
const CONFIG_HASH: &str = "alloy_config_hash";

/// Handles to what is counted as it happens; the rest is set when it is read.
pub(crate) struct Metrics {
    registry: Registry,
    pub evaluation_seconds: Histogram,
    pub wait_seconds: Histogram,
    pub evaluating: Gauge,
    pub queue_size: Gauge,
    pub load_successful: Gauge,
    pub load_success_seconds: Gauge,
    pub load_failures: Counter,
    /// Series by labels that were set at the last reading, to be forgotten when they are gone.
    shown: BTreeMap<(String, &'static str), Gauge>,
}

impl Metrics {
    pub fn new() -> Metrics {
        let registry = Registry::new();
        let root = [("controller_path", "/"), ("controller_id", "")];
        Metrics {
            evaluation_seconds: registry.histogram(
                "alloy_component_evaluation_seconds",
                "Time spent evaluating components.",
                &root,
                &SECONDS_BUCKETS,
            ),
            wait_seconds: registry.histogram(
                "alloy_component_dependencies_wait_seconds",
                "Time that changed exports waited before what depends on them was evaluated.",
                &root,
                &SECONDS_BUCKETS,
            ),
            evaluating: registry.gauge(
                "alloy_component_controller_evaluating",
                "Whether components are being evaluated.",
                &root,
            ),
            queue_size: registry.gauge(
                "alloy_component_evaluation_queue_size",
                "Components whose changed exports wait for evaluation.",
                &root,
            ),
            load_successful: registry.gauge(
                "alloy_config_last_load_successful",
                "Whether the last configuration was taken.",
                &[],
            ),
            load_success_seconds: registry.gauge(
                "alloy_config_last_load_success_timestamp_seconds",
                "When a configuration was last taken.",
                &[],
            ),
            load_failures: registry.counter(
                "alloy_config_load_failures_total",
                "Configurations that were not taken.",
                &[],
            ),
            shown: BTreeMap::new(),
            registry,
        }
    }

    pub fn loaded(&self, hash: &str) {
        self.load_successful.set(1.0);
        self.load_success_seconds
            .set(runtime::wall_ms() as f64 / 1000.0);
        if let Some(family) = self.registry.snapshot().family(CONFIG_HASH) {
            for sample in &family.samples {
                let labels: Vec<(&str, &str)> = sample
                    .labels
                    .iter()
                    .map(|(n, v)| (n.as_str(), v.as_str()))
                    .collect();
                self.registry.remove(&labels);
            }
        }
        let labels = [("sha256", hash), ("cluster_name", "")];
        self.registry
            .gauge(CONFIG_HASH, "Hash of the configuration that runs.", &labels)
            .set(1.0);
    }

    pub fn refused(&self) {
        self.load_successful.set(0.0);
        self.load_failures.inc();
    }

    /// All values now, with what is read from the components themselves.
    pub fn snapshot(&mut self, live: &Live) -> Snapshot {
        self.count_components(live);
        self.read_resolvers(live);
        self.registry.snapshot()
    }

    /// By module and health; a kind of health that was shown once stays, with zero.
    fn count_components(&mut self, live: &Live) {
        let mut counts: BTreeMap<(String, &'static str), u32> = BTreeMap::new();
        for (node, state) in live.graph.nodes.iter().zip(&live.states) {
            // Compat: imports count, though no API lists them.
            if node.is_component() || matches!(node.role, Role::Import(_)) {
                let module = live.graph.modules[node.module].id.clone();
                *counts
                    .entry((module, state.health.worst().state.as_str()))
                    .or_default() += 1;
            }
        }
        let root = &live
            .graph
            .modules
            .get(ROOT)
            .map(|module| module.id.clone())
            .unwrap_or_default();
        counts
            .entry((root.clone(), State::Healthy.as_str()))
            .or_default();
        for (key, gauge) in &self.shown {
            gauge.set(counts.get(key).copied().unwrap_or_default().into());
        }
        for (key, count) in counts {
            if self.shown.contains_key(&key) {
                continue;
            }
            let (path, id) = match key.0.rsplit_once('/') {
                Some((path, id)) => (format!("/{path}"), id.to_owned()),
                None => ("/".to_owned(), key.0.clone()),
            };
            let labels = [
                ("controller_path", &*path),
                ("controller_id", &*id),
                ("health_type", key.1),
            ];
            let gauge = self.registry.gauge(
                RUNNING_COMPONENTS,
                "Total number of running components.",
                &labels,
            );
            gauge.set(count.into());
            self.shown.insert(key, gauge);
        }
    }

    /// What resolvers count is theirs; it is copied here under their ids.
    fn read_resolvers(&self, live: &Live) {
        for (node, state) in live.graph.nodes.iter().zip(&live.states) {
            let (Part::Resolver(instance), Role::Kind(kind)) = (&state.part, node.role) else {
                continue;
            };
            if live.is_muted(node) {
                continue;
            }
            let labels = [("component_id", node.id.as_str())];
            for (name, value) in instance.metrics() {
                let declared = kind
                    .descriptor()
                    .metrics
                    .iter()
                    .find(|metric| metric.name == name);
                let declared = declared.expect("an instance has the metrics of its component");
                match declared.kind {
                    MetricKind::Counter => {
                        self.registry
                            .counter(name, declared.help, &labels)
                            .store(value as u64);
                    }
                    MetricKind::Gauge => {
                        self.registry.gauge(name, declared.help, &labels).set(value);
                    }
                    MetricKind::Histogram => {
                        unreachable!("resolvers keep counters and gauges, {name} is neither")
                    }
                }
            }
        }
    }

    /// Forgets the series of a component that is gone.
    pub fn forget(&self, id: &str) {
        self.registry.remove(&[("component_id", id)]);
    }
}
