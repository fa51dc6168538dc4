//! A first-in first-out list of waiting futures, the common part of the primitives.
//!
//! A waiter is an entry with a key; its future removes it when dropped, so an abandoned wait never
//! swallows a wake-up.

use std::collections::VecDeque;
use std::task::Waker;

/// What identifies a waiter in its list.
pub(super) type Key = u64;

#[derive(Default)]
pub(super) struct Waiters {
    next_key: Key,
    entries: VecDeque<(Key, u32, Waker)>,
}

impl Waiters {
    /// Adds a waiter at the end. `amount` is what it waits for, if that matters.
    pub(super) fn push(&mut self, amount: u32, waker: &Waker) -> Key {
        let key = self.next_key;
        self.next_key += 1;
        self.entries.push_back((key, amount, waker.clone()));
        key
    }

    /// Keeps the waker of a waiter that was polled again up to date; false if it was woken.
    pub(super) fn refresh(&mut self, key: Key, waker: &Waker) -> bool {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.0 == key) else {
            return false;
        };
        entry.2.clone_from(waker);
        true
    }

    /// Removes a waiter; false if it was woken already.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        match self.entries.iter().position(|entry| entry.0 == key) {
            Some(index) => self.entries.remove(index).is_some(),
            None => false,
        }
    }

    /// The amount that the first waiter waits for.
    pub(super) fn first_amount(&self) -> Option<u32> {
        self.entries.front().map(|entry| entry.1)
    }

    /// Takes the first waiter out; the caller wakes it after its own state is consistent.
    pub(super) fn pop(&mut self) -> Option<Waker> {
        self.entries.pop_front().map(|entry| entry.2)
    }

    /// Like [`Waiters::pop`], with the waiter's key.
    pub(super) fn pop_keyed(&mut self) -> Option<(Key, Waker)> {
        self.entries.pop_front().map(|entry| (entry.0, entry.2))
    }

    /// Takes all waiters out.
    pub(super) fn drain(&mut self) -> Vec<Waker> {
        self.entries.drain(..).map(|entry| entry.2).collect()
    }
}
