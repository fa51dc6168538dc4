//! Resolvers: components that live on the control thread and only compute exports.
//!
//! A component implements [`ResolverComponent`] on the struct of its instance. `plan` starts it
//! with decoded arguments, gives it new ones in place, and drops it when its block is gone; the
//! instance hands in exports and health through its [`ResolverCx`] whenever they change, also long
//! after `start` returned. What it spawns (`tokio::task::spawn_local`) must stop when it is
//! dropped.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use schema::{Arguments, Descriptor, ExportField, MetricDecl, Stability, Value};

use crate::page::Page;

type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
type Erased = Arc<dyn Any + Send + Sync>;

/// A control-only component.
pub trait ResolverComponent: Sized + 'static {
    type Arguments: Arguments;

    const NAME: &'static str;
    const STABILITY: Stability;
    const EXPORTS: &'static [ExportField];
    const METRICS: &'static [MetricDecl] = &[];

    /// Makes an instance. What it exports before this returns is there for the nodes that refer to
    /// it; an export that takes long (a first HTTP answer) is better handed in later, unless those
    /// nodes are wrong without it. An error refuses the configuration.
    fn start(
        arguments: Arc<Self::Arguments>,
        cx: ResolverCx,
    ) -> impl Future<Output = Result<Self, ResolverError>>;

    /// Takes new arguments. After an error the instance goes on with the old ones.
    fn update(
        &mut self,
        arguments: Arc<Self::Arguments>,
    ) -> impl Future<Output = Result<(), ResolverError>>;

    /// Debug information for the API: an object, of which fields that are lists of objects show as
    /// repeated blocks.
    fn inspect(&self) -> Option<Value> {
        None
    }

    /// What the instance serves at the moment, for those that serve something.
    fn page(&self) -> Option<Arc<dyn Page>> {
        None
    }
}

/// Why an instance cannot be made or changed, for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverError(String);

impl ResolverError {
    pub fn new(message: impl Into<String>) -> ResolverError {
        ResolverError(message.into())
    }
}

impl fmt::Display for ResolverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ResolverError {}

/// What all instances may know about the process.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Where the process keeps its state; an instance uses `ResolverCx::storage_path`.
    pub storage_path: PathBuf,
    /// `host:port` under which this process answers its own requests.
    pub http_address: String,
    /// In front of the paths of the web page.
    pub ui_path_prefix: String,
    /// The name of this machine, as `constants.hostname`.
    pub hostname: String,
    /// Sent with requests of resolvers.
    pub user_agent: String,
}

/// How an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthState {
    Unknown,
    Healthy,
    Unhealthy,
    Exited,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub state: HealthState,
    pub message: String,
}

/// The instance's way back to `plan`. Cheap to clone into tasks.
#[derive(Clone)]
pub struct ResolverCx {
    outlet: Rc<Outlet>,
}

/// What an instance has handed in.
struct Outlet {
    id: String,
    environment: Rc<Environment>,
    exports: RefCell<Value>,
    health: RefCell<Health>,
    metrics: RefCell<Vec<(&'static str, f64)>>,
    changed: Rc<dyn Fn(&str)>,
    /// False once the instance was dropped: tasks that outlive it are not heard.
    open: Cell<bool>,
}

impl ResolverCx {
    /// The node's full id.
    pub fn id(&self) -> &str {
        &self.outlet.id
    }

    pub fn environment(&self) -> &Environment {
        &self.outlet.environment
    }

    /// A folder for this instance alone; not made yet.
    pub fn storage_path(&self) -> PathBuf {
        self.outlet.environment.storage_path.join(&self.outlet.id)
    }

