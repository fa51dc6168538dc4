//! A line of Loki as a log record.

use batch::otlp::{AnyValue, KeyValue, LogRecord, Text};
use batch::{LabelsBuf, LogEntry, LogsBatch};

/// The attribute that lists the labels, so that the way back finds them.
pub const LOKI_LABELS: &str = "loki.attribute.labels";

/// The record of an entry. What it says is not copied.
#[must_use]
pub fn record_of<'b>(
    batch: &'b LogsBatch,
    labels: &'b LabelsBuf,
    entry: &LogEntry,
    now_ns: u64,
) -> LogRecord<'b> {
    let mut record = LogRecord {
        time_unix_nano: match entry.timestamp_ns {
            0 => now_ns,
            time => time as u64,
        },
        observed_unix_nano: now_ns,
        body: AnyValue::String(Text::from_bytes(batch.line(entry))),
        ..LogRecord::default()
    };
    let attributes = &mut record.attributes;
    if let Some(path) = labels.get("filename") {
        attributes.set("log.file.path", path.into());
        attributes.set("log.file.name", base(path).into());
    }
    if !labels.is_empty() {
        let names: Vec<&str> = labels.iter().map(|(name, _)| name).collect();
        attributes.set(LOKI_LABELS, names.join(",").into());
    }
    for (name, value) in labels.iter() {
        attributes.set(name, value.into());
    }
    for (name, value) in batch.metadata(entry) {
        attributes.push(KeyValue {
            key: Text::from_bytes(name),
            value: AnyValue::String(Text::from_bytes(value)),
        });
    }
    record
}

/// The last part of a path, as Go's `path.Base` says it.
fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (path, trimmed) {
        ("", _) => ".",
        (_, "") => "/",
        _ => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}
