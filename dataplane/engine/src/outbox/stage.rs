//! The stage before a lane: one open message that all who consume within a few milliseconds share,
//! so that small batches do not become small records with a sync each.
//!
//! Nothing volatile stands between an answer and the disk: `push` returns after the record that
//! holds its items is committed. A message that is full is appended at once; the rest follows when
//! the delay is over. The memory held is one message and what its encoder keeps.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use runtime::Instant;
use runtime::sync::{Notify, Semaphore};
use wal::{AppendError, Ticket};

use super::books::Outbox;
use crate::flow::Nack;

/// Turns items into messages of a destination's protocol. It may have several open, as one for each
/// tenant.
pub trait Encoder: 'static {
    /// Whether no open message has items.
    fn is_empty(&self) -> bool;
    /// Whether an open message takes no more items.
    fn is_full(&self) -> bool;
    /// Ends an open message: the full one, or else any that has items. There is one.
    fn seal(&mut self) -> Message;
    /// Gets the buffer of a sealed message back, to use it again.
    fn recycle(&mut self, payload: Vec<u8>);
}

/// A message ready for the lane.
pub struct Message {
    pub kind: u8,
    pub items: u32,
    pub payload: Vec<u8>,
}

/// What `push`'s writer has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// All items are in the open message.
    Done,
    /// The message is full, there are more items.
    Full,
}

/// Shared by everyone who consumes into one lane.
pub struct Stage<E> {
    outbox: Outbox,
    encoder: RefCell<E>,
    delay: Duration,
    group: RefCell<Option<Rc<Group>>>,
    /// One append at a time, first come first served: messages reach the lane in the order of
    /// their items.
    turn: Semaphore,
    /// Messages that are not known to be committed yet. One that had to wait for its turn may hold
    /// items of a group that came later, so that every group waits for all of them.
    appended: RefCell<Vec<Rc<Appended>>>,
    /// Appends and commits.
    failures: Cell<u64>,
    /// The latest of them.
    failure: RefCell<Option<Nack>>,
}

/// A message in the lane.
struct Appended {
    ticket: Ticket,
    items: u64,
    settled: Cell<bool>,
}

/// Everyone who waits for the same commit.
struct Group {
    /// Failures from before there was this group. After another one nobody of it can be sure.
    failures_before: u64,
    result: RefCell<Option<Result<(), Nack>>>,
    done: Notify,
    /// When it closes at the latest: the earliest that one of its members asked for.
    due: Cell<Instant>,
}

impl Group {
    fn new(due: Instant, failures_before: u64) -> Group {
        Group {
            failures_before,
            result: RefCell::default(),
            done: Notify::new(),
            due: Cell::new(due),
        }
    }

    async fn is_due(&self, outbox: &Outbox) {
        loop {
            let left = self.due.get() - runtime::now();
            if left.is_zero() || outbox.is_hurried() {
                return;
            }
            // Called or not, the question is asked again.
            let _called = runtime::timeout(left, outbox.sooner().notified()).await;
        }
    }
}

impl<E: Encoder> Stage<E> {
    pub fn new(outbox: Outbox, encoder: E, delay: Duration) -> Rc<Stage<E>> {
        Rc::new(Stage {
            outbox,
            encoder: RefCell::new(encoder),
            delay,
            group: RefCell::new(None),
            turn: Semaphore::new(1),
            appended: RefCell::default(),
            failures: Cell::default(),
            failure: RefCell::default(),
        })
    }

    /// Lets `write` add items to the open message, again after each `Write::Full` (the message is
    /// appended then), and waits until all of them are committed: after the stage's delay, or after
    /// `patience` where that is longer, nobody who joins has less of it, and the process does not
    /// end. When this is dropped half way, the items written so far go on by themselves.
    pub async fn push(
        self: &Rc<Self>,
        patience: Duration,
        mut write: impl FnMut(&mut E) -> Write,
    ) -> Result<(), Nack> {
        let group = self.join(patience.max(self.delay));
        loop {
            let written = write(&mut self.encoder.borrow_mut());
            if written == Write::Done {
                break;
            }
            self.append(E::is_full).await;
        }
        loop {
            let done = group.done.notified();
            if let Some(result) = group.result.borrow().clone() {
                return result;
            }
            done.await;
        }
    }