    /// Hands in all exports. Equal ones are no change and re-evaluate nobody.
    pub fn export<const N: usize>(&self, exports: [(&'static str, Value); N]) {
        let exports = Value::object(exports);
        if !self.outlet.open.get() || *self.outlet.exports.borrow() == exports {
            return;
        }
        *self.outlet.exports.borrow_mut() = exports;
        self.changed();
    }

    pub fn health(&self, state: HealthState, message: impl Into<String>) {
        let health = Health {
            state,
            message: message.into(),
        };
        if !self.outlet.open.get() || *self.outlet.health.borrow() == health {
            return;
        }
        *self.outlet.health.borrow_mut() = health;
        self.changed();
    }

    /// Adds to a declared counter.
    pub fn add(&self, metric: &'static str, count: f64) {
        self.with_metric(metric, |value| *value += count);
    }

    /// Sets a declared gauge.
    pub fn set(&self, metric: &'static str, value: f64) {
        self.with_metric(metric, |current| *current = value);
    }

    fn with_metric(&self, metric: &'static str, change: impl FnOnce(&mut f64)) {
        let mut metrics = self.outlet.metrics.borrow_mut();
        let found = metrics.iter_mut().find(|(name, _)| *name == metric);
        let (_, value) = found.expect("a component counts what it declares");
        change(value);
    }

    fn changed(&self) {
        (self.outlet.changed)(&self.outlet.id);
    }
}

/// A running instance, as `plan` holds it. Dropping it stops it.
pub struct Instance {
    resolver: Box<dyn Resolver>,
    outlet: Rc<Outlet>,
}

impl Instance {
    /// An object; empty as long as nothing was exported.
    pub fn exports(&self) -> Value {
        self.outlet.exports.borrow().clone()
    }

    pub fn health(&self) -> Health {
        self.outlet.health.borrow().clone()
    }

    /// Declared counters and gauges with their values.
    pub fn metrics(&self) -> Vec<(&'static str, f64)> {
        self.outlet.metrics.borrow().clone()
    }

    /// Takes arguments that the component's descriptor decoded.
    pub async fn update(&mut self, arguments: Erased) -> Result<(), ResolverError> {
        self.resolver.update(arguments).await
    }

    pub fn inspect(&self) -> Option<Value> {
        self.resolver.inspect()
    }

    /// What it serves below its path of the admin server.
    pub fn page(&self) -> Option<Arc<dyn Page>> {
        self.resolver.page()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.outlet.open.set(false);
    }
}

/// `ResolverComponent` with its type forgotten.
trait Resolver {
    fn update(&mut self, arguments: Erased) -> LocalBoxFuture<'_, Result<(), ResolverError>>;
    fn inspect(&self) -> Option<Value>;
    fn page(&self) -> Option<Arc<dyn Page>>;
}

impl<C: ResolverComponent> Resolver for C {
    fn update(&mut self, arguments: Erased) -> LocalBoxFuture<'_, Result<(), ResolverError>> {
        Box::pin(C::update(self, typed::<C>(arguments)))
    }

    fn inspect(&self) -> Option<Value> {
        C::inspect(self)
    }

    fn page(&self) -> Option<Arc<dyn Page>> {
        C::page(self)
    }
}

fn typed<C: ResolverComponent>(arguments: Erased) -> Arc<C::Arguments> {
    arguments
        .downcast()
        .expect("arguments were decoded by this component")
}

type StartFn =
    fn(Erased, ResolverCx) -> LocalBoxFuture<'static, Result<Box<dyn Resolver>, ResolverError>>;

/// A `ResolverComponent` as a value, for lists:
/// `pub static COMPONENT: Component = Component::of::<X>();`
pub struct Component {
    pub descriptor: Descriptor,
    start: StartFn,
}

impl Component {
    pub const fn of<C: ResolverComponent>() -> Component {
        Component {
            descriptor: Descriptor::of::<C::Arguments>(
                C::NAME,
                C::STABILITY,
                C::EXPORTS,
                C::METRICS,
            ),
            start: start::<C>,
        }
    }

    pub fn name(&self) -> &'static str {
        self.descriptor.name
    }

