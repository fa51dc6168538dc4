//! The targets of one instance: which ones are on this shard, and what their loops share.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use batch::MetricsBatch;
use engine::{Build, BuildError, TaskSet, Throttle, Update};
use runtime::sync::Notify;

use super::ScrapeArguments;
use super::failures::FailureFile;
use super::intake::Scratch;
use super::metrics::Metrics;
use super::run;
use super::settings::Settings;
use super::target::{Candidate, ScrapeTarget};
use crate::series_budget::Gate;

/// One instance's state.
pub struct Pool {
    pub cx: Build,
    pub metrics: Metrics,
    pub scratch: RefCell<Scratch>,
    /// Of the host; part of when targets are scraped.
    pub offset_seed: u64,
    pub failure_log: Throttle,
    pub failures: FailureFile,
    /// What new series have to pass.
    pub gate: Gate,
    settings: RefCell<Rc<Settings>>,
    /// By target hash.
    members: RefCell<HashMap<u64, Rc<Member>>>,
    /// Different targets on all shards, those that cannot be scraped too.
    targets: Cell<usize>,
    tasks: TaskSet,
    running: Cell<bool>,
    buffers: RefCell<Vec<Vec<u8>>>,
    batches: RefCell<Vec<MetricsBatch>>,
    draining: Cell<bool>,
    delivering: Cell<usize>,
    delivered: Notify,
}

/// A target with a loop.
pub struct Member {
    pub target: Rc<ScrapeTarget>,
    /// Set when the target is no longer asked for.
    pub gone: Cell<bool>,
    /// Told when that or the settings change.
    pub changed: Notify,
    pub last: RefCell<Option<LastScrape>>,
}

/// For the debug information.
#[derive(Clone)]
pub struct LastScrape {
    pub wall_ns: i64,
    pub duration: std::time::Duration,
    pub error: Option<String>,
}

/// Limit: body buffers and batches that are kept for the next scrape. More scrapes than this at the
/// same time allocate theirs.
const KEPT_MAX: usize = 4;

/// Limit: a body buffer larger than this is given back instead of kept.
const KEPT_BYTES_MAX: usize = 4 << 20;

impl Pool {
    pub fn new(cx: &Build, arguments: &ScrapeArguments) -> Result<Rc<Pool>, BuildError> {
        let settings = Settings::new(cx, arguments)?;
        let pool = Rc::new(Pool {
            metrics: Metrics::new(cx),
            cx: cx.clone(),
            scratch: RefCell::new(Scratch::new()),
            offset_seed: stdx::fnv1a(cx.globals.hostname.as_bytes()),
            failure_log: Throttle::new(std::time::Duration::from_secs(30)),
            failures: FailureFile::new(&cx.node),
            gate: Gate::new(cx, &arguments.series_budget),
            settings: RefCell::new(settings),
            members: RefCell::new(HashMap::new()),
            targets: Cell::new(0),
            tasks: TaskSet::new(),
            running: Cell::new(false),
            buffers: RefCell::new(Vec::new()),
            batches: RefCell::new(Vec::new()),
            draining: Cell::new(false),
            delivering: Cell::new(0),
            delivered: Notify::new(),
        });
        pool.set_targets(&arguments.targets);
        Ok(pool)
    }

    /// Takes new arguments in place, unless series would have to be counted anew.
    pub fn update(self: &Rc<Pool>, arguments: &ScrapeArguments) -> Result<Update, BuildError> {
        let settings = Settings::new(&self.cx, arguments)?;
        if !self.gate.update(&arguments.series_budget) {
            return Ok(Update::Rebuild);
        }
        *self.settings.borrow_mut() = settings;
        self.set_targets(&arguments.targets);
        for member in self.members.borrow().values() {
            member.changed.notify_one();
        }
        Ok(Update::Done)
    }

    pub fn settings(&self) -> Rc<Settings> {
        self.settings.borrow().clone()
    }

    /// Starts the loops of all targets; those that come later start at once.
    pub fn start(self: &Rc<Pool>) {
        self.running.set(true);
        for member in self.members() {
            self.start_loop(&member);
        }
    }

