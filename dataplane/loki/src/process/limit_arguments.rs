//! The settings of `stage.limit`, and the buckets that shards share.

use std::sync::{Arc, OnceLock};

use ops::stages::{Bucket, Buckets};
use schema::{Argument, Arguments, Type, Value};

/// Tokens in a second, with the bucket that the instances of all shards share: arguments are what
/// shards have in common.
#[derive(Debug)]
pub struct Rate {
    pub per_second: f64,
    pub bucket: Arc<Bucket>,
}

impl PartialEq for Rate {
    fn eq(&self, other: &Rate) -> bool {
        self.per_second == other.per_second
    }
}

impl Argument for Rate {
    fn ty() -> Type {
        f64::ty()
    }

    fn from_value(value: &Value) -> Result<Rate, String> {
        Ok(Rate {
            per_second: f64::from_value(value)?,
            bucket: Arc::default(),
        })
    }

    fn to_value(&self) -> Value {
        self.per_second.to_value()
    }

    fn zero() -> Option<Rate> {
        let bucket = Arc::default();
        let per_second = 0.0;
        Some(Rate { per_second, bucket })
    }
}

/// How many buckets by label, with these; shared as in `Rate`.
#[derive(Debug)]
pub struct LabelBuckets {
    pub values_max: i64,
    buckets: OnceLock<Arc<Buckets>>,
}

/// Limit: distinct labels are raised to this, as in Alloy: it costs 512 KiB.
const VALUES_MIN: i64 = 10_000;

impl LabelBuckets {
    pub fn buckets(&self) -> Arc<Buckets> {
        let values = self.values_max.max(VALUES_MIN) as usize;
        let make = || Arc::new(Buckets::new(values));
        self.buckets.get_or_init(make).clone()
    }
}

impl PartialEq for LabelBuckets {
    fn eq(&self, other: &LabelBuckets) -> bool {
        self.values_max == other.values_max
    }
}

impl From<i64> for LabelBuckets {
    fn from(values_max: i64) -> LabelBuckets {
        let buckets = OnceLock::new();
        LabelBuckets {
            values_max,
            buckets,
        }
    }
}

impl Argument for LabelBuckets {
    fn ty() -> Type {
        i64::ty()
    }

    fn from_value(value: &Value) -> Result<LabelBuckets, String> {
        i64::from_value(value).map(LabelBuckets::from)
    }

    fn to_value(&self) -> Value {
        self.values_max.to_value()
    }

    fn zero() -> Option<LabelBuckets> {
        Some(LabelBuckets::from(0))
    }
}

#[derive(Arguments, Debug, PartialEq)]
pub struct LimitStage {
    /// Entries in a second.
    #[arg(required)]
    pub rate: Rate,
    /// Entries that may come at once.
    #[arg(required)]
    pub burst: i64,
    /// Drops what is over the limit, instead of waiting.
    #[arg(default = false)]
    pub drop: bool,
    /// Limits each value of this label by itself; needs `drop`.
    pub by_label_name: String,
    /// How many values of the label are told apart, at least 10000; beyond, all begin anew.
    #[arg(default = LabelBuckets::from(10_000))]
    pub max_distinct_labels: LabelBuckets,
}
