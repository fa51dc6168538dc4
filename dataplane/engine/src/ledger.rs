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

use crate::flow::Nack;

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

    /// Takes items in for as long as their answer takes. Who gives up waiting has them back.
    pub fn hold(&self, items: u64) -> Held<'_> {
        self.take(items);
        Held {
            ledger: self,
            items,
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

/// Items between their arrival and their answer. Dropped without one, they are the caller's again.
#[must_use]
pub struct Held<'a> {
    ledger: &'a Ledger,
    items: u64,
}

impl Held<'_> {
    /// Enters the answer to all that is held.
    pub fn settle(mut self, result: &Result<(), Nack>) {
        let items = std::mem::take(&mut self.items);
        match result {
            Ok(()) => self.ledger.pass(items),
            Err(nack) if nack.retryable => self.ledger.refuse(items),
            Err(nack) => self.ledger.drop(nack.reason, items),
        }
    }

    /// Enters the answer where only `kept` of the items went on. The others are lost on purpose,
    /// for `reason`, once the answer is an ack: a batch that comes again brings them again.
    pub fn settle_kept(mut self, result: &Result<(), Nack>, kept: u64, reason: &'static str) {
        if result.is_ok() {
            self.lose(reason, self.items.saturating_sub(kept));
        }
        self.settle(result);
    }

    /// Some of what is held is lost on purpose.
    pub fn lose(&mut self, reason: &'static str, items: u64) {
        assert!(items <= self.items, "more is lost than was held");
        self.items -= items;
        self.ledger.drop(reason, items);
    }

    /// Items that were made of those that are held.
    pub fn gain(&mut self, items: u64) {
        self.items += items;
        self.ledger.take(items);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.ledger.refuse(self.items);
    }
}

const EDGE_ITEMS_HELP: &str =
    "Items offered to (in) and acknowledged by (out) the other side of an edge.";

#[cfg(test)]
mod tests {
    use super::*;

    fn books() -> Ledger {
        Ledger::new(&Registry::default(), "a.b.c", "rules")
    }

    fn entered(ledger: &Ledger) -> (u64, u64, Vec<(&'static str, u64)>) {
        let balance = ledger.balance();
        assert!(balance.is_even(), "{balance:?}");
        let dropped = balance.dropped.into_iter().collect();
        (balance.passed, balance.held, dropped)
    }

    #[test]
    fn who_gives_up_waiting_has_the_items_back() {
        let ledger = books();
        let held = ledger.hold(5);
        assert_eq!(entered(&ledger), (0, 5, vec![]));
        drop(held);
        assert_eq!(entered(&ledger), (0, 0, vec![("refused", 5)]));
    }

    #[test]
    fn what_does_not_go_on_is_lost_only_with_an_ack() {
        let ledger = books();
        let again = Err(Nack::retry("away", ""));
        ledger.hold(5).settle_kept(&again, 3, "filtered");
        assert_eq!(entered(&ledger), (0, 0, vec![("refused", 5)]));
        ledger.hold(5).settle_kept(&Ok(()), 3, "filtered");
        let dropped = vec![("filtered", 2), ("refused", 5)];
        assert_eq!(entered(&ledger), (3, 0, dropped));
    }
}
