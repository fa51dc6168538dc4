//! The bench that components are tested on: a simulated machine with one shard, a source in front
//! of the component, and collectors in the places of all that it sends to.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use engine::testing::{TestShard, body, node};
use engine::{
    Batch, Build, BuildError, Built, Command, Component, Consume, DROPPED_ITEMS, DataComponent,
    Nack, PlanNode, Role, Spread,
};
use plan::{ConfigSource, Controller, Options, Settings, Shards, Tracer};
use runtime::LocalBoxFuture;
use runtime::metrics::Value as MetricValue;
use runtime::sim::{Disk, Simulation};
use schema::{Port, PortKind, Stability, Value};

use super::case::Case;
use super::{Outcome, shown};
use crate::VERSION;
use crate::catalogue::catalogue;
use crate::exit::Failure;

/// The data components of a configuration, evaluated.
pub(super) type Nodes = Vec<Arc<PlanNode>>;

/// Any seed does: the test is of the component, not of the order of things.
const SEED: u64 = 1;

/// The id of the source; no component of a configuration is called so.
const SOURCE_ID: &str = "test.source";

thread_local! {
    /// What the running test has brought to light. There is one test at a time on a thread.
    static OUTCOME: RefCell<Outcome> = RefCell::default();
    static CASE_SOURCE: RefCell<Option<Source>> = RefCell::default();
}

/// Evaluates a configuration as `run` does and gives what would go to the shards.
pub(super) fn evaluate(path: &Path, stability: Stability) -> Result<Nodes, Failure> {
    let (commands_in, commands) = flume::unbounded();
    let (_reports_in, reports) = flume::unbounded();
    let options = Options {
        source: ConfigSource::Path(path.to_owned()),
        catalogue: catalogue(),
        stability,
        globals: Arc::new(engine::Globals {
            user_agent: format!("invar/{}", env!("CARGO_PKG_VERSION")),
            http_address: None,
            hostname: os::process::hostname(),
            instance_id: String::new(),
            storage_path: "/storage".into(),
            lanes: engine::LaneDefaults::standard(),
        }),
        environment: Rc::default(),
        version: VERSION,
        settings: Settings::new(),
        tracer: Tracer::default(),
    };
    let shards = Shards {
        commands: vec![commands_in],
        reports,
    };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_io().enable_time().build();
    let runtime = runtime
        .map_err(|error| Failure::message(format!("cannot start the control thread: {error}")))?;
    let local = tokio::task::LocalSet::new();
    let started = local.block_on(&runtime, async {
        let mut controller = Controller::new(options, shards);
        controller.start().await
    });
    started.map_err(|rejected| {
        eprint!("{}", rejected.render());
        Failure::reported()
    })?;
    let plans = commands.drain().filter_map(|command| match command {
        Command::Apply(plan) => Some(plan.nodes.clone()),
        _ => None,
    });
    Ok(plans.last().unwrap_or_default())
}

/// Feeds a case's input and gives what came of it.
pub(super) fn run(case: &Case, nodes: &Nodes) -> Result<Outcome, String> {
    let under_test = under_test(case, nodes)?;
    let first = &under_test[0];
    let port = input_port(first)?;
    let mut plan = under_test.clone();
    let mut collected: BTreeSet<String> = BTreeSet::new();
    for node in &under_test {
        each_port(&node.body, &mut |port| {
            if !under_test.iter().any(|it| it.id == port.node) {
                collected.insert(port.node.clone());
            }
        });
    }
    let collectors = collected.iter();
    plan.extend(collectors.map(|id| node(&COLLECTOR, id, schema::Body::default())));
    let forward = body([("forward_to", Value::array([Value::port(port.clone())]))]);
    plan.push(node(&SOURCE, SOURCE_ID, forward));
    let inputs = shown::batches(&case.body.input, port.kind)?;
    let (wait, ids) = (case.body.after, ids(&under_test));
    OUTCOME.take();
    let simulation = Simulation::new(SEED, runtime::sim::Options::new(Disk::new()));
    let ended = simulation.run(move || {
        Box::pin(async move {
            let shard = TestShard::start();
            let errors = shard.apply(&plan).await;
            if let Some(error) = errors.first() {
                return Err(format!(
                    "\"{}\" cannot be built: {}",
                    error.node, error.message
                ));
            }
            let source = CASE_SOURCE.take().expect("the source was built");
            for input in inputs {
                let batch = input(&source.cx);
                if let Err(nack) = source.fanout.consume(batch).await {
                    let text = format!("input was refused: {} {}", nack.reason, nack.message);
                    OUTCOME.with_borrow_mut(|outcome| outcome.refused.push(text));
                }
            }
            drop(source);
            runtime::sleep(wait).await;
            let dropped = dropped(&shard.metrics().await, &ids);
            shard.drain().await;
            Ok(dropped)
        })
    });
    let dropped = ended.map_err(|stopped| format!("the run did not end: {stopped:?}"))??;
    let outcome = OUTCOME.take();
    Ok(Outcome { dropped, ..outcome })
}

