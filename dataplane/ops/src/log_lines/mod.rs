//! Log records of OTLP as lines with labels, as Loki takes them, and back.
//!
//! Attributes tell what becomes of a record (*hints*): `loki.attribute.labels` and
//! `loki.resource.labels` list attributes that become labels, `loki.tenant` one that tells the
//! tenant, `loki.format` how the line is written: `json`, `logfmt` or `raw`.

mod json;
mod labels;
mod line;
pub mod logfmt;
mod record;
#[cfg(test)]
mod tests;

pub use json::{as_text, write_object};
pub use labels::label_name;
pub use record::{LOKI_LABELS, record_of};

use batch::LabelsBuf;
use batch::otlp::{LogRecord, Resource, Scope};

/// A record as Loki has it, in buffers that are used again.
#[derive(Debug, Default)]
pub struct LineMaker {
    pub labels: LabelsBuf,
    pub line: String,
}

/// Why a record cannot be a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritable(pub String);

impl LineMaker {
    /// Makes labels and line. Costs copies of the attributes and the line.
    pub fn make(
        &mut self,
        record: &LogRecord<'_>,
        resource: &Resource<'_>,
        scope: &Scope<'_>,
    ) -> Result<(), Unwritable> {
        let mut promoted = labels::Promoted::default();
        let level = labels::level(record);
        promoted.gather(record, resource, level);
        self.labels.clear();
        for (name, value) in promoted.iter() {
            // Loki keeps a label that is empty.
            self.labels.put(&label_name(name), value);
        }
        let parts = line::Parts {
            record,
            resource,
            scope,
            promoted: &promoted,
        };
        self.line.clear();
        parts.write(&mut self.line)
    }
}

/// Nanoseconds since 1970 of a record, if it has a time.
#[must_use]
pub fn time_of(record: &LogRecord<'_>) -> Option<i64> {
    [record.time_unix_nano, record.observed_unix_nano]
        .into_iter()
        .find(|time| *time != 0)
        .map(|time| time as i64)
}
