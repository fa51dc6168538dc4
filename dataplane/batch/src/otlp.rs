//! OTLP data as it moves between components: the bytes of an export request as they arrived.
//!
//! Repeated fields of protobuf concatenate, so requests are merged, split and passed on without a
//! decode; only a component that edits looks inside.

use bytes::Bytes;

/// The signal of an export request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OtlpSignal {
    Traces,
    Metrics,
    Logs,
}

/// A unit of OTLP data of one signal.
#[derive(Debug, Clone)]
pub struct OtlpBatch {
    pub signal: OtlpSignal,
    /// The protobuf of an export request, in pieces that are valid by themselves.
    pub chunks: Vec<Bytes>,
    /// Spans, metric data points or log records in all chunks.
    pub items: u32,
}

impl OtlpBatch {
    /// Spans, metric data points or log records.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items as usize
    }
}
