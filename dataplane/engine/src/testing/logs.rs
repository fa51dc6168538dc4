//! Logs for tests: a source that offers what the test hands it, and entries as text.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use batch::{LabelsBuf, LogEntry, LogsBatch};
use schema::{Arguments, Port, PortKind, Stability, Value};

use super::{body, node};
use crate::build::{Build, BuildError};
use crate::component::{Built, Component, DataComponent, Role, Spread};
use crate::fanout::Fanout;
use crate::flow::{Batch, Nack};
use crate::plan::PlanNode;

static SOURCE: Component = Component::of::<Source>();

struct Source;

#[derive(Arguments)]
struct SourceArguments {
    /// Where what is offered goes.
    #[arg(port = Logs)]
    forward_to: Vec<Port>,
}

thread_local! {
    static SOURCES: RefCell<HashMap<String, Fanout>> = RefCell::default();
}

impl DataComponent for Source {
    type Arguments = SourceArguments;
    const NAME: &'static str = "test.logs";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::All;

    async fn build(arguments: Arc<SourceArguments>, cx: &Build) -> Result<Built, BuildError> {
        let fanout = cx.fanout(&arguments.forward_to);
        SOURCES.with_borrow_mut(|sources| sources.insert(cx.node.to_string(), fanout));
        Ok(Built::new())
    }
}

/// A node whose batches come from `offer`.
pub fn log_source(id: &str, forward_to: &[&str]) -> Arc<PlanNode> {
    node(
        &SOURCE,
        id,
        body([("forward_to", log_receivers(forward_to))]),
    )
}

/// Offers a batch as the node of `log_source` with this id, once.
pub async fn offer(source: &str, batch: LogsBatch) -> Result<(), Nack> {
    let fanout = SOURCES.with_borrow(|sources| sources.get(source).cloned());
    let fanout = fanout.expect("the node is in the plan");
    fanout.consume(Batch::Logs(Rc::new(batch))).await
}

/// The value of `forward_to` for logs receivers of these nodes.
pub fn log_receivers(nodes: &[&str]) -> Value {
    let port = |node: &&str| {
        let (node, name) = (node.to_string(), "receiver".to_owned());
        Value::port(Port {
            node,
            name,
            kind: PortKind::Logs,
        })
    };
    Value::array(nodes.iter().map(port))
}

/// Labels and lines of a stream.
pub type Lines<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

/// A batch of streams; the entries' times count from 1.
pub fn logs(streams: &[Lines<'_>]) -> LogsBatch {
    let mut batch = LogsBatch::default();
    let mut timestamp_ns = 0;
    for (labels, lines) in streams {
        let labels: Rc<LabelsBuf> = Rc::new(labels.iter().copied().collect());
        for line in *lines {
            timestamp_ns += 1;
            batch.add_line(&labels, timestamp_ns, line.as_bytes());
        }
    }
    batch
}

/// Each entry as `{label="value"} line@time [name=value]`.
pub fn log_lines(batch: &LogsBatch) -> Vec<String> {
    let mut lines = Vec::new();
    for stream in &batch.streams {
        for entry in &stream.entries {
            lines.push(shown(batch, &stream.labels, entry));
        }
    }
    lines
}

fn shown(batch: &LogsBatch, labels: &LabelsBuf, entry: &LogEntry) -> String {
    let line = String::from_utf8_lossy(batch.line(entry));
    let mut shown = format!("{labels:?} {line}@{}", entry.timestamp_ns);
    let pairs = batch.metadata(entry).map(|(name, value)| {
        let (name, value) = (name.escape_ascii(), value.escape_ascii());
        format!("{name}={value}")
    });
    let pairs: Vec<String> = pairs.collect();
    if !pairs.is_empty() {
        shown.push_str(&format!(" [{}]", pairs.join(",")));
    }
    shown
}
