//! Evaluation of the graph: all of it after a load, and what depends on changed exports after that.

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
use crate::live::Part;
use crate::outcome::Outcome;

/// What an evaluation changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Changed {
    arguments: bool,
    exports: bool,
}

/// Arguments as a descriptor decoded them.
type Decoded = Arc<dyn Any + Send + Sync>;

impl Controller {
    /// Evaluates every node in order. A node that fails keeps what it had; what refers to a node
    /// that never had exports is left alone, since its own errors would only repeat the first.
    pub(crate) async fn evaluate_all(&mut self, outcome: &mut Outcome) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        self.metrics.evaluating.set(1.0);
        for at in self.live.graph.order.clone() {
            let new = !self.live.states[at].evaluated;
            let result = self.evaluate(at).await;
            let node = &self.live.graph.nodes[at];
            if node.is_component() {
                match &result {
                    Ok(_) if new => drop(outcome.added.insert(node.id.clone())),
                    Ok(changed) if changed.arguments => {
                        outcome.changed.insert(node.id.clone());
                    }
                    Ok(_) => outcome.unchanged += 1,
                    Err(_) => {}
                }
            }
            errors.extend(result.err().unwrap_or_default());
        }
        self.metrics.evaluating.set(0.0);
        errors
    }

    /// Takes the new exports of resolvers and evaluates what depends on them, and only that.
    pub(crate) async fn refresh(&mut self) {
        let noted = self.changes.take();
        self.metrics.queue_size.set(noted.len() as f64);
        self.metrics.evaluating.set(1.0);
        let mut changed = vec![false; self.live.graph.nodes.len()];
        for at in self.live.graph.order.clone() {
            let node = &self.live.graph.nodes[at];
            let stale = node
                .references
                .iter()
                .any(|reference| changed[reference.target]);
            if !stale {
                changed[at] = noted.contains(&node.id) && self.take_exports(at);
                continue;
            }
            let id = node.id.clone();
            let failed_before = self.live.states[at].health.evaluation_failed();
            match self.evaluate(at).await {
                Ok(change) => changed[at] = change.exports,
                // The health says it as long as it lasts; the log once.
                Err(errors) if !failed_before => {
                    let err = syntax::render_all(&errors, &self.live.sources);
                    tracing::error!(component_id = id, err, "component could not be evaluated");
                }
                Err(_) => {}
            }
        }
        self.metrics.queue_size.set(0.0);
        self.metrics.evaluating.set(0.0);
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
        changed
    }

    async fn evaluate(&mut self, at: NodeIndex) -> Result<Changed, Vec<Diagnostic>> {
        if let Some(missing) = self.missing_dependency(at) {
            let message = format!("waits for \"{missing}\", which could not be evaluated");
            self.evaluated(at, Err(message));
            return Ok(Changed::default());
        }
        let started = Instant::now();
        let result = match self.live.graph.nodes[at].role {
            Role::Kind(kind) => self.evaluate_kind(at, kind).await,
            Role::Input(module) => self.evaluate_input(at, module),
            Role::Exports(module) => self.evaluate_exports(at, module),
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
                let texts: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
                self.evaluated(at, Err(texts.join("; ")));
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
            Role::Kind(_) | Role::Input(_) => at,
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
            Kind::Resolver(component) => self.resolve(at, component, arguments).await?,
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

    fn keep(&mut self, at: NodeIndex, body: Option<Arc<Body>>, exports: Value) -> Changed {
        let state = &mut self.live.states[at];
        let changed = Changed {
            arguments: state.body != body,
            exports: state.exports != exports,
        };
        state.body = body;
        state.exports = exports;
        changed
    }
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
