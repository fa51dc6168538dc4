//! Native histograms: whether one is sound, how it loses resolution, and how a classic one becomes
//! native.
//!
//! A native histogram keeps its buckets as runs (spans) with counts, integers as differences
//! between neighbours. Everything here works on plain (index, count) pairs and writes the runs
//! anew. The rules are those of Prometheus, since its receivers refuse what breaks them.

mod buckets;
mod check;
mod classic;
mod resolution;
#[cfg(test)]
mod tests;

use std::fmt;

use batch::{Counts, Histogram, ResetHint};

pub use check::validate;
pub use classic::{Classic, Suffix, split_suffix};
pub use resolution::{fit, limit_schema, reduce, schema_max};

/// Finest and coarsest resolution of exponential buckets: a bucket is 2^(2^-schema) times as wide
/// as the one before.
pub const SCHEMA_MAX: i32 = 8;
pub const SCHEMA_MIN: i32 = -4;
/// Schemas up to this are exponential too, but finer than receivers store.
pub const SCHEMA_RESERVED_MAX: i32 = 52;
/// Buckets with bounds of their own.
pub const SCHEMA_CUSTOM: i32 = -53;

/// What is wrong with a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Invalid {}

/// Whether the buckets have bounds of their own.
#[must_use]
pub fn has_custom_buckets(histogram: &Histogram) -> bool {
    histogram.schema == SCHEMA_CUSTOM
}

/// Positive and negative buckets.
#[must_use]
pub fn bucket_count(histogram: &Histogram) -> usize {
    match &histogram.counts {
        Counts::Integer {
            positive_deltas,
            negative_deltas,
            ..
        } => positive_deltas.len() + negative_deltas.len(),
        Counts::Float {
            positive_counts,
            negative_counts,
            ..
        } => positive_counts.len() + negative_counts.len(),
    }
}

/// An empty histogram of the same layout: what a counter of this kind starts with.
#[must_use]
pub fn zero_of(histogram: &Histogram) -> Histogram {
    let counts = match histogram.counts {
        Counts::Integer { .. } => Counts::Integer {
            count: 0,
            zero_count: 0,
            positive_deltas: Vec::new(),
            negative_deltas: Vec::new(),
        },
        Counts::Float { .. } => Counts::Float {
            count: 0.0,
            zero_count: 0.0,
            positive_counts: Vec::new(),
            negative_counts: Vec::new(),
        },
    };
    Histogram {
        schema: histogram.schema,
        sum: 0.0,
        zero_threshold: histogram.zero_threshold,
        reset_hint: ResetHint::Yes,
        positive_spans: Vec::new(),
        negative_spans: Vec::new(),
        counts,
        custom_values: histogram.custom_values.clone(),
    }
}

/// Leaves empty buckets out, except for up to `gap_max` of them between two that are not empty.
pub fn compact(histogram: &mut Histogram, gap_max: u32) -> Result<(), Invalid> {
    buckets::rewrite(histogram, buckets::Rewrite::Compact { gap_max })
}
