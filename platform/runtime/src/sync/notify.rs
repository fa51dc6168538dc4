//! Wakes one waiting task or all of them.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::waiters::{Key, Waiters};

/// A wake-up between tasks of one thread.
#[derive(Default)]
pub struct Notify {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    waiters: Waiters,
    /// A `notify_one` that found nobody waiting; the next `notified` takes it.
    permit: bool,
    /// Counts `notify_all`, so that a wait made before it and polled after it ends as well.
    broadcasts: u64,
}

impl Notify {
    /// A notify that nobody waits for.
    pub fn new() -> Notify {
        Notify::default()
    }

    /// Wakes the task that has waited longest. If none waits, the next wait ends at once.
    pub fn notify_one(&self) {
        let waker = {
            let mut state = self.state.borrow_mut();
            let waker = state.waiters.pop();
            state.permit |= waker.is_none();
            waker
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Wakes every task that waits now and ends every wait made before this call.
    pub fn notify_all(&self) {
        let wakers = {
            let mut state = self.state.borrow_mut();
            state.broadcasts += 1;
            state.waiters.drain()
        };
        for waker in wakers {
            waker.wake();
        }
    }

    /// Waits for the next notification. A `notify_all` counts from this call on, a `notify_one`
    /// from the first poll on.
    pub fn notified(&self) -> Notified<'_> {
        Notified {
            notify: self,
            key: None,
            broadcasts: self.state.borrow().broadcasts,
        }
    }
}

/// The future of [`Notify::notified`].
pub struct Notified<'a> {
    notify: &'a Notify,
    key: Option<Key>,
    broadcasts: u64,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.notify.state.borrow_mut();
        match self.key {
            Some(key) => {
                if state.waiters.refresh(key, cx.waker()) {
                    return Poll::Pending;
                }
            }
            None if state.broadcasts != self.broadcasts => {}
            None if state.permit => state.permit = false,
            None => {
                let key = state.waiters.push(1, cx.waker());
                drop(state);
                self.key = Some(key);
                return Poll::Pending;
            }
        }
        self.broadcasts = state.broadcasts;
        drop(state);
        // Woken: a later poll would be a new wait.
        self.key = None;
        Poll::Ready(())
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.notify.state.borrow_mut();
        let woken_unseen = !state.waiters.remove(key) && state.broadcasts == self.broadcasts;
        drop(state);
        if woken_unseen {
            // A notify_one chose this wait, which will never look: hand it on.
            self.notify.notify_one();
        }
    }
}