    /// Commits what is open now, without waiting for the delay.
    pub async fn flush(&self) {
        let group = self.group.borrow_mut().take();
        if let Some(group) = group {
            self.commit(&group).await;
        }
    }

    /// The open group, which closes within `delay`; who opens it also closes it.
    fn join(self: &Rc<Self>, delay: Duration) -> Rc<Group> {
        let due = runtime::now() + delay;
        let mut open = self.group.borrow_mut();
        if let Some(group) = &*open {
            if due < group.due.get() {
                group.due.set(due);
                self.outbox.sooner().notify_all();
            }
            return group.clone();
        }
        let group = Rc::new(Group::new(due, self.failures.get()));
        *open = Some(group.clone());
        let (stage, closing) = (self.clone(), group.clone());
        runtime::spawn(async move {
            closing.is_due(&stage.outbox).await;
            if stage.close(&closing) {
                stage.commit(&closing).await;
            }
        });
        group
    }

    /// Lets nobody else join the group; false when `flush` has done that already.
    fn close(&self, group: &Rc<Group>) -> bool {
        let mut open = self.group.borrow_mut();
        let ours = open.as_ref().is_some_and(|open| Rc::ptr_eq(open, group));
        if ours {
            *open = None;
        }
        ours
    }

    /// Appends the open message if it is still `due` when its turn has come.
    async fn append(&self, due: impl Fn(&E) -> bool) {
        let _turn = self.turn.acquire(1).await;
        let message = {
            let mut encoder = self.encoder.borrow_mut();
            if !due(&encoder) {
                return;
            }
            encoder.seal()
        };
        assert!(
            !message.payload.is_empty(),
            "a message that is not empty has bytes"
        );
        match self.append_when_writable(&message).await {
            Ok(ticket) => self.appended.borrow_mut().push(Rc::new(Appended {
                ticket,
                items: u64::from(message.items),
                settled: Cell::new(false),
            })),
            Err(error) => self.fail(&error),
        }
        self.encoder.borrow_mut().recycle(message.payload);
    }

    async fn append_when_writable(&self, message: &Message) -> Result<Ticket, AppendError> {
        let (lane, payload) = (self.outbox.lane(), &message.payload);
        loop {
            match lane.append(message.kind, message.items, payload) {
                Err(AppendError::Busy) => lane.writable(payload.len()).await,
                result => return result,
            }
        }
    }

    async fn commit(&self, group: &Group) {
        while !self.encoder.borrow().is_empty() {
            self.append(|encoder| !encoder.is_empty()).await;
        }
        let waiting = self.appended.borrow().clone();
        if !waiting.is_empty() {
            self.outbox.lane().commit_now();
        }
        for message in waiting {
            let committed = self.outbox.lane().committed(message.ticket).await;
            // Of several groups that wait for it, the first one counts it.
            if message.settled.replace(true) {
                continue;
            }
            match committed {
                Ok(()) => self.outbox.committed(message.items),
                Err(error) => self.fail(&error),
            }
        }
        self.appended
            .borrow_mut()
            .retain(|message| !message.settled.get());
        let failed = group.failures_before < self.failures.get();
        let failure = self.failure.borrow().clone().filter(|_| failed);
        let result = failure.map_or(Ok(()), Err);
        *group.result.borrow_mut() = Some(result);
        group.done.notify_all();
    }

    fn fail(&self, error: &AppendError) {
        self.failures.set(self.failures.get() + 1);
        *self.failure.borrow_mut() = Some(nack(error));
    }
}

pub(super) fn nack(error: &AppendError) -> Nack {
    let reason = match error {
        AppendError::TooLarge { .. } => "too_large",
        AppendError::Full { .. } => "log_full",
        AppendError::NoSpace => "disk_full",
        AppendError::Busy | AppendError::Failed { .. } | AppendError::Closed => "log_failed",
    };
    if error.is_retryable() {
        Nack::retry(reason, error.to_string())
    } else {
        Nack::permanent(reason, error.to_string())
    }
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
