//! Loki's push requests: protobuf (snappy around it is `snappy`'s) and JSON.
//!
//! ```text
//! message PushRequest { repeated Stream streams = 1; }
//! message Stream      { string labels = 1; repeated Entry entries = 2; uint64 hash = 3; }
//! message Entry       { Timestamp timestamp = 1; string line = 2; repeated Pair metadata = 3; }
//! ```
//!
//! Decoding makes ranges of the message that arrived: nothing is copied an entry. What Loki adds to
//! entries that it answers with (`parsed`, `hash`) is not read.

mod decode;
mod encode;
mod json;
mod labels;

pub use crate::protobuf::DecodeError;
pub use decode::decode;
pub use encode::Encoder;
pub use json::decode_json;
pub use labels::{LabelsError, parse_labels, write_all_labels, write_labels};

/// What a request may hold, so that small bytes do not become large batches.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub streams_max: usize,
    pub entries_max: usize,
    /// Pairs of structured metadata, of all entries together.
    pub pairs_max: usize,
}

/// Counts what a request holds against its limits.
struct Room {
    streams: usize,
    entries: usize,
    pairs: usize,
}

impl Room {
    fn new(limits: &Limits) -> Room {
        Room {
            streams: limits.streams_max,
            entries: limits.entries_max,
            pairs: limits.pairs_max,
        }
    }

    fn stream(&mut self) -> Result<(), DecodeError> {
        take(&mut self.streams, "more streams than one request may hold")
    }

    fn entry(&mut self) -> Result<(), DecodeError> {
        take(&mut self.entries, "more entries than one request may hold")
    }

    fn pair(&mut self) -> Result<(), DecodeError> {
        let reason = "more structured metadata than one request may hold";
        take(&mut self.pairs, reason)
    }
}

fn take(left: &mut usize, reason: &'static str) -> Result<(), DecodeError> {
    match left.checked_sub(1) {
        Some(less) => {
            *left = less;
            Ok(())
        }
        None => Err(DecodeError {
            field: "push request",
            reason,
        }),
    }
}
