//! Sends the records of a lane to one destination, in order, each until it is acked or dropped.
//!
//! One request at a time keeps the order of each series; shards are what runs in parallel, for each
//! has its own lane and senders.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use runtime::LocalBoxFuture;
use runtime::sync::Notify;
use wal::{Reader, Record, Sequence};

use super::books::Outbox;
use super::retry::{Backoff, Outcome};
use crate::component::Leave;
use crate::ledger::Ledger;
use crate::throttle::Throttle;

/// The protocol of a destination.
pub trait Transport: 'static {
    /// One attempt, counted from 0.
    fn send<'a>(&'a self, record: &'a Record, attempt: u32) -> LocalBoxFuture<'a, Outcome>;

    /// Told once per record, when it leaves the lane for this destination.
    fn settled(&self, record: &Record, fate: Fate);

    /// Told before each wait for another attempt.
    fn retrying(&self, record: &Record);
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Delivered,
    Dropped(&'static str),
}

/// What a sender is made of.
pub struct SenderOptions {
    /// For log lines.
    pub node: Rc<str>,
    pub destination: String,
    pub min_backoff: Duration,
    pub max_backoff: Duration,
    /// Zero for none.
    pub age_limit: Duration,
}

/// Sends one destination's share of a lane.
pub struct Sender<T> {
    options: SenderOptions,
    outbox: Outbox,
    transport: T,
    state: Rc<State>,
    /// The record in work; left behind by a panic.
    current: Cell<Option<Sequence>>,
    failed: Throttle,
    rejected: Throttle,
}

/// What the outside may know of a running sender.
#[derive(Default)]
struct State {
    phase: Cell<Phase>,
    stop: Cell<bool>,
    changed: Notify,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Not begun, or ended.
    #[default]
    Stopped,
    Idle,
    Sending,
    /// Between two attempts.
    Waiting,
}

/// Lets an instance end its sender at a good moment.
#[derive(Clone)]
pub struct SenderHandle {
    state: Rc<State>,
    ledger: Ledger,
}

/// How often a line about the same trouble of one destination is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// How long an idle sender waits before it looks at the lane's own drops.
const IDLE_MAX: Duration = Duration::from_secs(5);

impl<T: Transport> Sender<T> {
    pub fn new(options: SenderOptions, outbox: Outbox, transport: T) -> Sender<T> {
        Sender {
            options,
            outbox,
            transport,
            state: Rc::new(State::default()),
            current: Cell::new(None),
            failed: Throttle::new(LOG_INTERVAL),
            rejected: Throttle::new(LOG_INTERVAL),
        }
    }

    pub fn handle(&self) -> SenderHandle {
        SenderHandle {
            state: self.state.clone(),
            ledger: self.ledger().clone(),
        }
    }

    /// Whether it was stopped through the handle.
    pub fn is_stopped(&self) -> bool {
        self.state.stop.get()
    }

    /// Runs until stopped through the handle. May be called again after it was dropped or has
    /// panicked; a record that it panicked on is dropped then, so that it cannot do so for ever.
    pub async fn run(&self) {
        let poison = self.current.take();
        let mut reader = self.outbox.lane().reader(&self.options.destination);
        while !self.state.stop.get() {
            self.state.enter(Phase::Idle);
            if let Some(record) = self.next(&mut reader).await
                && !self.handle_record(&mut reader, &record, poison).await
            {
                break;
            }
        }
        self.state.enter(Phase::Stopped);
    }

    /// Runs until nothing is left, for a lane that nobody appends to any more.
    pub async fn run_until_empty(&self) {
        let poison = self.current.take();
        let mut reader = self.outbox.lane().reader(&self.options.destination);
        while !self.state.stop.get()
            && let Some(record) = reader.next_ready().await
        {
            if !self.handle_record(&mut reader, &record, poison).await {
                break;
            }
        }
        self.outbox.count_lost();
        self.state.enter(Phase::Stopped);
    }

