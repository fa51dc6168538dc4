//! loki.relabel: rewrites the labels of streams, or drops them.
//!
//! ```text
//! receiver -> label set -> remembered outcome (rules run once per set) -> forward_to
//! ```
//!
//! Order stays, nothing is duplicated; an entry is dropped only by a rule, or because no label is
//! left, and counted. Compatible with loki.relabel of Alloy.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use batch::{LabelsBuf, LogsBatch};
use blocks::RelabelRule;
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Fanout, Ledger};
use engine::{Nack, Role, Spread, Update, port_exports};
use ops::relabel::{self, Rule};
use runtime::LocalBoxFuture;
use runtime::metrics::{Counter, Gauge};
use schema::{Arguments, ExportField, MetricDecl, MetricKind, Port, Stability, Value};

use crate::outcomes::Outcomes;

pub static COMPONENT: Component = Component::of::<Relabel>();

/// The component.
pub struct Relabel;

#[derive(Arguments)]
pub struct RelabelArguments {
    /// Where what is kept goes.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// Most label sets whose outcome is remembered.
    #[arg(default = 10000, min = 1)]
    pub max_cache_size: i64,
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
    "loki_relabel_entries_processed",
    "Total number of log entries processed",
);
const WRITTEN: MetricDecl = counter(
    "loki_relabel_entries_written",
    "Total number of log entries forwarded",
);
const MISSES: MetricDecl = counter("loki_relabel_cache_misses", "Total number of cache misses");
const HITS: MetricDecl = counter("loki_relabel_cache_hits", "Total number of cache hits");
const SIZE: MetricDecl = MetricDecl {
    name: "loki_relabel_cache_size",
    kind: MetricKind::Gauge,
    help: "Total size of relabel cache",
};

