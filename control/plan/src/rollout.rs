//! Evaluation of the graph: after a load what is new or reads differently, after that what depends
//! on changed exports. What evaluation makes known of the graph itself is taken in `learn`.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use engine::PlanNode;
use schema::{Body, Value};
use syntax::Diagnostic;
use tokio::time::Instant;

use crate::catalogue::Kind;
use crate::controller::Controller;
use crate::evaluate;
use crate::graph::{ModuleIndex, NodeIndex, Role};
use crate::health::{Health, State};
use crate::knowledge::item_value;
use crate::limits::ROUNDS_MAX;
use crate::live::{Part, Shelved};
use crate::outcome::Outcome;
use crate::spans::Span;

/// The scope of spans of the controller.
pub(crate) const SPANS: &str = "controller";

/// What an evaluation changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Changed {
    arguments: bool,
    exports: bool,
}

/// Arguments as a descriptor decoded them.
type Decoded = Arc<dyn Any + Send + Sync>;

/// Nodes whose last evaluation failed, in the order in which they did.
#[derive(Default)]
pub(crate) struct Failures(Vec<Failure>);

pub(crate) struct Failure {
    pub id: String,
    /// Whether it is of the exports of a custom component, which bear the id of its input.
    pub exports: bool,
    pub errors: Vec<Diagnostic>,
    /// Whether the evaluation before failed as well.
    pub again: bool,
}

impl Failures {
    pub fn add(&mut self, failure: Failure) {
        self.0.push(failure);
    }

    fn forget(&mut self, id: &str, exports: bool) {
        self.0
            .retain(|failure| failure.id != id || failure.exports != exports);
    }

    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.0.into_iter().flat_map(|it| it.errors).collect()
    }
}

impl Controller {
    /// Evaluates what is stale, then what that made known or stale, until nothing is left. A node
    /// that fails keeps what it had; what refers to a node that never had exports is left alone,
    /// since its own errors would only repeat the first.
    pub(crate) async fn settle(&mut self, outcome: &mut Outcome, span: &Span) -> Failures {
        let mut failures = Failures::default();
        self.metrics.evaluating.set(1.0);
        for _ in 0..ROUNDS_MAX {
            self.evaluate_stale(outcome, &mut failures, span).await;
            if !self.learn(&mut failures) && !self.fall_back() {
                break;
            }
        }
        self.remove_left(outcome);
        self.metrics.evaluating.set(0.0);
        failures
    }

    async fn evaluate_stale(
        &mut self,
        outcome: &mut Outcome,
        failures: &mut Failures,
        span: &Span,
    ) {
        for turn in 0..self.live.graph.order.len() {
            let at = self.live.graph.order[turn];
            if !std::mem::take(&mut self.live.states[at].stale) {
                continue;
            }
            let state = &self.live.states[at];
            let (new, again) = (!state.evaluated, state.health.evaluation_failed());
            let mut part = span.child("EvaluateNode");
            part.text("node_id", &self.live.graph.nodes[at].id);
            let result = self.evaluate(at).await;
            match &result {
                Ok(_) => part.ok(),
                Err(errors) => part.failed(|| messages(errors)),
            }
            drop(part);
            let came = new && self.live.states[at].evaluated;
            if came || result.as_ref().is_ok_and(|changed| changed.exports) {
                self.live.spoil_dependents(at);
            }
            let node = &self.live.graph.nodes[at];
            let exports = matches!(node.role, Role::Exports(_));
            failures.forget(&node.id, exports);
            match result {
                Ok(changed) if node.is_component() => {
                    if came {
                        outcome.added.insert(node.id.clone());
                    } else if changed.arguments && !outcome.added.contains(&node.id) {
                        outcome.changed.insert(node.id.clone());
                    }
                }
                Ok(_) => {}
                Err(errors) => failures.add(Failure {
                    id: node.id.clone(),
                    exports,
                    errors,
                    again,
                }),
            }
        }
    }

