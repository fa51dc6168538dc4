//! prometheus.enrich: adds labels of targets to the samples that belong to them.
//!
//! ```text
//! receiver -> series id -> remembered outcome (matched once per series) -> forward_to
//! ```
//!
//! A sample belongs to the target whose labels have the values that the sample's labels have, by
//! `target_to_metric_match`; of targets that are alike the last one counts. What matches no target
//! passes unchanged. Order stays, nothing is lost or duplicated. Compatible with prometheus.enrich
//! of Alloy.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use batch::{LabelsBuf, MetricsBatch, SeriesId};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread, Update};
use runtime::LocalBoxFuture;
use runtime::metrics::Gauge;
use schema::{Arguments, Check, ExportField, MetricDecl, MetricKind, Port, Stability, Targets};

use crate::forward::{self, Forward};
use crate::outcomes::{Outcome, Outcomes, rewrite};

pub static COMPONENT: Component = Component::of::<Enrich>();

/// The component.
pub struct Enrich;

#[derive(Arguments)]
#[arg(check = EnrichArguments::check)]
pub struct EnrichArguments {
    /// Where samples go.
    #[arg(required, port = Metrics)]
    pub forward_to: Vec<Port>,
    /// Whose labels are added.
    #[arg(required)]
    pub targets: Targets,
    /// For each label of a target the label of a sample that must have the same value.
    pub target_to_metric_match: BTreeMap<String, String>,
    /// The label of a target to compare.
    #[arg(deprecated = "target_to_metric_match")]
    pub target_match_label: String,
    /// The label of a sample to compare; that of the target unless set.
    #[arg(deprecated = "target_to_metric_match")]
    pub metrics_match_label: String,
    /// The labels to add; all of them unless set.
    pub labels_to_copy: Vec<String>,
}

const TARGETS: MetricDecl = MetricDecl {
    name: "prometheus_target_cache_size",
    kind: MetricKind::Gauge,
    help: "Total size of targets cache",
};

impl EnrichArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.target_to_metric_match.is_empty() && self.target_match_label.is_empty() {
            let text = "must be set: it says which samples belong to a target";
            check.attribute("target_to_metric_match", text);
        }
    }

    /// Pairs of a target's and a sample's label, ascending by the target's.
    fn pairs(&self) -> Vec<(&str, &str)> {
        let pairs = self.target_to_metric_match.iter();
        let pairs: Vec<_> = pairs
            .map(|(target, metric)| (target.as_str(), metric.as_str()))
            .collect();
        if !pairs.is_empty() {
            return pairs;
        }
        let target = self.target_match_label.as_str();
        let metric = match self.metrics_match_label.as_str() {
            "" => target,
            metric => metric,
        };
        vec![(target, metric)]
    }
}

impl DataComponent for Enrich {
    type Arguments = EnrichArguments;
    const NAME: &'static str = "prometheus.enrich";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "MetricsReceiver",
    }];
    const METRICS: &'static [MetricDecl] = &[forward::LATENCY, forward::FORWARDED, TARGETS];

    async fn build(arguments: Arc<EnrichArguments>, cx: &Build) -> Result<Built, BuildError> {
        let port = Rc::new(Enricher::new(cx, &arguments));
        let update = port.clone();
        Ok(Built::new()
            .port("receiver", port)
            .update(move |arguments: Arc<EnrichArguments>| {
                update.update(&arguments);
                Ok(Update::Done)
            }))
    }
}

/// Labels to add, by what a sample has to have.
struct Additions {
    /// Labels of a sample to look at.
    metric_labels: Vec<String>,
    /// By the values of these labels.
    by_values: HashMap<Vec<u8>, Vec<(String, String)>>,
    values: Vec<u8>,
}

/// Ends a value in a key; no text holds this byte.
const END: u8 = 0xff;

impl Additions {
    fn new(arguments: &EnrichArguments) -> Additions {
        let pairs = arguments.pairs();
        let mut by_values = HashMap::with_capacity(arguments.targets.len());
        for target in arguments.targets.iter() {
            let mut values = Vec::new();
            let names = pairs.iter().map(|(name, _)| *name);
            if write_values(names, |name| target.get(name), &mut values) {
                by_values.insert(values, added(target, &arguments.labels_to_copy));
            }
        }
        Additions {
            metric_labels: pairs.iter().map(|(_, name)| (*name).to_owned()).collect(),
            by_values,
            values: Vec::new(),
        }
    }

