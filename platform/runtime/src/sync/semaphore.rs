//! Permits, handed out in the order of asking.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::waiters::{Key, Waiters};

/// A number of permits shared by tasks of one thread.
#[derive(Clone)]
pub struct Semaphore {
    state: Rc<RefCell<State>>,
}

struct State {
    available: u32,
    waiters: Waiters,
    /// Permits given to waiters that were woken and have not looked yet.
    granted: Vec<(Key, u32)>,
}

impl Semaphore {
    /// A semaphore with `permits` free.
    pub fn new(permits: u32) -> Semaphore {
        let state = State {
            available: permits,
            waiters: Waiters::default(),
            granted: Vec::new(),
        };
        Semaphore {
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// Permits free now.
    pub fn available(&self) -> u32 {
        self.state.borrow().available
    }

    /// Waits for `permits`. Earlier waiters go first, so a large request is not starved by small
    /// ones.
    pub fn acquire(&self, permits: u32) -> Acquire {
        Acquire {
            semaphore: self.clone(),
            permits,
            key: None,
        }
    }

    /// Takes `permits` if they are free and nobody waits.
    pub fn try_acquire(&self, permits: u32) -> Option<Permit> {
        let mut state = self.state.borrow_mut();
        let free = state.waiters.first_amount().is_none() && permits <= state.available;
        if !free {
            return None;
        }
        state.available -= permits;
        Some(Permit {
            semaphore: self.clone(),
            permits,
        })
    }

    /// Adds permits for good.
    pub fn add_permits(&self, permits: u32) {
        self.release(permits);
    }

    fn release(&self, permits: u32) {
        let mut wakers = Vec::new();
        {
            let mut state = self.state.borrow_mut();
            state.available = state
                .available
                .checked_add(permits)
                .expect("permits fit in u32");
            while let Some(amount) = state.waiters.first_amount() {
                if state.available < amount {
                    break;
                }
                state.available -= amount;
                let (key, waker) = state.waiters.pop_keyed().expect("the first waiter exists");
                state.granted.push((key, amount));
                wakers.push(waker);
            }
        }
        for waker in wakers {
            waker.wake();
        }
    }
}

/// Permits held until dropped.
pub struct Permit {
    semaphore: Semaphore,
    permits: u32,
}

impl Permit {
    /// Keeps the permits out of the semaphore for good.
    pub fn forget(mut self) {
        self.permits = 0;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.permits > 0 {
            self.semaphore.release(self.permits);
        }
    }
}

/// The future of [`Semaphore::acquire`].
pub struct Acquire {
    semaphore: Semaphore,
    permits: u32,
    key: Option<Key>,
}

impl Future for Acquire {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        let permit = |acquire: &Acquire| Permit {
            semaphore: acquire.semaphore.clone(),
            permits: acquire.permits,
        };
        let Some(key) = self.key else {
            if let Some(permit) = self.semaphore.try_acquire(self.permits) {
                return Poll::Ready(permit);
            }
            let key = self
                .semaphore
                .state
                .borrow_mut()
                .waiters
                .push(self.permits, cx.waker());
            self.key = Some(key);
            return Poll::Pending;
        };
        let mut state = self.semaphore.state.borrow_mut();
        if state.waiters.refresh(key, cx.waker()) {
            return Poll::Pending;
        }
        let granted = state
            .granted
            .iter()
            .position(|(granted, _)| *granted == key);
        state
            .granted
            .swap_remove(granted.expect("a woken waiter was granted its permits"));
        drop(state);
        self.key = None;
        Poll::Ready(permit(&self))
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.semaphore.state.borrow_mut();
        if state.waiters.remove(key) {
            drop(state);
            // It may have been the one that held back smaller requests behind it.
            self.semaphore.release(0);
            return;
        }
        if let Some(index) = state
            .granted
            .iter()
            .position(|(granted, _)| *granted == key)
        {
            let (_, permits) = state.granted.swap_remove(index);
            drop(state);
            self.semaphore.release(permits);
        }
    }
}