    /// Takes the new exports of resolvers and evaluates what depends on them, and only that.
    pub(crate) async fn refresh(&mut self) {
        let noted = self.changes.take();
        self.metrics.queue_size.set(noted.len() as f64);
        for id in &noted {
            if let Some(at) = self.live.find(id)
                && self.take_exports(at)
            {
                self.live.spoil_dependents(at);
            }
        }
        let tracer = &self.options.tracer;
        let mut span = tracer.root(SPANS, "SubmitDependantsForEvaluation");
        span.int("originators_count", noted.len() as i64);
        span.ok();
        let failures = self.settle(&mut Outcome::default(), &span).await;
        drop(span);
        for failure in failures.0.iter().filter(|failure| !failure.again) {
            // The health says it as long as it lasts; the log once.
            let err = syntax::render_all(&failure.errors, &self.live.text.sources);
            let id = &failure.id;
            tracing::error!(component_id = id, err, "component could not be evaluated");
        }
        self.metrics.queue_size.set(0.0);
        self.publish();
    }

    /// Whether a resolver's exports are new.
    fn take_exports(&mut self, at: NodeIndex) -> bool {
        let state = &mut self.live.states[at];
        let Part::Resolver(instance) = &state.part else {
            return false;
        };
        if let Some(health) = health_of(instance) {
            state.health.resolver(health);
        }
        let exports = instance.exports();
        let changed = state.exports != exports;
        state.exports = exports;
        if changed {
            self.note_learnable(at);
        }
        changed
    }

    /// Notes a node whose exports say what the graph is to be.
    fn note_learnable(&mut self, at: NodeIndex) {
        let node = &self.live.graph.nodes[at];
        if matches!(node.role, Role::Import(_) | Role::Foreach) {
            self.learnable.insert(node.id.clone());
        }
    }

    /// Ends what is no longer in the configuration.
    fn remove_left(&mut self, outcome: &mut Outcome) {
        for Shelved { node, state, .. } in self.live.clear_shelf() {
            if self.live.find(&node.id).is_some() {
                continue;
            }
            if let Part::Setting = state.part {
                self.options.settings.unset(&node.name);
            }
            self.live.forget(&node.id);
            if node.is_component() {
                outcome.removed.insert(node.id.clone());
                self.metrics.forget(&node.id);
            }
            // Dropping the state ends a resolver; a data component ends with the next Plan.
        }
    }

    async fn evaluate(&mut self, at: NodeIndex) -> Result<Changed, Vec<Diagnostic>> {
        if let Some(missing) = self.missing_dependency(at) {
            let message = format!("waits for \"{missing}\", which could not be evaluated");
            self.evaluated(at, Err(message));
            return Ok(Changed::default());
        }
        if let Role::Pending = self.live.graph.nodes[at].role {
            self.evaluated(at, Err("waits for the content of its import".to_owned()));
            return Ok(Changed::default());
        }
        let started = Instant::now();
        let result = match self.live.graph.nodes[at].role {
            Role::Kind(kind) => self.evaluate_kind(at, kind).await,
            Role::Import(component) => self.evaluate_kind(at, Kind::Import(component)).await,
            Role::Input(module) => self.evaluate_input(at, module),
            Role::Exports(module) => self.evaluate_exports(at, module),
            Role::Foreach => self.evaluate_foreach(at),
            Role::Item { module, at: place } => Ok(self.evaluate_item(at, module, place)),
            Role::Pending | Role::Sample(_) => Ok(Changed::default()),
        };
        self.metrics
            .evaluation_seconds
            .record(started.elapsed().as_secs_f64());
        match &result {
            Ok(_) => {
                self.live.states[at].evaluated = true;
                self.evaluated(at, Ok(()));
            }
            Err(errors) => {
                self.evaluated(at, Err(messages(errors)));
            }
        }
        result
    }

    fn missing_dependency(&self, at: NodeIndex) -> Option<&str> {
        let references = &self.live.graph.nodes[at].references;
        let missing = references
            .iter()
            .find(|it| !self.live.states[it.target].evaluated)?;
        Some(&self.live.graph.nodes[missing.target].id)
    }

    /// Notes the result where the component's health is shown: that of exports at the input.
    fn evaluated(&mut self, at: NodeIndex, result: Result<(), String>) {
        let node = &self.live.graph.nodes[at];
        let shown = match node.role {
            Role::Exports(_) if result.is_ok() => return,
            Role::Exports(_) => self.live.find(&node.id).unwrap_or(at),
            _ => at,
        };
        self.live.states[shown].health.evaluated(result);
    }

