//! A log line at most once in a while, with the number of those that were held back.

use std::cell::Cell;
use std::time::Duration;

use runtime::Instant;

/// One kind of line of one place.
pub struct Throttle {
    interval: Duration,
    next: Cell<Instant>,
    held_back: Cell<u64>,
}

impl Throttle {
    pub const fn new(interval: Duration) -> Throttle {
        Throttle {
            interval,
            next: Cell::new(Instant::ZERO),
            held_back: Cell::new(0),
        }
    }

    /// Whether to log now; if so, how many lines were held back since the last one.
    pub fn pass(&self) -> Option<u64> {
        let now = runtime::now();
        if now < self.next.get() {
            self.held_back.set(self.held_back.get() + 1);
            return None;
        }
        self.next.set(now + self.interval);
        Some(self.held_back.take())
    }
}
