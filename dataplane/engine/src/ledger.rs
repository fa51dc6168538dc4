//! The books of an edge: at all times, in = out + held + dropped by reason.
//!
//! `taken` counts what was offered, `pass` what the other side has acknowledged, `drop` what was
//! lost on purpose, `refuse` what the caller got back and still owns (a drop of this edge with the
//! reason `refused`, nothing is lost by it). Held is counted by itself and not derived from the
//! others, so that a forgotten call shows as an imbalance.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use runtime::metrics::{Counter, Gauge, Registry};

pub const EDGE_ITEMS: &str = "invar_edge_items_total";
pub const HELD_ITEMS: &str = "invar_component_held_items";
pub const DROPPED_ITEMS: &str = "invar_component_dropped_items_total";

/// One edge's books, exported as metrics.
#[derive(Clone)]
pub struct Ledger {
    inner: Rc<Inner>,
}

struct Inner {
    registry: Registry,
    component: String,
    edge: String,
    taken: Counter,
    passed: Counter,
    held: Gauge,
    dropped: RefCell<BTreeMap<&'static str, Counter>>,
}

/// A reading of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    pub taken: u64,
    pub passed: u64,
    pub held: u64,
    pub dropped: BTreeMap<&'static str, u64>,
}

impl Balance {
    pub fn is_even(&self) -> bool {
        let dropped: u64 = self.dropped.values().sum();
        self.taken == self.passed + self.held + dropped
    }
}

impl Ledger {
    pub fn new(registry: &Registry, component: &str, edge: &str) -> Ledger {
        let label = |direction| {
            [
                ("component_id", component),
                ("edge", edge),
                ("direction", direction),
            ]
        };
        let taken = registry.counter(EDGE_ITEMS, EDGE_ITEMS_HELP, &label("in"));
        let passed = registry.counter(EDGE_ITEMS, EDGE_ITEMS_HELP, &label("out"));
        let held = registry.gauge(
            HELD_ITEMS,
            "Items that were taken in and are neither delivered nor dropped yet.",
            &[("component_id", component), ("edge", edge)],
        );
        let inner = Inner {
            registry: registry.clone(),
            component: component.to_owned(),
            edge: edge.to_owned(),
            taken,
            passed,
            held,
            dropped: RefCell::new(BTreeMap::new()),
        };
        Ledger {
            inner: Rc::new(inner),
        }
    }

    /// Items came in and are held from now on.
    pub fn take(&self, items: u64) {
        self.inner.taken.add(items);
        self.inner.held.add(items as f64);
    }

    /// Held items were acknowledged by the other side.
    pub fn pass(&self, items: u64) {
        self.inner.passed.add(items);
        self.inner.held.add(-(items as f64));
    }

    /// Held items are lost on purpose.
    pub fn drop(&self, reason: &'static str, items: u64) {
        if items == 0 {
            return;
        }
        self.inner.held.add(-(items as f64));
        self.dropped(reason).add(items);
    }

    /// Held items went back to the caller, who still owns them.
    pub fn refuse(&self, items: u64) {
        self.drop("refused", items);
    }

    pub fn balance(&self) -> Balance {
        let dropped = self.inner.dropped.borrow();
        Balance {
            taken: self.inner.taken.get(),
            passed: self.inner.passed.get(),
            held: self.inner.held.get() as u64,
            dropped: dropped
                .iter()
                .map(|(reason, count)| (*reason, count.get()))
                .collect(),
        }
    }

    /// Invariant: in = out + held + dropped by reason.
    pub fn verify(&self) {
        let balance = self.balance();
        let Inner {
            component, edge, ..
        } = &*self.inner;
        assert!(
            balance.is_even(),
            "books of \"{component}\" to \"{edge}\" are off: {balance:?}"
        );
    }

    fn dropped(&self, reason: &'static str) -> Counter {
        let mut dropped = self.inner.dropped.borrow_mut();
        let counter = dropped.entry(reason).or_insert_with(|| {
            self.inner.registry.counter(
                DROPPED_ITEMS,
                "Items that were lost on purpose, by reason; refused ones went back to the sender.",
                &[
                    ("component_id", &*self.inner.component),
                    ("edge", &*self.inner.edge),
                    ("reason", reason),
                ],
            )
        });
        counter.clone()
    }
}

const EDGE_ITEMS_HELP: &str =
    "Items offered to (in) and acknowledged by (out) the other side of an edge.";
