//! A shard's main loop: takes commands from control, rolls plans out by diff, answers questions.
//!
//! A rollout builds sinks before sources, so that nothing flows into the void, and removes sources
//! before sinks. A node that is equal in both plans is not touched. A changed one is updated in
//! place if its component offers that; else the new instance is built beside the old one, takes
//! over its ports, and the old one drains. An error keeps the old instance and is reported.
//!
//! Questions (metrics, debug information) are answered while a rollout waits for a drain.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use batch::SeriesTable;
use runtime::budget::Budget;
use runtime::metrics::{Hook, Registry};
use runtime::sync::Notify;

use crate::build::{Build, BuildError, Globals};
use crate::component::{Leave, Role, Spread, Update};
use crate::fanout::{Slot, Slots};
use crate::handover::{Peers, hand_over};
use crate::health::{Health, HealthHandle};
use crate::instance::Instance;
use crate::lanes::Lanes;
use crate::limits::{MEASURE_INTERVAL, REBUILD_DELAY, SHUTDOWN_MAX};
use crate::own_logs;
use crate::own_traces;
use crate::plan::{Command, NodeError, Plan, PlanNode, Report};
use crate::taps::{Tap, Taps};

/// What a shard is told when it starts. Crosses into its thread.
#[derive(Clone)]
pub struct ShardOptions {
    pub index: usize,
    pub count: usize,
    /// What this shard may take of memory.
    pub memory_bytes: u64,
    /// Tells the memory of the process; none where that is not to be looked at.
    pub memory_probe: Option<fn() -> u64>,
    pub globals: Arc<Globals>,
    pub peers: Peers,
}

/// Runs a shard until it is drained or control is gone.
pub async fn shard_main(
    options: ShardOptions,
    commands: flume::Receiver<Command>,
    reports: flume::Sender<Report>,
) {
    assert!(
        options.index < options.count,
        "a shard's index is below their count"
    );
    let shard = Rc::new(Shard::new(options, reports));
    let _hook = shard_metrics(&shard);
    let rollout = runtime::spawn(shard.clone().rollout());
    let offers = shard.options.peers.clone();
    runtime::spawn(offers.take_offers(shard.slots.clone()));
    if let Some(probe) = shard.options.memory_probe {
        let budget = shard.budget.clone();
        runtime::spawn(measure(probe, budget, shard.options.count as u64));
    }
    while let Ok(command) = commands.recv_async().await {
        match command {
            Command::Apply(plan) => shard.push(Work::Apply(plan)),
            // Who asked may have given up waiting for either answer.
            Command::Snapshot(reply) => drop(reply.send(shard.registry.snapshot())),
            Command::Inspect { node, reply } => drop(reply.send(shard.inspect(&node))),
            Command::Tap(tap) => shard.tap(tap),
            Command::OwnLogs(own) => {
                let (slots, registry) = (shard.slots.clone(), shard.registry.clone());
                runtime::spawn(own_logs::forward(own, slots, registry));
            }
            Command::OwnTraces(own) => {
                let (slots, registry) = (shard.slots.clone(), shard.registry.clone());
                runtime::spawn(own_traces::forward(own, slots, registry));
            }
            Command::Drain(reply) => {
                shard.push(Work::Drain);
                rollout.join().await;
                // As above.
                let _ = reply.send(());
                return;
            }
        }
    }
    shard.push(Work::Drain);
    rollout.join().await;
}

/// Measures memory for as long as the shard lives. A measurement reads one small file of the
/// system (5 microseconds).
async fn measure(probe: fn() -> u64, budget: Budget, shards: u64) {
    loop {
        budget.measured(probe() / shards);
        runtime::sleep(MEASURE_INTERVAL).await;
    }
}

/// Metrics of the shard itself, read when asked for.
fn shard_metrics(shard: &Rc<Shard>) -> Hook {
    let gauge = |name, help| shard.registry.gauge(name, help, &[]);
    let series = gauge(
        "invar_series",
        "Series that something on the shard refers to.",
    );
    let series_bytes = gauge("invar_series_bytes", "Memory of the shard's series table.");
    let used = gauge(
        "invar_budget_used_bytes",
        "Bytes of the shard's budget in use.",
    );
    let limit = gauge(
        "invar_budget_limit_bytes",
        "The shard's part of the memory limit.",
    );
    let standing = gauge(
        "invar_budget_standing_bytes",
        "The shard's part of memory that is not data in flight, as last measured.",
    );
    let (table, budget) = (shard.series.clone(), shard.budget.clone());
    shard.registry.on_snapshot(move || {
        let table = table.borrow();
        series.set(table.len() as f64);
        series_bytes.set(table.memory_bytes() as f64);
        used.set(budget.used() as f64);
        limit.set(budget.limit() as f64);
        standing.set(budget.standing() as f64);
    })
}

