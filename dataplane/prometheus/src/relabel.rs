//! prometheus.relabel: rewrites the labels of what passes, or drops it.
//!
//! ```text
//! receiver -> series id -> remembered outcome (rules run once per series) -> forward_to
//! ```
//!
//! Order stays, nothing is duplicated; a sample is dropped only by a rule and counted. What was
//! decided about a series is kept until the series dies or the rules change; beyond
//! `max_cache_size` series the rules run each time. Compatible with prometheus.relabel of Alloy.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::{LabelsBuf, MetricsBatch, SeriesId, SeriesTable};
use blocks::RelabelRule;
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread, Update, port_exports};
use ops::relabel::{self, Rule};
use runtime::metrics::{Counter, Gauge};
use runtime::{Instant, LocalBoxFuture};
use schema::{Arguments, ExportField, MetricDecl, MetricKind, Port, Stability, Value};

use crate::forward::{self, Forward};
use crate::outcomes::{Outcome, Outcomes};
use crate::renames::Renames;

pub static COMPONENT: Component = Component::of::<Relabel>();

/// The component.
pub struct Relabel;

#[derive(Arguments)]
pub struct RelabelArguments {
    /// Where what is kept goes.
    #[arg(required, port = Metrics)]
    pub forward_to: Vec<Port>,
    /// Most series whose outcome is remembered.
    #[arg(default = 100000, min = 1)]
    pub max_cache_size: i64,
    /// How long an outcome is remembered; 0 is as long as the series lives.
    #[arg(default = Duration::ZERO)]
    pub cache_ttl: Duration,
    /// The rules, applied in order.
    #[arg(block, name = "rule")]
    pub rules: Vec<RelabelRule>,
}

const fn counter(name: &'static str, help: &'static str) -> MetricDecl {
    MetricDecl {
        name,
        kind: MetricKind::Counter,
        help,
    }
}

const PROCESSED: MetricDecl = counter(
    "prometheus_relabel_metrics_processed",
    "Total number of metrics processed",
);
const WRITTEN: MetricDecl = counter(
    "prometheus_relabel_metrics_written",
    "Total number of metrics written",
);
const MISSES: MetricDecl = counter(
    "prometheus_relabel_cache_misses",
    "Total number of cache misses",
);
const HITS: MetricDecl = counter(
    "prometheus_relabel_cache_hits",
    "Total number of cache hits",
);
const EVICTIONS: MetricDecl = counter(
    "prometheus_relabel_cache_ttl_evictions",
    "Total number of cache entries that were forgotten because of cache_ttl",
);
const SIZE: MetricDecl = MetricDecl {
    name: "prometheus_relabel_cache_size",
    kind: MetricKind::Gauge,
    help: "Total size of relabel cache",
};

impl DataComponent for Relabel {
    type Arguments = RelabelArguments;
    const NAME: &'static str = "prometheus.relabel";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[
        ExportField {
            name: "receiver",
            type_name: "MetricsReceiver",
        },
        ExportField {
            name: "rules",
            type_name: "RelabelRules",
        },
    ];
    const METRICS: &'static [MetricDecl] = &[
        forward::LATENCY,
        forward::FORWARDED,
        HITS,
        MISSES,
        SIZE,
        EVICTIONS,
        PROCESSED,
        WRITTEN,
    ];

    async fn build(arguments: Arc<RelabelArguments>, cx: &Build) -> Result<Built, BuildError> {
        let port = Rc::new(Relabeler::new(cx, &arguments));
        let update = port.clone();
        Ok(Built::new()
            .port("receiver", port)
            .update(move |arguments: Arc<RelabelArguments>| {
                update.update(&arguments);
                Ok(Update::Done)
            }))
    }

    fn exports(arguments: &RelabelArguments, node: &str) -> Vec<(&'static str, Value)> {
        let mut exports = port_exports(Self::EXPORTS, node);
        exports.push((
            "rules",
            Value::opaque("RelabelRules", blocks::rules(&arguments.rules)),
        ));
        exports
    }
}