    pub fn stop(&self) {
        self.running.set(false);
        self.tasks.abort();
    }

    /// Scrapes begun so far are delivered, none begins any more.
    pub async fn drain(self: Rc<Pool>) {
        self.draining.set(true);
        loop {
            let delivered = self.delivered.notified();
            if self.delivering.get() == 0 {
                break;
            }
            delivered.await;
        }
        self.gate.flush(&self.settings().forward).await;
    }

    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Holds up a drain until dropped.
    pub fn deliver(&self) -> Delivery<'_> {
        self.delivering.set(self.delivering.get() + 1);
        Delivery { pool: self }
    }

    /// The targets of this shard.
    pub fn members(&self) -> Vec<Rc<Member>> {
        self.members.borrow().values().cloned().collect()
    }

    /// How many targets there are on all shards.
    pub fn target_count(&self) -> usize {
        self.targets.get()
    }

    /// Whether a target of the pool writes series with exactly these labels.
    pub fn writes(&self, target: &ScrapeTarget) -> bool {
        self.members
            .borrow()
            .values()
            .any(|member| member.target.labels == target.labels)
    }

    pub fn take_buffer(&self) -> Vec<u8> {
        self.buffers.borrow_mut().pop().unwrap_or_default()
    }

    pub fn keep_buffer(&self, buffer: Vec<u8>) {
        let mut buffers = self.buffers.borrow_mut();
        if buffers.len() < KEPT_MAX && buffer.capacity() <= KEPT_BYTES_MAX {
            buffers.push(buffer);
        }
    }

    pub fn take_batch(&self) -> MetricsBatch {
        self.batches.borrow_mut().pop().unwrap_or_default()
    }

    pub fn keep_batch(&self, mut batch: MetricsBatch) {
        let mut batches = self.batches.borrow_mut();
        if batches.len() < KEPT_MAX {
            batch.clear();
            batches.push(batch);
        }
    }

    fn set_targets(self: &Rc<Pool>, targets: &[schema::Target]) {
        let wanted = self.wanted(targets);
        let mut members = self.members.borrow_mut();
        members.retain(|hash, member| {
            let stays = wanted.contains_key(hash);
            if !stays {
                member.gone.set(true);
                member.changed.notify_one();
            }
            stays
        });
        let mut new = Vec::new();
        for (hash, target) in wanted {
            if members.contains_key(&hash) {
                continue;
            }
            let member = Rc::new(Member {
                target,
                gone: Cell::new(false),
                changed: Notify::new(),
                last: RefCell::new(None),
            });
            members.insert(hash, member.clone());
            new.push(member);
        }
        self.metrics.targets.set(members.len() as f64);
        drop(members);
        if self.running.get() {
            new.iter().for_each(|member| self.start_loop(member));
        }
    }

    /// The targets of this shard that can be scraped, each once. Counts those of all shards.
    fn wanted(&self, targets: &[schema::Target]) -> HashMap<u64, Rc<ScrapeTarget>> {
        let settings = self.settings();
        let mut different = HashSet::with_capacity(targets.len());
        let mut wanted = HashMap::new();
        let mut refused = Vec::new();
        for labels in targets {
            let candidate = Candidate::new(labels, &settings);
            if !different.insert(candidate.hash) || !self.cx.owns(candidate.hash) {
                continue;
            }
            match ScrapeTarget::new(&candidate, &settings) {
                Ok(target) => drop(wanted.insert(target.hash, target)),
                Err(error) => refused.push(error),
            }
        }
        self.targets.set(different.len());
        if let Some(first) = refused.first() {
            let (node, count) = (&*self.cx.node, refused.len());
            tracing::warn!(
                component_id = node,
                "{count} targets cannot be scraped: {first}"
            );
        }
        wanted
    }

    fn start_loop(self: &Rc<Pool>, member: &Rc<Member>) {
        self.tasks.spawn(run::target(self.clone(), member.clone()));
    }
}

/// A batch on its way downstream.
pub struct Delivery<'a> {
    pool: &'a Pool,
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        self.pool.delivering.set(self.pool.delivering.get() - 1);
        self.pool.delivered.notify_all();
    }
}