struct Shard {
    options: ShardOptions,
    reports: flume::Sender<Report>,
    registry: Registry,
    budget: Budget,
    series: Rc<RefCell<SeriesTable>>,
    slots: Rc<Slots>,
    lanes: Rc<Lanes>,
    instances: RefCell<BTreeMap<String, Rc<Instance>>>,
    /// Ports of nodes that live on other shards.
    handed_over: RefCell<BTreeMap<String, Vec<Slot>>>,
    /// The rollout does one thing after the other; this is what it has still to do.
    work: RefCell<Vec<Work>>,
    more_work: Notify,
}

enum Work {
    Apply(Arc<Plan>),
    Rebuild(Arc<PlanNode>),
    Drain,
}

impl Shard {
    fn new(options: ShardOptions, reports: flume::Sender<Report>) -> Shard {
        let series = Rc::new(RefCell::new(SeriesTable::new(runtime::random_u64())));
        Shard {
            reports,
            registry: Registry::new(),
            budget: Budget::new(options.memory_bytes),
            slots: Rc::new(Slots::new(Taps::new(series.clone()))),
            series,
            lanes: Rc::new(Lanes::default()),
            instances: RefCell::new(BTreeMap::new()),
            handed_over: RefCell::new(BTreeMap::new()),
            work: RefCell::new(Vec::new()),
            more_work: Notify::new(),
            options,
        }
    }

    fn push(&self, work: Work) {
        self.work.borrow_mut().push(work);
        self.more_work.notify_one();
    }

    async fn rollout(self: Rc<Shard>) {
        loop {
            let batch = std::mem::take(&mut *self.work.borrow_mut());
            if batch.is_empty() {
                self.more_work.notified().await;
            }
            for work in batch {
                match work {
                    Work::Apply(plan) => self.apply(&plan).await,
                    Work::Rebuild(node) => self.rebuild(&node).await,
                    Work::Drain => return self.drain().await,
                }
            }
        }
    }

    async fn apply(self: &Rc<Shard>, plan: &Plan) {
        let mut errors = Vec::new();
        self.hand_over(plan);
        for role in [Role::Exporter, Role::Processor, Role::Receiver] {
            let of_role = plan.nodes.iter().filter(|node| node.component.role == role);
            for node in of_role.filter(|node| self.hosts(node)) {
                if let Err(error) = self.apply_node(node).await {
                    self.health(&node.id)
                        .set(Health::Unhealthy, error.message.clone());
                    errors.push(NodeError {
                        node: node.id.clone(),
                        message: error.message,
                    });
                }
            }
        }
        let gone = |id: &str| {
            let mut nodes = plan.nodes.iter();
            !nodes.any(|node| node.id == id && self.hosts(node))
        };
        self.remove(Leave::Removed, gone).await;
        self.slots.prune();
        let report = Report::Applied {
            shard: self.options.index,
            epoch: plan.epoch,
            errors,
        };
        // Control ends first at a shutdown; nobody is left to be told then.
        drop(self.reports.send(report));
    }

    /// Leads the ports of nodes that live elsewhere there. What is new in the plan is led before
    /// anything can flow to it; what has gone is refused from now on.
    fn hand_over(&self, plan: &Plan) {
        let mut handed_over = self.handed_over.borrow_mut();
        let gone = std::mem::take(&mut *handed_over);
        for slot in gone.into_values().flatten() {
            slot.fill(None);
        }
        for node in plan.nodes.iter().filter(|node| !self.hosts(node)) {
            let slots = hand_over(node, self.owner(node), &self.options.peers, &self.slots);
            handed_over.insert(node.id.clone(), slots);
        }
    }

    async fn apply_node(self: &Rc<Shard>, node: &Arc<PlanNode>) -> Result<(), BuildError> {
        let old = self.instances.borrow().get(&node.id).cloned();
        let Some(old) = old else {
            return self.place(node, None).await;
        };
        if old.node().same_as(node) {
            return Ok(());
        }
        match old.update(node)? {
            Update::Done => {
                old.health().set(Health::Healthy, "");
                Ok(())
            }
            Update::Rebuild => self.place(node, Some(old)).await,
        }
    }

