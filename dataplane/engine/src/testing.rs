//! For tests of the engine and of families: a shard on the running (simulated) backend, nodes from
//! values, and a sink that writes down what it gets and misbehaves when asked to.

mod logs;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::{Counts, Histogram, SeriesId, SeriesTable, Span, is_stale};
use runtime::LocalBoxFuture;
use runtime::metrics::{Snapshot, Value as MetricValue};
use schema::{Arguments, Block, Body, ExportField, Port, PortKind, Stability, Value};

use crate::build::{Build, BuildError, Globals, LaneDefaults};
use crate::component::{Built, Component, DataComponent, Role, Spread};
use crate::flow::{Batch, Consume, Nack};
use crate::handover::Peers;
use crate::ledger::{DROPPED_ITEMS, EDGE_ITEMS, HELD_ITEMS};
use crate::plan::{Command, NodeError, Plan, PlanNode, Report};
use crate::shard::{ShardOptions, shard_main};

pub use logs::{log_lines, log_receivers, log_source, logs, offer};

/// A shard under test.
pub struct TestShard {
    commands: flume::Sender<Command>,
    reports: flume::Receiver<Report>,
    epoch: Cell<u64>,
    pub unhealthy: RefCell<Vec<String>>,
}

impl Default for TestShard {
    fn default() -> TestShard {
        TestShard::start()
    }
}

impl TestShard {
    pub fn start() -> TestShard {
        let peers = Peers::of(1).pop().expect("one of one");
        TestShard::start_as(0, 1, peers)
    }

    /// One that takes this for the memory of the process.
    pub fn start_measured(memory_probe: fn() -> u64) -> TestShard {
        let peers = Peers::of(1).pop().expect("one of one");
        TestShard::start_with(0, 1, peers, Some(memory_probe))
    }

    /// One of several, which hand over to each other by `peers`.
    pub fn start_as(index: usize, count: usize, peers: Peers) -> TestShard {
        TestShard::start_with(index, count, peers, None)
    }

    fn start_with(
        index: usize,
        count: usize,
        peers: Peers,
        memory_probe: Option<fn() -> u64>,
    ) -> TestShard {
        let (commands, shard_commands) = flume::unbounded();
        let (shard_reports, reports) = flume::unbounded();
        let globals = Globals {
            user_agent: "invar/test".to_owned(),
            http_address: None,
            hostname: "host".to_owned(),
            instance_id: "00000000-0000-0000-0000-000000000000".to_owned(),
            storage_path: PathBuf::from("/storage"),
            lanes: LaneDefaults {
                segment_bytes: 1 << 20,
                ..LaneDefaults::standard()
            },
        };
        let options = ShardOptions {
            index,
            count,
            memory_bytes: 1 << 30,
            memory_probe,
            globals: Arc::new(globals),
            peers,
        };
        runtime::spawn(shard_main(options, shard_commands, shard_reports));
        TestShard {
            commands,
            reports,
            epoch: Cell::new(0),
            unhealthy: RefCell::default(),
        }
    }

    /// Rolls a plan out and gives the errors it met.
    pub async fn apply(&self, nodes: &[Arc<PlanNode>]) -> Vec<NodeError> {
        self.epoch.set(self.epoch.get() + 1);
        let plan = Plan {
            epoch: self.epoch.get(),
            nodes: nodes.to_vec(),
        };
        self.command(Command::Apply(Arc::new(plan)));
        loop {
            match self.reports.recv_async().await.expect("the shard runs") {
                Report::Applied { errors, .. } => return errors,
                Report::Health {
                    node,
                    health,
                    message,
                    ..
                } => {
                    self.unhealthy
                        .borrow_mut()
                        .push(format!("{node} {health:?} {message}"));
                }
            }
        }
    }

    pub async fn metrics(&self) -> Snapshot {
        let (reply, answer) = flume::bounded(1);
        self.command(Command::Snapshot(reply));
        answer.recv_async().await.expect("the shard runs")
    }

    pub async fn inspect(&self, node: &str) -> Option<Body> {
        let (reply, answer) = flume::bounded(1);
        self.command(Command::Inspect {
            node: node.to_owned(),
            reply,
        });
        answer.recv_async().await.expect("the shard runs")
    }

    /// Ends the shard as SIGTERM does.
    pub async fn drain(self) {
        let (reply, answer) = flume::bounded(1);
        self.command(Command::Drain(reply));
        answer
            .recv_async()
            .await
            .expect("the shard answers before it ends");
    }