    /// Adds to the labels of a series; false when it belongs to no target.
    fn apply(&mut self, labels: &mut LabelsBuf) -> bool {
        let Additions {
            metric_labels,
            by_values,
            values,
        } = self;
        let names = metric_labels.iter().map(String::as_str);
        if !write_values(names, |name| labels.get(name), values) {
            return false;
        }
        let Some(added) = by_values.get(values) else {
            return false;
        };
        for (name, value) in added {
            labels.set(name, value);
        }
        true
    }
}

/// Replaces `values` by those of the names; false when one is missing.
fn write_values<'a, 'b>(
    names: impl Iterator<Item = &'a str>,
    value: impl Fn(&'a str) -> Option<&'b str>,
    values: &mut Vec<u8>,
) -> bool {
    values.clear();
    for name in names {
        let Some(value) = value(name).filter(|value| !value.is_empty()) else {
            return false;
        };
        values.extend_from_slice(value.as_bytes());
        values.push(END);
    }
    true
}

fn added(target: &schema::Target, only: &[String]) -> Vec<(String, String)> {
    let labels = target
        .iter()
        .filter(|(name, _)| only.is_empty() || only.iter().any(|one| one == name));
    labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

struct Enricher {
    cx: Build,
    state: RefCell<State>,
    ledger: Ledger,
    targets: Gauge,
}

struct State {
    forward: Forward,
    additions: Additions,
    outcomes: Outcomes,
    labels: LabelsBuf,
    /// Buffers of the last batch, if it came back.
    spare: Option<MetricsBatch>,
}

impl Enricher {
    fn new(cx: &Build, arguments: &EnrichArguments) -> Enricher {
        let labels = [("component_id", &*cx.node)];
        let enricher = Enricher {
            cx: cx.clone(),
            state: RefCell::new(State {
                forward: Forward::new(cx, &arguments.forward_to),
                additions: Additions::new(arguments),
                outcomes: Outcomes::new(&cx.series),
                labels: LabelsBuf::new(),
                spare: None,
            }),
            ledger: cx.ledger("targets"),
            targets: cx.registry.gauge(TARGETS.name, TARGETS.help, &labels),
        };
        enricher.count_targets();
        enricher
    }

    fn update(&self, arguments: &EnrichArguments) {
        let state = &mut *self.state.borrow_mut();
        state.forward = Forward::new(&self.cx, &arguments.forward_to);
        state.additions = Additions::new(arguments);
        state.outcomes.clear(&mut self.cx.series.borrow_mut());
        self.count_targets_of(state);
    }

    fn count_targets(&self) {
        self.count_targets_of(&self.state.borrow());
    }

    /// Every shard knows all targets: one of them tells how many.
    fn count_targets_of(&self, state: &State) {
        if self.cx.shard_index == 0 {
            self.targets.set(state.additions.by_values.len() as f64);
        }
    }

    fn enrich(&self, batch: &MetricsBatch) -> Rc<MetricsBatch> {
        let mut table = self.cx.series.borrow_mut();
        let State {
            additions,
            outcomes,
            labels,
            spare,
            ..
        } = &mut *self.state.borrow_mut();
        outcomes.catch_up(&mut table);
        let mut out = spare.take().unwrap_or_default();
        let mut outcome = |series: SeriesId| match outcomes.get(series) {
            Outcome::Keep(kept) => Some(kept),
            Outcome::Drop => None,
            Outcome::Unknown => {
                table.read_labels(series, labels);
                let kept = if additions.apply(labels) {
                    table.intern(labels)
                } else {
                    table.retain(series);
                    series
                };
                outcomes.set(&mut table, series, Some(kept));
                Some(kept)
            }
        };
        rewrite(batch, &mut out, &mut outcome);
        Rc::new(out)
    }
}

impl Consume for Enricher {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let items = batch.items();
            let metrics = batch.into_metrics();
            let held = self.ledger.hold(items);
            let out = self.enrich(&metrics);
            let forward = self.state.borrow().forward.clone();
            let result = forward.consume(Batch::Metrics(out.clone())).await;
            if let Ok(mut out) = Rc::try_unwrap(out) {
                out.clear();
                self.state.borrow_mut().spare = Some(out);
            }
            held.settle(&result);
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use engine::PlanNode;
    use engine::testing::{SINK, TestShard, body, node, receivers, sink};
    use runtime::sim::check;
    use schema::Value;

    use super::*;
    use crate::scrape;
    use crate::testing::Exposer;

    const NODE: &str = "prometheus.enrich.e";
    const SINK_NODE: &str = "test.sink.out";
    const SECOND: Duration = Duration::from_secs(1);

    fn target<const N: usize>(labels: [(&str, &str); N]) -> Value {
        Value::object(labels.map(|(name, value)| (name, Value::string(value))))
    }

    fn enrich<const N: usize>(targets: Value, more: [(&str, Value); N]) -> Arc<PlanNode> {
        let mut arguments = body([
            ("targets", targets),
            ("forward_to", receivers(&[SINK_NODE])),
        ]);
        arguments.attributes.extend(body(more).attributes);
        node(&COMPONENT, NODE, arguments)
    }

    fn scrape(exposer: &Exposer) -> Arc<PlanNode> {
        let arguments = body([
            ("targets", Value::array([exposer.target()])),
            ("forward_to", receivers(&[NODE])),
            ("scrape_interval", Value::string("1s")),
            ("scrape_timeout", Value::string("500ms")),
        ]);
        node(&scrape::COMPONENT, "prometheus.scrape.s", arguments)
    }

    /// What came since the last time, of the page's series, each once.
    fn taken() -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for line in sink(SINK_NODE).take() {
            let line = line
                .rsplit_once('@')
                .map_or(line.as_str(), |(line, _)| line);
            let line = line.replace(",instance=\"i\",job=\"j\"", "");
            let line = line.replace("instance=\"i\",job=\"j\",", "");
            if line.starts_with("m{") && !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    #[test]
    fn labels_of_the_target_that_matches_are_added() {
        check(1, || async {
            let shard = TestShard::start();
            let page =
                "m{host=\"h1\",port=\"1\"} 1\nm{host=\"h2\",port=\"1\"} 2\nm{port=\"1\"} 3\n";
            let exposer = Exposer::start(page);
            let targets = Value::array([
                target([("name", "h1"), ("p", "1"), ("team", "old")]),
                target([("name", "h1"), ("p", "1"), ("team", "red"), ("zone", "z")]),
                target([("name", "h1"), ("p", "2"), ("team", "blue")]),
                target([("name", ""), ("p", "1"), ("team", "none")]),
            ]);
            let by = Value::object([
                ("name", Value::string("host")),
                ("p", Value::string("port")),
            ]);
            let only = Value::array([Value::string("team"), Value::string("absent")]);
            let more = [("target_to_metric_match", by), ("labels_to_copy", only)];
            let out = node(&SINK, SINK_NODE, body([]));
            let nodes = [scrape(&exposer), enrich(targets, more), out.clone()];
            assert!(shard.apply(&nodes).await.is_empty());
            runtime::sleep(SECOND * 3).await;
            let expected = [
                "m{host=\"h1\",port=\"1\",team=\"red\"} 1",
                "m{host=\"h2\",port=\"1\"} 2",
                "m{port=\"1\"} 3",
            ];
            assert_eq!(taken(), expected);
            // All labels of the target, by its old way of naming one; the change is taken in place.
            let targets = Value::array([target([("host", "h2"), ("team", "green"), ("a", "b")])]);
            let more = [("target_match_label", Value::string("host"))];
            let nodes = [scrape(&exposer), enrich(targets, more), out];
            assert!(shard.apply(&nodes).await.is_empty());
            taken();
            runtime::sleep(SECOND * 3).await;
            let expected = [
                "m{host=\"h1\",port=\"1\"} 1",
                "m{a=\"b\",host=\"h2\",port=\"1\",team=\"green\"} 2",
                "m{port=\"1\"} 3",
            ];
            let mut got = taken();
            got.retain(|line| !line.ends_with("STALE"));
            for line in &mut got {
                *line = line.replace("instance=\"i\",job=\"j\",", "");
            }
            assert_eq!(got, expected);
            shard.verify_ledgers().await;
        });
    }
}
