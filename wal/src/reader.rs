//! Reads a lane for one destination.
//!
//! What was just written is read from the mapping of its segment, without a copy. What is older, or
//! does not hold there, is read from the file (`cold.rs`).

use std::time::Duration;

use bytes::Bytes;
use runtime::fs::Mapping;

use crate::cold::{Place, Spot};
use crate::lane::{Lane, Sequence};
use crate::limits::{READ_RETRY_DELAY, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};
use crate::record::Header;
use crate::segments::{Mark, Segment};
use crate::state::{Phase, State};

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

/// The place of a destination in a lane. A destination has one reader at a time: with a new one the
/// old one gets nothing more.
pub struct Reader {
    pub(crate) lane: Lane,
    pub(crate) destination: usize,
    /// Which of the destination's readers this is.
    pub(crate) number: u64,
    pub(crate) place: Option<Place>,
    /// The wait before a file that could not be opened is tried again.
    pub(crate) open_delay: Duration,
}

/// What there is to read: the next record, the segment that it lies in, and where that ends.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    pub segment: Segment,
    pub next: Mark,
    pub spot: Spot,
    /// The end of the segment's records, in the lane and in the file.
    pub ceiling: Mark,
    pub end_offset: u64,
}

impl Reader {
    pub(crate) fn new(lane: Lane, destination: usize) -> Reader {
        let open_delay = READ_RETRY_DELAY;
        let mut reader = Reader {
            lane,
            destination,
            number: 0,
            place: None,
            open_delay,
        };
        reader.seek_to_cursor();
        reader
    }

    /// The next record; waits at the committed end. May be dropped while it waits.
    pub async fn next(&mut self) -> Record {
        loop {
            if let Some(record) = self.next_ready().await {
                return record;
            }
            self.lane.shared.progress.notified().await;
        }
    }

    /// The next record, or nothing at the committed end.
    pub async fn next_ready(&mut self) -> Option<Record> {
        loop {
            self.keep_skipped().await;
            let target = self.target()?;
            if let Some(record) = self.read_mapped(&target) {
                return Some(record);
            }
            if let Some(record) = self.read_file(&target).await {
                return Some(record);
            }
        }
    }

    /// The record has reached the destination, or was given up by it. The cursor passes it when all
    /// before it have been acked as well.
    pub fn ack(&mut self, sequence: Sequence) {
        let shared = &self.lane.shared;
        {
            let mut state = shared.state.borrow_mut();
            let destination = &mut state.destinations[self.destination];
            if destination.reader != self.number || !destination.ack(sequence.0) {
                return;
            }
        }
        shared.acked();
        shared.release_passed();
    }

    /// Starts again behind the last record that the cursor passed, as after a restart.
    pub fn seek_to_cursor(&mut self) {
        let mut state = self.lane.shared.state.borrow_mut();
        let destination = &mut state.destinations[self.destination];
        destination.rewind();
        destination.reader += 1;
        self.number = destination.reader;
        self.place = None;
    }

    fn target(&self) -> Option<Target> {
        let mut state = self.lane.shared.state.borrow_mut();
        if state.destinations[self.destination].reader != self.number || state.phase != Phase::Open
        {
            return None;
        }
        self.correct(&mut state);
        let destination = &state.destinations[self.destination];
        let next = destination.read();
        if next.sequence == state.end.sequence {
            return None;
        }
        assert!(
            next.sequence < state.end.sequence,
            "readers see what is committed"
        );
        let found = state.segments.find(next.sequence);
        let (segment, ceiling) = found.expect("drops move the reader along");
        let active = state.active.as_ref().filter(|_| ceiling.is_none());
        let spot = match &self.place {
            Some(place) if place.is_at(&segment, next) => place.spot,
            _ if next.sequence == segment.id.base_sequence => Spot::Exact(SEGMENT_HEADER_BYTES),
            _ if destination.cursor() == next => Spot::hinted(destination.cursor_offset()),
            _ => Spot::Unknown,
        };
        Some(Target {
            segment,
            next,
            spot,
            ceiling: ceiling.unwrap_or(state.end),
            end_offset: active.map_or(segment.file_bytes, |active| active.offset),
        })
    }

    /// Where the number of items before a record is known, that counts.
    fn correct(&self, state: &mut State) {
        let next = state.destinations[self.destination].read();
        let known = match state.segments.find(next.sequence) {
            _ if next.sequence == state.end.sequence => state.end,
            Some((segment, _)) if next.sequence == segment.id.base_sequence => segment.id.base(),
            _ => return,
        };
        if next.items < known.items {
            state.destinations[self.destination].correct(known);
        }
    }

    /// The next record from its segment's mapping, if it is there and intact.
    fn read_mapped(&mut self, target: &Target) -> Option<Record> {
        let number = target.segment.id.number;
        let (Spot::Exact(offset) | Spot::Hinted(offset)) = target.spot else {
            return None;
        };
        if self
            .place
            .as_ref()
            .is_some_and(|place| place.is_cold(&target.segment))
        {
            return None;
        }
        let shared = self.lane.shared.clone();
        let mut state = shared.state.borrow_mut();
        let mapped = state.mapped.iter().find(|mapped| mapped.number == number)?;
        if offset < mapped.warm_from {
            return None;
        }
        let Some((header, payload)) = mapped_record(&mapped.mapping, target, offset) else {
            self.enter(target).set_cold();
            return None;
        };
        let end_offset = offset + header.record_bytes();
        self.enter(target).advance(header.sequence + 1, end_offset);
        Some(self.deliver(&mut state, target, &header, payload, end_offset))
    }

    /// Hands a record out: from now on it waits for its ack.
    pub(crate) fn deliver(
        &self,
        state: &mut State,
        target: &Target,
        header: &Header,
        payload: Bytes,
        end_offset: u64,
    ) -> Record {
        let destination = &mut state.destinations[self.destination];
        let before = destination.read();
        let end = target.after(before, header);
        let found_items = before.items + u64::from(header.items) - end.items;
        let end_offset = u32::try_from(end_offset).expect("offsets fit");
        destination.deliver(end, end_offset, found_items);
        Record {
            sequence: Sequence(header.sequence),
            kind: header.kind,
            items: header.items,
            appended_ms: header.appended_ms,
            payload,
        }
    }
}

impl Target {
    /// Where a record of the segment ends in the lane. The names of the segments have the last word
    /// on items.
    pub(crate) fn after(&self, before: Mark, header: &Header) -> Mark {
        let items = before.items + u64::from(header.items);
        let items = items.min(self.ceiling.items).max(before.items);
        Mark {
            sequence: header.sequence + 1,
            items,
        }
    }
}

/// The record at `offset` of a mapped segment, if it is the one that is wanted.
fn mapped_record(mapping: &Mapping, target: &Target, offset: u64) -> Option<(Header, Bytes)> {
    let start = usize::try_from(offset).ok()?;
    let header = Header::decode(mapping.as_slice().get(start..)?, target.segment.id.seed())?;
    let wanted = header.sequence == target.next.sequence;
    let inside = offset + header.record_bytes() <= target.end_offset;
    if !wanted || !inside {
        return None;
    }
    let payload = start + RECORD_HEADER_BYTES;
    let payload = mapping.bytes(payload..payload + header.payload_bytes as usize);
    header.is_payload(&payload).then_some((header, payload))
}
