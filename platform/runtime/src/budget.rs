//! The shard's byte budget: what is about to be held in memory is reserved first, so that load can
//! be refused at the door instead of growing the process.
//!
//! One budget per shard (the memory limit divided by the shards). A reservation gives its bytes
//! back when dropped.

use std::cell::Cell;
use std::rc::Rc;

/// Bytes that one shard may hold for data in flight.
#[derive(Clone, Debug)]
pub struct Budget {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limit: Cell<u64>,
    used: Cell<u64>,
    used_max: Cell<u64>,
    refused: Cell<u64>,
    refused_bytes: Cell<u64>,
}

impl Budget {
    /// A budget of `limit` bytes with nothing used.
    pub fn new(limit: u64) -> Budget {
        Budget {
            inner: Rc::new(Inner {
                limit: Cell::new(limit),
                used: Cell::new(0),
                used_max: Cell::new(0),
                refused: Cell::new(0),
                refused_bytes: Cell::new(0),
            }),
        }
    }

    /// Takes `bytes` out of the budget, or refuses (and counts it) when they do not fit.
    pub fn reserve(&self, bytes: u64) -> Option<Reservation> {
        self.take(bytes).then(|| Reservation {
            budget: self.clone(),
            bytes,
        })
    }

    /// Bytes reserved now.
    pub fn used(&self) -> u64 {
        self.inner.used.get()
    }

    /// The most that was ever reserved at once.
    pub fn used_max(&self) -> u64 {
        self.inner.used_max.get()
    }

    /// Bytes that can be reserved at once.
    pub fn limit(&self) -> u64 {
        self.inner.limit.get()
    }

    /// Changes the limit. What is reserved stays; new reservations wait until it fits.
    pub fn set_limit(&self, limit: u64) {
        self.inner.limit.set(limit);
    }

    /// How often a reservation was refused.
    pub fn refused(&self) -> u64 {
        self.inner.refused.get()
    }

    /// The bytes that those refused reservations asked for.
    pub fn refused_bytes(&self) -> u64 {
        self.inner.refused_bytes.get()
    }

    fn take(&self, bytes: u64) -> bool {
        let inner = &*self.inner;
        match inner.used.get().checked_add(bytes) {
            Some(used) if used <= inner.limit.get() => {
                inner.used.set(used);
                inner.used_max.set(inner.used_max.get().max(used));
                true
            }
            _ => {
                inner.refused.set(inner.refused.get() + 1);
                inner
                    .refused_bytes
                    .set(inner.refused_bytes.get().saturating_add(bytes));
                false
            }
        }
    }

    fn give_back(&self, bytes: u64) {
        let used = self.inner.used.get();
        assert!(bytes <= used, "more bytes given back than reserved");
        self.inner.used.set(used - bytes);
    }
}

/// Bytes taken out of a [`Budget`] until dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    bytes: u64,
}

impl Reservation {
    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes `bytes` more; false (and nothing changed) when they do not fit.
    pub fn grow(&mut self, bytes: u64) -> bool {
        let fits = self.budget.take(bytes);
        if fits {
            self.bytes += bytes;
        }
        fits
    }

    /// Gives back what is held beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: u64) {
        if bytes < self.bytes {
            self.budget.give_back(self.bytes - bytes);
            self.bytes = bytes;
        }
    }

    /// Moves `bytes` of this reservation into one of their own. Panics if fewer are held.
    pub fn split(&mut self, bytes: u64) -> Reservation {
        assert!(bytes <= self.bytes, "split of more bytes than reserved");
        self.bytes -= bytes;
        Reservation {
            budget: self.budget.clone(),
            bytes,
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_fill_the_budget_and_give_back_on_drop() {
        let budget = Budget::new(100);
        let first = budget.reserve(60).unwrap();
        assert!(budget.reserve(41).is_none());
        let second = budget.reserve(40).unwrap();
        assert_eq!(
            (budget.used(), budget.refused(), budget.refused_bytes()),
            (100, 1, 41)
        );
        drop(first);
        assert_eq!(budget.used(), 40);
        drop(second);
        assert_eq!((budget.used(), budget.used_max()), (0, 100));
    }

    #[test]
    fn a_reservation_grows_shrinks_and_splits_without_losing_bytes() {
        let budget = Budget::new(100);
        let mut reservation = budget.reserve(50).unwrap();
        assert!(reservation.grow(50));
        assert!(!reservation.grow(1));
        let part = reservation.split(30);
        reservation.shrink_to(20);
        assert_eq!(
            (reservation.bytes(), part.bytes(), budget.used()),
            (20, 30, 50)
        );
        reservation.shrink_to(40);
        assert_eq!(reservation.bytes(), 20, "shrinking never grows");
        drop((reservation, part));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_lower_limit_lets_reserved_bytes_drain() {
        let budget = Budget::new(100);
        let reservation = budget.reserve(80).unwrap();
        budget.set_limit(50);
        assert!(budget.reserve(1).is_none());
        drop(reservation);
        assert!(budget.reserve(50).is_some());
    }

    #[test]
    fn huge_requests_are_refused_without_overflow() {
        let budget = Budget::new(u64::MAX);
        let _held = budget.reserve(1).unwrap();
        assert!(budget.reserve(u64::MAX).is_none());
    }
}