    /// Asserts that the books of every edge balance, and gives their sums by edge:
    /// `component -> edge: in, out, held, dropped`.
    pub async fn verify_ledgers(&self) -> Vec<String> {
        verify_ledgers(&self.metrics().await)
    }

    fn command(&self, command: Command) {
        assert!(self.commands.send(command).is_ok(), "the shard runs");
    }
}

/// Asserts that the books of every edge in a snapshot balance.
pub fn verify_ledgers(snapshot: &Snapshot) -> Vec<String> {
    type Key = (String, String);
    let mut edges: HashMap<Key, [f64; 4]> = HashMap::new();
    for (family, kind) in [(EDGE_ITEMS, 0), (HELD_ITEMS, 2), (DROPPED_ITEMS, 3)] {
        let Some(family) = snapshot.family(family) else {
            continue;
        };
        for sample in &family.samples {
            let label = |name: &str| {
                let found = sample.labels.iter().find(|(own, _)| own == name);
                found.map(|(_, value)| value.clone()).unwrap_or_default()
            };
            let MetricValue::Number(number) = sample.value else {
                panic!("books are numbers");
            };
            let out = usize::from(kind == 0 && label("direction") == "out");
            let sums = edges
                .entry((label("component_id"), label("edge")))
                .or_default();
            sums[kind + out] += number;
        }
    }
    let mut lines = Vec::new();
    for ((component, edge), [taken, passed, held, dropped]) in edges {
        let line = format!(
            "{component} -> {edge}: {taken} in, {passed} out, {held} held, {dropped} dropped"
        );
        assert_eq!(taken, passed + held + dropped, "{line}");
        lines.push(line);
    }
    lines.sort();
    lines
}

/// The sum of a metric's numbers that have these labels, and others.
pub fn metric(snapshot: &Snapshot, name: &str, labels: &[(&str, &str)]) -> f64 {
    let family = snapshot
        .family(name)
        .unwrap_or_else(|| panic!("there is no metric {name}"));
    let wanted = |own: &[(String, String)]| {
        labels.iter().all(|(name, value)| {
            own.iter()
                .any(|(own_name, own_value)| own_name == name && own_value == value)
        })
    };
    let mut sum = 0.0;
    for sample in &family.samples {
        if let MetricValue::Number(number) = sample.value
            && wanted(&sample.labels)
        {
            sum += number;
        }
    }
    sum
}

/// A node with arguments from values. Panics on those that the component refuses.
pub fn node(component: &'static Component, id: &str, body: Body) -> Arc<PlanNode> {
    let mut errors = Vec::new();
    let arguments = (component.descriptor.decode)(&body, &mut errors);
    let arguments = arguments.unwrap_or_else(|| panic!("arguments of {id}: {errors:#?}"));
    Arc::new(PlanNode {
        id: id.to_owned(),
        component,
        arguments,
        body: Arc::new(body),
    })
}

/// A body of attributes; blocks are added with `with_block`.
pub fn body<const N: usize>(attributes: [(&str, Value); N]) -> Body {
    Body::of(attributes)
}

pub fn with_block(mut outer: Body, name: &str, inner: Body) -> Body {
    outer.blocks.push(Block::new(name, inner));
    outer
}

/// The value of `forward_to` for metrics receivers of these nodes.
pub fn receivers(nodes: &[&str]) -> Value {
    let port = |node: &&str| {
        let (node, name) = (node.to_string(), "receiver".to_owned());
        Value::port(Port {
            node,
            name,
            kind: PortKind::Metrics,
        })
    };
    Value::array(nodes.iter().map(port))
}

/// Writes down what it gets; see `sink`.
pub static SINK: Component = Component::of::<SinkComponent>();

/// The component behind `SINK`.
pub struct SinkComponent;

#[derive(Arguments)]
pub struct SinkArguments {
    /// Fails the build.
    pub broken: bool,
    /// Makes two configurations different.
    pub tag: String,
}

impl DataComponent for SinkComponent {
    type Arguments = SinkArguments;
    const NAME: &'static str = "test.sink";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "MetricsReceiver",
    }];

    async fn build(arguments: Arc<SinkArguments>, cx: &Build) -> Result<Built, BuildError> {
        if arguments.broken {
            return Err(BuildError::new("told to fail"));
        }
        let port = SinkPort {
            sink: sink(&cx.node),
            cx: cx.clone(),
            tag: arguments.tag.clone(),
        };
        Ok(Built::new().port("receiver", Rc::new(port)))
    }
}

thread_local! {
    static SINKS: RefCell<HashMap<String, Rc<Sink>>> = RefCell::default();
}

