//! The controller: the one owner of the graph, on the control thread.
//!
//! It loads configurations, keeps each node's state, evaluates again what depends on changed
//! exports, sends a Plan to every shard when a data component changed, and takes the shards'
//! Reports. Everybody else asks it through a [`Handle`].

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::{Command, Plan, PlanNode, Report};
use schema::{Stability, Value};
use syntax::Diagnostic;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::catalogue::Catalogue;
use crate::graph::build;
use crate::handle::{Handle, Readiness, Request, Support};
use crate::health::{Health, State};
use crate::knowledge::{Imported, Knowledge};
use crate::limits::CHANGE_GATHER_MS;
use crate::live::{Live, Part};
use crate::load::{self, Parsed, Rejected};
use crate::metrics::Metrics;
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::source::ConfigSource;
use crate::spans::{Span, Tracer};
use crate::{secrets, validate, view};

/// What the controller is made of besides the configuration.
pub struct Options {
    pub source: ConfigSource,
    pub catalogue: Catalogue,
    pub stability: Stability,
    pub globals: Arc<engine::Globals>,
    pub environment: Rc<eval::Environment>,
    /// `v1.2.3`, for `constants.version`.
    pub version: &'static str,
    /// Told about blocks that set something up.
    pub settings: Settings,
    /// Makes the spans of loads and refreshes.
    pub tracer: Tracer,
}

/// The ends of the channels to the shards.
pub struct Shards {
    pub commands: Vec<flume::Sender<Command>>,
    pub reports: flume::Receiver<Report>,
}

pub struct Controller {
    pub(crate) options: Options,
    pub(crate) live: Live,
    pub(crate) metrics: Metrics,
    pub(crate) changes: Changes,
    /// Nodes that have told something about the graph which is not in it yet.
    pub(crate) learnable: BTreeSet<String>,
    /// What imports had before the reload that is under way.
    pub(crate) fallback: BTreeMap<String, Imported>,
    shards: Shards,
    requests: flume::Receiver<Request>,
    handle: Handle,
    epoch: u64,
    planned: Vec<Arc<PlanNode>>,
    /// The epoch that each shard has applied.
    applied: Vec<u64>,
}

/// Ids of resolvers that have something new, noted by them and read by the controller.
#[derive(Clone, Default)]
pub(crate) struct Changes {
    ids: Rc<RefCell<BTreeSet<String>>>,
    noted: Rc<Notify>,
}

impl Changes {
    pub fn note(&self, id: &str) {
        self.ids.borrow_mut().insert(id.to_owned());
        self.noted.notify_one();
    }

    pub fn take(&self) -> BTreeSet<String> {
        self.ids.take()
    }
}

