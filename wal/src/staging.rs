//! Records that wait for the next commit, and what became of those that did not make it.
//!
//! There are two buffers: appends fill one while the other is being committed.

use std::collections::VecDeque;

use runtime::Instant;

use crate::AppendError;
use crate::lane::Sequence;
use crate::limits::{DISCARDS_MAX, RECORD_HEADER_BYTES};
use crate::record::{Header, record_bytes};

/// An appended record that is not known to be committed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    sequence: u64,
    /// Sequences of records that were discarded are used again; this tells the uses apart.
    attempt: u64,
}

impl Ticket {
    /// The record's place in the lane, once it is committed.
    pub fn sequence(self) -> Sequence {
        Sequence(self.sequence)
    }
}

/// What an appender says about a record.
pub(crate) struct Label {
    pub kind: u8,
    pub items: u32,
    pub appended_ms: i64,
}

/// The open commit.
pub(crate) struct Staging {
    bytes: Vec<u8>,
    /// The other buffer, when it is not being committed.
    other: Vec<u8>,
    bytes_max: usize,
    next_sequence: u64,
    records: u64,
    items: u64,
    payload_bytes: u64,
    since: Option<Instant>,
    attempt: u64,
    discards: VecDeque<Discard>,
}

/// The end of an attempt: its records from `sequence` on are not in the log.
struct Discard {
    attempt: u64,
    sequence: u64,
    error: AppendError,
}

/// Records that are committed together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub bytes: Vec<u8>,
    pub sequence: u64,
    pub records: u64,
    pub items: u64,
    pub payload_bytes: u64,
}

impl Staging {
    pub fn new(next_sequence: u64, bytes_max: usize) -> Staging {
        assert!(next_sequence > 0, "sequences count from 1");
        Staging {
            bytes: Vec::new(),
            other: Vec::new(),
            bytes_max,
            next_sequence,
            records: 0,
            items: 0,
            payload_bytes: 0,
            since: None,
            attempt: 0,
            discards: VecDeque::new(),
        }
    }

    /// Whether a payload of this size goes into the open commit. An empty one takes any.
    pub fn has_room(&self, payload_bytes: usize) -> bool {
        let more = record_bytes(payload_bytes as u64) as usize;
        self.bytes.is_empty() || self.bytes.len() + more <= self.bytes_max
    }

    /// Whether nothing more is worth waiting for.
    pub fn is_full(&self) -> bool {
        // Half: with the other half the next record of the same size would not fit.
        self.bytes.len() >= self.bytes_max / 2
    }

    /// Since when the oldest staged record waits.
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Adds a record; the only copy of its payload on the way to the disk.
    pub fn push(&mut self, label: &Label, payload: &[u8], now: Instant) -> Ticket {
        assert!(self.has_room(payload.len()), "the caller asked");
        let sequence = self.next_sequence;
        let header = Header {
            kind: label.kind,
            payload_bytes: payload.len() as u32,
            payload_crc: crc32c::crc32c(payload),
            sequence,
            appended_ms: label.appended_ms,
            items: label.items,
            commit_offset: self.bytes.len() as u32,
        };
        let end = self.bytes.len() + header.record_bytes() as usize;
        self.bytes.reserve(end - self.bytes.len());
        self.bytes.extend_from_slice(&header.encode());
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(end, 0);
        self.next_sequence += 1;
        self.records += 1;
        self.items += u64::from(label.items);
        self.payload_bytes += payload.len() as u64;
        self.since.get_or_insert(now);
        Ticket {
            sequence,
            attempt: self.attempt,
        }
    }

    /// Closes the open commit, if it has records, and opens the next.
    pub fn take(&mut self) -> Option<Batch> {
        self.since.take()?;
        let bytes = std::mem::replace(&mut self.bytes, std::mem::take(&mut self.other));
        assert!(
            !bytes.is_empty() && self.bytes.is_empty(),
            "buffers are exchanged whole"
        );
        let records = std::mem::take(&mut self.records);
        Some(Batch {
            bytes,
            sequence: self.next_sequence - records,
            records,
            items: std::mem::take(&mut self.items),
            payload_bytes: std::mem::take(&mut self.payload_bytes),
        })
    }

