//! Deliver first, log second: the way into an outbox for batches that are large and not compressed
//! yet, such as pushed OTLP, where the disk would be the limit.
//!
//! ```text
//! push --> attempt from memory --ack--> Ok, no disk was touched
//!            | not answered within the commit deadline, or failed for now
//!            v
//!          lane: append, sync --> Ok        (the sender goes on from there)
//! ```
//!
//! Promises: what `push` has answered `Ok` to is delivered, dropped on purpose and counted, or in
//! the lane, synced as its policy says. An attempt that is still under way when its batch is logged
//! is not repeated: the sender waits for its outcome first. While the destination is in trouble
//! nothing is tried from memory; batches go to the lane at once.
//!
//! Memory: the callers hold their batches while they wait; beyond that there are at most
//! `in_flight_max` attempts whose batches are in the lane already.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use runtime::LocalBoxFuture;
use runtime::sync::{Notify, Permit, Semaphore};
use wal::{AppendError, Record, Sequence};

use super::books::Outbox;
use super::order::Order;
use super::retry::Outcome;
use super::sender::{Fate, Transport};
use super::stage::nack;
use crate::flow::Nack;
use crate::ledger::Ledger;

/// A message for the destination. Clones share its bytes.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub kind: u8,
    pub items: u32,
    /// The payload in pieces, as one in the lane.
    pub pieces: Vec<Bytes>,
    /// Whether it comes from the lane and not from memory.
    pub logged: bool,
}

impl Parcel {
    fn of(record: &Record) -> Parcel {
        Parcel {
            kind: record.kind,
            items: record.items,
            pieces: vec![record.payload.clone()],
            logged: true,
        }
    }

    fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    /// Costs a copy if there are several pieces.
    fn payload(&self) -> Bytes {
        match &*self.pieces {
            [piece] => piece.clone(),
            pieces => pieces.concat().into(),
        }
    }
}

/// The protocol of a destination.
pub trait Post: 'static {
    /// One attempt, counted from 0.
    fn post(&self, parcel: Parcel, attempt: u32) -> LocalBoxFuture<'_, Outcome>;

    /// Told once per parcel, when it is delivered or dropped.
    fn settled(&self, items: u32, fate: Fate);

    /// Whether a parcel that could not be delivered is tried again.
    fn retries(&self) -> bool;
}

/// Settings of a direct way.
pub struct DirectOptions {
    pub destination: String,
    /// How long a batch may wait in memory for its destination's answer.
    pub commit_deadline: Duration,
    /// Most attempts from memory at the same time.
    pub in_flight_max: u32,
}

/// The way into an outbox that tries from memory first.
pub struct Direct<P> {
    options: DirectOptions,
    outbox: Outbox,
    post: P,
    slots: Rc<Semaphore>,
    /// Attempts of batches that were logged meanwhile.
    under_way: RefCell<BTreeMap<u64, Rc<Attempt>>>,
    /// The last attempt of all failed.
    in_trouble: Cell<bool>,
}

/// An attempt from memory.
#[derive(Default)]
struct Attempt {
    outcome: RefCell<Option<Outcome>>,
    done: Notify,
}

impl Attempt {
    async fn outcome(&self) -> Outcome {
        loop {
            let done = self.done.notified();
            if let Some(outcome) = self.outcome.borrow().clone() {
                return outcome;
            }
            done.await;
        }
    }
}

impl<P: Post> Direct<P> {
    pub fn new(options: DirectOptions, outbox: Outbox, post: P) -> Rc<Direct<P>> {
        Rc::new(Direct {
            slots: Rc::new(Semaphore::new(options.in_flight_max)),
            options,
            outbox,
            post,
            under_way: RefCell::default(),
            in_trouble: Cell::new(false),
        })
    }

    pub fn post(&self) -> &P {
        &self.post
    }

    /// Parcels in the lane.
    pub fn waiting_records(&self) -> u64 {
        let stats = self.outbox.lane().stats();
        let mut destinations = stats.destinations.iter();
        let ours = destinations.find(|it| it.name == self.options.destination);
        ours.map_or(0, |ours| ours.held_records)
    }

    /// Answers when the parcel is delivered, dropped on purpose or logged.
    pub async fn push(self: &Rc<Self>, parcel: Parcel) -> Result<(), Nack> {
        let items = u64::from(parcel.items);
        let held = Held::take(self.ledger(), items);
        let mut attempt = None;
        if !self.in_trouble.get() {
            let deadline = self.options.commit_deadline;
            let within = runtime::timeout(deadline, self.attempt(&parcel, &mut attempt)).await;
            if let Ok(outcome) = within
                && let Some(fate) = self.fate(outcome)
            {
                held.settle(fate);
                self.post.settled(parcel.items, fate);
                return Ok(());
            }
        }
        self.log(parcel, attempt, held).await
    }

    /// Waits for a slot and for the outcome of an attempt, which is put into `under_way`: it goes
    /// on when this is dropped.
    async fn attempt(
        self: &Rc<Self>,
        parcel: &Parcel,
        under_way: &mut Option<Rc<Attempt>>,
    ) -> Outcome {
        let slot = self.slots.acquire(1).await;
        let attempt = Rc::new(Attempt::default());
        *under_way = Some(attempt.clone());
        runtime::spawn(run(self.clone(), parcel.clone(), attempt.clone(), slot));
        attempt.outcome().await
    }

