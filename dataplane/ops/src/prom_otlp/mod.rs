//! Metrics of OTLP as samples of Prometheus, and back.
//!
//! `names` says what a metric is called, `to_samples` takes a tree of metrics apart into samples,
//! `layout` turns buckets into spans; `to_points` puts the samples of one batch together again, by
//! `family`.

mod family;
mod layout;
mod names;
#[cfg(test)]
mod tests;
mod to_points;
mod to_samples;

pub use names::metric_name;
pub use to_points::{Known, to_points};
pub use to_samples::{Options, Take, Taken, ToSamples};

/// The label of a histogram's buckets and that of a summary's quantiles.
const LE: &str = "le";
const QUANTILE: &str = "quantile";