    /// Takes the buffer of a finished commit back, unless one large record made it large.
    pub fn give_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= 2 * self.bytes_max {
            buffer.clear();
            self.other = buffer;
        }
    }

    /// Gives up the records from `sequence` on, the staged ones included. Gives their number.
    pub fn discard(&mut self, sequence: u64, error: AppendError) -> u64 {
        assert!(
            sequence <= self.next_sequence,
            "discarded records were appended"
        );
        let count = self.next_sequence - sequence;
        self.bytes.clear();
        (self.records, self.items, self.payload_bytes, self.since) = (0, 0, 0, None);
        self.next_sequence = sequence;
        if self.discards.len() == DISCARDS_MAX {
            self.discards.pop_front();
        }
        self.discards.push_back(Discard {
            attempt: self.attempt,
            sequence,
            error,
        });
        self.attempt += 1;
        count
    }

    /// What became of a record, given the end of what is committed; nothing while it is open.
    pub fn outcome(&self, ticket: Ticket, end: u64) -> Option<Result<(), AppendError>> {
        assert!(
            ticket.attempt <= self.attempt,
            "tickets come from this lane"
        );
        if ticket.attempt == self.attempt {
            return (ticket.sequence < end).then_some(Ok(()));
        }
        let ended = self
            .discards
            .iter()
            .find(|discard| discard.attempt == ticket.attempt);
        Some(match ended {
            Some(discard) if ticket.sequence < discard.sequence => Ok(()),
            Some(discard) => Err(discard.error.clone()),
            // Too long ago. If it was committed after all, the appender sends it again.
            None => Err(AppendError::Failed {
                kind: std::io::ErrorKind::Other,
            }),
        })
    }
}

const _: () = assert!(
    RECORD_HEADER_BYTES == 40,
    "staged headers are what record.rs encodes"
);

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: Label = Label {
        kind: 1,
        items: 10,
        appended_ms: 0,
    };

    fn staging() -> Staging {
        Staging::new(5, 1024)
    }

    fn push(staging: &mut Staging, bytes: usize) -> Ticket {
        staging.push(&LABEL, &vec![7; bytes], Instant::ZERO)
    }

    #[test]
    fn a_batch_holds_what_was_staged_and_the_next_goes_on() {
        let mut staging = staging();
        assert!(staging.take().is_none());
        push(&mut staging, 10);
        push(&mut staging, 0);
        let batch = staging.take().unwrap();
        assert_eq!((batch.sequence, batch.records, batch.items), (5, 2, 20));
        assert_eq!((batch.payload_bytes, batch.bytes.len()), (10, 56 + 40));
        push(&mut staging, 1);
        assert_eq!(staging.take().unwrap().sequence, 7);
    }

    #[test]
    fn offsets_in_the_commit_are_those_in_the_batch() {
        let mut staging = staging();
        push(&mut staging, 10);
        push(&mut staging, 10);
        let bytes = staging.take().unwrap().bytes;
        let second = Header::fields(bytes[56..].first_chunk().unwrap());
        assert_eq!((second.sequence, second.commit_offset), (6, 56));
    }

    #[test]
    fn room_ends_at_the_limit_but_one_record_of_any_size_goes_in() {
        let mut staging = staging();
        assert!(staging.has_room(100_000));
        push(&mut staging, 500);
        assert!(staging.has_room(400) && !staging.has_room(500));
        assert!(staging.is_full());
    }

    #[test]
    fn the_two_buffers_take_turns() {
        let mut staging = staging();
        push(&mut staging, 100);
        let first = staging.take().unwrap().bytes;
        let place = first.as_ptr();
        staging.give_back(first);
        push(&mut staging, 1);
        let second = staging.take().unwrap().bytes;
        staging.give_back(second);
        push(&mut staging, 1);
        assert_eq!(staging.take().unwrap().bytes.as_ptr(), place);
    }

    #[test]
    fn a_late_question_about_a_discarded_record_is_answered_with_its_error() {
        let mut staging = staging();
        let (kept, lost) = (push(&mut staging, 1), push(&mut staging, 1));
        assert_eq!(staging.outcome(kept, 5), None);
        assert_eq!(staging.discard(6, AppendError::NoSpace), 1);
        let again = push(&mut staging, 1);
        assert_ne!(again, lost, "the sequence is used again, the ticket is not");
        assert_eq!(staging.outcome(kept, 7), Some(Ok(())));
        assert_eq!(staging.outcome(lost, 7), Some(Err(AppendError::NoSpace)));
        assert_eq!(staging.outcome(again, 6), None);
        assert_eq!(staging.outcome(again, 7), Some(Ok(())));
    }

    #[test]
    fn a_discard_that_was_forgotten_counts_as_failed() {
        let mut staging = staging();
        let old = push(&mut staging, 1);
        for _ in 0..=DISCARDS_MAX {
            staging.discard(6, AppendError::NoSpace);
        }
        assert!(matches!(staging.outcome(old, 6), Some(Err(_))));
    }
}
