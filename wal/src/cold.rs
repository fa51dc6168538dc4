//! Reading from a segment's file, where bytes that are no records are expected: they are skipped,
//! counted and kept in quarantine, and reading goes on behind them.
//!
//! A file that is missing, or is none of this lane, takes its records with it. One that cannot be
//! opened for another reason is waited for: that is the machine's trouble and passes.

use std::io;
use std::ops::Range;

use crate::limits::{READ_RETRY_DELAY, READ_RETRY_DELAY_MAX, SEGMENT_HEADER_BYTES};
use crate::reader::{Reader, Record, Target};
use crate::record::Header;
use crate::recover::is_foreign;
use crate::scan::{Limit, Patience, Scan, Step};
use crate::segment::{FoundHeader, SegmentId};
use crate::segments::{Mark, Segment};
use crate::state::State;

/// Where a reader is.
pub(crate) struct Place {
    segment: SegmentId,
    /// The next record, and where it starts.
    sequence: u64,
    pub spot: Spot,
    /// The segment's mapping did not hold, or is not there.
    cold: bool,
    scan: Option<Scan>,
    /// Skipped since the last record that was met.
    open: Vec<Range<u64>>,
    /// Skipped, and known to have cost records; to be kept in quarantine.
    skipped: Vec<Range<u64>>,
}

/// Where a record starts in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// The record before it ends there.
    Exact(u64),
    /// So says the cursor file.
    Hinted(u64),
    /// Somewhere: the segment has to be walked from its start.
    Unknown,
}

impl Spot {
    pub fn hinted(offset: u32) -> Spot {
        match u64::from(offset) {
            offset if offset >= SEGMENT_HEADER_BYTES => Spot::Hinted(offset),
            _ => Spot::Unknown,
        }
    }
}

impl Place {
    pub fn is_at(&self, segment: &Segment, next: Mark) -> bool {
        self.segment == segment.id && self.sequence == next.sequence
    }

    pub fn is_cold(&self, segment: &Segment) -> bool {
        self.segment == segment.id && self.cold
    }

    pub fn set_cold(&mut self) {
        self.cold = true;
    }

    pub fn advance(&mut self, sequence: u64, offset: u64) {
        assert!(self.sequence < sequence, "reading goes forward");
        self.sequence = sequence;
        self.spot = Spot::Exact(offset);
        self.open.clear();
    }

    /// Looks for the record from the segment's start.
    fn walk(&mut self) {
        self.spot = Spot::Unknown;
        let scan = self.scan.as_mut().expect("a file is being read");
        scan.seek(SEGMENT_HEADER_BYTES, self.segment.base_sequence);
    }
}

impl Reader {
    /// The place in the target's segment.
    pub(crate) fn enter(&mut self, target: &Target) -> &mut Place {
        let stays = self
            .place
            .take()
            .filter(|place| place.is_at(&target.segment, target.next));
        self.place.insert(stays.unwrap_or_else(|| Place {
            segment: target.segment.id,
            sequence: target.next.sequence,
            spot: target.spot,
            cold: false,
            scan: None,
            open: Vec::new(),
            skipped: Vec::new(),
        }))
    }

    /// The next record from the file. Nothing means that the question is to be asked again.
    pub(crate) async fn read_file(&mut self, target: &Target) -> Option<Record> {
        self.enter(target);
        if !self.open_file(target).await {
            return None;
        }
        let place = self.place.as_mut().expect("it was entered");
        let scan = place.scan.as_mut().expect("it was opened");
        if let Spot::Exact(offset) | Spot::Hinted(offset) = place.spot {
            scan.seek(offset, target.next.sequence);
        }
        let limit = Limit {
            offset: target.end_offset,
            sequence: target.ceiling.sequence,
        };
        let step = scan.step(limit).await;
        let shared = self.lane.shared.clone();
        let mut state = shared.state.borrow_mut();
        if !self.is_current(&state, target) {
            return None;
        }
        let record = self.take(&mut state, target, step);
        drop(state);
        // What was lost may have been all that held a segment.
        shared.release_passed();
        record
    }

    /// Whether the target still is what it was before a wait: the lane may have dropped it.
    fn is_current(&self, state: &State, target: &Target) -> bool {
        let destination = &state.destinations[self.destination];
        let found = state.segments.find(target.next.sequence);
        destination.reader == self.number
            && destination.read() == target.next
            && found.is_some_and(|(segment, _)| segment.id == target.segment.id)
    }