struct Relabeler {
    cx: Build,
    state: RefCell<State>,
    ledger: Ledger,
    metrics: Metrics,
}

struct Metrics {
    processed: Counter,
    written: Counter,
    hits: Counter,
    misses: Counter,
    evictions: Counter,
    size: Gauge,
}

struct State {
    forward: Forward,
    rules: Vec<Rule>,
    outcomes: Outcomes,
    outcomes_max: usize,
    ttl: Duration,
    expires: Instant,
    labels: LabelsBuf,
    renames: Renames,
    /// Buffers of the last batch, if it came back.
    spare: Option<MetricsBatch>,
}

impl Relabeler {
    fn new(cx: &Build, arguments: &RelabelArguments) -> Relabeler {
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: &MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let state = State {
            forward: Forward::new(cx, &arguments.forward_to),
            rules: blocks::rules(&arguments.rules),
            outcomes: Outcomes::new(&cx.series),
            outcomes_max: arguments.max_cache_size.max(1) as usize,
            ttl: arguments.cache_ttl,
            expires: runtime::now() + arguments.cache_ttl,
            labels: LabelsBuf::new(),
            renames: Renames::default(),
            spare: None,
        };
        Relabeler {
            ledger: cx.ledger("rules"),
            metrics: Metrics {
                processed: counter(&PROCESSED),
                written: counter(&WRITTEN),
                hits: counter(&HITS),
                misses: counter(&MISSES),
                evictions: counter(&EVICTIONS),
                size: cx.registry.gauge(SIZE.name, SIZE.help, &labels),
            },
            state: RefCell::new(state),
            cx: cx.clone(),
        }
    }

    fn update(&self, arguments: &RelabelArguments) {
        let mut table = self.cx.series.borrow_mut();
        let state = &mut *self.state.borrow_mut();
        state.forward = Forward::new(&self.cx, &arguments.forward_to);
        state.rules = blocks::rules(&arguments.rules);
        state.renames.clear();
        state.outcomes.clear(&mut table);
        state.outcomes_max = arguments.max_cache_size.max(1) as usize;
        state.ttl = arguments.cache_ttl;
        state.expires = runtime::now() + state.ttl;
    }

    /// The batch after the rules, and references to give back when it has been delivered.
    fn relabel(&self, batch: &Rc<MetricsBatch>) -> (Rc<MetricsBatch>, Vec<SeriesId>) {
        let mut table = self.cx.series.borrow_mut();
        let state = &mut *self.state.borrow_mut();
        state.outcomes.catch_up(&mut table);
        let evicted = state.expire(&mut table);
        self.metrics.evictions.add(evicted);
        if state.leaves_alone(batch) {
            let lookups = (batch.samples.len() + batch.histograms.len()) as u64;
            self.metrics.processed.add(lookups);
            self.metrics.written.add(lookups);
            self.metrics.hits.add(lookups);
            return (batch.clone(), Vec::new());
        }
        let mut out = state.spare.take().unwrap_or_default();
        out.patience = batch.patience;
        let pass = Pass {
            table: &mut table,
            state,
            release: Vec::new(),
            hits: 0,
        };
        let (release, hits) = pass.run(batch, &mut out);
        let lookups = (batch.samples.len() + batch.histograms.len()) as u64;
        self.metrics.processed.add(lookups);
        self.metrics.written.add(out.items() as u64);
        self.metrics.hits.add(hits);
        self.metrics.misses.add(lookups.saturating_sub(hits));
        self.metrics.size.set(state.outcomes.len() as f64);
        (Rc::new(out), release)
    }

    fn finish(&self, out: Rc<MetricsBatch>, release: Vec<SeriesId>) {
        if let Ok(mut out) = Rc::try_unwrap(out) {
            out.clear();
            self.state.borrow_mut().spare = Some(out);
        }
        let mut table = self.cx.series.borrow_mut();
        for series in release {
            table.release(series);
        }
    }
}

