//! The settings, and the counts that come with them: arguments are what shards have in common.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use schema::{Argument, Arguments, Check, Choice, Type, Value};

use super::shares::Shares;

/// How many series the component lets in, and what becomes of those beyond.
#[derive(Arguments, Debug, PartialEq)]
#[arg(check = SeriesBudget::check)]
pub struct SeriesBudget {
    /// Most active series of the component, on all shards together; 0 is no limit.
    pub limit: SharedLimit,
    /// The label whose values are tenants.
    pub tenant_label: String,
    /// Most active series of one tenant; 0 is no limit.
    pub tenant_limit: u64,
    /// What becomes of a new series over a limit: `reject` refuses its samples, `drop_label` passes
    /// them on without `labels`, of those that become the same series the first at each time;
    /// `aggregate` sums the values of an interval without `labels`.
    #[arg(default = "reject")]
    pub action: Action,
    /// The labels that series over a limit lose.
    pub labels: Vec<String>,
    /// How long `aggregate` sums before it passes on; set it to the interval in which series are
    /// sent, for each sample that comes within it counts.
    #[arg(default = Duration::from_secs(60))]
    pub interval: Duration,
}

/// What becomes of a series over a limit.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Reject,
    DropLabel,
    Aggregate,
}

/// A limit, with what is counted against it.
#[derive(Debug)]
pub struct SharedLimit {
    series: u64,
    shares: OnceLock<Arc<Shares>>,
}

impl PartialEq for SharedLimit {
    fn eq(&self, other: &SharedLimit) -> bool {
        self.series == other.series
    }
}

impl From<u64> for SharedLimit {
    fn from(series: u64) -> SharedLimit {
        SharedLimit {
            series,
            shares: OnceLock::new(),
        }
    }
}

impl Argument for SharedLimit {
    fn ty() -> Type {
        u64::ty()
    }

    fn from_value(value: &Value) -> Result<SharedLimit, String> {
        u64::from_value(value).map(SharedLimit::from)
    }

    fn to_value(&self) -> Value {
        self.series.to_value()
    }

    fn zero() -> Option<SharedLimit> {
        Some(SharedLimit::from(0))
    }
}

/// The settings as a gate uses them.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// 0 is no limit.
    pub series_max: u64,
    pub tenant_label: String,
    /// 0 is no limit.
    pub tenant_series_max: u64,
    pub action: Action,
    pub labels: Vec<String>,
    pub interval: Duration,
}

/// Limit: series with fewer labels that a shard lets in over the limits, as a part of the limit: an
/// eighth, but never less than this many.
const OVERFLOW_MIN: usize = 64;

impl Limits {
    pub fn is_limited(&self) -> bool {
        0 < self.series_max || 0 < self.tenant_series_max
    }

    /// How many series of fewer labels may stand for those over the limits.
    pub fn overflow_max(&self) -> usize {
        let largest = self.series_max.max(self.tenant_series_max);
        ((largest / 8) as usize).max(OVERFLOW_MIN)
    }
}

impl SeriesBudget {
    pub fn limits(&self) -> Limits {
        Limits {
            series_max: self.limit.series,
            tenant_label: self.tenant_label.clone(),
            tenant_series_max: self.tenant_limit,
            action: self.action,
            labels: self.labels.clone(),
            interval: self.interval,
        }
    }

    /// The counts of the component.
    pub fn shares(&self) -> Arc<Shares> {
        let by_tenant = 0 < self.tenant_limit;
        let make = || Arc::new(Shares::new(by_tenant));
        self.limit.shares.get_or_init(make).clone()
    }

    fn check(&self, check: &mut Check<'_>) {
        if 0 < self.tenant_limit && self.tenant_label.is_empty() {
            check.attribute("tenant_limit", "needs \"tenant_label\"");
        }
        if self.action != Action::Reject && self.labels.is_empty() {
            check.attribute("action", "needs \"labels\" that series over a limit lose");
        }
        if self.labels.iter().any(|name| name == "__name__") {
            check.attribute("labels", "must leave the name of the metric");
        }
        if self.interval.is_zero() {
            check.attribute("interval", "must be greater than 0s");
        }
    }
}
