//! `stage.limit`: lets so many entries pass in a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Entry;
use super::program::{Cx, Flow};

/// A token bucket that several shards share: one atomic, the time at which it will be full again.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Bits of an f64: seconds since 1970. Zero is a full bucket.
    full_at: AtomicU64,
}

/// The sizes of a bucket.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Seconds for which a token stands.
    token_s: f64,
    /// Tokens in a full bucket.
    burst: f64,
}

impl Bucket {
    /// Takes one token where there is one: of a bucket of `burst` that gets `rate` a second. A
    /// rate of zero fills it once.
    pub fn allows(&self, rate: f64, burst: f64, now_s: f64) -> bool {
        let size = Size {
            // Limit: a bucket that never fills is one that takes 300 years.
            token_s: 1.0 / rate.max(1e-10),
            burst,
        };
        burst >= 1.0 && self.take(size, now_s, 0.0).is_some()
    }

    /// Takes a token and gives how long to wait for it, in seconds. When `most` is less, nothing
    /// is taken.
    fn take(&self, size: Size, now_s: f64, most: f64) -> Option<f64> {
        let full = size.token_s * size.burst;
        let mut seen = self.full_at.load(Ordering::Relaxed);
        loop {
            // A clock that was set back must not close the bucket for longer than it needs to fill.
            let full_at = match f64::from_bits(seen) {
                full_at if most == 0.0 => full_at.min(now_s + full),
                full_at => full_at,
            };
            let next = full_at.max(now_s) + size.token_s;
            let wait = (next - now_s - full).max(0.0);
            // What rounding makes of sums of times is far below a token.
            if wait > most + size.token_s * 1e-6 {
                if full_at.to_bits() == seen {
                    return None;
                }
                // What the clock that was set back has closed stays open from here on.
                let _lost_to_another = self.full_at.compare_exchange(
                    seen,
                    full_at.to_bits(),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                return None;
            }
            let exchange = self.full_at.compare_exchange_weak(
                seen,
                next.to_bits(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match exchange {
                Ok(_) => return Some(wait),
                Err(other) => seen = other,
            }
        }
    }
}

/// Buckets by value of a label, shared by the shards: a table of fixed size without locks.
#[derive(Debug)]
pub struct Buckets {
    slots: Box<[Slot]>,
    used: AtomicUsize,
    values_max: usize,
    /// How often the table was emptied.
    generation: AtomicUsize,
}

#[derive(Debug, Default)]
struct Slot {
    /// Hash of the value; 0 is free.
    key: AtomicU64,
    bucket: Bucket,
}

impl Buckets {
    /// Twice as many slots as values, so that free ones are near: 16 bytes each.
    #[must_use]
    pub fn new(values_max: usize) -> Buckets {
        let slots = (values_max * 2).next_power_of_two();
        Buckets {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            used: AtomicUsize::new(0),
            values_max,
            generation: AtomicUsize::new(0),
        }
    }

    /// The bucket of a value.
    pub fn bucket(&self, value: &str) -> &Bucket {
        let key = stdx::fnv1a(value.as_bytes()).max(1);
        if self.used.load(Ordering::Relaxed) >= self.values_max {
            self.empty();
        }
        let mask = self.slots.len() - 1;
        // The low bits of the hash are mixed with the high ones: FNV leaves them alike.
        let start = (key ^ (key >> 32)) as usize;
        for step in 0..self.slots.len() {
            let slot = &self.slots[(start + step) & mask];
            match slot.key.load(Ordering::Relaxed) {
                seen if seen == key => return &slot.bucket,
                0 => {
                    let taken =
                        slot.key
                            .compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed);
                    match taken {
                        Ok(_) => {
                            self.used.fetch_add(1, Ordering::Relaxed);
                            return &slot.bucket;
                        }
                        Err(other) if other == key => return &slot.bucket,
                        Err(_) => {}
                    }
                }
                _ => {}
            }
        }
        &self.slots[start & mask].bucket
    }

    /// Compat: when so many values were met, all begin anew.
    fn empty(&self) {
        self.used.store(0, Ordering::Relaxed);
        self.generation.fetch_add(1, Ordering::Relaxed);
        for slot in &self.slots {
            slot.key.store(0, Ordering::Relaxed);
            slot.bucket.full_at.store(0, Ordering::Relaxed);
        }
    }
}

/// `stage.limit`.
#[derive(Debug)]
pub struct Limit {
    size: Size,
    by: By,
}

#[derive(Debug)]
enum By {
    /// One bucket; entries over the limit wait, or are dropped.
    All { bucket: Arc<Bucket>, drop: bool },
    /// A bucket for each value of the label; entries without it pass.
    Label {
        name: String,
        buckets: Arc<Buckets>,
        generation: usize,
    },
}

const REASON: &str = "ratelimit_drop_stage";

impl Limit {
    #[must_use]
    pub fn new(rate: f64, burst: u64, bucket: Arc<Bucket>, drop: bool) -> Limit {
        Limit {
            size: Size::new(rate, burst),
            by: By::All { bucket, drop },
        }
    }

    #[must_use]
    pub fn by_label(rate: f64, burst: u64, name: &str, buckets: Arc<Buckets>) -> Limit {
        Limit {
            size: Size::new(rate, burst),
            by: By::Label {
                name: name.to_owned(),
                buckets,
                generation: 0,
            },
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let now_s = cx.now_ns as f64 / 1e9;
        match &mut self.by {
            By::All { bucket, drop: true } => match bucket.take(self.size, now_s, 0.0) {
                Some(_) => Flow::Pass,
                None => cx.drop(REASON),
            },
            By::All { bucket, .. } => match bucket.take(self.size, now_s, f64::INFINITY) {
                Some(wait) if wait > 0.0 => {
                    Flow::Wait(cx.now_ns.saturating_add((wait * 1e9) as i64))
                }
                _ => Flow::Pass,
            },
            By::Label {
                name,
                buckets,
                generation,
            } => {
                let Some(value) = entry.labels.get(name) else {
                    return Flow::Pass;
                };
                if buckets.bucket(value).take(self.size, now_s, 0.0).is_some() {
                    return Flow::Pass;
                }
                let now = buckets.generation.load(Ordering::Relaxed);
                if std::mem::replace(generation, now) != now {
                    cx.counters.dropped_by_label.clear();
                }
                let key = (name.clone(), value.to_owned());
                *cx.counters.dropped_by_label.entry(key).or_default() += 1;
                cx.drop(REASON)
            }
        }
    }
}

impl Size {
    fn new(rate: f64, burst: u64) -> Size {
        assert!(rate > 0.0 && burst > 0, "a limit lets something pass");
        Size {
            token_s: 1.0 / rate,
            burst: burst as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Status;
    use crate::stages::tests::Rig;

    const SECOND: i64 = 1_000_000_000;
    const NOW: i64 = 1_700_000_000 * SECOND;

    #[test]
    fn the_burst_passes_and_then_the_rate() {
        let mut rig = Rig::of(Limit::new(2.0, 3, Arc::default(), true));
        rig.now_ns = NOW;
        for _ in 0..5 {
            rig.line("x");
        }
        assert_eq!(rig.out.len(), 3);
        rig.now_ns = NOW + SECOND;
        for _ in 0..5 {
            rig.line("x");
        }
        assert_eq!(rig.out.len(), 5);
        assert_eq!(rig.counters().dropped, [(REASON.to_owned(), 5)]);
    }

    #[test]
    fn buckets_that_shards_share_are_one() {
        let bucket: Arc<Bucket> = Arc::default();
        let mut first = Rig::of(Limit::new(0.001, 3, bucket.clone(), true));
        let mut second = Rig::of(Limit::new(0.001, 3, bucket, true));
        first.line("x").line("x");
        second.line("x").line("x");
        assert_eq!((first.out.len(), second.out.len()), (2, 1));
    }

    #[test]
    fn without_drop_entries_wait_for_their_token() {
        let mut rig = Rig::of(Limit::new(1.0, 1, Arc::default(), false));
        rig.now_ns = NOW;
        rig.line("a");
        for (line, seconds) in [("b", 1), ("c", 2)] {
            rig.start().line.extend_from_slice(line.as_bytes());
            let Status::Wait(until) = rig.go() else {
                panic!("{line} has to wait");
            };
            let late = until - NOW - seconds * SECOND;
            assert!(late.abs() < 1_000_000, "{line} waits {late} ns too long");
            assert_eq!(rig.go(), Status::Done);
        }
        assert_eq!(rig.lines(), ["a", "b", "c"]);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_close_the_bucket() {
        let mut rig = Rig::of(Limit::new(1.0, 2, Arc::default(), true));
        rig.now_ns = NOW;
        rig.line("a").line("a").line("a");
        rig.now_ns = NOW - 3600 * SECOND;
        rig.line("b");
        rig.now_ns += 2 * SECOND;
        rig.line("c");
        assert_eq!(rig.lines(), ["a", "a", "c"]);
    }

    #[test]
    fn each_value_of_a_label_has_a_bucket() {
        let buckets = Arc::new(Buckets::new(100));
        let mut rig = Rig::of(Limit::by_label(1.0, 1, "app", buckets));
        for app in ["a", "b", "a", "a", ""] {
            rig.entry(|entry| match app {
                "" => {}
                app => entry.labels.set("app", app),
            });
        }
        assert_eq!(rig.out.len(), 3);
        let key = ("app".to_owned(), "a".to_owned());
        assert_eq!(rig.counters().dropped_by_label.get(&key), Some(&2));
    }

    #[test]
    fn too_many_values_begin_anew() {
        let mut rig = Rig::of(Limit::by_label(0.001, 1, "v", Arc::new(Buckets::new(4))));
        for value in 0..9 {
            rig.entry(|entry| entry.labels.set("v", &value.to_string()));
        }
        rig.entry(|entry| entry.labels.set("v", "0"));
        assert_eq!(rig.out.len(), 10, "0 was forgotten");
    }
}
