//! One node's way to the nodes in its `forward_to`.
//!
//! A branch leads to a slot, not to an instance: slots are found by node id and port, and whoever
//! fills them may change at any time, so that replacing a node touches none of its neighbours.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use runtime::Instant;
use runtime::metrics::Registry;
use schema::Port;

use crate::flow::{Batch, Consume, Nack, worse};
use crate::join::join;
use crate::ledger::Ledger;
use crate::limits::{OFFER_BACKOFF_MAX, OFFER_BACKOFF_MIN};
use crate::taps::Taps;

/// Where a node's port is found on this shard, whether the node exists yet or not.
pub(crate) struct Slots {
    by_port: RefCell<HashMap<(String, String), Slot>>,
    pub taps: Rc<Taps>,
}

#[derive(Clone, Default)]
pub(crate) struct Slot {
    port: Rc<RefCell<Option<Rc<dyn Consume>>>>,
}

impl Slots {
    pub fn new(taps: Taps) -> Slots {
        Slots {
            by_port: RefCell::default(),
            taps: Rc::new(taps),
        }
    }

    pub fn slot(&self, node: &str, port: &str) -> Slot {
        let mut by_port = self.by_port.borrow_mut();
        by_port
            .entry((node.to_owned(), port.to_owned()))
            .or_default()
            .clone()
    }

    /// Forgets slots that no instance fills and no branch leads to.
    pub fn prune(&self) {
        self.by_port
            .borrow_mut()
            .retain(|_, slot| Rc::strong_count(&slot.port) > 1 || slot.port.borrow().is_some());
    }
}

impl Slot {
    pub fn fill(&self, port: Option<Rc<dyn Consume>>) {
        *self.port.borrow_mut() = port;
    }

    pub async fn consume(&self, batch: Batch) -> Result<(), Nack> {
        let port = self.port.borrow().clone();
        match port {
            Some(port) => port.consume(batch).await,
            None => Err(Nack::retry(
                "no_receiver",
                "the receiving component does not run",
            )),
        }
    }
}

/// The branches behind a `forward_to`. Clones share them.
#[derive(Clone)]
pub struct Fanout {
    branches: Rc<[Branch]>,
    node: Rc<str>,
    taps: Rc<Taps>,
}

struct Branch {
    /// The node behind the slot.
    node: String,
    slot: Slot,
    ledger: Ledger,
}

/// Longer than any process lives.
const FOREVER: Duration = Duration::from_secs(1 << 30);

impl Fanout {
    pub(crate) fn new(
        slots: &Slots,
        registry: &Registry,
        node: &Rc<str>,
        ports: &[Port],
    ) -> Fanout {
        let mut branches = Vec::with_capacity(ports.len());
        for port in ports {
            let slot = slots.slot(&port.node, &port.name);
            let edge = format!("{}.{}", port.node, port.name);
            branches.push(Branch {
                node: port.node.clone(),
                slot,
                ledger: Ledger::new(registry, node, &edge),
            });
        }
        Fanout {
            branches: branches.into(),
            node: node.clone(),
            taps: slots.taps.clone(),
        }
    }

    /// Offers the batch to every branch at once and waits for all answers. The worst answer is
    /// the answer; after a retryable one the batch may be offered again, to all.
    pub async fn consume(&self, batch: Batch) -> Result<(), Nack> {
        self.show(&batch);
        match &*self.branches {
            [] => Ok(()),
            [branch] => branch.consume(batch).await,
            branches => {
                let offers = branches.iter().map(|branch| branch.consume(batch.clone()));
                join(offers.collect()).await.into_iter().fold(Ok(()), worse)
            }
        }
    }

    /// For sources that cannot ask their sender to try again: offers the batch again and again to
    /// the branches that refused it for now, and only to those, until `deadline`.
    pub async fn consume_until(&self, batch: Batch, deadline: Instant) -> Result<(), Nack> {
        self.show(&batch);
        match &*self.branches {
            [] => Ok(()),
            [branch] => branch.consume_until(batch, deadline).await,
            branches => {
                let offers = branches
                    .iter()
                    .map(|branch| branch.consume_until(batch.clone(), deadline));
                join(offers.collect()).await.into_iter().fold(Ok(()), worse)
            }
        }
    }

    /// The same without a deadline: until the batch is taken or refused for good.
    pub async fn insist(&self, batch: Batch) -> Result<(), Nack> {
        self.consume_until(batch, runtime::now() + FOREVER).await
    }

    /// To whoever looks at the node, or at one behind it.
    fn show(&self, batch: &Batch) {
        if self.taps.is_idle() {
            return;
        }
        self.taps.leaves(&self.node, batch);
        for branch in &*self.branches {
            self.taps.arrives(&branch.node, batch);
        }
    }

    /// The books of each edge.
    pub fn ledgers(&self) -> impl Iterator<Item = &Ledger> {
        self.branches.iter().map(|branch| &branch.ledger)
    }
}

impl Branch {
    async fn consume(&self, batch: Batch) -> Result<(), Nack> {
        let held = self.ledger.hold(batch.items());
        let result = self.slot.consume(batch).await;
        held.settle(&result);
        result
    }

    async fn consume_until(&self, batch: Batch, deadline: Instant) -> Result<(), Nack> {
        let mut backoff = OFFER_BACKOFF_MIN;
        loop {
            let result = self.consume(batch.clone()).await;
            let again = runtime::now() + backoff;
            match result {
                Err(nack) if nack.retryable && again < deadline => {
                    runtime::sleep_until(again).await
                }
                result => return result,
            }
            backoff = (backoff * 2).min(OFFER_BACKOFF_MAX);
        }
    }
}
