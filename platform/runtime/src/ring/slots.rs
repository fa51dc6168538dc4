//! What the operations in the kernel own, by slot.

use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use crate::sync::Permit;

/// What an operation works with.
pub(super) struct Owned {
    pub(super) file: Arc<std::fs::File>,
    pub(super) bytes: Vec<u8>,
    /// Its turn, which ends when the kernel is done with it.
    pub(super) _turn: Permit,
    /// Tells the thread's end that a buffer is out.
    pub(super) _in_flight: Option<Rc<()>>,
}

/// The results of an operation's entries, as the kernel gives them: a count, or a negative errno.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Results {
    pub(super) first: i32,
    /// Of the linked entry, if there is one.
    pub(super) second: i32,
}

pub(super) struct Slot {
    owned: Owned,
    results: Results,
    /// Completions still to come.
    pending: u32,
    waker: Option<Waker>,
    /// Nobody waits any more.
    abandoned: bool,
}

#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
}

impl Slots {
    /// Puts an operation of `entries` entries in a slot.
    pub(super) fn insert(&mut self, owned: Owned, entries: u32) -> usize {
        let slot = Slot {
            owned,
            results: Results::default(),
            pending: entries,
            waker: None,
            abandoned: false,
        };
        match self.free.pop() {
            Some(index) => {
                debug_assert!(self.slots[index].is_none());
                self.slots[index] = Some(slot);
                index
            }
            None => {
                self.slots.push(Some(slot));
                self.slots.len() - 1
            }
        }
    }

    /// What an operation owns. The buffer's memory does not move while it stays in its slot.
    pub(super) fn owned(&mut self, index: usize) -> &mut Owned {
        &mut self.slots[index]
            .as_mut()
            .expect("the operation has its slot")
            .owned
    }

    /// The mark of an entry in the rings.
    pub(super) fn user_data(index: usize, second: bool) -> u64 {
        (index as u64) << 1 | u64::from(second)
    }

    /// Takes a result in; gives the waker of who can go on.
    pub(super) fn complete(&mut self, user_data: u64, result: i32) -> Option<Waker> {
        let index = (user_data >> 1) as usize;
        let slot = self.slots[index]
            .as_mut()
            .expect("a completion has its slot");
        if user_data & 1 == 0 {
            slot.results.first = result;
        } else {
            slot.results.second = result;
        }
        slot.pending -= 1;
        if slot.pending > 0 {
            return None;
        }
        let waker = slot.waker.take();
        if slot.abandoned {
            self.remove(index);
        }
        waker
    }

    /// The results and what the operation owned, once all completions have come; until then the
    /// waker is kept.
    pub(super) fn poll(&mut self, index: usize, waker: &Waker) -> Option<(Results, Owned)> {
        let slot = self.slots[index]
            .as_mut()
            .expect("the operation has its slot");
        if slot.pending > 0 {
            slot.waker = Some(waker.clone());
            return None;
        }
        let slot = self.remove(index);
        Some((slot.results, slot.owned))
    }

    /// Nobody will ask for the results: the slot goes away with the last completion.
    pub(super) fn abandon(&mut self, index: usize) {
        let slot = self.slots[index]
            .as_mut()
            .expect("the operation has its slot");
        if slot.pending > 0 {
            slot.abandoned = true;
            slot.waker = None;
        } else {
            self.remove(index);
        }
    }

    /// Operations with completions to come.
    pub(super) fn in_kernel(&self) -> usize {
        self.slots
            .iter()
            .flatten()
            .filter(|slot| slot.pending > 0)
            .count()
    }

    fn remove(&mut self, index: usize) -> Slot {
        self.free.push(index);
        self.slots[index].take().expect("a slot is removed once")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Semaphore;

    fn owned() -> Owned {
        let file = Arc::new(std::fs::File::open("/dev/null").unwrap());
        Owned {
            file,
            bytes: vec![1, 2, 3],
            _turn: Semaphore::new(1).try_acquire(1).unwrap(),
            _in_flight: None,
        }
    }

    #[test]
    fn a_slot_is_done_when_both_results_have_come() {
        let mut slots = Slots::default();
        let index = slots.insert(owned(), 2);
        assert!(slots.poll(index, Waker::noop()).is_none());
        assert!(slots.complete(Slots::user_data(index, true), -5).is_none());
        assert_eq!(slots.in_kernel(), 1);
        assert!(slots.complete(Slots::user_data(index, false), 3).is_some());
        let (results, owned) = slots.poll(index, Waker::noop()).unwrap();
        assert_eq!(
            results,
            Results {
                first: 3,
                second: -5
            }
        );
        assert_eq!(owned.bytes, [1, 2, 3]);
    }

    #[test]
    fn an_abandoned_slot_keeps_its_buffer_until_the_kernel_is_done() {
        let mut slots = Slots::default();
        let (file, index) = {
            let owned = owned();
            let file = owned.file.clone();
            (file, slots.insert(owned, 1))
        };
        slots.abandon(index);
        assert_eq!(Arc::strong_count(&file), 2);
        assert!(slots.complete(Slots::user_data(index, false), 3).is_none());
        assert_eq!(Arc::strong_count(&file), 1);
        assert_eq!(slots.insert(owned(), 1), index, "the slot is used again");
    }
}