    /// Makes the instance of node `id`. `changed` is called with the id after each change of
    /// exports or health, at times while `start` still runs; it should only take a note.
    pub async fn start(
        &self,
        id: &str,
        arguments: Erased,
        environment: Rc<Environment>,
        changed: Rc<dyn Fn(&str)>,
    ) -> Result<Instance, ResolverError> {
        let metrics = self
            .descriptor
            .metrics
            .iter()
            .map(|metric| (metric.name, 0.0))
            .collect();
        let outlet = Rc::new(Outlet {
            id: id.to_owned(),
            environment,
            exports: RefCell::new(Value::object::<Arc<str>>([])),
            health: RefCell::new(Health {
                state: HealthState::Unknown,
                message: String::new(),
            }),
            metrics: RefCell::new(metrics),
            changed,
            open: Cell::new(true),
        });
        let cx = ResolverCx {
            outlet: outlet.clone(),
        };
        let resolver = (self.start)(arguments, cx).await?;
        Ok(Instance { resolver, outlet })
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Component")
            .field(&self.descriptor.name)
            .finish()
    }
}

fn start<C: ResolverComponent>(
    arguments: Erased,
    cx: ResolverCx,
) -> LocalBoxFuture<'static, Result<Box<dyn Resolver>, ResolverError>> {
    Box::pin(async move {
        let resolver: Box<dyn Resolver> = Box::new(C::start(typed::<C>(arguments), cx).await?);
        Ok(resolver)
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use schema::{Body, MetricKind};

    use super::*;

    #[derive(Arguments)]
    struct Settings {
        /// What to export.
        text: String,
    }

    struct Echo {
        cx: ResolverCx,
    }

    impl ResolverComponent for Echo {
        type Arguments = Settings;
        const NAME: &'static str = "test.echo";
        const STABILITY: Stability = Stability::Experimental;
        const EXPORTS: &'static [ExportField] = &[ExportField {
            name: "text",
            type_name: "string",
        }];
        const METRICS: &'static [MetricDecl] = &[MetricDecl {
            name: "echoes",
            kind: MetricKind::Counter,
            help: "updates",
        }];

        async fn start(settings: Arc<Settings>, cx: ResolverCx) -> Result<Echo, ResolverError> {
            if settings.text.is_empty() {
                return Err(ResolverError::new("nothing to say"));
            }
            cx.export([("text", settings.text.as_str().into())]);
            Ok(Echo { cx })
        }

        async fn update(&mut self, settings: Arc<Settings>) -> Result<(), ResolverError> {
            self.cx.add("echoes", 1.0);
            self.cx.export([("text", settings.text.as_str().into())]);
            self.cx.health(HealthState::Healthy, "updated");
            Ok(())
        }
    }

    static COMPONENT: Component = Component::of::<Echo>();

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    fn arguments(text: &str) -> Erased {
        let body = Body::of([("text", text.into())]);
        (COMPONENT.descriptor.decode)(&body, &mut Vec::new()).expect("decodes")
    }

    struct Started {
        instance: Instance,
        changes: Rc<Cell<u32>>,
    }

    fn start(text: &str) -> Result<Started, ResolverError> {
        let changes = Rc::new(Cell::new(0));
        let counted = changes.clone();
        let changed = Rc::new(move |id: &str| {
            assert_eq!(id, "test.echo.a");
            counted.set(counted.get() + 1);
        });
        let environment = Rc::new(Environment::default());
        let started = COMPONENT.start("test.echo.a", arguments(text), environment, changed);
        ready(started).map(|instance| Started { instance, changes })
    }

    #[test]
    fn what_start_exports_is_there_when_it_returns() {
        let started = start("hello").expect("starts");
        assert_eq!(
            started.instance.exports(),
            Value::object([("text", "hello".into())])
        );
        assert_eq!(started.instance.health().state, HealthState::Unknown);
        assert_eq!(start("").err(), Some(ResolverError::new("nothing to say")));
    }

    #[test]
    fn equal_exports_and_health_are_no_change() {
        let Started {
            mut instance,
            changes,
        } = start("hello").expect("starts");
        assert_eq!(changes.get(), 1);
        ready(instance.update(arguments("hello"))).expect("updates");
        assert_eq!(changes.get(), 2, "the health changed");
        ready(instance.update(arguments("hello"))).expect("updates");
        assert_eq!(changes.get(), 2);
        ready(instance.update(arguments("bye"))).expect("updates");
        assert_eq!(changes.get(), 3);
        assert_eq!(instance.metrics(), [("echoes", 3.0)]);
    }

    #[test]
    fn a_task_that_outlives_its_instance_is_not_heard() {
        let Started { instance, changes } = start("hello").expect("starts");
        let cx = ResolverCx {
            outlet: instance.outlet.clone(),
        };
        drop(instance);
        cx.export([("text", "late".into())]);
        cx.health(HealthState::Exited, "late");
        assert_eq!(changes.get(), 1);
    }
}