impl DataComponent for Relabel {
    type Arguments = RelabelArguments;
    const NAME: &'static str = "loki.relabel";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[
        ExportField {
            name: "receiver",
            type_name: "LogsReceiver",
        },
        ExportField {
            name: "rules",
            type_name: "RelabelRules",
        },
    ];
    const METRICS: &'static [MetricDecl] = &[PROCESSED, WRITTEN, MISSES, HITS, SIZE];

    async fn build(arguments: Arc<RelabelArguments>, cx: &Build) -> Result<Built, BuildError> {
        let port = Rc::new(Relabeler::new(cx, &arguments));
        let update = port.clone();
        Ok(Built::new()
            .port("receiver", port)
            .update(move |arguments: Arc<RelabelArguments>| {
                *update.state.borrow_mut() = State::new(&update.cx, &arguments);
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
    size: Gauge,
}

struct State {
    forward: Fanout,
    rules: Vec<Rule>,
    outcomes: Outcomes<Rc<LabelsBuf>, Outcome>,
}

/// What became of a label set; none when its entries are dropped.
type Outcome = Option<Rc<LabelsBuf>>;

impl State {
    fn new(cx: &Build, arguments: &RelabelArguments) -> State {
        State {
            forward: cx.fanout(&arguments.forward_to),
            rules: blocks::rules(&arguments.rules),
            outcomes: Outcomes::new(arguments.max_cache_size as usize),
        }
    }
}

impl Relabeler {
    fn new(cx: &Build, arguments: &RelabelArguments) -> Relabeler {
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: &MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        Relabeler {
            ledger: cx.ledger("rules"),
            metrics: Metrics {
                processed: counter(&PROCESSED),
                written: counter(&WRITTEN),
                hits: counter(&HITS),
                misses: counter(&MISSES),
                size: cx.registry.gauge(SIZE.name, SIZE.help, &labels),
            },
            state: RefCell::new(State::new(cx, arguments)),
            cx: cx.clone(),
        }
    }

    /// Changes the labels of a batch. Costs a copy of the batch when others have it, too.
    fn relabel(&self, batch: Rc<LogsBatch>) -> LogsBatch {
        let mut batch = Rc::unwrap_or_clone(batch);
        let mut state = self.state.borrow_mut();
        batch.streams.retain_mut(|stream| {
            let outcome = self.outcome(&mut state, &stream.labels);
            match outcome {
                Some(labels) => {
                    stream.labels = labels;
                    true
                }
                None => false,
            }
        });
        self.metrics.size.set(state.outcomes.len() as f64);
        batch
    }

    fn outcome(&self, state: &mut State, labels: &Rc<LabelsBuf>) -> Outcome {
        if let Some(outcome) = state.outcomes.get(&**labels) {
            self.metrics.hits.inc();
            return outcome;
        }
        self.metrics.misses.inc();
        let mut changed = LabelsBuf::clone(labels);
        let kept = relabel::apply(&state.rules, &mut changed) == relabel::Outcome::Keep;
        let outcome = (kept && !changed.is_empty()).then(|| Rc::new(changed));
        state.outcomes.insert(labels.clone(), outcome.clone());
        outcome
    }
}

impl Consume for Relabeler {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let taken = batch.items();
            let held = self.ledger.hold(taken);
            self.metrics.processed.add(taken);
            let out = self.relabel(batch.into_logs());
            let kept = out.items() as u64;
            self.metrics.written.add(kept);
            let forward = self.state.borrow().forward.clone();
            let result = match kept {
                0 => Ok(()),
                _ => forward.consume(Batch::Logs(Rc::new(out))).await,
            };
            held.settle_kept(&result, kept, "relabel");
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{
        SINK, TestShard, body, log_receivers, log_source, logs, metric, node, offer, sink,
        with_block,
    };
    use runtime::sim::check;
    use schema::Body;

    use super::*;

    const NODE: &str = "loki.relabel.r";
    const SINK_NODE: &str = "test.sink.out";

    fn rule(settings: &[(&str, Value)]) -> Body {
        let mut rule = body([]);
        for (name, value) in settings {
            rule.attributes
                .extend(body([(name, value.clone())]).attributes);
        }
        rule
    }

    #[test]
    fn streams_are_changed_dropped_or_lose_their_last_label() {
        check(1, || async {
            let shard = TestShard::start();
            let job = ("source_labels", Value::array([Value::string("job")]));
            let text = |name: &'static str, text: &str| (name, Value::string(text));
            let mut arguments = body([("forward_to", log_receivers(&[SINK_NODE]))]);
            for rule in [
                rule(&[job.clone(), text("action", "drop"), text("regex", "gone")]),
                rule(&[job, text("target_label", "copy"), text("regex", "(a)")]),
                rule(&[text("action", "labeldrop"), text("regex", "job")]),
            ] {
                arguments = with_block(arguments, "rule", rule);
            }
            let nodes = [
                log_source("test.logs.in", &[NODE]),
                node(&COMPONENT, NODE, arguments),
                node(&SINK, SINK_NODE, body([])),
            ];
            let errors = shard.apply(&nodes).await;
            assert!(errors.is_empty(), "{errors:?}");
            let batch = logs(&[
                (&[("job", "a")], &["1", "2"]),
                (&[("job", "gone")], &["3"]),
                (&[("job", "bare")], &["4"]),
                (&[("job", "a")], &["5"]),
            ]);
            assert_eq!(offer("test.logs.in", batch).await, Ok(()));
            let expected = [
                r#"{copy="a"} 1@1"#,
                r#"{copy="a"} 2@2"#,
                r#"{copy="a"} 5@5"#,
            ];
            assert_eq!(sink(SINK_NODE).take(), expected);
            let books = shard.verify_ledgers().await;
            assert_eq!(
                books[0],
                "loki.relabel.r -> rules: 5 in, 3 out, 0 held, 2 dropped"
            );
            let metrics = shard.metrics().await;
            let of = |name: &str| metric(&metrics, name, &[]);
            assert_eq!(of("loki_relabel_cache_hits"), 1.0);
            assert_eq!(of("loki_relabel_cache_misses"), 3.0);
            assert_eq!(of("loki_relabel_cache_size"), 3.0);
        });
    }
}
