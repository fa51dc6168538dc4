//! How many series a component and its tenants have, on all shards: counts without locks.
//!
//! Cost: two atomic additions when a series comes and two when it goes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::arguments::Limits;

/// The counts of one component.
#[derive(Debug)]
pub struct Shares {
    series: AtomicU64,
    tenants: Box<[Share]>,
}

#[derive(Debug, Default)]
struct Share {
    /// Hash of the tenant's name; 0 is free.
    key: AtomicU64,
    series: AtomicU64,
}

/// Limit: places for tenants, 16 bytes each; when all are taken, those beyond share one.
const SHARES: usize = 2 * super::TENANTS_MAX;

impl Shares {
    pub fn new(by_tenant: bool) -> Shares {
        let shares = if by_tenant { SHARES } else { 1 };
        Shares {
            series: AtomicU64::new(0),
            tenants: (0..shares).map(|_| Share::default()).collect(),
        }
    }

    /// The place where a tenant is counted.
    pub fn find(&self, tenant: &str) -> usize {
        let key = stdx::fnv1a(tenant.as_bytes()).max(1);
        // The low bits of the hash are mixed with the high ones: FNV leaves them alike.
        let start = (key ^ (key >> 32)) as usize;
        for step in 0..self.tenants.len() {
            let index = (start + step) % self.tenants.len();
            let place = &self.tenants[index].key;
            let taken = place.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed);
            match taken {
                Ok(_) => return index,
                Err(other) if other == key => return index,
                Err(_) => {}
            }
        }
        0
    }

    /// Counts one series more, unless that is over a limit.
    pub fn take(&self, tenant: usize, limits: &Limits) -> bool {
        if !take(&self.series, limits.series_max) {
            return false;
        }
        let fits = take(&self.tenants[tenant].series, limits.tenant_series_max);
        if !fits {
            self.series.fetch_sub(1, Ordering::Relaxed);
        }
        fits
    }

    /// Counts series that were let in before, whatever the limits say.
    pub fn force(&self, tenant: usize, series: u64) {
        self.series.fetch_add(series, Ordering::Relaxed);
        let share = &self.tenants[tenant].series;
        share.fetch_add(series, Ordering::Relaxed);
    }

    pub fn give_back(&self, tenant: usize, series: u64) {
        self.series.fetch_sub(series, Ordering::Relaxed);
        let share = &self.tenants[tenant].series;
        share.fetch_sub(series, Ordering::Relaxed);
    }

    pub fn series(&self) -> u64 {
        self.series.load(Ordering::Relaxed)
    }
}

/// Counts one more, unless there are `most` already; 0 is no limit.
fn take(count: &AtomicU64, most: u64) -> bool {
    let before = count.fetch_add(1, Ordering::Relaxed);
    let fits = most == 0 || before < most;
    if !fits {
        count.fetch_sub(1, Ordering::Relaxed);
    }
    fits
}
