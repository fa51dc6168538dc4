//! Loki's pushes: what decodes is encoded and decoded again to the same; JSON is bounded.

use std::rc::Rc;

use batch::{LabelsBuf, LogsBatch};
use formats::loki_push::{Encoder, Limits, decode, decode_json, parse_labels};

const LIMITS: Limits = Limits {
    streams_max: 1_000,
    entries_max: 10_000,
    pairs_max: 10_000,
};

pub fn check(bytes: &[u8]) {
    let mut json = LogsBatch::default();
    let mut accept = |labels: &LabelsBuf| Some(Rc::new(labels.clone()));
    if decode_json(bytes, &mut json, &LIMITS, &mut accept).is_ok() {
        assert!(json.items() <= LIMITS.entries_max);
        assert!(json.text.len() <= bytes.len(), "escapes only ever shrink");
    }
    let Some(batch) = decoded(bytes) else {
        return;
    };
    let mut encoder = Encoder::new();
    for stream in &batch.streams {
        let index = encoder.open(&stream.labels);
        for entry in &stream.entries {
            let metadata = batch.metadata(entry);
            encoder.entry(index, entry.timestamp_ns, batch.line(entry), metadata);
        }
    }
    let again = decoded(encoder.finish()).expect("our own encoding");
    assert_eq!(again.items(), batch.items());
}

fn decoded(bytes: &[u8]) -> Option<LogsBatch> {
    let mut batch = LogsBatch {
        text: bytes.to_vec(),
        ..LogsBatch::default()
    };
    let mut labels = |text: &[u8]| {
        let mut labels = LabelsBuf::new();
        parse_labels(text, &mut labels).ok()?;
        labels.retain(|name, _| is_plain(name));
        Some(Rc::new(labels))
    };
    decode(&mut batch, &LIMITS, &mut labels).ok()?;
    Some(batch)
}

/// Names that need no quotes, and are not internal: what a writer of pushes has.
fn is_plain(name: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
    !name.is_empty() && !digit_first && !name.starts_with("__") && name.bytes().all(letters)
}