    /// What an outcome means for good; none when the parcel is to be tried again.
    fn fate(&self, outcome: Outcome) -> Option<Fate> {
        match outcome {
            Outcome::Ack => Some(Fate::Delivered),
            Outcome::Drop { reason, message } => {
                self.log_dropped(reason, &message);
                Some(Fate::Dropped(reason))
            }
            Outcome::Retry { .. } if self.post.retries() => None,
            Outcome::Retry {
                reason, message, ..
            } => {
                self.log_dropped(reason, &message);
                Some(Fate::Dropped(reason))
            }
        }
    }

    async fn log(
        &self,
        parcel: Parcel,
        attempt: Option<Rc<Attempt>>,
        held: Held<'_>,
    ) -> Result<(), Nack> {
        let lane = self.outbox.lane();
        let payload = parcel.payload();
        let ticket = loop {
            match lane.append(parcel.kind, parcel.items, &payload) {
                Ok(ticket) => break ticket,
                Err(AppendError::Busy) => lane.writable(parcel.len()).await,
                Err(AppendError::TooLarge { .. }) if attempt.is_some() => {
                    // No lane takes it: it stays with its attempt, and its sender waits for that.
                    let attempt = attempt.expect("checked above");
                    return self.wait_out(&parcel, &attempt, held).await;
                }
                Err(error) => return Err(nack(&error)),
            }
        };
        let sequence = ticket.sequence();
        if let Some(attempt) = attempt {
            self.under_way.borrow_mut().insert(sequence.0, attempt);
        }
        match lane.committed(ticket).await {
            Ok(()) => {
                held.hand_over();
                Ok(())
            }
            Err(error) => {
                self.under_way.borrow_mut().remove(&sequence.0);
                Err(nack(&error))
            }
        }
    }

    async fn wait_out(
        &self,
        parcel: &Parcel,
        attempt: &Attempt,
        held: Held<'_>,
    ) -> Result<(), Nack> {
        let outcome = attempt.outcome().await;
        let again = match &outcome {
            Outcome::Retry { message, .. } => message.clone(),
            Outcome::Ack | Outcome::Drop { .. } => String::new(),
        };
        match self.fate(outcome) {
            Some(fate) => {
                held.settle(fate);
                self.post.settled(parcel.items, fate);
                Ok(())
            }
            None => Err(Nack::retry("too_large", again)),
        }
    }

    fn ledger(&self) -> &Ledger {
        self.outbox.ledger(&self.options.destination)
    }

    fn log_dropped(&self, reason: &str, message: &str) {
        tracing::debug!(
            endpoint = self.options.destination,
            reason,
            "dropped for good: {message}"
        );
    }
}

/// Runs one attempt to its end, whoever waits for it.
async fn run<P: Post>(direct: Rc<Direct<P>>, parcel: Parcel, attempt: Rc<Attempt>, slot: Permit) {
    let outcome = direct.post.post(parcel, 0).await;
    direct.note(&outcome);
    *attempt.outcome.borrow_mut() = Some(outcome);
    attempt.done.notify_all();
    drop(slot);
}

impl<P: Post> Direct<P> {
    fn note(&self, outcome: &Outcome) {
        self.in_trouble
            .set(matches!(outcome, Outcome::Retry { .. }));
    }

    fn attempt_of(&self, sequence: Sequence) -> Option<Rc<Attempt>> {
        self.under_way.borrow().get(&sequence.0).cloned()
    }
}

/// Sends what is in the lane, after what is still under way from memory.
pub struct Logged<P>(pub Rc<Direct<P>>);

impl<P: Post> Transport for Logged<P> {
    fn order(&self, _record: &Record) -> Order {
        Order::FREE
    }

    fn send<'a>(&'a self, record: &'a Record, attempt: u32) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(async move {
            let direct = &self.0;
            let outcome = match direct.attempt_of(record.sequence) {
                // The attempt from memory was the first one.
                Some(under_way) if attempt == 0 => under_way.outcome().await,
                _ => direct.post.post(Parcel::of(record), attempt).await,
            };
            direct.note(&outcome);
            match outcome {
                Outcome::Retry {
                    reason, message, ..
                } if !direct.post.retries() => Outcome::Drop { reason, message },
                outcome => outcome,
            }
        })
    }

    fn settled(&self, record: &Record, fate: Fate) {
        self.0.under_way.borrow_mut().remove(&record.sequence.0);
        self.0.post.settled(record.items, fate);
    }

    fn retrying(&self, _record: &Record) {}

    fn in_flight(&self, _requests: usize) {}
}

/// Items between an offer and its fate. When the caller gives up waiting, they are its again.
struct Held<'a> {
    ledger: &'a Ledger,
    items: u64,
}

impl<'a> Held<'a> {
    fn take(ledger: &'a Ledger, items: u64) -> Held<'a> {
        ledger.take(items);
        Held { ledger, items }
    }

    fn settle(mut self, fate: Fate) {
        let items = std::mem::take(&mut self.items);
        match fate {
            Fate::Delivered => self.ledger.pass(items),
            Fate::Dropped(reason) => self.ledger.drop(reason, items),
        }
    }

    /// The lane's sender settles them.
    fn hand_over(mut self) {
        self.items = 0;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.ledger.refuse(self.items);
    }
}