impl Consume for Relabeler {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let taken = batch.items();
            let metrics = batch.into_metrics();
            let held = self.ledger.hold(taken);
            let (out, release) = self.relabel(&metrics);
            let kept = out.items() as u64;
            let forward = self.state.borrow().forward.clone();
            let result = match out.is_empty() {
                true => Ok(()),
                false => forward.consume(Batch::Metrics(out.clone())).await,
            };
            self.finish(out, release);
            held.settle_kept(&result, kept, "relabel");
            result
        })
    }
}

impl State {
    /// Whether all series of a batch stay themselves, as is known already: the batch goes on as it
    /// is then, at one load a sample. With rules that
    /// change series the first sample mostly says no.
    fn leaves_alone(&self, batch: &MetricsBatch) -> bool {
        let stays = |series: SeriesId| self.outcomes.get(series) == Outcome::Keep(series);
        (self.renames.is_empty() || batch.metadata.is_empty())
            && batch.samples.iter().all(|sample| stays(sample.series))
            && batch.histograms.iter().all(|sample| stays(sample.series))
            && batch
                .exemplars
                .iter()
                .all(|exemplar| stays(exemplar.series))
    }

    /// All outcomes expire together: one check a batch instead of a time for each series. Gives how
    /// many were forgotten.
    fn expire(&mut self, table: &mut SeriesTable) -> u64 {
        let now = runtime::now();
        if self.ttl.is_zero() || now < self.expires {
            return 0;
        }
        let evicted = self.outcomes.len() as u64;
        self.outcomes.clear(table);
        self.expires = now + self.ttl;
        evicted
    }
}

/// One batch on its way through the rules.
struct Pass<'a> {
    table: &'a mut SeriesTable,
    state: &'a mut State,
    release: Vec<SeriesId>,
    hits: u64,
}

impl Pass<'_> {
    fn run(mut self, batch: &MetricsBatch, out: &mut MetricsBatch) -> (Vec<SeriesId>, u64) {
        out.samples.reserve(batch.samples.len());
        for sample in &batch.samples {
            if let Some(series) = self.outcome(sample.series) {
                out.samples.push(batch::Sample { series, ..*sample });
            }
        }
        for sample in &batch.histograms {
            if let Some(series) = self.outcome(sample.series) {
                out.histograms.push(batch::HistogramSample {
                    series,
                    ..sample.clone()
                });
            }
        }
        let hits = self.hits;
        for exemplar in &batch.exemplars {
            if let Some(series) = self.outcome(exemplar.series) {
                out.exemplars.push(batch::Exemplar {
                    series,
                    ..exemplar.clone()
                });
            }
        }
        out.metadata.extend_from_slice(&batch.metadata);
        self.state.renames.describe(&mut out.metadata);
        out.describes_series = batch.describes_series;
        (self.release, hits)
    }

    #[inline]
    fn outcome(&mut self, series: SeriesId) -> Option<SeriesId> {
        match self.state.outcomes.get(series) {
            Outcome::Unknown => self.decide(series),
            Outcome::Drop => {
                self.hits += 1;
                None
            }
            Outcome::Keep(kept) => {
                self.hits += 1;
                Some(kept)
            }
        }
    }

    fn decide(&mut self, series: SeriesId) -> Option<SeriesId> {
        let State {
            rules,
            labels,
            outcomes,
            outcomes_max,
            renames,
            ..
        } = &mut *self.state;
        self.table.read_labels(series, labels);
        let kept = relabel::apply(rules, labels) == relabel::Outcome::Keep && !labels.is_empty();
        if kept {
            let before = self.table.label(series, "__name__").unwrap_or_default();
            renames.note(before, labels.get("__name__").unwrap_or_default());
        }
        let outcome = kept.then(|| self.table.intern(labels));
        if outcomes.len() < *outcomes_max {
            outcomes.set(self.table, series, outcome);
        } else {
            self.release.extend(outcome);
        }
        outcome
    }
}
