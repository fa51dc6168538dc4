//! Reads a lane for one destination.

use bytes::Bytes;

use crate::lane::{Lane, Sequence};

/// A record as it was appended.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its place in the lane.
    pub sequence: Sequence,
    /// What the appender called it.
    pub kind: u8,
    /// Items in it, as the appender counted them.
    pub items: u32,
    /// Wall clock at the append, milliseconds since 1970.
    pub appended_ms: i64,
    /// Its bytes; of what was just written a slice of the mapped segment.
    pub payload: Bytes,
}

/// The place of a destination in a lane. A destination has one reader at a time: making another one
/// sends the first back to its start.
pub struct Reader {
    lane: Lane,
    destination: usize,
}

impl Reader {
    /// The next record; waits at the committed end. May be dropped while it waits.
    pub async fn next(&mut self) -> Record {
        std::future::pending().await
    }

    /// The next record, or nothing at the committed end.
    pub async fn next_ready(&mut self) -> Option<Record> {
        None
    }

    /// The record has reached the destination, or was given up by it. The cursor passes it when all
    /// before it have been acked as well.
    pub fn ack(&mut self, _sequence: Sequence) {}

    /// Starts again behind the last record that the cursor passed, as after a restart.
    pub fn seek_to_cursor(&mut self) {}
}
