//! Logs as they move between components: entries grouped by stream, as Loki takes them.
//!
//! The text of a batch is one buffer: what arrived, decompressed once. Lines and values of
//! structured metadata are ranges of it, so that passing a batch on copies nothing an entry; a
//! processor that changes a line appends the new text and moves the range.

use std::rc::Rc;

use crate::LabelsBuf;

/// A range of the batch's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextRange {
    pub start: u32,
    pub end: u32,
}

/// A line of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEntry {
    /// Nanoseconds since 1970.
    pub timestamp_ns: i64,
    pub line: TextRange,
    /// Structured metadata: a range of the batch's pairs.
    pub metadata: TextRange,
}

/// The entries of one set of labels, in the order in which they came.
#[derive(Debug, Clone)]
pub struct LogStream {
    pub labels: Rc<LabelsBuf>,
    pub entries: Vec<LogEntry>,
}

/// A unit of logs.
#[derive(Debug, Clone, Default)]
pub struct LogsBatch {
    pub streams: Vec<LogStream>,
    /// Names and values of structured metadata, which entries have ranges of.
    pub pairs: Vec<(TextRange, TextRange)>,
    /// What all ranges of text point into.
    pub text: Vec<u8>,
}

impl LogsBatch {
    /// Entries.
    #[must_use]
    pub fn items(&self) -> usize {
        self.streams.iter().map(|stream| stream.entries.len()).sum()
    }
}
