//! What discoveries have in common: how they start and change, turns, health, and what happens
//! when an answer fails.
//!
//! A failed turn leaves the last targets in place, is counted where the component counts failures,
//! and logged; the component stays healthy, as in Alloy, since the targets it gave are still good.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use blocks::{ClientContext, HttpClientConfig};
use eval::{HealthState, ResolverComponent, ResolverCx, ResolverError};
use net::Client;
use schema::{Check, ExportField, MetricDecl, Stability, Target, Targets, Value};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::limits::TARGETS_MAX;

/// A component that exports targets and nothing else.
pub trait Discovery: 'static {
    type Arguments: schema::Arguments;

    const NAME: &'static str;
    const METRICS: &'static [MetricDecl] = &[];

    /// Begins to find targets; an error refuses the configuration. New arguments begin anew, while
    /// the targets of the old ones stay until there are others.
    fn run(arguments: Arc<Self::Arguments>, cx: ResolverCx) -> Result<Running, ResolverError>;
}

/// The resolver of a [`Discovery`].
pub struct Discoverer<D> {
    cx: ResolverCx,
    running: Running,
    kind: PhantomData<D>,
}

impl<D: Discovery> ResolverComponent for Discoverer<D> {
    type Arguments = D::Arguments;

    const NAME: &'static str = D::NAME;
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "targets",
        type_name: "list(map(string))",
    }];
    const METRICS: &'static [MetricDecl] = D::METRICS;

    async fn start(arguments: Arc<D::Arguments>, cx: ResolverCx) -> Result<Self, ResolverError> {
        cx.export([("targets", Value::Targets(Targets::default()))]);
        let running = D::run(arguments, cx.clone())?;
        let kind = PhantomData;
        Ok(Discoverer { cx, running, kind })
    }

    async fn update(&mut self, arguments: Arc<D::Arguments>) -> Result<(), ResolverError> {
        self.running = D::run(arguments, self.cx.clone())?;
        Ok(())
    }
}

/// The client of a component's HTTP settings.
pub fn client(config: &HttpClientConfig, cx: &ResolverCx) -> Result<Client, ResolverError> {
    let context = ClientContext {
        user_agent: &cx.environment().user_agent,
        overrides: &[],
    };
    config.build(&context).map_err(refused)
}

/// A URL or setting that `net` refuses.
pub fn refused(error: net::HttpError) -> ResolverError {
    ResolverError::new(error.to_string())
}

/// A task that ends when its component does, or is replaced.
pub struct Running(AbortHandle);

impl Running {
    pub fn spawn(task: impl Future<Output = ()> + 'static) -> Running {
        Running(tokio::task::spawn_local(task).abort_handle())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Refuses an interval of nothing, with which there would be no pause between turns.
pub fn check_interval(interval: Duration, check: &mut Check<'_>) {
    if interval.is_zero() {
        check.attribute(
            "refresh_interval",
            "\"refresh_interval\" must be greater than 0",
        );
    }
}

/// Asks at once and then each `interval`; `failures` counts turns that failed.
pub fn refresh<A>(
    cx: ResolverCx,
    interval: Duration,
    failures: Option<&'static str>,
    mut ask: A,
) -> Running
where
    A: AsyncFnMut() -> Result<Vec<Target>, String> + 'static,
{
    Running::spawn(async move {
        let mut turns = tokio::time::interval(interval);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            turns.tick().await;
            match ask().await {
                Ok(targets) => found(&cx, targets),
                Err(error) => {
                    if let Some(failures) = failures {
                        cx.add(failures, 1.0);
                    }
                    failed(&cx, &error);
                }
            }
        }
    })
}

/// Hands targets in, and says how many there are.
pub fn found(cx: &ResolverCx, targets: Vec<Target>) {
    if targets.len() > TARGETS_MAX {
        let count = targets.len();
        failed(
            cx,
            &format!("there are {count} targets, at most {TARGETS_MAX} are taken"),
        );
        return;
    }
    let text = format!("found {} targets", targets.len());
    cx.export([("targets", Value::Targets(Targets::new(targets)))]);
    cx.health(HealthState::Healthy, text);
}

/// Says that the last targets stay, and why.
pub fn failed(cx: &ResolverCx, error: &str) {
    tracing::error!(
        component_id = cx.id(),
        err = error,
        "unable to refresh targets"
    );
    cx.health(
        HealthState::Healthy,
        format!("the last targets stay: {error}"),
    );
}

/// How long exports rest after one, so that many changes at once are one.
///
/// Alloy's is five seconds as well; the tests of this crate do not have them.
pub const EXPORT_PAUSE: Duration = match cfg!(test) {
    true => Duration::from_millis(20),
    false => Duration::from_secs(5),
};

/// How long the first of several changes waits for the others.
pub const SETTLE: Duration = match cfg!(test) {
    true => Duration::from_millis(5),
    false => Duration::from_millis(100),
};

/// Targets by the source that they came from, for discoveries that hear of changes one by one.
pub struct Groups {
    cx: ResolverCx,
    groups: RefCell<BTreeMap<String, Vec<Target>>>,
    changed: Notify,
}

impl Groups {
    pub fn new(cx: ResolverCx) -> Rc<Groups> {
        Rc::new(Groups {
            cx,
            groups: RefCell::default(),
            changed: Notify::new(),
        })
    }

    pub fn cx(&self) -> &ResolverCx {
        &self.cx
    }

    /// The targets of a source from now on; none removes it.
    pub fn set(&self, source: &str, targets: Vec<Target>) {
        let mut groups = self.groups.borrow_mut();
        match targets.is_empty() {
            true => drop(groups.remove(source)),
            false => drop(groups.insert(source.to_owned(), targets)),
        }
        self.changed.notify_one();
    }

    /// Exports what there is.
    pub fn flush(&self) {
        let targets = self.groups.borrow().values().flatten().cloned().collect();
        found(&self.cx, targets);
    }

    /// Exports changes, for ever.
    pub async fn export(&self) {
        loop {
            self.changed.notified().await;
            tokio::time::sleep(SETTLE).await;
            self.flush();
            tokio::time::sleep(EXPORT_PAUSE).await;
        }
    }
}
