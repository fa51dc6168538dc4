//! What lets new series in: the block `series_budget` of receivers, and the memory limit.
//!
//! ```text
//! new series -> memory full? -> over the component's or the tenant's limit? -> interned
//!                    |                     |
//!                 refused         reject | drop_label | aggregate
//! ```
//!
//! A series that is known passes without being looked at: a receiver asks once when it meets a
//! series for the first time, before anything is kept of it. The counts of a component are shared
//! by its shards (`shares`), so a limit is one for the process. An extension of Invar; see
//! `decisions/0006`.

mod arguments;
mod inspect;
mod metrics;
mod offenders;
mod overflow;
mod shares;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use batch::{LabelsBuf, MetricsBatch, SeriesId, SeriesMap, SeriesTable};
use engine::{Batch, Build, Ledger};
use runtime::metrics::Hook;

pub use arguments::SeriesBudget;
pub use inspect::blocks;

use crate::forward::Forward;
use arguments::{Action, Limits};
use metrics::Metrics;
use offenders::Offenders;
use overflow::Overflow;
use shares::Shares;

/// No tenant has this index.
const NO_MEMBER: u16 = u16::MAX;

/// Limit: tenants that are told apart on a shard; those beyond are one, under the last index.
const TENANTS_MAX: usize = 4096;

const _: () = assert!(TENANTS_MAX < NO_MEMBER as usize);

/// What is decided about a series that a receiver does not know yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is one from now on. The receiver owns a reference.
    Keep(SeriesId),
    /// It goes on without some of its labels. The receiver owns a reference until the batch has
    /// been delivered, and remembers nothing; each sample has to pass `Gate::passes`.
    Reduced(SeriesId),
    /// Its values are summed under fewer labels (`Toll::sum`). References as with `Reduced`.
    Summed(SeriesId),
    Refused(Refusal),
}

/// Why something is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Memory,
    Budget,
}

impl Refusal {
    /// As the books and metrics name it.
    pub fn reason(self) -> &'static str {
        match self {
            Refusal::Memory => "memory_limit",
            Refusal::Budget => "series_budget",
        }
    }

    /// For whoever sent it.
    pub fn text(self) -> &'static str {
        match self {
            Refusal::Memory => {
                "the memory limit is reached, new series are refused; raise \
                 --dataplane.memory-limit or send fewer series"
            }
            Refusal::Budget => {
                "the series budget is used up; raise series_budget or send fewer series"
            }
        }
    }
}

/// What the series of one batch left at the gate, to be settled once the batch is taken.
#[derive(Debug, Default)]
pub struct Toll {
    sums: Vec<(SeriesId, f64)>,
    memory: u64,
    budget: u64,
}

impl Toll {
    pub fn sum(&mut self, series: SeriesId, value: f64) {
        self.sums.push((series, value));
    }

    pub fn lose(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Memory => self.memory += 1,
            Refusal::Budget => self.budget += 1,
        }
    }

    /// What to tell a sender, if something of his was refused.
    pub fn refusal(&self) -> Option<Refusal> {
        match (self.memory, self.budget) {
            (0, 0) => None,
            (0, _) => Some(Refusal::Budget),
            _ => Some(Refusal::Memory),
        }
    }
}

/// The gate of one instance. Clones share it.
#[derive(Clone)]
pub struct Gate {
    state: Rc<RefCell<State>>,
    _hook: Rc<Hook>,
}

struct State {
    cx: Build,
    limits: Limits,
    shares: Arc<Shares>,
    /// The tenant of each series that was let in; none without limits.
    members: Option<SeriesMap<u16>>,
    tenants: Vec<Tenant>,
    tenant_index: HashMap<String, u16>,
    overflow: Overflow,
    offenders: Offenders,
    ledger: Ledger,
    metrics: Metrics,
}

struct Tenant {
    name: String,
    /// Series of it on this shard.
    series: u64,
    /// Where `Shares` counts it.
    share: usize,
}