    /// Brings a record to its fate; false when stopped before.
    async fn handle_record(
        &self,
        reader: &mut Reader,
        record: &Record,
        poison: Option<Sequence>,
    ) -> bool {
        let fate = match poison == Some(record.sequence) {
            true => Some(Fate::Dropped("panic")),
            false => {
                self.current.set(Some(record.sequence));
                self.deliver(record).await
            }
        };
        self.current.set(None);
        if let Some(fate) = fate {
            self.settle(reader, record, fate);
        }
        fate.is_some()
    }

    /// The next record. Gives up waiting from time to time, to keep the books and to hear of a stop.
    async fn next(&self, reader: &mut Reader) -> Option<Record> {
        let record = runtime::timeout(IDLE_MAX, reader.next()).await.ok();
        self.outbox.count_lost();
        record.filter(|_| !self.state.stop.get())
    }

    fn ledger(&self) -> &Ledger {
        self.outbox.ledger(&self.options.destination)
    }

    /// Tries until the record has a fate; `None` when stopped between two attempts.
    async fn deliver(&self, record: &Record) -> Option<Fate> {
        let mut backoff = Backoff::new(self.options.min_backoff, self.options.max_backoff);
        for attempt in 0.. {
            if self.is_too_old(record) {
                return Some(Fate::Dropped("too_old"));
            }
            self.state.enter(Phase::Sending);
            let (after, reason, message) = match self.transport.send(record, attempt).await {
                Outcome::Ack => return Some(Fate::Delivered),
                Outcome::Drop { reason, message } => {
                    self.log_rejected(record, &message);
                    return Some(Fate::Dropped(reason));
                }
                Outcome::Retry {
                    after,
                    reason,
                    message,
                } => (after, reason, message),
            };
            if self.state.stop.get() {
                return None;
            }
            self.transport.retrying(record);
            let wait = backoff.wait(after, runtime::random_u64());
            self.log_failed(reason, &message, wait);
            self.state.enter(Phase::Waiting);
            runtime::sleep(wait).await;
        }
        unreachable!("attempts do not run out")
    }

    fn settle(&self, reader: &mut Reader, record: &Record, fate: Fate) {
        let items = u64::from(record.items);
        match fate {
            Fate::Delivered => self.ledger().pass(items),
            Fate::Dropped(reason) => self.ledger().drop(reason, items),
        }
        reader.ack(record.sequence);
        self.transport.settled(record, fate);
    }

    fn is_too_old(&self, record: &Record) -> bool {
        let limit = self.options.age_limit;
        let age_ms = runtime::wall_ms() - record.appended_ms;
        !limit.is_zero() && age_ms > 0 && age_ms as u128 > limit.as_millis()
    }

    fn log_failed(&self, reason: &str, message: &str, wait: Duration) {
        if let Some(held_back) = self.failed.pass() {
            tracing::warn!(
                component_id = &*self.options.node,
                endpoint = self.options.destination,
                reason,
                held_back,
                "sending failed, trying again in {}: {message}",
                stdx::format_duration(wait),
            );
        }
    }

    fn log_rejected(&self, record: &Record, message: &str) {
        if let Some(held_back) = self.rejected.pass() {
            tracing::error!(
                component_id = &*self.options.node,
                endpoint = self.options.destination,
                held_back,
                "endpoint refused {} samples for good, they are dropped: {message}",
                record.items,
            );
        }
    }
}

impl State {
    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.changed.notify_all();
    }
}

impl SenderHandle {
    /// Waits for a good moment to end the sender and lets it take no further record: between two
    /// attempts, and if nobody goes on, not before the lane is empty or the destination fails.
    pub async fn finish(&self, why: Leave) {
        loop {
            let changed = self.state.changed.notified();
            let left = self.ledger.balance().held > 0;
            let good = match self.state.phase.get() {
                Phase::Sending => false,
                Phase::Idle => why == Leave::Replaced || !left,
                Phase::Waiting | Phase::Stopped => true,
            };
            if good {
                break;
            }
            changed.await;
        }
        self.state.stop.set(true);
    }
}
