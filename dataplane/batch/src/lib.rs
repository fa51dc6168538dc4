//! What a shard moves, one module per signal's representation.
//!
//! Metrics are samples of interned series: [`SeriesTable`] keeps each label pair once, as the bytes
//! that remote write sends, and a series is a list of pair ids. Series ids are dense, so what a
//! component remembers about a series is an array ([`SeriesMap`]) and not a hash table.
//! [`ScrapeCache`] is what one scraped target remembers of its previous scrape.
//!
//! Nothing here does I/O, reads a clock or knows a wire format beyond the label bytes of remote
//! write.

#![forbid(unsafe_code)]

mod arena;
mod deaths;
mod interner;
mod labels;
mod logs;
mod metrics;
pub mod otlp;
mod scrape_cache;
mod series_map;
mod series_table;
mod wire_buf;

pub use deaths::MapId;
pub use labels::LabelsBuf;
pub use logs::{LogEntry, LogStream, LogsBatch, PairRange, TENANT_LABEL, TextPair, TextRange};
pub use metrics::{
    Counts, Exemplar, Histogram, HistogramSample, Metadata, MetricKind, MetricsBatch, ResetHint,
    STALE_NAN, STALE_NAN_BITS, Sample, Span, is_stale,
};
pub use otlp::{OtlpBatch, OtlpSignal};
pub use scrape_cache::{Found, Gone, Key, ScrapeCache, Scraped};
pub use series_map::SeriesMap;
pub use series_table::{Labels, SeriesId, SeriesTable};
pub use wire_buf::{Open, WireBuf};
