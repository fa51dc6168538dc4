//! A classic histogram (one series a bucket, cumulative counts) as a native one with custom
//! buckets.

use batch::{Counts, Histogram, ResetHint, Span};

use super::buckets::differences;
use super::{Invalid, SCHEMA_CUSTOM, compact};

/// Which series of a classic histogram a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suffix {
    Bucket,
    Sum,
    Count,
}

/// Splits `name_bucket`, `name_sum` and `name_count`.
#[must_use]
pub fn split_suffix(name: &str) -> Option<(&str, Suffix)> {
    let all = [
        ("_bucket", Suffix::Bucket),
        ("_sum", Suffix::Sum),
        ("_count", Suffix::Count),
    ];
    let mut found = all.into_iter();
    found.find_map(|(text, suffix)| Some((name.strip_suffix(text)?, suffix)))
}

/// Collects the series of one classic histogram at one time.
#[derive(Debug, Default)]
pub struct Classic {
    /// Ascending by bound.
    buckets: Vec<Bucket>,
    count: Option<f64>,
    sum: f64,
    invalid: Option<Invalid>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    bound: f64,
    /// Of this bucket and all before.
    count: f64,
}

const NOT_CUMULATIVE: Invalid = Invalid("bucket counts are not cumulative");

/// Empty buckets between two others that are kept as buckets: cheaper than a new span.
const GAP_MAX: u32 = 2;

impl Classic {
    /// Forgets everything but the memory.
    pub fn clear(&mut self) {
        self.buckets.clear();
        (self.count, self.sum, self.invalid) = (None, 0.0, None);
    }

    /// A second bucket of the same bound is ignored, as a duplicate sample is.
    pub fn bucket(&mut self, bound: f64, count: f64) {
        if bound.is_nan() || count < 0.0 {
            self.invalid.get_or_insert(Invalid("bucket bound or count"));
            return;
        }
        let at = self.buckets.partition_point(|bucket| bucket.bound < bound);
        let (before, after) = self.buckets.split_at(at);
        if after.first().is_some_and(|bucket| bucket.bound == bound) {
            return;
        }
        let falls = before.last().is_some_and(|before| count < before.count)
            || after.first().is_some_and(|after| after.count < count);
        if falls {
            self.invalid.get_or_insert(NOT_CUMULATIVE);
            return;
        }
        self.buckets.insert(at, Bucket { bound, count });
    }

    pub fn count(&mut self, count: f64) {
        if count < 0.0 {
            self.invalid.get_or_insert(Invalid("negative count"));
        }
        self.count = Some(count);
    }

    pub fn sum(&mut self, sum: f64) {
        self.sum = sum;
    }

    /// The native histogram, with integers if all counts are whole.
    pub fn convert(&mut self) -> Result<Histogram, Invalid> {
        if let Some(invalid) = self.invalid {
            return Err(invalid);
        }
        let last = self.buckets.last().copied();
        let count = self.count.or(last.map(|last| last.count)).unwrap_or(0.0);
        if last.is_none_or(|last| last.bound != f64::INFINITY) {
            let bound = f64::INFINITY;
            self.buckets.push(Bucket { bound, count });
        }
        let last = self.buckets.last().expect("there is one for +Inf");
        if last.count != count {
            return Err(Invalid("count and +Inf bucket differ"));
        }
        let whole = |count: f64| count == count.round() && count < i64::MAX as f64;
        let integer = self.buckets.iter().all(|bucket| whole(bucket.count)) && whole(count);
        let mut histogram = Histogram {
            schema: SCHEMA_CUSTOM,
            sum: self.sum,
            zero_threshold: 0.0,
            reset_hint: ResetHint::Unknown,
            positive_spans: vec![Span {
                offset: 0,
                length: self.buckets.len() as u32,
            }],
            negative_spans: Vec::new(),
            counts: if integer {
                self.integers(count)
            } else {
                self.floats(count)
            },
            custom_values: self.bounds(),
        };
        compact(&mut histogram, if integer { GAP_MAX } else { 0 })?;
        Ok(histogram)
    }

    /// All upper bounds but the last one, which is infinite.
    fn bounds(&self) -> Vec<f64> {
        let (_, finite) = self.buckets.split_last().expect("there is one for +Inf");
        finite.iter().map(|bucket| bucket.bound).collect()
    }

    fn integers(&self, count: f64) -> Counts {
        let cumulative: Vec<i64> = self
            .buckets
            .iter()
            .map(|bucket| bucket.count as i64)
            .collect();
        let positive_deltas = differences(&differences(&cumulative));
        Counts::Integer {
            count: count as u64,
            zero_count: 0,
            positive_deltas,
            negative_deltas: Vec::new(),
        }
    }

    fn floats(&self, count: f64) -> Counts {
        let before = [0.0]
            .into_iter()
            .chain(self.buckets.iter().map(|bucket| bucket.count));
        let own = self
            .buckets
            .iter()
            .zip(before)
            .map(|(bucket, before)| bucket.count - before);
        Counts::Float {
            count,
            zero_count: 0.0,
            positive_counts: own.collect(),
            negative_counts: Vec::new(),
        }
    }
}