fn ids(nodes: &[Arc<PlanNode>]) -> BTreeSet<String> {
    nodes.iter().map(|node| node.id.clone()).collect()
}

fn under_test(case: &Case, nodes: &Nodes) -> Result<Vec<Arc<PlanNode>>, String> {
    let wanted = std::iter::once(&case.body.component).chain(&case.body.with);
    let mut found = Vec::new();
    for id in wanted {
        let Some(node) = nodes.iter().find(|node| node.id == *id) else {
            let known = nodes.iter().map(|node| node.id.as_str());
            let nearest = stdx::nearest(id, known);
            let nearest = nearest.map_or(String::new(), |it| format!("; did you mean \"{it}\"?"));
            return Err(format!(
                "the configuration has no component \"{id}\"{nearest}"
            ));
        };
        found.push(node.clone());
    }
    Ok(found)
}

/// The first port that a component exports.
fn input_port(node: &PlanNode) -> Result<Port, String> {
    let exports = (node.component.exports)(&*node.arguments, &node.id);
    let mut ports = exports.into_iter().filter_map(|(_, value)| match value {
        Value::Capsule(schema::Capsule::Port(port)) => Some(port),
        _ => None,
    });
    ports.next().ok_or_else(|| {
        format!(
            "\"{}\" takes no telemetry, so that none can be fed",
            node.id
        )
    })
}

fn each_port(body: &schema::Body, found: &mut dyn FnMut(&Port)) {
    for attribute in &body.attributes {
        each_port_in(&attribute.value, found);
    }
    for block in &body.blocks {
        each_port(&block.body, found);
    }
}

fn each_port_in(value: &Value, found: &mut dyn FnMut(&Port)) {
    match value {
        Value::Capsule(schema::Capsule::Port(port)) => found(port),
        Value::Array(values) => values.iter().for_each(|value| each_port_in(value, found)),
        Value::Object(object) => {
            object
                .iter()
                .for_each(|(_, value)| each_port_in(value, found));
        }
        _ => {}
    }
}

/// What the components lost on purpose; what they gave back is no loss.
fn dropped(snapshot: &runtime::metrics::Snapshot, ids: &BTreeSet<String>) -> u64 {
    let Some(family) = snapshot.family(DROPPED_ITEMS) else {
        return 0;
    };
    let mut sum = 0.0;
    for sample in &family.samples {
        let label = |name: &str| {
            let found = sample.labels.iter().find(|(own, _)| own == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        if let MetricValue::Number(number) = sample.value
            && ids.contains(label("component_id"))
            && label("reason") != "refused"
        {
            sum += number;
        }
    }
    sum as u64
}

/// Feeds: the bench takes it when it has been built.
struct Source {
    cx: Build,
    fanout: engine::Fanout,
}

#[derive(schema::Arguments)]
struct SourceArguments {
    /// The component under test.
    forward_to: Vec<Port>,
}

static SOURCE: Component = Component::of::<Source>();

impl DataComponent for Source {
    type Arguments = SourceArguments;
    const NAME: &'static str = "test.source";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::All;

    async fn build(arguments: Arc<SourceArguments>, cx: &Build) -> Result<Built, BuildError> {
        let (cx, fanout) = (cx.clone(), cx.fanout(&arguments.forward_to));
        CASE_SOURCE.set(Some(Source { cx, fanout }));
        Ok(Built::new())
    }
}

/// Notes what it gets. Stands in the place of a component that does not take part.
struct Collector {
    cx: Build,
}

#[derive(schema::Arguments)]
struct CollectorArguments {}

static COLLECTOR: Component = Component::of::<Collector>();

impl DataComponent for Collector {
    type Arguments = CollectorArguments;
    const NAME: &'static str = "test.collector";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;

    async fn build(_: Arc<CollectorArguments>, cx: &Build) -> Result<Built, BuildError> {
        let port: Rc<dyn Consume> = Rc::new(Collector { cx: cx.clone() });
        // The names that ports have, whichever component this stands for.
        Ok(Built::new()
            .port("receiver", port.clone())
            .port("input", port))
    }
}

impl Consume for Collector {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        let lines = shown::lines(&self.cx, &batch);
        OUTCOME.with_borrow_mut(|outcome| outcome.lines.extend(lines));
        Box::pin(async { Ok(()) })
    }
}

/// Whether telemetry of this kind can be fed.
pub(super) fn signal(kind: PortKind) -> &'static str {
    match kind {
        PortKind::Metrics => "metrics",
        PortKind::Logs => "lines",
        PortKind::Otlp => "span blocks",
        PortKind::Profiles => "nothing yet",
    }
}