impl Gate {
    pub fn new(cx: &Build, settings: &SeriesBudget) -> Gate {
        let limits = settings.limits();
        let map = || SeriesMap::new(&mut cx.series.borrow_mut(), NO_MEMBER);
        let state = State {
            shares: settings.shares(),
            members: limits.is_limited().then(map),
            tenants: Vec::new(),
            tenant_index: HashMap::new(),
            overflow: Overflow::new(limits.overflow_max()),
            offenders: Offenders::default(),
            ledger: cx.ledger("series_budget"),
            metrics: Metrics::new(cx),
            cx: cx.clone(),
            limits,
        };
        let state = Rc::new(RefCell::new(state));
        let shown = Rc::downgrade(&state);
        let hook = cx.registry.on_collect(move |families| {
            if let Some(state) = shown.upgrade() {
                metrics::collect(&state.borrow(), families);
            }
        });
        Gate {
            state,
            _hook: Rc::new(hook),
        }
    }

    /// Takes changed settings; false when only a new gate can.
    pub fn update(&self, settings: &SeriesBudget) -> bool {
        self.state.borrow_mut().update(settings)
    }

    /// Decides about a series with these labels, which are garbage afterwards.
    pub fn admit(&self, table: &mut SeriesTable, labels: &mut LabelsBuf) -> Verdict {
        let state = &mut *self.state.borrow_mut();
        let has_room = state.cx.budget.has_room_to_stand() || 0 < table.reusable();
        if has_room && state.members.is_none() {
            return Verdict::Keep(table.intern(labels));
        }
        state.decide(has_room, table, labels)
    }

    /// Whether a sample of a reduced series goes on: of those that have become one series, the
    /// first at each time does.
    pub fn passes(&self, series: SeriesId, timestamp_ms: i64) -> bool {
        self.state
            .borrow_mut()
            .overflow
            .passes(series, timestamp_ms)
    }

    /// Adds up what is to be summed and enters what was refused into the books.
    pub fn settle(&self, toll: Toll) {
        let state = &mut *self.state.borrow_mut();
        let aggregated = toll.sums.len() as u64;
        for (reason, count) in [
            ("aggregated", aggregated),
            (Refusal::Memory.reason(), toll.memory),
            (Refusal::Budget.reason(), toll.budget),
        ] {
            state.ledger.take(count);
            state.ledger.drop(reason, count);
        }
        for (series, value) in toll.sums {
            state.overflow.add(series, value);
        }
    }

    /// Sends sums on in their interval, for as long as the instance lives.
    pub async fn run(&self, forward: impl Fn() -> Forward) {
        loop {
            let interval = self.state.borrow().limits.interval;
            runtime::sleep(interval).await;
            self.flush(&forward()).await;
        }
    }

    /// Sends on what has been summed so far, and ends what has not come for an interval.
    pub async fn flush(&self, forward: &Forward) {
        let mut batch = MetricsBatch::default();
        let (release, cx) = {
            let state = &mut *self.state.borrow_mut();
            state.catch_up(&mut state.cx.series.clone().borrow_mut());
            (state.overflow.drain(&mut batch), state.cx.clone())
        };
        let items = batch.items() as u64;
        if 0 < items {
            let ledger = self.state.borrow().ledger.clone();
            let held = ledger.hold(items);
            let deadline = runtime::now() + self.state.borrow().limits.interval;
            let batch = Batch::Metrics(Rc::new(batch));
            let mut result = forward.consume_until(batch, deadline).await;
            if let Err(nack) = &mut result {
                let node = &*cx.node;
                let reason = nack.reason;
                tracing::warn!(
                    component_id = node,
                    reason,
                    "{items} sums of series over budget were not taken and are dropped: {}",
                    nack.message
                );
                // Nobody offers sums again.
                nack.retryable = false;
            }
            held.settle(&result);
        }
        let mut table = cx.series.borrow_mut();
        for series in release {
            table.release(series);
        }
    }
}

