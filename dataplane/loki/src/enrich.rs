//! loki.enrich: adds labels of targets to the streams that belong to them.
//!
//! ```text
//! receiver -> label set -> remembered outcome (matched once per set) -> forward_to
//! ```
//!
//! A stream belongs to the target whose label has the value that the stream's label has; of targets
//! that are alike the last one counts. What matches no target passes unchanged. Order stays,
//! nothing is lost or duplicated. Compatible with loki.enrich of Alloy.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use batch::{LabelsBuf, LogsBatch};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Fanout, Ledger};
use engine::{Nack, Role, Spread, Update};
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Port, Stability, Targets};

use crate::outcomes::Outcomes;

pub static COMPONENT: Component = Component::of::<Enrich>();

/// The component.
pub struct Enrich;

#[derive(Arguments)]
pub struct EnrichArguments {
    /// Where entries go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// Whose labels are added.
    #[arg(required)]
    pub targets: Targets,
    /// The label of a target to compare.
    #[arg(required)]
    pub target_match_label: String,
    /// The label of a stream to compare; that of the target unless set.
    pub logs_match_label: String,
    /// The labels to add; all of them unless set.
    pub labels_to_copy: Vec<String>,
}

/// Limit: label sets whose outcome is remembered.
const KNOWN_MAX: usize = 50_000;

impl DataComponent for Enrich {
    type Arguments = EnrichArguments;
    const NAME: &'static str = "loki.enrich";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "LogsReceiver",
    }];

    async fn build(arguments: Arc<EnrichArguments>, cx: &Build) -> Result<Built, BuildError> {
        let port = Rc::new(Enricher {
            ledger: cx.ledger("targets"),
            state: RefCell::new(State::new(cx, &arguments)),
            cx: cx.clone(),
        });
        let update = port.clone();
        Ok(Built::new()
            .port("receiver", port)
            .update(move |arguments: Arc<EnrichArguments>| {
                *update.state.borrow_mut() = State::new(&update.cx, &arguments);
                Ok(Update::Done)
            }))
    }
}

struct Enricher {
    cx: Build,
    ledger: Ledger,
    state: RefCell<State>,
}

struct State {
    forward: Fanout,
    match_label: String,
    /// Labels to add, by the value that is compared.
    targets: HashMap<String, Vec<(String, String)>>,
    outcomes: Outcomes<Rc<LabelsBuf>, Rc<LabelsBuf>>,
}

impl State {
    fn new(cx: &Build, arguments: &EnrichArguments) -> State {
        let label = &arguments.target_match_label;
        let copies = |name: &str| {
            let wanted = &arguments.labels_to_copy;
            wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)
        };
        let mut targets = HashMap::new();
        for target in arguments.targets.iter() {
            let Some(value) = target.get(label).filter(|value| !value.is_empty()) else {
                continue;
            };
            let labels = target.iter().filter(|(name, _)| copies(name));
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            targets.insert(value.to_owned(), labels.collect());
        }
        State {
            forward: cx.fanout(&arguments.forward_to),
            match_label: match arguments.logs_match_label.as_str() {
                "" => label.clone(),
                own => own.to_owned(),
            },
            targets,
            outcomes: Outcomes::new(KNOWN_MAX),
        }
    }

    fn outcome(&mut self, labels: &Rc<LabelsBuf>) -> Rc<LabelsBuf> {
        if let Some(outcome) = self.outcomes.get(&**labels) {
            return outcome;
        }
        let value = labels.get(&self.match_label);
        let outcome = match value.and_then(|value| self.targets.get(value)) {
            None => labels.clone(),
            Some(added) => {
                let mut changed = LabelsBuf::clone(labels);
                for (name, value) in added.iter().filter(|(_, value)| !value.is_empty()) {
                    changed.set(name, value);
                }
                Rc::new(changed)
            }
        };
        self.outcomes.insert(labels.clone(), outcome.clone());
        outcome
    }
}

impl Enricher {
    /// Adds labels to the streams of a batch. Costs a copy of it when others have it, too.
    fn enrich(&self, batch: Rc<LogsBatch>) -> LogsBatch {
        let mut batch = Rc::unwrap_or_clone(batch);
        let mut state = self.state.borrow_mut();
        for stream in &mut batch.streams {
            stream.labels = state.outcome(&stream.labels);
        }
        batch
    }
}

impl Consume for Enricher {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let items = batch.items();
            let held = self.ledger.hold(items);
            let batch = self.enrich(batch.into_logs());
            let forward = self.state.borrow().forward.clone();
            let result = forward.consume(Batch::Logs(Rc::new(batch))).await;
            held.settle(&result);
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::sink;
    use engine::testing::{SINK, TestShard, body, log_receivers, log_source, logs, node, offer};
    use runtime::sim::check;
    use schema::{Target, Value};

    use super::*;

    const NODE: &str = "loki.enrich.e";
    const SINK_NODE: &str = "test.sink.out";

    #[test]
    fn labels_of_the_last_matching_target_are_added() {
        check(1, || async {
            let shard = TestShard::start();
            let targets = [
                Target::new([("host", "a"), ("team", "old")]),
                Target::new([("host", "a"), ("team", "red"), ("zone", "z1")]),
            ];
            let arguments = body([
                ("forward_to", log_receivers(&[SINK_NODE])),
                ("targets", Value::Targets(Targets::new(targets.to_vec()))),
                ("target_match_label", Value::string("host")),
                ("logs_match_label", Value::string("hostname")),
                ("labels_to_copy", Value::array([Value::string("team")])),
            ]);
            let nodes = [
                log_source("test.logs.in", &[NODE]),
                node(&COMPONENT, NODE, arguments),
                node(&SINK, SINK_NODE, body([])),
            ];
            let errors = shard.apply(&nodes).await;
            assert!(errors.is_empty(), "{errors:?}");
            let batch = logs(&[
                (&[("hostname", "a"), ("team", "own")], &["1"]),
                (&[("hostname", "b")], &["2"]),
                (&[("other", "a")], &["3"]),
            ]);
            assert_eq!(offer("test.logs.in", batch).await, Ok(()));
            let expected = [
                r#"{hostname="a", team="red"} 1@1"#,
                r#"{hostname="b"} 2@2"#,
                r#"{other="a"} 3@3"#,
            ];
            assert_eq!(sink(SINK_NODE).take(), expected);
            shard.verify_ledgers().await;
        });
    }
}
