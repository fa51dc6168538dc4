//! When a target is scraped: at the times t with t mod interval = offset, by the wall clock, so
//! that neither a slow scrape nor the length of a run shifts them.

use std::time::Duration;

/// The ticks of one loop, in nanoseconds of the wall clock.
pub struct Schedule {
    interval_ns: i64,
    offset_ns: i64,
    /// The last tick that was served, or the start.
    last_ns: i64,
}

/// The tick to serve next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    pub wall_ns: i64,
    /// How long until then.
    pub wait: Duration,
    /// Ticks that have passed unserved.
    pub missed: u64,
}

/// Limit: how far a scrape's time may be from its tick to be written as the tick, so that
/// timestamps of a series compress well. Smaller for short intervals.
const SNAP_NS_MAX: i64 = 2_000_000;

impl Schedule {
    pub fn new(interval: Duration, offset_ns: u64, now_ns: i64) -> Schedule {
        // A century is beyond any interval that means something.
        let interval_ns = i64::try_from(interval.as_nanos())
            .unwrap_or(i64::MAX / 4)
            .max(1);
        let offset_ns = (offset_ns % interval_ns as u64) as i64;
        Schedule {
            interval_ns,
            offset_ns,
            last_ns: now_ns,
        }
    }

    /// The first tick after the last one served that is not in the past.
    pub fn next(&mut self, now_ns: i64) -> Tick {
        if self.last_ns - now_ns > self.interval_ns {
            // The clock was set back: forget the future.
            self.last_ns = now_ns;
        }
        let first = self.tick_after(self.last_ns);
        let late_ns = (now_ns - first).max(0);
        let missed = late_ns / self.interval_ns;
        let wall_ns = first + missed * self.interval_ns;
        let wait = Duration::from_nanos((wall_ns - now_ns).max(0) as u64);
        Tick {
            wall_ns,
            wait,
            missed: missed as u64,
        }
    }

    /// The tick was served, or given up.
    pub fn serve(&mut self, tick: Tick) {
        self.last_ns = tick.wall_ns;
    }

    /// The timestamp of a scrape that began at `now_ns` for `tick`, in milliseconds.
    pub fn timestamp_ms(&self, tick: Tick, now_ns: i64) -> i64 {
        let snap_ns = SNAP_NS_MAX.min(self.interval_ns / 100);
        let near = (now_ns - tick.wall_ns).abs() <= snap_ns;
        let time_ns = if near { tick.wall_ns } else { now_ns };
        time_ns.div_euclid(1_000_000)
    }

    fn tick_after(&self, time_ns: i64) -> i64 {
        let phase = (time_ns - self.offset_ns).rem_euclid(self.interval_ns);
        time_ns - phase + self.interval_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn schedule(now_ns: i64) -> Schedule {
        Schedule::new(Duration::from_secs(10), 3 * SECOND as u64, now_ns)
    }

    #[test]
    fn ticks_stand_at_the_offset_in_each_interval() {
        let mut schedule = schedule(100 * SECOND);
        let tick = schedule.next(100 * SECOND);
        assert_eq!((tick.wall_ns, tick.missed), (103 * SECOND, 0));
        assert_eq!(tick.wait, Duration::from_secs(3));
        schedule.serve(tick);
        assert_eq!(schedule.next(104 * SECOND).wall_ns, 113 * SECOND);
    }

    #[test]
    fn a_slow_scrape_does_not_shift_the_ticks_after_it() {
        let mut schedule = schedule(100 * SECOND);
        let tick = schedule.next(100 * SECOND);
        schedule.serve(tick);
        // 13 and 23 have passed; 33 is still due (it is now).
        let tick = schedule.next(133 * SECOND + 5);
        assert_eq!((tick.wall_ns, tick.missed), (133 * SECOND, 2));
        assert_eq!(tick.wait, Duration::ZERO);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_loop() {
        let mut schedule = schedule(10_000 * SECOND);
        let tick = schedule.next(10_000 * SECOND);
        schedule.serve(tick);
        let tick = schedule.next(100 * SECOND);
        assert_eq!(tick.wall_ns, 103 * SECOND);
    }

    #[test]
    fn timestamps_snap_to_the_tick_within_two_milliseconds() {
        let mut schedule = schedule(100 * SECOND);
        let tick = schedule.next(100 * SECOND);
        assert_eq!(
            schedule.timestamp_ms(tick, tick.wall_ns + 1_900_000),
            103_000
        );
        assert_eq!(
            schedule.timestamp_ms(tick, tick.wall_ns + 2_100_000),
            103_002
        );
    }
}
