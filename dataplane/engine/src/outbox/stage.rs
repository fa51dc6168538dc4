//! The stage before a lane: one open message that all who consume within a few milliseconds share,
//! so that small batches do not become small records with a sync each.
//!
//! Nothing volatile stands between an answer and the disk: `push` returns after the record that holds
//! its items is committed. A message that is full is appended at once; the rest follows when the delay
//! is over. The memory held is one message and what its encoder keeps.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use runtime::sync::Notify;
use wal::{AppendError, Lane, Ticket};

use crate::flow::Nack;

/// Turns items into messages of a destination's protocol.
pub trait Encoder: 'static {
    /// Items of the open message.
    fn is_empty(&self) -> bool;
    /// Ends the open message. Its bytes are read before the encoder is used again.
    fn seal(&mut self) -> Message<'_>;
}

/// A message ready for the lane.
pub struct Message<'a> {
    pub kind: u8,
    pub items: u32,
    pub payload: &'a [u8],
}

/// Shared by everyone who consumes into one lane.
pub struct Stage<E> {
    lane: Lane,
    encoder: RefCell<E>,
    delay: Duration,
    group: RefCell<Option<Rc<Group>>>,
    /// Told the number of items of each commit.
    committed: Box<dyn Fn(u64)>,
}

/// Everyone who waits for the same commit.
#[derive(Default)]
struct Group {
    last: Cell<Option<Ticket>>,
    items: Cell<u64>,
    /// Of the first append that failed: then nobody of the group can be sure.
    failed: RefCell<Option<Nack>>,
    result: RefCell<Option<Result<(), Nack>>>,
    done: Notify,
}

impl<E: Encoder> Stage<E> {
    pub fn new(
        lane: Lane,
        encoder: E,
        delay: Duration,
        committed: impl Fn(u64) + 'static,
    ) -> Rc<Stage<E>> {
        Rc::new(Stage {
            lane,
            encoder: RefCell::new(encoder),
            delay,
            group: RefCell::new(None),
            committed: Box::new(committed),
        })
    }

    /// Lets `write` add items to the open message, as often as it answers `Write::Full` (the
    /// message is appended then), and waits until all of them are committed.
    pub async fn push(
        self: &Rc<Self>,
        mut write: impl FnMut(&mut E) -> Write,
    ) -> Result<(), Nack> {
        let group = self.join();
        loop {
            let written = write(&mut self.encoder.borrow_mut());
            match written {
                Write::Done => break,
                Write::Full => self.append(&group),
            }
        }
        loop {
            let done = group.done.notified();
            if let Some(result) = group.result.borrow().clone() {
                return result;
            }
            done.await;
        }
    }

    /// The encoder, for settings that can change and for inspection. Not to be held over an await.
    pub fn encoder(&self) -> &RefCell<E> {
        &self.encoder
    }

    /// Commits what is open now, without waiting for the delay.
    pub async fn flush(&self) {
        let group = self.group.borrow_mut().take();
        if let Some(group) = group {
            self.commit(&group).await;
        }
    }

    /// The open group; who opens it also closes it after the delay.
    fn join(self: &Rc<Self>) -> Rc<Group> {
        let mut open = self.group.borrow_mut();
        if let Some(group) = &*open {
            return group.clone();
        }
        let group = Rc::new(Group::default());
        *open = Some(group.clone());
        let (stage, closing) = (self.clone(), group.clone());
        runtime::spawn(async move {
            runtime::sleep(stage.delay).await;
            let mut open = stage.group.borrow_mut();
            let ours = open.as_ref().is_some_and(|open| Rc::ptr_eq(open, &closing));
            if !ours {
                return;
            }
            *open = None;
            drop(open);
            stage.commit(&closing).await;
        });
        group
    }

    fn append(&self, group: &Group) {
        let mut encoder = self.encoder.borrow_mut();
        if encoder.is_empty() {
            return;
        }
        let message = encoder.seal();
        assert!(message.items > 0, "a message that is not empty has items");
        if group.failed.borrow().is_some() {
            return;
        }
        match self.lane.append(message.kind, message.items, message.payload) {
            Ok(sequence) => {
                group.last.set(Some(sequence));
                group.items.set(group.items.get() + u64::from(message.items));
            }
            Err(error) => *group.failed.borrow_mut() = Some(nack(&error)),
        }
    }

    async fn commit(&self, group: &Group) {
        self.append(group);
        let mut result = Ok(());
        if let Some(last) = group.last.get() {
            match self.lane.committed(last).await {
                Ok(()) => (self.committed)(group.items.get()),
                Err(error) => result = Err(nack(&error)),
            }
        }
        if let Some(failed) = group.failed.borrow_mut().take() {
            result = Err(failed);
        }
        *group.result.borrow_mut() = Some(result);
        group.done.notify_all();
    }
}

/// What `push`'s writer has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// All items are in the open message.
    Done,
    /// The message is full, there are more items.
    Full,
}

fn nack(error: &AppendError) -> Nack {
    match error {
        AppendError::TooLarge { .. } => Nack::permanent("too_large", error.to_string()),
        _ => Nack::retry("log_full", error.to_string()),
    }
}