    /// Books what a step has met.
    fn take(&mut self, state: &mut State, target: &Target, step: Step) -> Option<Record> {
        let place = self.place.as_mut().expect("it was entered");
        if let Spot::Hinted(offset) = place.spot
            && !is_record_at(&step, offset, target.next.sequence)
        {
            place.walk();
            return None;
        }
        match step {
            Step::Record { header, .. } | Step::Damaged { header, .. }
                if header.sequence < target.next.sequence =>
            {
                // On the way from the start; what was skipped there was dealt with before.
                place.open.clear();
                place.spot = Spot::Unknown;
                None
            }
            Step::Record {
                header,
                payload,
                range,
            } => {
                self.lose_before(state, &header, &range);
                self.settle(&header, &range);
                Some(self.deliver(state, target, &header, payload, range.end))
            }
            Step::Damaged { header, range } => {
                self.lose_before(state, &header, &range);
                let before = state.destinations[self.destination].read();
                self.lose(state, target.after(before, &header), range.end);
                self.settle(&header, &range);
                self.place
                    .as_mut()
                    .expect("it was entered")
                    .skipped
                    .push(range);
                None
            }
            Step::Skipped { range } => {
                place.spot = Spot::Unknown;
                place.open.push(range);
                None
            }
            Step::End { range } => {
                self.lose(state, target.ceiling, 0);
                let place = self.place.as_mut().expect("it was entered");
                place.open.push(range);
                place.skipped.append(&mut place.open);
                None
            }
        }
    }

    /// The records between the wanted one and the one that was met are lost.
    fn lose_before(&mut self, state: &mut State, header: &Header, range: &Range<u64>) {
        let read = state.destinations[self.destination].read();
        if read.sequence < header.sequence {
            // How many items were in them is known at the end of the segment.
            let end = Mark {
                sequence: header.sequence,
                items: read.items,
            };
            self.lose(state, end, range.start);
            let place = self.place.as_mut().expect("it was entered");
            place.skipped.append(&mut place.open);
        }
    }

    fn lose(&self, state: &mut State, end: Mark, end_offset: u64) {
        let destination = &mut state.destinations[self.destination];
        let items = end.items.max(destination.read().items);
        let end = Mark { items, ..end };
        destination.lose(end, u32::try_from(end_offset).expect("offsets fit"));
        state.cursors_moved = true;
    }

    fn settle(&mut self, header: &Header, range: &Range<u64>) {
        let place = self.place.as_mut().expect("it was entered");
        place.advance(header.sequence + 1, range.end);
    }

    /// Keeps what was skipped, before reading goes on.
    pub(crate) async fn keep_skipped(&mut self) {
        let quarantine = &self.lane.shared.quarantine;
        let Some(place) = &mut self.place else { return };
        let Some(scan) = &mut place.scan else { return };
        while let Some(range) = place.skipped.last() {
            quarantine
                .add_piece(scan, &place.segment, range.clone())
                .await;
            place.skipped.pop();
        }
    }

    /// Opens the segment's file, if it is not. False means that there is another target.
    async fn open_file(&mut self, target: &Target) -> bool {
        if self
            .place
            .as_ref()
            .is_some_and(|place| place.scan.is_some())
        {
            return true;
        }
        let shared = self.lane.shared.clone();
        let id = target.segment.id;
        match Scan::open(&shared.dir.join(id.name()), id, Patience::Long).await {
            Ok(mut scan) => {
                let header = scan.header().await;
                if is_foreign(&header, &id, Some(shared.lane_id)) {
                    shared
                        .quarantine
                        .add_file(&id.name(), target.segment.file_bytes)
                        .await;
                    self.lose_segment(target);
                    return false;
                }
                let place = self.place.as_mut().expect("it was entered");
                if header == FoundHeader::Bad {
                    place.skipped.push(0..SEGMENT_HEADER_BYTES);
                }
                self.open_delay = READ_RETRY_DELAY;
                place.scan = Some(scan);
                if place.spot == Spot::Unknown {
                    place.walk();
                }
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!(lane = %shared.dir.display(), segment = id.number, "is gone");
                self.lose_segment(target);
                false
            }
            Err(error) => {
                shared.disk_failed("open a segment, trying again", &error);
                runtime::sleep(self.open_delay).await;
                self.open_delay = (self.open_delay * 2).min(READ_RETRY_DELAY_MAX);
                false
            }
        }
    }

    /// All that the segment should still hold for this destination is lost.
    fn lose_segment(&mut self, target: &Target) {
        let shared = self.lane.shared.clone();
        let mut state = shared.state.borrow_mut();
        if self.is_current(&state, target) {
            self.lose(&mut state, target.ceiling, 0);
        }
        drop(state);
        shared.release_passed();
    }
}

/// Whether a step has met this record at this offset.
fn is_record_at(step: &Step, offset: u64, sequence: u64) -> bool {
    match step {
        Step::Record { header, range, .. } | Step::Damaged { header, range } => {
            range.start == offset && header.sequence == sequence
        }
        Step::Skipped { .. } | Step::End { .. } => false,
    }
}
