//! Times of lines.

use std::cell::Cell;

/// Gives each line a time of its own, in the order in which they were read: Loki takes two equal
/// lines of one time for the same.
#[derive(Default)]
pub struct Clock {
    next_ns: Cell<i64>,
}

impl Clock {
    /// Lines are about to be read.
    pub fn look(&self) {
        self.next_ns.set(self.next_ns.get().max(runtime::wall_ns()));
    }

    /// The time of the last look, or just after what was given last.
    pub fn next_ns(&self) -> i64 {
        self.next_ns.replace(self.next_ns.get() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_ascend_and_are_those_of_the_clock() {
        runtime::sim::check(1, || async {
            let clock = Clock::default();
            clock.look();
            let first = clock.next_ns();
            assert_eq!(first, runtime::wall_ns());
            assert_eq!(clock.next_ns(), first + 1);
            runtime::sleep(std::time::Duration::from_secs(1)).await;
            clock.look();
            assert_eq!(clock.next_ns(), runtime::wall_ns());
        });
    }
}
