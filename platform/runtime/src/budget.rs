//! The shard's byte budget: what is about to be held in memory is reserved first, so that load can
//! be refused at the door instead of growing the process.
//!
//! One budget per shard (the memory limit divided by the shards). A reservation gives its bytes
//! back when dropped.
//!
//! What stays in memory (series, caches, state of processors) is not reserved piece by piece: the
//! process's memory is measured now and then, and what of it is not reserved is *standing*. Data in
//! flight gets what standing memory leaves, and nothing new is to stand beyond `STANDING_PERCENT`.

use std::cell::Cell;
use std::rc::Rc;

/// The part of the limit above which nothing new is to stand. The rest is for data in flight, for
/// what grows between two measurements (a shard makes some 100 MB of series a second at most), and
/// for the moment in which a table holds its old and its new place.
const STANDING_PERCENT: u64 = 80;

/// The part of the limit that data in flight has in any case, so that what is known goes on when
/// standing memory is full.
const IN_FLIGHT_PERCENT: u64 = 10;

const _: () = assert!(STANDING_PERCENT + IN_FLIGHT_PERCENT < 100);

/// Bytes that one shard may hold.
#[derive(Clone, Debug)]
pub struct Budget {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limit: Cell<u64>,
    standing: Cell<u64>,
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
                standing: Cell::new(0),
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

    /// Takes in a measurement: this shard's share of the process's memory, reserved bytes included.
    pub fn measured(&self, bytes: u64) {
        let standing = bytes.saturating_sub(self.used());
        self.inner.standing.set(standing);
    }

    /// Bytes that stand in memory, as last measured.
    pub fn standing(&self) -> u64 {
        self.inner.standing.get()
    }

    /// Whether something new may come to stand. When not, refuse what is new and go on with what
    /// is there.
    pub fn has_room_to_stand(&self) -> bool {
        self.standing() < percent(self.limit(), STANDING_PERCENT)
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
            Some(used) if used <= self.in_flight_max() => {
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

    /// What standing memory leaves, and never less than a part.
    fn in_flight_max(&self) -> u64 {
        let limit = self.limit();
        let left = limit.saturating_sub(self.standing());
        left.max(percent(limit, IN_FLIGHT_PERCENT))
    }

    fn give_back(&self, bytes: u64) {
        let used = self.inner.used.get();
        assert!(bytes <= used, "more bytes given back than reserved");
        self.inner.used.set(used - bytes);
    }
}

fn percent(limit: u64, percent: u64) -> u64 {
    limit / 100 * percent
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
    fn data_in_flight_gets_what_standing_memory_leaves() {
        let budget = Budget::new(1000);
        let held = budget.reserve(100).unwrap();
        assert!(budget.has_room_to_stand());
        budget.measured(700);
        assert_eq!(budget.standing(), 600, "what is reserved does not stand");
        assert!(budget.has_room_to_stand());
        assert!(budget.reserve(301).is_none());
        assert!(budget.reserve(300).is_some());
        budget.measured(1200);
        assert!(!budget.has_room_to_stand());
        drop(held);
        assert!(budget.reserve(100).is_some(), "a part is there in any case");
        assert!(budget.reserve(101).is_none());
    }

    #[test]
    fn huge_requests_are_refused_without_overflow() {
        let budget = Budget::new(u64::MAX);
        let _held = budget.reserve(1).unwrap();
        assert!(budget.reserve(u64::MAX).is_none());
    }
}