    async fn evaluate_kind(
        &mut self,
        at: NodeIndex,
        kind: Kind,
    ) -> Result<Changed, Vec<Diagnostic>> {
        let (body, arguments) = evaluate::arguments(&self.live, at, kind.descriptor())?;
        let state = &self.live.states[at];
        if state.evaluated && state.body.as_deref() == Some(&body) {
            return Ok(Changed::default());
        }
        let body = Arc::new(body);
        let exports = match kind {
            Kind::Data(component) => {
                let id = self.live.graph.nodes[at].id.clone();
                let exports = Value::object((component.exports)(&*arguments, &id));
                let body = body.clone();
                let node = PlanNode {
                    id,
                    component,
                    arguments,
                    body,
                };
                self.live.states[at].part = Part::Data(Arc::new(node));
                exports
            }
            Kind::Resolver(component) | Kind::Import(component) => {
                self.resolve(at, component, arguments).await?
            }
            Kind::Setting(descriptor) => {
                self.options.settings.set(descriptor.name, arguments);
                self.live.states[at].part = Part::Setting;
                crate::live::empty_object()
            }
        };
        Ok(self.keep(at, Some(body), exports))
    }

    /// Starts a resolver or gives it new arguments, and takes its exports.
    async fn resolve(
        &mut self,
        at: NodeIndex,
        component: &'static eval::Component,
        arguments: Decoded,
    ) -> Result<Value, Vec<Diagnostic>> {
        let node = &self.live.graph.nodes[at];
        let (id, span) = (node.id.clone(), node.text.span());
        let failed = |error: eval::ResolverError| {
            let message = format!("failed to build component: {error}");
            vec![Diagnostic::error(span, message).path(id.as_str())]
        };
        let part = std::mem::replace(&mut self.live.states[at].part, Part::None);
        let (instance, result) = match part {
            Part::Resolver(mut instance) => {
                let result = instance.update(arguments).await.map_err(failed);
                (instance, result)
            }
            _ => {
                let changes = self.changes.clone();
                let changed = Rc::new(move |id: &str| changes.note(id));
                let environment = self.options.environment.clone();
                let started = component.start(&id, arguments, environment, changed).await;
                (Box::new(started.map_err(failed)?), Ok(()))
            }
        };
        let state = &mut self.live.states[at];
        if let Some(health) = health_of(&instance) {
            state.health.resolver(health);
        }
        let exports = instance.exports();
        state.part = Part::Resolver(instance);
        result.map(|()| exports)
    }

    fn evaluate_input(
        &mut self,
        at: NodeIndex,
        module: ModuleIndex,
    ) -> Result<Changed, Vec<Diagnostic>> {
        let (body, values) = evaluate::custom_arguments(&self.live, at, module)?;
        Ok(self.keep(at, Some(Arc::new(body)), values))
    }

    fn evaluate_exports(
        &mut self,
        at: NodeIndex,
        module: ModuleIndex,
    ) -> Result<Changed, Vec<Diagnostic>> {
        let values = evaluate::custom_exports(&self.live, at, module)?;
        Ok(self.keep(at, None, values))
    }

    fn evaluate_foreach(&mut self, at: NodeIndex) -> Result<Changed, Vec<Diagnostic>> {
        let (body, items) = evaluate::foreach_items(&self.live, at)?;
        Ok(self.keep(at, Some(Arc::new(body)), items))
    }

    /// Where the element is no longer in its place, the graph is about to be built again.
    fn evaluate_item(&mut self, at: NodeIndex, module: ModuleIndex, place: usize) -> Changed {
        let id = &self.live.graph.modules[module].id;
        let id = id.rsplit('/').next().unwrap_or_default();
        let foreach = self.live.graph.nodes[at].references[0].target;
        match item_value(&self.live.states[foreach].exports, place, id) {
            Some(value) => self.keep(at, None, value),
            None => Changed::default(),
        }
    }

    fn keep(&mut self, at: NodeIndex, body: Option<Arc<Body>>, exports: Value) -> Changed {
        let state = &mut self.live.states[at];
        let changed = Changed {
            arguments: state.body != body,
            exports: state.exports != exports,
        };
        state.body = body;
        state.exports = exports;
        if changed.exports {
            self.note_learnable(at);
        }
        changed
    }
}

fn messages(errors: &[Diagnostic]) -> String {
    let texts: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
    texts.join("; ")
}

/// What a resolver says of itself, if it says anything.
fn health_of(instance: &eval::Instance) -> Option<Health> {
    let health = instance.health();
    let state = match health.state {
        eval::HealthState::Healthy => State::Healthy,
        eval::HealthState::Unhealthy => State::Unhealthy,
        eval::HealthState::Exited => State::Exited,
        eval::HealthState::Unknown => return None,
    };
    Some(Health::new(state, health.message))
}
