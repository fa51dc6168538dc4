//! Entries that have left the program, put together to a batch again.

use std::collections::HashMap;
use std::rc::Rc;

use batch::{LabelsBuf, LogEntry, LogStream, LogsBatch};
use ops::stages::Entry;

use crate::outcomes::Outcomes;

/// Limit: label sets that stages have made and that are kept, so that equal ones are one.
const LABEL_SETS_MAX: usize = 10_000;

/// The label sets that stages have made of late.
pub(super) struct LabelSets {
    known: Outcomes<Rc<LabelsBuf>, Rc<LabelsBuf>>,
}

impl LabelSets {
    pub fn new() -> LabelSets {
        LabelSets {
            known: Outcomes::new(LABEL_SETS_MAX),
        }
    }

    /// The set that these labels are: the one that they came as, or one that was made before.
    fn share(&mut self, entry: &Entry) -> Rc<LabelsBuf> {
        if let Some(labels) = entry.labels.unchanged() {
            return labels.clone();
        }
        if let Some(labels) = self.known.get(entry.labels.buf()) {
            return labels;
        }
        let labels = Rc::new(entry.labels.buf().clone());
        self.known.insert(labels.clone(), labels.clone());
        labels
    }
}

/// A batch in the making.
#[derive(Default)]
pub(super) struct Output {
    pub batch: LogsBatch,
    /// Where the stream of a label set is in the batch, by the set's address: the batch holds it.
    places: HashMap<*const LabelsBuf, usize>,
    last: usize,
}

impl Output {
    /// Appends an entry. Costs a copy of its text.
    pub fn add(&mut self, entry: &Entry, sets: &mut LabelSets) {
        let labels = sets.share(entry);
        let begin = self.batch.pairs_begin();
        for (name, value) in entry.metadata.iter() {
            self.batch.add_pair(name, value);
        }
        let metadata = self.batch.pairs_since(begin);
        let line = self.batch.add_text(&entry.line);
        let entry = LogEntry {
            timestamp_ns: entry.timestamp_ns,
            line,
            metadata,
        };
        let place = self.place(labels);
        self.batch.streams[place].entries.push(entry);
    }

    fn place(&mut self, labels: Rc<LabelsBuf>) -> usize {
        let same = |stream: &LogStream| Rc::ptr_eq(&stream.labels, &labels);
        if self.batch.streams.get(self.last).is_some_and(same) {
            return self.last;
        }
        let streams = &mut self.batch.streams;
        let place = self.places.entry(Rc::as_ptr(&labels)).or_insert_with(|| {
            let entries = Vec::new();
            streams.push(LogStream { labels, entries });
            streams.len() - 1
        });
        self.last = *place;
        self.last
    }
}
