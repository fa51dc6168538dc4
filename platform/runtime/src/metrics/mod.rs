//! Metrics of one shard, merged when read.
//!
//! A [`Registry`] belongs to a thread; a handle ([`Counter`], [`Gauge`], [`Histogram`]) is kept by
//! who counts, so that counting is one cell write. A [`Snapshot`] is plain data: shards send
//! theirs, [`merge`] adds equal series up.

mod handles;
mod registry;
mod snapshot;

pub use handles::{Counter, Gauge, Histogram};
pub use registry::{Hook, Registry};
pub use snapshot::{Buckets, Family, Kind, Labels, Sample, Snapshot, Value, merge};

#[cfg(test)]
mod tests;