impl Controller {
    pub fn new(options: Options, shards: Shards) -> Controller {
        let (requests_in, requests) = flume::unbounded();
        let handle = Handle {
            requests: requests_in,
            shards: shards.commands.clone(),
        };
        let applied = vec![0; shards.commands.len()];
        let constants = eval::constants(&options.environment.hostname, options.version);
        Controller {
            options,
            live: Live::empty(constants),
            metrics: Metrics::new(),
            changes: Changes::default(),
            learnable: BTreeSet::new(),
            fallback: BTreeMap::new(),
            shards,
            requests,
            handle,
            epoch: 0,
            planned: Vec::new(),
            applied,
        }
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Loads the configuration for the first time. Any error refuses it.
    pub async fn start(&mut self) -> Result<(), Rejected> {
        let started = Instant::now();
        let Parsed { text, hash } = load::parse(&self.options.source)?;
        let built = build(&load::inputs(&self.options, &text, &Knowledge::default()));
        let errors = load::errors_of(&built, false);
        if !errors.is_empty() {
            return Err(Rejected {
                sources: text.sources,
                diagnostics: errors,
            });
        }
        let (gates, warnings) = split(validate::check(
            &built.graph,
            self.options.stability,
            |_| true,
        ));
        self.live.text = text;
        self.live.rebuild(built.graph);
        // Compat: no block has asked for spans by now.
        let span = &Span::default();
        let failures = self.settle(&mut Outcome::default(), span).await;
        let mut diagnostics = failures.into_diagnostics();
        // Compat: what evaluation finds comes alone (case `errors/several_errors`); what only the
        // text shows, such as an attribute of too little stability, is added when it finds none.
        if diagnostics.is_empty() {
            diagnostics = gates;
        }
        if !diagnostics.is_empty() {
            let sources = std::mem::take(&mut self.live.text.sources);
            return Err(Rejected {
                sources,
                diagnostics,
            });
        }
        self.warn(&warnings);
        self.metrics.loaded(&hash);
        self.publish();
        tracing::info!(
            components = self.live.components().count(),
            duration = stdx::format_duration(started.elapsed()),
            "configuration loaded"
        );
        Ok(())
    }

    /// Serves requests, reports and changes until it is stopped.
    pub async fn run(&mut self) {
        let mut last_refresh: Option<Instant> = None;
        let mut refresh_at: Option<Instant> = None;
        loop {
            let due = refresh_at;
            tokio::select! {
                request = self.requests.recv_async() => {
                    // The controller itself keeps a sender.
                    let request = request.expect("there is a sender as long as the controller");
                    if self.answer(request).await.is_break() {
                        return;
                    }
                }
                report = self.shards.reports.recv_async() => match report {
                    Ok(report) => self.take_report(report),
                    Err(flume::RecvError::Disconnected) => {
                        tracing::error!("all shards have ended");
                        return;
                    }
                },
                () = self.changes.noted.notified(), if due.is_none() => {
                    let gathered = Duration::from_millis(CHANGE_GATHER_MS);
                    let now = Instant::now();
                    refresh_at = Some(last_refresh.map_or(now, |at| now.max(at + gathered)));
                }
                noted = until(due) => {
                    self.metrics.wait_seconds.record(noted.elapsed().as_secs_f64());
                    self.refresh().await;
                    last_refresh = Some(Instant::now());
                    refresh_at = None;
                }
            }
        }
    }

    async fn answer(&mut self, request: Request) -> std::ops::ControlFlow<()> {
        // Who asked may have gone away: an answer that nobody takes is dropped.
        match request {
            Request::Components { module, reply } => {
                drop(reply.send(view::components(&self.live, &module)));
            }
            Request::Component { id, reply } => {
                drop(reply.send(view::component(&self.live, &id, &self.options.globals)));
            }
            Request::Page { id, reply } => drop(reply.send(view::page(&self.live, &id))),
            Request::Readiness(reply) => drop(reply.send(self.readiness())),
            Request::Metrics(reply) => drop(reply.send(self.metrics.snapshot(&self.live))),
            Request::Reload(reply) => drop(reply.send(self.reload().await)),
            Request::Difference { source, reply } => {
                drop(reply.send(self.difference(source.as_ref())));
            }
            Request::Support(reply) => drop(reply.send(self.support())),
            Request::Stop(reply) => {
                self.stop().await;
                let _ = reply.send(());
                return std::ops::ControlFlow::Break(());
            }
        }
        std::ops::ControlFlow::Continue(())
    }

    fn support(&self) -> Support {
        let secrets = secrets::secrets(&self.live);
        let mut files = Vec::new();
        while let Some(source) = self.live.text.sources.get(files.len() as u32) {
            let lines = source.text().lines().map(syntax::masked);
            let text = lines.fold(String::new(), |text, line| text + &line + "\n");
            let text = secrets::scrub(&text, &secrets);
            files.push((source.name().to_owned(), text));
        }
        Support {
            sources: files,
            secrets,
        }
    }

    pub(crate) fn refuse(&self, rejected: Rejected) -> String {
        self.metrics.refused();
        let shown = rejected.render();
        tracing::error!(
            err = shown,
            "configuration refused, the last good one goes on"
        );
        shown
    }

    pub(crate) fn warn(&self, warnings: &[Diagnostic]) {
        for warning in warnings {
            let at = warning
                .span
                .and_then(|span| self.live.text.sources.location(span));
            tracing::warn!(at = at.unwrap_or_default(), "{}", warning.message);
        }
    }

    /// Sends a Plan to all shards if a data component is new, changed or gone.
    pub(crate) fn publish(&mut self) {
        let mut nodes = Vec::new();
        for at in &self.live.graph.order {
            if let Part::Data(node) = &self.live.states[*at].part {
                nodes.push(node.clone());
            }
        }
        let same = nodes.len() == self.planned.len()
            && nodes
                .iter()
                .zip(&self.planned)
                .all(|(new, old)| Arc::ptr_eq(new, old));
        if same && self.epoch > 0 {
            return;
        }
        self.epoch += 1;
        self.planned = nodes.clone();
        let plan = Arc::new(Plan {
            epoch: self.epoch,
            nodes,
        });
        for (shard, commands) in self.shards.commands.iter().enumerate() {
            if commands.send(Command::Apply(plan.clone())).is_err() {
                tracing::error!(
                    shard,
                    epoch = plan.epoch,
                    "a shard has ended and takes no plan"
                );
            }
        }
    }

    fn take_report(&mut self, report: Report) {
        match report {
            Report::Applied {
                shard,
                epoch,
                errors,
            } => {
                self.applied[shard] = epoch;
                for node in &self.planned {
                    let error = errors.iter().find(|error| error.node == node.id);
                    let Some(at) = self.live.find(&node.id) else {
                        continue;
                    };
                    let message = error.map(|error| error.message.as_str());
                    self.live.states[at].health.applied(shard, message);
                    if let Some(message) = message {
                        tracing::error!(
                            component_id = node.id,
                            shard,
                            err = message,
                            "component could not be built"
                        );
                    }
                }
            }
            Report::Health {
                shard,
                node,
                health,
                message,
            } => {
                if let Some(at) = self.live.find(&node) {
                    self.live.states[at].health.instance(shard, health, message);
                }
            }
        }
    }

    fn readiness(&self) -> Readiness {
        let ready = self.epoch > 0 && self.applied.iter().all(|epoch| *epoch > 0);
        let mut unhealthy = Vec::new();
        for (node, state) in self.live.graph.nodes.iter().zip(&self.live.states) {
            let bad = |health: &Health| matches!(health.state, State::Unhealthy | State::Exited);
            if node.is_component() && bad(state.health.worst()) {
                unhealthy.push(node.id.clone());
            }
        }
        unhealthy.sort();
        Readiness { ready, unhealthy }
    }

    async fn stop(&mut self) {
        self.live = Live::empty(Value::Null);
        let mut waiting = Vec::new();
        for commands in &self.shards.commands {
            let (reply, drained) = flume::bounded(1);
            if commands.send(Command::Drain(reply)).is_ok() {
                waiting.push(drained);
            }
        }
        for drained in waiting {
            // A shard that ends without an answer has ended too.
            let _ = drained.recv_async().await;
        }
    }
}

/// Returns at the given time, never if there is none.
async fn until(due: Option<Instant>) -> Instant {
    match due {
        Some(due) => {
            tokio::time::sleep_until(due).await;
            due
        }
        None => std::future::pending().await,
    }
}

/// Errors and warnings.
pub(crate) fn split(found: Vec<Diagnostic>) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
    found.into_iter().partition(Diagnostic::is_error)
}
