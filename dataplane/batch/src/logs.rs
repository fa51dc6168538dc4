//! Logs as they move between components: entries grouped by stream, as Loki takes them.
//!
//! The text of a batch is one buffer: what arrived, decompressed once. Lines and values of
//! structured metadata are ranges of it, so that passing a batch on copies nothing an entry; who
//! changes a line appends the new text and moves the range. Text is bytes: what comes from files
//! and sockets need not be UTF-8.

use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use crate::LabelsBuf;

/// A range of a batch's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextRange {
    pub start: u32,
    pub end: u32,
}

/// A range of a batch's pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairRange {
    pub start: u32,
    pub end: u32,
}

/// A name and a value of structured metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextPair {
    pub name: TextRange,
    pub value: TextRange,
}

/// A line of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogEntry {
    /// Nanoseconds since 1970.
    pub timestamp_ns: i64,
    pub line: TextRange,
    /// Structured metadata, in the order in which it came.
    pub metadata: PairRange,
}

/// The entries of one set of labels, in the order in which they came.
///
/// Labels that begin with two underscores travel with the entries and are not sent to Loki;
/// [`TENANT_LABEL`] among them names the tenant.
#[derive(Debug, Clone, Default)]
pub struct LogStream {
    pub labels: Rc<LabelsBuf>,
    pub entries: Vec<LogEntry>,
}

/// The label that names the tenant of an entry.
pub const TENANT_LABEL: &str = "__tenant_id__";

/// A unit of logs.
#[derive(Debug, Clone, Default)]
pub struct LogsBatch {
    pub streams: Vec<LogStream>,
    /// Structured metadata, which entries have ranges of.
    pub pairs: Vec<TextPair>,
    /// What all ranges of text point into.
    pub text: Vec<u8>,
    /// How long the answer may take at leisure, so that more batches share a sync and a request:
    /// nobody outside waits for a file's lines. Zero while a sender waits.
    pub patience: Duration,
}

impl TextRange {
    #[must_use]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// To index a batch's text with.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl PairRange {
    #[must_use]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// To index a batch's pairs with.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl LogsBatch {
    /// Entries.
    #[must_use]
    pub fn items(&self) -> usize {
        self.streams.iter().map(|stream| stream.entries.len()).sum()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.iter().all(|stream| stream.entries.is_empty())
    }

    /// What a range stands for.
    #[must_use]
    pub fn text(&self, range: TextRange) -> &[u8] {
        &self.text[range.range()]
    }

    /// The line of an entry of this batch.
    #[must_use]
    pub fn line(&self, entry: &LogEntry) -> &[u8] {
        self.text(entry.line)
    }

    /// The structured metadata of an entry of this batch.
    pub fn metadata(
        &self,
        entry: &LogEntry,
    ) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
        self.pairs[entry.metadata.range()]
            .iter()
            .map(|pair| (self.text(pair.name), self.text(pair.value)))
    }

    /// Appends text. Costs a copy of it.
    ///
    /// Panics at 4 GiB: sources bound a batch to a fraction of that.
    pub fn add_text(&mut self, text: &[u8]) -> TextRange {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(text);
        let end = u32::try_from(self.text.len()).expect("a batch is far below 4 GiB");
        TextRange { start, end }
    }

    /// Appends a pair of structured metadata and its text. The pairs of an entry have to be added
    /// one after the other, between `pairs_begin` and `pairs_since`.
    pub fn add_pair(&mut self, name: &[u8], value: &[u8]) {
        let name = self.add_text(name);
        let value = self.add_text(value);
        self.pairs.push(TextPair { name, value });
    }

    /// Where the next pair will stand.
    #[must_use]
    pub fn pairs_begin(&self) -> u32 {
        u32::try_from(self.pairs.len()).expect("a batch is far below 4 Gi pairs")
    }

    /// The pairs that were added since `start`.
    #[must_use]
    pub fn pairs_since(&self, start: u32) -> PairRange {
        let end = self.pairs_begin();
        assert!(start <= end, "pairs are only ever added");
        PairRange { start, end }
    }

    /// Appends an entry to the last stream if that has these very labels, else to a new one.
    pub fn add_entry(&mut self, labels: &Rc<LabelsBuf>, entry: LogEntry) {
        match self.streams.last_mut() {
            Some(stream) if Rc::ptr_eq(&stream.labels, labels) => stream.entries.push(entry),
            _ => self.streams.push(LogStream {
                labels: labels.clone(),
                entries: vec![entry],
            }),
        }
    }

    /// `add_entry` with a line that is copied.
    pub fn add_line(&mut self, labels: &Rc<LabelsBuf>, timestamp_ns: i64, line: &[u8]) {
        let line = self.add_text(line);
        self.add_entry(
            labels,
            LogEntry {
                timestamp_ns,
                line,
                metadata: PairRange::default(),
            },
        );
    }

    /// Empties the batch and keeps its allocations, but for those of streams.
    pub fn clear(&mut self) {
        self.streams.clear();
        self.pairs.clear();
        self.text.clear();
        self.patience = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &[(&str, &str)]) -> Rc<LabelsBuf> {
        Rc::new(text.iter().copied().collect())
    }

    #[test]
    fn lines_and_pairs_are_found_by_their_ranges() {
        let mut batch = LogsBatch::default();
        let a = labels(&[("job", "a")]);
        batch.add_line(&a, 1, b"first");
        let start = batch.pairs_begin();
        batch.add_pair(b"trace", b"7");
        batch.add_pair(b"span", b"");
        let metadata = batch.pairs_since(start);
        let line = batch.add_text(b"sec\xffond");
        let entry = LogEntry {
            timestamp_ns: 2,
            line,
            metadata,
        };
        batch.add_entry(&a, entry);
        let [first, second] = batch.streams[0].entries[..] else {
            panic!("one stream of two entries: {batch:?}");
        };
        assert_eq!(batch.line(&first), b"first");
        assert_eq!(batch.metadata(&first).len(), 0);
        assert_eq!(batch.line(&second), b"sec\xffond");
        let pairs: Vec<_> = batch.metadata(&second).collect();
        assert_eq!(pairs, [(&b"trace"[..], &b"7"[..]), (b"span", b"")]);
    }

    #[test]
    fn entries_join_the_last_stream_only_if_it_has_the_same_labels() {
        let mut batch = LogsBatch::default();
        let (a, b) = (labels(&[("job", "a")]), labels(&[("job", "b")]));
        for labels in [&a, &a, &b, &a] {
            batch.add_line(labels, 1, b"x");
        }
        let lens: Vec<usize> = batch.streams.iter().map(|s| s.entries.len()).collect();
        assert_eq!(lens, [2, 1, 1]);
        assert_eq!(batch.items(), 4);
        batch.clear();
        assert!(batch.is_empty());
    }
}
