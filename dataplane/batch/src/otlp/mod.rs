//! OTLP data as it moves between components: the bytes of export requests as they arrived.
//!
//! Repeated fields of protobuf concatenate, so batches are merged and passed on without a decode:
//! [`OtlpBatch`] is a list of chunks, each a valid request by itself. They were checked at every
//! depth and counted once, when they came in ([`OtlpBatch::from_request`]).
//!
//! Who edits asks for a tree of one signal ([`OtlpBatch::spans`], `metrics`, `log_records`). Its
//! resources, scopes and items are [`Lazy`]: `get` decodes one and keeps its bytes, `get_mut`
//! decodes and has it encoded again; what nobody asked for is copied as it is. Decoded messages
//! are plain structs with public fields that borrow from the batch, so an edit is
//!
//! ```
//! use batch::otlp::{AnyValue, OtlpBatch, OtlpSignal};
//! # let batch = OtlpBatch::from_request(OtlpSignal::Traces, bytes::Bytes::new()).unwrap();
//! let mut tree = batch.spans();
//! tree.for_each(|resource, _scope, span| {
//!     if resource.get().attributes.get("service.name") == Some(&AnyValue::from("shop")) {
//!         span.get_mut().attributes.set("team", AnyValue::from("web"));
//!     }
//! });
//! for group in &mut tree.resources {
//!     for scope in &mut group.scopes {
//!         scope.items.retain(|span| span.get().name != "/healthz");
//!     }
//! }
//! tree.prune();
//! let edited: OtlpBatch = tree.encode();
//! ```
//!
//! What a span costs: reading a tree 24 bytes of index, an untouched item one copy of its bytes, a
//! decoded one a box and a vector for its attributes.
//!
//! Who only checks or translates (JSON) walks [`schema`] instead.

mod client;
mod kinds;
mod lazy;
mod logs;
mod metrics;
mod origin;
mod quick;
mod request;
pub mod schema;
mod split;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod value;
pub mod wire;

use std::sync::Arc;

use bytes::Bytes;
use stdx::protobuf::DecodeError;

pub use client::{Client, Metadata};
pub use lazy::Lazy;
pub use logs::LogRecord;
pub use metrics::{
    Buckets, Exemplar, ExemplarValue, ExponentialHistogram, ExponentialPoint, Gauge, Histogram,
    HistogramPoint, Metric, MetricData, Number, NumberPoint, Quantile, Sum, Summary, SummaryPoint,
};
pub use origin::{Resource, Scope};
pub use schema::VALUE_DEPTH_MAX;
pub use trace::{Span, SpanEvent, SpanLink, Status};
pub use tree::{Item, ResourceGroup, ScopeGroup, Tree};
pub use value::{AnyValue, Attributes, KeyValue, Text};
pub use wire::Message;

/// The signal of an export request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OtlpSignal {
    Traces,
    Metrics,
    Logs,
}

impl OtlpSignal {
    pub const ALL: [OtlpSignal; 3] = [OtlpSignal::Traces, OtlpSignal::Metrics, OtlpSignal::Logs];

    /// `traces`, `metrics`, `logs`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            OtlpSignal::Traces => "traces",
            OtlpSignal::Metrics => "metrics",
            OtlpSignal::Logs => "logs",
        }
    }
}

/// A unit of OTLP data of one signal.
///
/// Invariant: every chunk decodes as an export request, and together they have so many items.
#[derive(Debug, Clone)]
pub struct OtlpBatch {
    signal: OtlpSignal,
    chunks: Vec<Bytes>,
    /// Items of each chunk.
    counts: Vec<usize>,
    items: usize,
    client: Option<Arc<Client>>,
}

impl OtlpBatch {
    /// Takes in the protobuf of an export request after checking it at every depth.
    pub fn from_request(signal: OtlpSignal, request: Bytes) -> Result<OtlpBatch, DecodeError> {
        let items = signal.request().check(&request)?;
        Ok(OtlpBatch::from_checked(signal, request, items))
    }

    /// Takes in a request that was checked before and has not left memory since.
    #[must_use]
    pub fn from_checked_request(signal: OtlpSignal, request: Bytes, items: usize) -> OtlpBatch {
        OtlpBatch::from_checked(signal, request, items)
    }

    pub(crate) fn from_checked(signal: OtlpSignal, request: Bytes, items: usize) -> OtlpBatch {
        OtlpBatch {
            signal,
            chunks: vec![request],
            counts: vec![items],
            items,
            client: None,
        }
    }

    /// Nothing yet, to `append` to.
    #[must_use]
    pub fn empty(signal: OtlpSignal) -> OtlpBatch {
        OtlpBatch {
            signal,
            chunks: Vec::new(),
            counts: Vec::new(),
            items: 0,
            client: None,
        }
    }

    /// The same data, sent by this client.
    #[must_use]
    pub fn from_client(mut self, client: Option<Arc<Client>>) -> OtlpBatch {
        self.client = client;
        self
    }

    /// Who sent it, as far as that is kept. A batch that was put together has no client.
    #[must_use]
    pub fn client(&self) -> Option<&Arc<Client>> {
        self.client.as_ref()
    }

    #[must_use]
    pub fn signal(&self) -> OtlpSignal {
        self.signal
    }

    /// Spans, metric data points or log records.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }

    /// Whether it has no content at all: not even a resource.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.iter().all(Bytes::is_empty)
    }

    /// The protobuf of an export request, in pieces that are valid by themselves.
    #[must_use]
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// Length of the request that the chunks make together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    /// Adds what another batch of the same signal holds, without a copy.
    pub fn append(&mut self, other: &OtlpBatch) {
        assert_eq!(self.signal, other.signal, "batches of one signal");
        self.chunks.extend_from_slice(&other.chunks);
        self.counts.extend_from_slice(&other.counts);
        self.items += other.items;
    }

    /// The request in one piece. Costs a copy if there are several.
    #[must_use]
    pub fn to_request(&self) -> Bytes {
        match &*self.chunks {
            [] => Bytes::new(),
            [chunk] => chunk.clone(),
            chunks => chunks.concat().into(),
        }
    }

    /// The tree of a batch of traces.
    #[must_use]
    pub fn spans(&self) -> Tree<'_, Span<'_>> {
        Tree::read(self)
    }

    /// The tree of a batch of metrics.
    #[must_use]
    pub fn metrics(&self) -> Tree<'_, Metric<'_>> {
        Tree::read(self)
    }

    /// The tree of a batch of logs.
    #[must_use]
    pub fn log_records(&self) -> Tree<'_, LogRecord<'_>> {
        Tree::read(self)
    }
}
