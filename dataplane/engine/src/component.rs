//! What a component is: one declaration from which decoding, validation, documentation, the API and
//! the shard's instances derive.

use std::any::Any;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use runtime::LocalBoxFuture;
use schema::{Arguments, Body, Capsule, Descriptor, ExportField, MetricDecl, Port, PortKind};
use schema::{Stability, Value};

use crate::build::{Build, BuildError, Globals};
use crate::flow::Consume;

/// Place in the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes telemetry from outside: pulls it or is pushed to.
    Receiver,
    /// Changes what passes.
    Processor,
    /// Sends out.
    Exporter,
}

/// How a node's work lies over the shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Each shard serves the connections that the kernel gave it.
    ByConnection,
    /// Each shard owns the keys (targets, files) whose hash falls to it; the instance picks them
    /// with `Build::owns`.
    ByKey,
    /// Only the shard that the node's id hashes to has an instance. Ports of OTLP data take what
    /// other shards have too: it is handed over.
    One,
    /// Every shard has an instance of its own, which serves what is on that shard.
    All,
}

/// A component of the dataplane, implemented once per kind on a type without state.
pub trait DataComponent: 'static {
    type Arguments: Arguments;

    const NAME: &'static str;
    const STABILITY: Stability;
    const ROLE: Role;
    const SPREAD: Spread;
    const EXPORTS: &'static [ExportField] = &[];
    const METRICS: &'static [MetricDecl] = &[];

    /// Makes an instance on a shard. What can be refused from the text alone was refused before.
    fn build(
        arguments: Arc<Self::Arguments>,
        cx: &Build,
    ) -> impl Future<Output = Result<Built, BuildError>>;

    /// What other nodes may reference. Evaluated on the control thread, so it must follow from the
    /// arguments alone; ports are symbolic.
    fn exports(_arguments: &Self::Arguments, node: &str) -> Vec<(&'static str, Value)> {
        port_exports(Self::EXPORTS, node)
    }

    /// The arguments as the API shows them, where that is not simply the text.
    fn shown(body: &Body, _globals: &Globals) -> Body {
        body.clone()
    }
}

/// The value of each export that is a port.
pub fn port_exports(exports: &[ExportField], node: &str) -> Vec<(&'static str, Value)> {
    let mut values = Vec::new();
    for field in exports {
        let Some(kind) = PortKind::from_type_name(field.type_name) else {
            continue;
        };
        let port = Port {
            node: node.to_owned(),
            name: field.name.to_owned(),
            kind,
        };
        values.push((field.name, Value::Capsule(Capsule::Port(port))));
    }
    values
}

type BuildFn = for<'a> fn(
    &Arc<dyn Any + Send + Sync>,
    &'a Build,
) -> LocalBoxFuture<'a, Result<Built, BuildError>>;

/// A `DataComponent` as a value, for lists of components.
pub struct Component {
    pub descriptor: Descriptor,
    pub role: Role,
    pub spread: Spread,
    /// See `DataComponent::exports`; the arguments are those that the descriptor decoded.
    pub exports: fn(&(dyn Any + Send + Sync), &str) -> Vec<(&'static str, Value)>,
    /// See `DataComponent::shown`.
    pub shown: fn(&Body, &Globals) -> Body,
    pub(crate) build: BuildFn,
}

impl Component {
    pub const fn of<C: DataComponent>() -> Component {
        Component {
            descriptor: Descriptor::of::<C::Arguments>(
                C::NAME,
                C::STABILITY,
                C::EXPORTS,
                C::METRICS,
            ),
            role: C::ROLE,
            spread: C::SPREAD,
            exports: exports::<C>,
            shown: C::shown,
            build: build::<C>,
        }
    }

    pub fn name(&self) -> &'static str {
        self.descriptor.name
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Component")
            .field(&self.descriptor.name)
            .finish()
    }
}

fn exports<C: DataComponent>(
    arguments: &(dyn Any + Send + Sync),
    node: &str,
) -> Vec<(&'static str, Value)> {
    let arguments = arguments
        .downcast_ref()
        .expect("arguments were decoded by this component");
    C::exports(arguments, node)
}

fn build<'a, C: DataComponent>(
    arguments: &Arc<dyn Any + Send + Sync>,
    cx: &'a Build,
) -> LocalBoxFuture<'a, Result<Built, BuildError>> {
    let arguments = arguments
        .clone()
        .downcast()
        .expect("arguments were decoded by this component");
    Box::pin(C::build(arguments, cx))
}

/// What an in-place update came to.
pub enum Update {
    Done,
    /// The change is too large for that; build a new instance beside the old one.
    Rebuild,
}

/// Why an instance ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Another instance of the same node goes on with its log: leave quickly.
    Replaced,
    /// Nobody goes on: deliver what can be delivered in the time there is.
    Removed,
    /// The process ends: what is in logs is found again at the next start, so leave soon.
    Ended,
}

type UpdateFn = Box<dyn Fn(Arc<dyn Any + Send + Sync>) -> Result<Update, BuildError>>;
type DrainFn = Box<dyn Fn(Leave) -> LocalBoxFuture<'static, ()>>;
type InspectFn = Rc<dyn Fn() -> Body>;

/// An instance: the parts that the engine moves.
#[derive(Default)]
pub struct Built {
    pub(crate) ports: Vec<(&'static str, Rc<dyn Consume>)>,
    pub(crate) run: Option<LocalBoxFuture<'static, ()>>,
    pub(crate) update: Option<UpdateFn>,
    pub(crate) drain: Option<DrainFn>,
    pub(crate) inspect: Option<InspectFn>,
}

impl Built {
    pub fn new() -> Built {
        Built::default()
    }

    /// Takes batches under this name; each exported port needs one.
    pub fn port(mut self, name: &'static str, port: Rc<dyn Consume>) -> Built {
        self.ports.push((name, port));
        self
    }

    /// The instance's own work. It begins after the instance that this one replaces has stopped.
    pub fn run(mut self, run: impl Future<Output = ()> + 'static) -> Built {
        self.run = Some(Box::pin(run));
        self
    }

    /// Opts in to updates in place.
    pub fn update<A: Arguments>(
        mut self,
        update: impl Fn(Arc<A>) -> Result<Update, BuildError> + 'static,
    ) -> Built {
        self.update = Some(Box::new(move |arguments| {
            update(
                arguments
                    .downcast()
                    .expect("arguments were decoded by this component"),
            )
        }));
        self
    }

    /// Finishes what was accepted, before `run` is stopped. The engine bounds its time.
    pub fn drain<F>(mut self, drain: impl Fn(Leave) -> F + 'static) -> Built
    where
        F: Future<Output = ()> + 'static,
    {
        self.drain = Some(Box::new(move |why| Box::pin(drain(why))));
        self
    }

    /// Debug information for the API.
    pub fn inspect(mut self, inspect: impl Fn() -> Body + 'static) -> Built {
        self.inspect = Some(Rc::new(inspect));
        self
    }
}
