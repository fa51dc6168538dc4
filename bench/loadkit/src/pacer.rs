//! When the next request is due, and when all of it ends.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Open-loop request schedule shared by all workers.
pub struct Pacer {
    pub start: Instant,
    pub deadline: Instant,
    interval_ns: f64,
    next: AtomicU64,
    max: u64,
    /// when stop() was called, in ns since start (0: not yet)
    stopped: AtomicU64,
}
impl Pacer {
    pub fn new(rate_items: f64, items_per_req: u64, dur: Duration, max_items: u64) -> Arc<Pacer> {
        let start = Instant::now();
        Arc::new(Pacer {
            start,
            deadline: start + dur,
            interval_ns: if rate_items > 0.0 {
                items_per_req as f64 * 1e9 / rate_items
            } else {
                0.0
            },
            next: AtomicU64::new(0),
            max: if max_items == 0 {
                u64::MAX
            } else {
                max_items.div_ceil(items_per_req)
            },
            stopped: AtomicU64::new(0),
        })
    }
    /// No new requests from now on.
    pub fn stop(&self) {
        let _ = self.stopped.compare_exchange(
            0,
            self.start.elapsed().as_nanos() as u64 + 1,
            Relaxed,
            Relaxed,
        );
    }
    fn stopped(&self) -> bool {
        self.stopped.load(Relaxed) != 0
    }
    pub fn end(&self) -> Instant {
        match self.stopped.load(Relaxed) {
            0 => self.deadline,
            n => self.deadline.min(self.start + Duration::from_nanos(n)),
        }
    }
    /// How long --retry goes on after the end.
    fn grace(&self) -> Duration {
        Duration::from_secs(if self.stopped() { 30 } else { 10 })
    }
    pub fn give_up(&self, retry: bool) -> bool {
        !retry || Instant::now() > self.end() + self.grace()
    }
    pub async fn next(&self) -> Option<u64> {
        let n = self.next.fetch_add(1, Relaxed);
        if n >= self.max {
            return None;
        }
        let now = Instant::now();
        if now >= self.deadline || self.stopped() {
            return None;
        }
        if self.interval_ns > 0.0 {
            let due = self.start + Duration::from_nanos((n as f64 * self.interval_ns) as u64);
            if due >= self.deadline {
                return None;
            }
            if due > now {
                tokio::time::sleep_until(due.into()).await;
                if self.stopped() {
                    return None;
                }
            }
        }
        Some(n)
    }
}

/// Resolves on SIGINT/SIGTERM or after the duration.
pub async fn until_end(d: Duration) {
    use tokio::signal::unix::{signal, SignalKind};
    let mut i = signal(SignalKind::interrupt()).unwrap();
    let mut t = signal(SignalKind::terminate()).unwrap();
    tokio::select! {
        _ = i.recv() => {}
        _ = t.recv() => {}
        _ = tokio::time::sleep(d) => {}
    }
}

/// Waits for the workers, at most 5 s after they give up. The first SIGINT or SIGTERM ends the
/// sending, the second the wait.
pub async fn join_all(hs: Vec<tokio::task::JoinHandle<()>>, pacer: &Pacer) -> bool {
    use tokio::signal::unix::{signal, SignalKind};
    let mut i = signal(SignalKind::interrupt()).unwrap();
    let mut t = signal(SignalKind::terminate()).unwrap();
    let all = async {
        for h in hs {
            let _ = h.await;
        }
    };
    tokio::pin!(all);
    loop {
        let stopped = pacer.stopped();
        let limit = pacer.end() + pacer.grace() + Duration::from_secs(5);
        tokio::select! {
            _ = &mut all => return true,
            _ = i.recv() => {}
            _ = t.recv() => {}
            _ = tokio::time::sleep_until(limit.into()) => return false,
        }
        if stopped {
            return false;
        }
        pacer.stop()
    }
}
