//! A bounded queue between tasks of one thread: many senders, one receiver.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::semaphore::{Permit, Semaphore};

struct State<T> {
    items: VecDeque<(T, Permit)>,
    senders: usize,
    receiver_alive: bool,
    waker: Option<Waker>,
}

/// The sending end.
pub struct Sender<T> {
    state: Rc<RefCell<State<T>>>,
    slots: Semaphore,
}

/// The receiving end.
pub struct Receiver<T> {
    state: Rc<RefCell<State<T>>>,
    slots: Semaphore,
}

/// Why an item was not queued; gives it back.
#[derive(Debug, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// The queue is full.
    Full(T),
    /// The receiver is gone.
    Closed(T),
}

/// A queue of at most `capacity` items. Panics if that is zero.
pub fn bounded<T>(capacity: u32) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a queue without room never moves an item");
    let state = Rc::new(RefCell::new(State {
        items: VecDeque::new(),
        senders: 1,
        receiver_alive: true,
        waker: None,
    }));
    let slots = Semaphore::new(capacity);
    (
        Sender {
            state: state.clone(),
            slots: slots.clone(),
        },
        Receiver { state, slots },
    )
}

impl<T> Sender<T> {
    /// Queues an item, waiting for room; gives it back if the receiver is gone.
    pub async fn send(&self, item: T) -> Result<(), T> {
        let slot = self.slots.acquire(1).await;
        match self.push(item, slot) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(item) | TrySendError::Closed(item)) => Err(item),
        }
    }

    /// Queues an item if there is room.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        if !self.state.borrow().receiver_alive {
            return Err(TrySendError::Closed(item));
        }
        match self.slots.try_acquire(1) {
            Some(slot) => self.push(item, slot),
            None => Err(TrySendError::Full(item)),
        }
    }

    /// Items queued now.
    pub fn len(&self) -> usize {
        self.state.borrow().items.len()
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn push(&self, item: T, slot: Permit) -> Result<(), TrySendError<T>> {
        let waker = {
            let mut state = self.state.borrow_mut();
            if !state.receiver_alive {
                return Err(TrySendError::Closed(item));
            }
            state.items.push_back((item, slot));
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.state.borrow_mut().senders += 1;
        Sender {
            state: self.state.clone(),
            slots: self.slots.clone(),
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.state.borrow_mut();
            state.senders -= 1;
            if state.senders == 0 {
                state.waker.take()
            } else {
                None
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Receiver<T> {
    /// The next item, or nothing once every sender is gone and the queue is empty.
    pub fn recv(&mut self) -> Recv<'_, T> {
        Recv { receiver: self }
    }

    /// The next item if there is one now.
    pub fn try_recv(&mut self) -> Option<T> {
        // The slot is freed outside of the borrow: that wakes a sender.
        let popped = self.state.borrow_mut().items.pop_front();
        popped.map(|(item, _slot)| item)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let items = {
            let mut state = self.state.borrow_mut();
            state.receiver_alive = false;
            std::mem::take(&mut state.items)
        };
        // Waiting senders each get a slot and then see that the receiver is gone. As many slots
        // as could be waited for are added, since items in flight give back only their own.
        drop(items);
        let free = self.slots.available();
        self.slots.add_permits(u32::MAX / 2 - free);
    }
}

/// The future of [`Receiver::recv`].
pub struct Recv<'a, T> {
    receiver: &'a mut Receiver<T>,
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        if let Some(item) = this.receiver.try_recv() {
            return Poll::Ready(Some(item));
        }
        let mut state = this.receiver.state.borrow_mut();
        if state.senders == 0 {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
