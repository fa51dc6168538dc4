//! Kept connections of one client, by origin.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use runtime::Instant;

use super::connection::Connection;

/// How long connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct PoolOptions {
    pub idle_per_origin_max: usize,
    pub idle_max: Duration,
    /// An older connection is not used again, so that load follows DNS and certificates are read
    /// anew.
    pub age_max: Duration,
}

impl PoolOptions {
    pub fn standard() -> PoolOptions {
        PoolOptions {
            // As many as remote write has senders, twice.
            idle_per_origin_max: 100,
            // Go's Prometheus client: five minutes, longer than any usual scrape interval.
            idle_max: Duration::from_secs(300),
            age_max: Duration::from_secs(3600),
        }
    }
}

/// How often idle connections are looked at: those that the server closed give their sockets back.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

pub(crate) struct Pool {
    options: PoolOptions,
    /// Ordered, so that a simulation closes connections in the same order each time.
    origins: RefCell<BTreeMap<Rc<str>, Origin>>,
    /// Whether a task already waits to close what has been idle for too long.
    sweeping: Cell<bool>,
}

#[derive(Default)]
struct Origin {
    /// The most recently used one is last, and is used first.
    idle: Vec<Idle>,
    /// HTTP/2 takes many requests at once.
    shared: Option<Idle>,
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(crate) fn new(options: PoolOptions) -> Pool {
        Pool {
            options,
            origins: RefCell::default(),
            sweeping: Cell::new(false),
        }
    }

    /// A kept connection to `origin` that looks alive.
    pub(crate) fn take(&self, origin: &str) -> Option<Connection> {
        let mut origins = self.origins.borrow_mut();
        let kept = origins.get_mut(origin)?;
        let now = runtime::now();
        if let Some(shared) = &mut kept.shared {
            if self.is_fresh(shared, now) {
                shared.since = now;
                return shared.connection.share();
            }
            kept.shared = None;
        }
        while let Some(mut idle) = kept.idle.pop() {
            if self.is_fresh(&mut idle, now) {
                return Some(idle.connection);
            }
        }
        None
    }

    /// Keeps a connection whose request has ended.
    pub(crate) fn give(self: &Rc<Self>, origin: &Rc<str>, connection: Connection) {
        let idle = Idle {
            connection,
            since: runtime::now(),
        };
        let mut origins = self.origins.borrow_mut();
        let kept = match origins.get_mut(origin) {
            Some(kept) => kept,
            None => origins.entry(origin.clone()).or_default(),
        };
        if idle.connection.is_http2() {
            kept.shared.get_or_insert(idle);
        } else if kept.idle.len() < self.options.idle_per_origin_max {
            kept.idle.push(idle);
        }
        drop(origins);
        self.sweep_later();
    }

    /// Closes what is kept for an origin: one of them turned out to be dead.
    pub(crate) fn forget(&self, origin: &str) {
        self.origins.borrow_mut().remove(origin);
    }

    /// Connections that are kept now.
    pub(crate) fn len(&self) -> usize {
        let origins = self.origins.borrow();
        origins
            .values()
            .map(|kept| kept.idle.len() + usize::from(kept.shared.is_some()))
            .sum()
    }

    fn is_fresh(&self, idle: &mut Idle, now: Instant) -> bool {
        now - idle.since < self.options.idle_max
            && now - idle.connection.opened() < self.options.age_max
            && idle.connection.is_open()
    }

    /// Closes idle connections in time even when no further request comes, and those that their
    /// servers have closed.
    fn sweep_later(self: &Rc<Self>) {
        if self.sweeping.replace(true) {
            return;
        }
        let pool: Weak<Pool> = Rc::downgrade(self);
        let pause = self.options.idle_max.min(SWEEP_EVERY);
        runtime::spawn(async move {
            loop {
                runtime::sleep(pause).await;
                let Some(pool) = pool.upgrade() else { return };
                pool.sweep();
                if pool.len() == 0 {
                    pool.sweeping.set(false);
                    return;
                }
            }
        });
    }

    fn sweep(&self) {
        let now = runtime::now();
        self.origins.borrow_mut().retain(|_, kept| {
            kept.idle.retain_mut(|idle| self.is_fresh(idle, now));
            kept.shared.take_if(|shared| !self.is_fresh(shared, now));
            !kept.idle.is_empty() || kept.shared.is_some()
        });
    }
}