/// The sink behind a node's id, on this thread.
pub fn sink(node: &str) -> Rc<Sink> {
    SINKS.with_borrow_mut(|sinks| sinks.entry(node.to_owned()).or_default().clone())
}

/// What a sink got, and how it behaves.
#[derive(Default)]
pub struct Sink {
    /// `name{label="value"} 1@2000`, or `STALE` in place of the value.
    pub lines: RefCell<Vec<String>>,
    /// The tag of the instance that took each batch.
    pub tags: RefCell<Vec<String>>,
    pub mood: Cell<Mood>,
}

/// What a sink does with the next batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    #[default]
    Take,
    Refuse,
    Reject,
    Panic,
    Hang,
}

impl Sink {
    pub fn take(&self) -> Vec<String> {
        self.lines.take()
    }
}

struct SinkPort {
    sink: Rc<Sink>,
    cx: Build,
    tag: String,
}

impl Consume for SinkPort {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            match self.sink.mood.get() {
                Mood::Take => {}
                Mood::Refuse => return Err(Nack::retry("busy", "told to refuse")),
                Mood::Reject => return Err(Nack::permanent("bad", "told to reject")),
                Mood::Panic => panic!("told to panic"),
                Mood::Hang => runtime::sleep(Duration::from_secs(1 << 30)).await,
            }
            self.sink.tags.borrow_mut().push(self.tag.clone());
            let metrics = match batch {
                Batch::Metrics(metrics) => metrics,
                Batch::Logs(logs) => {
                    self.sink.lines.borrow_mut().extend(log_lines(&logs));
                    return Ok(());
                }
                Batch::Otlp(_) => panic!("the sink cannot show OTLP data"),
            };
            let table = self.cx.series.borrow();
            let mut lines = self.sink.lines.borrow_mut();
            for sample in &metrics.samples {
                let series = series(&table, sample.series);
                let value = match is_stale(sample.value) {
                    true => "STALE".to_owned(),
                    false => sample.value.to_string(),
                };
                lines.push(format!("{series} {value}@{}", sample.timestamp_ms));
            }
            for sample in &metrics.histograms {
                let series = series(&table, sample.series);
                let shown = histogram(&sample.histogram);
                lines.push(format!("{series} {shown}@{}", sample.timestamp_ms));
            }
            for exemplar in &metrics.exemplars {
                let series = series(&table, exemplar.series);
                lines.push(format!(
                    "{series} exemplar {:?} {}",
                    exemplar.labels, exemplar.value
                ));
            }
            Ok(())
        })
    }
}

/// `[schema=1 count=3 sum=1.5 zero=0 +0:2=2,-1 bounds=0.5]`: spans and counts of each side.
pub fn histogram(histogram: &Histogram) -> String {
    let spans = |spans: &[Span]| {
        let span = |span: &Span| format!("{}:{}", span.offset, span.length);
        spans.iter().map(span).collect::<Vec<_>>().join(",")
    };
    fn list(numbers: impl Iterator<Item = impl ToString>) -> String {
        numbers
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
            .join(",")
    }
    let (count, zero, positive, negative) = match &histogram.counts {
        Counts::Integer {
            count,
            zero_count,
            positive_deltas,
            negative_deltas,
        } => (
            count.to_string(),
            zero_count.to_string(),
            list(positive_deltas.iter()),
            list(negative_deltas.iter()),
        ),
        Counts::Float {
            count,
            zero_count,
            positive_counts,
            negative_counts,
        } => (
            format!("{count:?}"),
            format!("{zero_count:?}"),
            list(positive_counts.iter()),
            list(negative_counts.iter()),
        ),
    };
    let (schema, sum) = (histogram.schema, histogram.sum);
    let mut shown = format!("[schema={schema} count={count} sum={sum} zero={zero}");
    for (side, side_spans, counts) in [
        ('+', &histogram.positive_spans, positive),
        ('-', &histogram.negative_spans, negative),
    ] {
        if !side_spans.is_empty() {
            shown.push_str(&format!(" {side}{}={counts}", spans(side_spans)));
        }
    }
    if !histogram.custom_values.is_empty() {
        shown.push_str(&format!(" bounds={}", list(histogram.custom_values.iter())));
    }
    shown.push(']');
    shown
}

/// `name{label="value"}`.
pub fn series(table: &SeriesTable, series: SeriesId) -> String {
    let mut name = String::new();
    let mut labels = Vec::new();
    for (label, value) in table.labels(series) {
        match label {
            "__name__" => name = value.to_owned(),
            label => labels.push(format!("{label}={value:?}")),
        }
    }
    match labels.is_empty() {
        true => name,
        false => format!("{name}{{{}}}", labels.join(",")),
    }
}