impl State {
    fn decide(
        &mut self,
        has_room: bool,
        table: &mut SeriesTable,
        labels: &mut LabelsBuf,
    ) -> Verdict {
        self.catch_up(table);
        let known = table.find(labels);
        let is_member = |series: &SeriesId| match &self.members {
            Some(members) => members.get(*series) != NO_MEMBER,
            None => true,
        };
        if known.filter(is_member).is_some() {
            return Verdict::Keep(table.intern(labels));
        }
        if !has_room && known.is_none() {
            self.offenders.note(labels, "");
            self.metrics.refused(Refusal::Memory);
            return Verdict::Refused(Refusal::Memory);
        }
        let tenant = self.tenant(labels);
        let share = self.tenants[tenant].share;
        if self.shares.take(share, &self.limits) {
            self.tenants[tenant].series += 1;
            let series = table.intern(labels);
            let members = self.members.as_mut().expect("there are limits");
            members.set(series, tenant as u16);
            return Verdict::Keep(series);
        }
        self.offenders.note(labels, &self.tenants[tenant].name);
        let verdict = self.over(table, labels);
        if let Verdict::Refused(refusal) = verdict {
            self.metrics.refused(refusal);
        }
        verdict
    }

    /// What becomes of a series that is over the budget.
    fn over(&mut self, table: &mut SeriesTable, labels: &mut LabelsBuf) -> Verdict {
        let mut reduced = false;
        if self.limits.action != Action::Reject {
            for name in &self.limits.labels {
                reduced |= labels.remove(name);
            }
        }
        if !reduced {
            return Verdict::Refused(Refusal::Budget);
        }
        let series = table.intern(labels);
        if !self.overflow.admit(table, series) {
            table.release(series);
            return Verdict::Refused(Refusal::Budget);
        }
        match self.limits.action {
            Action::Aggregate => Verdict::Summed(series),
            _ => Verdict::Reduced(series),
        }
    }

    /// The index of the tenant that these labels name.
    fn tenant(&mut self, labels: &LabelsBuf) -> usize {
        let name = match self.limits.tenant_label.as_str() {
            "" => "",
            label => labels.get(label).unwrap_or_default(),
        };
        if let Some(index) = self.tenant_index.get(name) {
            return usize::from(*index);
        }
        let last = TENANTS_MAX - 1;
        if last < self.tenants.len() {
            return last;
        }
        let index = self.tenants.len();
        let name = if index == last { OTHERS } else { name };
        self.tenants.push(Tenant {
            name: name.to_owned(),
            series: 0,
            share: self.shares.find(name),
        });
        self.tenant_index.insert(name.to_owned(), index as u16);
        index
    }

    /// Gives back the shares of series that have died.
    fn catch_up(&mut self, table: &mut SeriesTable) {
        let State {
            members,
            tenants,
            shares,
            ..
        } = self;
        if let Some(members) = members {
            members.drain(table, |_, tenant| {
                let tenant = &mut tenants[usize::from(tenant)];
                tenant.series -= 1;
                shares.give_back(tenant.share, 1);
            });
        }
    }

    fn update(&mut self, settings: &SeriesBudget) -> bool {
        let limits = settings.limits();
        let same_members = limits.is_limited() == self.limits.is_limited()
            && limits.tenant_label == self.limits.tenant_label;
        if !same_members || limits.action != self.limits.action {
            return false;
        }
        // All shards move their counts over to the new settings, each when it gets there.
        let shares = settings.shares();
        for tenant in &mut self.tenants {
            self.shares.give_back(tenant.share, tenant.series);
            tenant.share = shares.find(&tenant.name);
            shares.force(tenant.share, tenant.series);
        }
        self.shares = shares;
        self.overflow.set_max(limits.overflow_max());
        self.limits = limits;
        true
    }
}

/// What tenants beyond `TENANTS_MAX` are called.
const OTHERS: &str = "(others)";

impl Drop for State {
    fn drop(&mut self) {
        for tenant in &self.tenants {
            self.shares.give_back(tenant.share, tenant.series);
        }
        let mut table = self.cx.series.borrow_mut();
        if let Some(members) = self.members.take() {
            members.close(&mut table, |_, _| {});
        }
        self.overflow.clear(&mut table);
    }
}
