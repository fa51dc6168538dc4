//! Open batches: what came in waits in them until they are full or their time has come.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use engine::{Build, Nack};
use runtime::metrics::{Counter, Histogram};
use runtime::sync::{Notify, Semaphore};
use schema::MetricDecl;

use super::groups::{Group, Groups};
use super::{BY_SIZE, BY_TIMEOUT, CARDINALITY, ProcessorBatchArguments, SEND_BYTES, SEND_SIZE};
use crate::settings::Forward;

/// Limit: batches under way at the same time; further ones wait and grow.
const UNDER_WAY_MAX: u32 = 32;

/// What has an open batch of its own.
type Key = (OtlpSignal, Group);

/// One shard's open batches.
pub struct Batcher {
    size: usize,
    size_max: usize,
    timeout: Duration,
    forward: Forward,
    open: RefCell<BTreeMap<Key, Open>>,
    pub groups: Groups,
    under_way: Semaphore,
    metrics: Metrics,
}

#[derive(Default)]
struct Open {
    parts: Vec<Part>,
    items: usize,
    /// Tells the timers of one batch and the next apart.
    number: u64,
}

/// An input, or what is left of it after a cut.
struct Part {
    batch: OtlpBatch,
    waiter: Rc<Waiter>,
}

/// Who waits for the answers of all batches that its items became part of.
#[derive(Default)]
struct Waiter {
    parts_left: Cell<usize>,
    result: RefCell<Option<Nack>>,
    done: Notify,
}

struct Metrics {
    send_bytes: Histogram,
    send_size: Histogram,
    by_size: Counter,
    by_timeout: Counter,
}

const SIZES: &[f64] = &[
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0,
    6000.0, 7000.0, 8000.0, 9000.0, 10000.0, 20000.0, 30000.0, 50000.0, 100000.0,
];
const BYTES: &[f64] = &[
    1000.0, 10000.0, 50000.0, 100000.0, 500000.0, 1000000.0, 5000000.0, 9000000.0,
];

impl Batcher {
    pub fn new(arguments: &ProcessorBatchArguments, cx: &Build) -> Rc<Batcher> {
        let labels = [("component_id", &*cx.node)];
        let histogram =
            |decl: MetricDecl, bounds| cx.registry.histogram(decl.name, decl.help, &labels, bounds);
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let cardinality = cx
            .registry
            .gauge(CARDINALITY.name, CARDINALITY.help, &labels);
        Rc::new(Batcher {
            size: match arguments.timeout.is_zero() {
                true => 0,
                false => arguments.send_batch_size as usize,
            },
            size_max: match arguments.send_batch_max_size {
                0 => usize::MAX,
                max => max as usize,
            },
            timeout: arguments.timeout,
            forward: arguments.output.forward(cx),
            open: RefCell::default(),
            groups: Groups::new(arguments, cardinality),
            under_way: Semaphore::new(UNDER_WAY_MAX),
            metrics: Metrics {
                send_bytes: histogram(SEND_BYTES, BYTES),
                send_size: histogram(SEND_SIZE, SIZES),
                by_size: counter(BY_SIZE),
                by_timeout: counter(BY_TIMEOUT),
            },
        })
    }

    /// Adds to the open batch of its group and waits for the answer.
    pub async fn join(self: &Rc<Self>, batch: OtlpBatch, group: Group) -> Result<(), Nack> {
        let (key, waiter) = ((batch.signal(), group), Rc::new(Waiter::default()));
        waiter.parts_left.set(1);
        let opened = {
            let mut open = self.open.borrow_mut();
            let open = open.entry(key).or_default();
            open.items += batch.items();
            open.parts.push(Part {
                batch,
                waiter: waiter.clone(),
            });
            (open.parts.len() == 1).then_some(open.number)
        };
        while self.is_full(key) {
            self.metrics.by_size.add(1);
            self.send(key);
        }
        if let Some(number) = opened {
            self.send_later(key, number);
        }
        waiter.answer().await
    }

    fn is_full(&self, key: Key) -> bool {
        let open = self.open.borrow();
        open.get(&key)
            .is_some_and(|open| !open.parts.is_empty() && self.size <= open.items)
    }

    /// Sends the batch when its time has come, unless it was full before.
    fn send_later(self: &Rc<Self>, key: Key, number: u64) {
        let still_open = move |batcher: &Batcher| {
            let open = batcher.open.borrow();
            open.get(&key)
                .is_some_and(|open| open.number == number && !open.parts.is_empty())
        };
        if !still_open(self) {
            return;
        }
        let batcher = self.clone();
        runtime::spawn(async move {
            runtime::sleep(batcher.timeout).await;
            if still_open(&batcher) {
                batcher.metrics.by_timeout.add(1);
                batcher.send(key);
            }
        });
    }

    /// Sends everything that waits, at the end.
    pub fn flush_all(self: &Rc<Self>) {
        let keys: Vec<Key> = self.open.borrow().keys().copied().collect();
        for key in keys {
            while self
                .open
                .borrow()
                .get(&key)
                .is_some_and(|it| !it.parts.is_empty())
            {
                self.send(key);
            }
        }
    }

    /// Takes one batch out of what is open and sends it.
    fn send(self: &Rc<Self>, key: Key) {
        let (batch, waiters, left) = {
            let mut open = self.open.borrow_mut();
            let open = open.get_mut(&key).expect("a batch is open");
            open.number += 1;
            let (batch, waiters) = take(open, key.0, self.size_max);
            (
                batch,
                waiters,
                (!open.parts.is_empty()).then_some(open.number),
            )
        };
        let batch = batch.from_client(self.groups.client(key.1));
        self.metrics.send_size.record(batch.items() as f64);
        self.metrics.send_bytes.record(batch.bytes() as f64);
        let batcher = self.clone();
        runtime::spawn(async move {
            let slot = batcher.under_way.acquire(1).await;
            let result = batcher.forward.consume(batch).await;
            drop(slot);
            waiters.iter().for_each(|waiter| waiter.settle(&result));
        });
        if let Some(number) = left {
            self.send_later(key, number);
        }
    }
}

/// The first items of what is open, at most `size_max`, and who waits for them.
fn take(open: &mut Open, signal: OtlpSignal, size_max: usize) -> (OtlpBatch, Vec<Rc<Waiter>>) {
    let mut batch = OtlpBatch::empty(signal);
    let mut waiters = Vec::new();
    let mut taken = 0;
    for part in &mut open.parts {
        let room = size_max - batch.items();
        if part.batch.items() <= room {
            batch.append(&part.batch);
            waiters.push(part.waiter.clone());
            taken += 1;
            continue;
        }
        if room > 0 {
            batch.append(&part.batch.split_off_front(room));
            let left = &part.waiter.parts_left;
            left.set(left.get() + 1);
            waiters.push(part.waiter.clone());
        }
        break;
    }
    open.parts.drain(..taken);
    open.items -= batch.items();
    (batch, waiters)
}

impl Waiter {
    fn settle(&self, result: &Result<(), Nack>) {
        if let Err(nack) = result {
            let mut before = self.result.borrow_mut();
            // What may be tried again counts for more: no part of the input is lost then.
            if before.as_ref().is_none_or(|before| !before.retryable) {
                *before = Some(nack.clone());
            }
        }
        self.parts_left.set(self.parts_left.get() - 1);
        self.done.notify_all();
    }

    async fn answer(&self) -> Result<(), Nack> {
        loop {
            let done = self.done.notified();
            if self.parts_left.get() == 0 {
                return self.result.borrow().clone().map_or(Ok(()), Err);
            }
            done.await;
        }
    }
}