    /// Builds an instance and lets it take the place of `old`.
    async fn place(
        self: &Rc<Shard>,
        node: &Arc<PlanNode>,
        old: Option<Rc<Instance>>,
    ) -> Result<(), BuildError> {
        let mut new = Instance::build(node, self.build(&node.id)).await?;
        if let Some(old) = &old {
            old.close_ports();
        }
        new.open_ports();
        if let Some(old) = old {
            old.leave(Leave::Replaced).await;
        }
        let (shard, again) = (Rc::downgrade(self), node.clone());
        new.start(move || {
            runtime::spawn(async move {
                runtime::sleep(REBUILD_DELAY).await;
                if let Some(shard) = shard.upgrade() {
                    shard.push(Work::Rebuild(again));
                }
            });
        });
        self.instances
            .borrow_mut()
            .insert(node.id.clone(), Rc::new(new));
        Ok(())
    }

    /// After a panic of its own work: a fresh instance, unless a plan was faster.
    async fn rebuild(self: &Rc<Shard>, node: &Arc<PlanNode>) {
        let old = self.instances.borrow().get(&node.id).cloned();
        let Some(old) = old.filter(|old| Arc::ptr_eq(&old.node(), node)) else {
            return;
        };
        if let Err(error) = self.place(node, Some(old)).await {
            self.health(&node.id).set(Health::Exited, error.message);
        }
    }

    /// Removes nodes, sources before sinks, so that each finds its downstream while it drains.
    async fn remove(&self, why: Leave, gone: impl Fn(&str) -> bool) {
        for role in [Role::Receiver, Role::Processor, Role::Exporter] {
            let mut leaving = Vec::new();
            self.instances.borrow_mut().retain(|id, instance| {
                let leaves = instance.node().component.role == role && gone(id);
                if leaves {
                    leaving.push(instance.clone());
                }
                !leaves
            });
            let leaves = leaving.iter().cloned();
            let leaves = leaves.map(|it| async move { it.leave(why).await });
            if role == Role::Processor {
                // What one still has may be for another.
                for leave in leaves {
                    leave.await;
                }
            } else {
                // A destination that is slow to answer does not make the others wait.
                let tasks: Vec<_> = leaves.map(runtime::spawn).collect();
                for task in tasks {
                    task.join().await;
                }
            }
            for instance in leaving {
                instance.close_ports();
                instance.forget().await;
            }
        }
    }

    async fn drain(&self) {
        self.lanes.hurry();
        let everything = self.remove(Leave::Ended, |_| true);
        if runtime::timeout(SHUTDOWN_MAX, everything).await.is_err() {
            let limit = stdx::format_duration(SHUTDOWN_MAX);
            tracing::warn!(
                shard = self.options.index,
                "not drained within {limit}, ending anyway"
            );
        }
    }

    fn inspect(&self, node: &str) -> Option<schema::Body> {
        let instance = self.instances.borrow().get(node).cloned()?;
        instance.inspect()
    }

    fn tap(&self, tap: Tap) {
        let instances = self.instances.borrow();
        let instance = instances.get(&tap.node);
        let is_end = instance.is_some_and(|it| it.node().component.role == Role::Exporter);
        self.slots.taps.add(tap, is_end);
    }

    /// Whether an instance of the node lives on this shard.
    fn hosts(&self, node: &PlanNode) -> bool {
        match node.component.spread {
            Spread::ByConnection | Spread::ByKey | Spread::All => true,
            Spread::One => self.owner(node) == self.options.index,
        }
    }

    /// The shard of a node that lives on one.
    fn owner(&self, node: &PlanNode) -> usize {
        (stdx::fnv1a(node.id.as_bytes()) % self.options.count as u64) as usize
    }

    fn health(&self, node: &str) -> HealthHandle {
        if let Some(instance) = self.instances.borrow().get(node) {
            return instance.health().clone();
        }
        HealthHandle::new(self.options.index, node, self.reports.clone())
    }

    fn build(&self, node: &str) -> Build {
        Build {
            node: Rc::from(node),
            shard_index: self.options.index,
            shard_count: self.options.count,
            globals: self.options.globals.clone(),
            registry: self.registry.clone(),
            budget: self.budget.clone(),
            series: self.series.clone(),
            health: self.health(node),
            slots: Rc::downgrade(&self.slots),
            lanes: self.lanes.clone(),
        }
    }
}
