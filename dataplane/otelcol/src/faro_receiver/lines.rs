//! What happened on a page, as lines with labels.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use batch::otlp::Attributes;
use batch::{LabelsBuf, LogsBatch};
use formats::faro::{Payload, Record};
use ops::log_lines::{Unwritable, as_text, logfmt, write_object};

/// How lines are made.
pub struct Writer {
    pub json: bool,
    /// Those without a value have that of the line's field of their name.
    pub labels: BTreeMap<String, String>,
}

/// Lines, and how many there could not be.
pub struct Lines {
    pub batch: LogsBatch,
    pub failed: u64,
}

impl Writer {
    /// A line for everything that happened.
    pub fn lines(&self, payload: &Payload, now_ns: i64) -> Lines {
        let mut lines = Lines {
            batch: LogsBatch::default(),
            failed: 0,
        };
        // Entries of one stream share their labels.
        let mut known: HashSet<Rc<LabelsBuf>> = HashSet::new();
        let mut line = String::new();
        for (at, record) in payload.records().iter().enumerate() {
            line.clear();
            if let Err(error) = self.write(&record.pairs, &mut line) {
                tracing::debug!("what happened on a page cannot be a line: {}", error.0);
                lines.failed += 1;
                continue;
            }
            let labels = Rc::new(self.labels_of(record));
            let labels = match known.get(&labels) {
                Some(labels) => labels.clone(),
                None => {
                    known.insert(labels.clone());
                    labels
                }
            };
            // One nanosecond apart, so that Loki keeps their order.
            let time_ns = now_ns + at as i64;
            lines.batch.add_line(&labels, time_ns, line.as_bytes());
        }
        lines
    }

    fn write(&self, pairs: &Attributes<'_>, line: &mut String) -> Result<(), Unwritable> {
        if self.json {
            return write_object(pairs, line);
        }
        for pair in pairs {
            logfmt::write_pair(&pair.key.to_str(), &pair.value, line)?;
        }
        Ok(())
    }

    fn labels_of(&self, record: &Record) -> LabelsBuf {
        let mut labels = LabelsBuf::new();
        for (name, value) in &self.labels {
            match (value.as_str(), record.pairs.get(name)) {
                ("", Some(value)) => labels.set(name, &as_text(value)),
                ("", None) => {}
                (value, _) => labels.set(name, value),
            }
        }
        labels
    }
}
