//! What the handle, the writer, the keeper and the readers of a lane share. One thread, no locks: a
//! borrow never lasts over an await.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;

use runtime::Instant;
use runtime::fs::{File, Lock, Mapping};
use runtime::sync::Notify;

use crate::clock::{Clock, ClockMs};
use crate::destination::{Destination, DropReason};
use crate::limits::MAPPED_SEGMENTS_MAX;
use crate::quarantine::Quarantine;
use crate::segment::SegmentId;
use crate::segments::{Mark, Segment, Segments};
use crate::staging::Staging;
use crate::{AppendError, LaneOptions};

pub(crate) struct Shared {
    pub dir: PathBuf,
    pub options: LaneOptions,
    pub lane_id: u64,
    pub quarantine: Quarantine,
    pub clock: Clock,
    pub state: RefCell<State>,
    /// Wakes the writer.
    pub work: Notify,
    /// Wakes the keeper.
    pub keep: Notify,
    /// Told when something was committed or discarded, and at the end.
    pub progress: Notify,
}

pub(crate) struct State {
    pub phase: Phase,
    pub staging: Staging,
    /// The end of what is committed.
    pub end: Mark,
    /// When the last record was committed.
    pub written: ClockMs,
    /// Somebody asked for a commit that does not wait for the delay.
    pub hurry: bool,
    /// The writer is inside of a commit or a sync.
    pub writing: bool,
    pub segments: Segments,
    /// The segment that is written; always the last one.
    pub active: Option<Active>,
    pub mapped: VecDeque<Mapped>,
    /// Files for reuse, by name.
    pub spares: VecDeque<String>,
    /// Segments that nobody needs and that are still on disk.
    pub retired: VecDeque<Segment>,
    pub next_number: u32,
    pub destinations: Vec<Destination>,
    /// While the disk is full or failing.
    pub refusal: Option<Refusal>,
    pub counts: Counts,
    /// Cursors moved since they were saved.
    pub cursors_moved: bool,
    /// They moved since they were last written without a sync.
    pub cursors_unnoted: bool,
    /// Held as long as the lane is open.
    pub lock: Option<Lock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// The writer commits what is staged, then the keeper saves the cursors.
    Closing,
    Closed,
}

/// The segment that is written.
pub(crate) struct Active {
    pub id: SegmentId,
    pub file: Rc<File>,
    pub file_bytes: u64,
    /// Where the next record goes.
    pub offset: u64,
    /// Up to where the content is known to be durable.
    pub synced: Mark,
    pub synced_offset: u64,
    /// When the first record that is not synced was written.
    pub unsynced_since: Option<Instant>,
    /// A sync failed: what is not durable has to move to another file.
    pub distrusted: bool,
}

/// A segment that readers see as memory.
pub(crate) struct Mapped {
    pub number: u32,
    pub mapping: Mapping,
    /// What is before was on disk when the lane was opened and may have to be fetched.
    pub warm_from: u64,
}

pub(crate) struct Refusal {
    pub until: Instant,
    pub error: AppendError,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub appended_records: u64,
    pub appended_items: u64,
    pub appended_bytes: u64,
    pub commits: u64,
    pub disk_errors: u64,
    pub refused_records: u64,
}

impl Shared {
    /// Lets go of the segments that every destination has passed.
    pub fn release_passed(&self) {
        let mut state = self.state.borrow_mut();
        let end = state.end.sequence;
        let cursors = state
            .destinations
            .iter()
            .map(|destination| destination.cursor().sequence);
        let passed = cursors.min().unwrap_or(end);
        while let Some((id, base)) = state.first_sealed()
            && base.sequence <= passed
        {
            assert!(
                base.sequence <= end,
                "records beyond the end are not passed"
            );
            state.retire_first();
            self.quarantine.forget(&id);
            self.keep.notify_one();
        }
    }

    /// Drops the oldest segment, which must not be the active one, counted by destination.
    pub fn drop_first(&self, reason: DropReason) {
        let mut state = self.state.borrow_mut();
        let Some((id, end)) = state.first_sealed() else {
            panic!("the active segment stays")
        };
        for destination in &mut state.destinations {
            let items = destination.drop_before(end, reason);
            if items > 0 {
                tracing::warn!(
                    lane = %self.dir.display(),
                    destination = destination.name,
                    items,
                    "{} of the log reached, oldest items dropped; check the destination",
                    match reason {
                        DropReason::Age => "age limit",
                        DropReason::Budget => "budget",
                    }
                );
            }
        }
        state.cursors_moved = true;
        state.retire_first();
        self.quarantine.forget(&id);
        self.keep.notify_one();
    }

    /// A destination has acked something: has the cursors noted at once, as far as a dying process
    /// goes.
    pub fn acked(&self) {
        let mut state = self.state.borrow_mut();
        state.cursors_moved = true;
        if !std::mem::replace(&mut state.cursors_unnoted, true) {
            self.keep.notify_one();
        }
    }

    /// Has the cursors saved soon.
    pub fn cursors_moved(&self) {
        if !std::mem::replace(&mut self.state.borrow_mut().cursors_moved, true) {
            // The keeper sleeps without a timer while nothing moves.
            self.keep.notify_one();
        }
    }

    /// Counts a failure of the disk and says what it was doing.
    pub fn disk_failed(&self, doing: &str, error: &std::io::Error) {
        self.state.borrow_mut().counts.disk_errors += 1;
        tracing::warn!(lane = %self.dir.display(), "the log cannot {doing}: {error}");
    }
}

impl State {
    /// The oldest segment and where it ends, unless that is the one that is written.
    fn first_sealed(&self) -> Option<(SegmentId, Mark)> {
        let first = self.segments.first()?.id;
        match self.segments.second() {
            Some(second) => Some((first, second.id.base())),
            None if self.active.is_some() => None,
            None => Some((first, self.end)),
        }
    }

    fn retire_first(&mut self) {
        let segment = self.segments.pop_first().expect("the caller looked at it");
        self.retired.push_back(segment);
    }

    /// Takes a mapping back when nobody needs it: of the oldest, those without borrowed slices. The
    /// others stay, so that it is known that their file must not be written again.
    pub fn trim_mapped(&mut self) {
        let surplus = self.mapped.len().saturating_sub(MAPPED_SEGMENTS_MAX);
        let mut index = 0;
        self.mapped.retain(|mapped| {
            index += 1;
            index > surplus || mapped.mapping.is_shared()
        });
    }

    /// Gives up a segment's mapping. Says whether slices of it are still in use.
    pub fn unmap(&mut self, number: u32) -> bool {
        let Some(index) = self
            .mapped
            .iter()
            .position(|mapped| mapped.number == number)
        else {
            return false;
        };
        let mapped = self.mapped.remove(index).expect("it was found there");
        mapped.mapping.is_shared()
    }
}

impl Active {
    pub fn room(&self) -> u64 {
        assert!(
            self.offset <= self.file_bytes,
            "records stay inside of their file"
        );
        self.file_bytes - self.offset
    }

    pub fn is_synced(&self) -> bool {
        self.synced_offset == self.offset
    }
}
