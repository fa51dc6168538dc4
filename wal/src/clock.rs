//! Time for ages: the monotonic clock, reaching back to before the process. The wall clock is asked
//! once, when the lane is opened, so that a jump of it expires nothing.

use std::time::Duration;

/// Milliseconds of the monotonic clock; negative before the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClockMs(i64);

/// The two clocks side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    opened: ClockMs,
    opened_wall_ms: i64,
}

impl Clock {
    pub fn start() -> Clock {
        Clock {
            opened: monotonic(),
            opened_wall_ms: runtime::wall_ms(),
        }
    }

    pub fn now(&self) -> ClockMs {
        monotonic()
    }

    /// The point that the wall clock of an earlier process called so; no later than the opening.
    pub fn past(&self, wall_ms: i64) -> ClockMs {
        let age_ms = self.opened_wall_ms.saturating_sub(wall_ms).max(0);
        ClockMs(self.opened.0.saturating_sub(age_ms))
    }

    /// Time since then.
    pub fn age(&self, then: ClockMs) -> Duration {
        let age_ms = monotonic().0.saturating_sub(then.0);
        Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))
    }
}

fn monotonic() -> ClockMs {
    let ms = runtime::now().as_nanos() / 1_000_000;
    ClockMs(i64::try_from(ms).expect("584 years fit"))
}
