//! The time between the first and the last request.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Mutex;
use std::time::Instant;

/// first/last activity times in ns since process-local epoch.
pub struct Span {
    t0: Mutex<Instant>,
    first: AtomicU64,
    last: AtomicU64,
}
impl Span {
    pub fn new() -> Self {
        Span {
            t0: Mutex::new(Instant::now()),
            first: AtomicU64::new(u64::MAX),
            last: AtomicU64::new(0),
        }
    }
    pub fn touch(&self) {
        let e = self.t0.lock().unwrap().elapsed().as_nanos() as u64;
        if self.first.load(Relaxed) == u64::MAX {
            self.first.store(e, Relaxed);
        }
        self.last.store(e, Relaxed);
    }
    pub fn reset(&self) {
        *self.t0.lock().unwrap() = Instant::now();
        self.first.store(u64::MAX, Relaxed);
        self.last.store(0, Relaxed);
    }
    /// (elapsed since reset, active span between first and last request)
    pub fn get(&self) -> (f64, f64) {
        let e = self.t0.lock().unwrap().elapsed().as_secs_f64();
        let f = self.first.load(Relaxed);
        let l = self.last.load(Relaxed);
        (
            e,
            if f == u64::MAX {
                0.0
            } else {
                (l - f) as f64 / 1e9
            },
        )
    }
}
