//! The keeper of a lane: the one task that saves cursors, recycles and removes files, watches the
//! age of records and keeps a reserve of space. Nothing here holds up a commit.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use runtime::Instant;
use runtime::fs::{self, File, OpenOptions};

use crate::clock::ClockMs;
use crate::cursors::{CursorTable, SavedCursor};
use crate::destination::DropReason;
use crate::limits::{
    CURSOR_NOTE_INTERVAL, CURSOR_SAVE_INTERVAL, CURSOR_SAVES_FAILED_MAX,
    CURSOR_SAVES_WITHOUT_SPACE_MAX, CURSOR_SLOT_BYTES, KEEP_INTERVAL, READ_ATTEMPTS_AT_START_MAX,
    READ_RETRY_DELAY, SPARES_MAX,
};
use crate::rotate::spare_name;
use crate::scan::{Patience, Scan};
use crate::segment::{FoundHeader, SegmentId};
use crate::segments::Segment;
use crate::state::{Phase, Shared};

/// The cursor file's name in a lane's folder.
pub(crate) const CURSORS: &str = "cursors";

/// The name of the file that holds space back.
pub(crate) const RESERVE: &str = "reserve";

/// The keeper's own state.
pub(crate) struct Keeper {
    shared: Rc<Shared>,
    cursors: Option<File>,
    /// Of the next save. Stays when a save fails, so that the other slot is not spoiled as well.
    generation: u64,
    saved_at: Option<Instant>,
    noted_at: Option<Instant>,
    /// Saves that failed since the last one that did not.
    saves_failed: u32,
    /// The last one failed for want of space.
    save_needs_space: bool,
    reserve: Reserve,
    /// When the oldest segment but one was begun, once known.
    second_begun: Option<(SegmentId, ClockMs)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reserve {
    Held,
    Missing,
}

impl Keeper {
    pub fn new(shared: Rc<Shared>, generation: u64) -> Keeper {
        let reserve = Reserve::Missing;
        Keeper {
            shared,
            cursors: None,
            generation,
            saved_at: None,
            noted_at: None,
            saves_failed: 0,
            save_needs_space: false,
            reserve,
            second_begun: None,
        }
    }

    /// Saves the cursors before anything is appended. Without this a destination that is new would
    /// be new again after a crash, and start behind what was promised to it.
    pub async fn save_first(&mut self) -> io::Result<()> {
        let mut delay = READ_RETRY_DELAY;
        for _ in 1..READ_ATTEMPTS_AT_START_MAX {
            match self.save().await {
                Ok(()) => return Ok(()),
                Err(_) => runtime::sleep(delay).await,
            }
            delay *= 2;
        }
        self.save().await
    }

    /// Runs until the lane is closed.
    pub async fn run(mut self) {
        loop {
            let closing = self.shared.state.borrow().phase != Phase::Open;
            self.drop_aged().await;
            let retired = self.shared.state.borrow().retired.len();
            if closing || retired > 0 || self.save_due() {
                // Counted in there; what failed is due again.
                let _saved = self.save().await;
            } else if self.note_due() {
                self.note().await;
            }
            if self.may_remove() {
                self.remove_retired(retired).await;
            }
            if closing {
                return;
            }
            self.take_reserve().await;
            self.prepare_spare().await;
            self.wait().await;
        }
    }

    /// A file goes after the cursors that passed it were saved: a start that misses a file that a
    /// cursor still wants counts that as a loss. Where there is no space to save, it makes some.
    fn may_remove(&self) -> bool {
        let failed_max = match self.save_needs_space {
            true => CURSOR_SAVES_WITHOUT_SPACE_MAX,
            false => CURSOR_SAVES_FAILED_MAX,
        };
        self.saves_failed == 0 || self.saves_failed >= failed_max
    }

    async fn wait(&self) {
        let wake = self.shared.keep.notified();
        match self.pause() {
            Some(pause) => {
                // Called or not, everything is looked at again.
                let _called = runtime::timeout(pause, wake).await;
            }
            None => wake.await,
        }
    }

    /// How long nothing has to be done unless somebody calls.
    fn pause(&self) -> Option<Duration> {
        let state = self.shared.state.borrow();
        if state.cursors_moved {
            let left = |last: Option<Instant>, interval| {
                last.map_or(Duration::ZERO, |last| last + interval - runtime::now())
            };
            let save = left(self.saved_at, CURSOR_SAVE_INTERVAL);
            let note = left(self.noted_at, CURSOR_NOTE_INTERVAL);
            return Some(if state.cursors_unnoted {
                save.min(note)
            } else {
                save
            });
        }
        let ages = self.shared.options.age_max.is_some() && state.segments.count() > 0;
        let waits =
            ages || self.reserve == Reserve::Missing && self.shared.options.reserve_bytes > 0;
        waits.then_some(KEEP_INTERVAL)
    }

    fn save_due(&self) -> bool {
        let moved = self.shared.state.borrow().cursors_moved;
        let now = runtime::now();
        moved
            && self
                .saved_at
                .is_none_or(|saved_at| saved_at + CURSOR_SAVE_INTERVAL <= now)
    }

    fn note_due(&self) -> bool {
        let unnoted = self.shared.state.borrow().cursors_unnoted;
        let now = runtime::now();
        unnoted
            && self
                .noted_at
                .is_none_or(|noted_at| noted_at + CURSOR_NOTE_INTERVAL <= now)
    }

    /// Writes the cursors where the next save will write them, without a sync: a process that dies
    /// leaves them to the next one. Torn by a power loss, they leave the last save, in the other
    /// slot.
    async fn note(&mut self) {
        self.noted_at = Some(runtime::now());
        let Some(file) = &self.cursors else {
            return;
        };
        self.shared.state.borrow_mut().cursors_unnoted = false;
        let table = self.shared.cursor_table(self.generation);
        if let Err(error) = file.write_at(table.encode(), table.slot_offset()).await.0 {
            // The next save tries again.
            self.shared.disk_failed("note its cursors", &error);
        }
    }

    /// Saves the cursors if they moved. On a full disk the reserve makes room.
    async fn save(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.shared.state.borrow_mut().cursors_moved) {
            return Ok(());
        }
        self.shared.state.borrow_mut().cursors_unnoted = false;
        let mut saved = self.write_cursors().await;
        let full = |error: &io::Error| error.kind() == io::ErrorKind::StorageFull;
        if saved.as_ref().is_err_and(full) && self.reserve == Reserve::Held {
            self.give_reserve().await;
            saved = self.write_cursors().await;
        }
        self.saved_at = Some(runtime::now());
        self.save_needs_space = saved.as_ref().is_err_and(full);
        match &saved {
            Ok(()) => {
                self.generation += 1;
                self.saves_failed = 0;
                self.noted_at = self.saved_at;
            }
            Err(error) => {
                self.saves_failed += 1;
                self.shared.disk_failed("save its cursors", error);
                self.shared.state.borrow_mut().cursors_moved = true;
            }
        }
        saved
    }

    async fn write_cursors(&mut self) -> io::Result<()> {
        if self.cursors.is_none() {
            self.cursors = Some(open_cursors(self.path(CURSORS), &self.shared.dir).await?);
        }
        let file = self.cursors.as_ref().expect("it was opened above");
        let table = self.shared.cursor_table(self.generation);
        file.commit(table.encode(), table.slot_offset()).await.0
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shared.dir.join(name)
    }

    /// Recycles or removes the oldest of the segments that nobody needs.
    async fn remove_retired(&mut self, count: usize) {
        for _ in 0..count {
            let (segment, recycle) = {
                let mut state = self.shared.state.borrow_mut();
                let segment = state
                    .retired
                    .pop_front()
                    .expect("only the keeper takes from it");
                let in_use = state.unmap(segment.id.number);
                let fits = segment.file_bytes == self.shared.options.segment_bytes;
                let wanted = state.phase == Phase::Open && state.spares.len() < SPARES_MAX;
                (segment, fits && wanted && !in_use)
            };
            let name = segment.id.name();
            if recycle && self.recycle(&segment).await {
                continue;
            }
            match fs::remove_file(&self.path(&name)).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    // It is found again at the next start.
                    self.shared.disk_failed("remove a segment", &error);
                }
                _ => {}
            }
        }
    }

    /// Renames a segment to a file for reuse. The folder is synced before the file is written
    /// again: a crash must not bring the old name back with new content.
    async fn recycle(&self, segment: &Segment) -> bool {
        let spare = spare_name(segment.id.number);
        let renamed = match fs::rename(&self.path(&segment.id.name()), &self.path(&spare)).await {
            Ok(()) => fs::sync_dir(&self.shared.dir).await,
            Err(error) => Err(error),
        };
        match renamed {
            Ok(()) => self.shared.state.borrow_mut().spares.push_back(spare),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
            Err(error) => {
                self.shared.disk_failed("recycle a segment", &error);
                // Under whichever name it is now.
                let removed = fs::remove_file(&self.path(&spare)).await;
                return removed.is_ok();
            }
        }
        true
    }

    /// Allocates the next segment's file before it is needed, so that a commit does not wait for
    /// it.
    async fn prepare_spare(&self) {
        let segment_bytes = self.shared.options.segment_bytes;
        let number = {
            let mut state = self.shared.state.borrow_mut();
            let half = state
                .active
                .as_ref()
                .is_some_and(|active| active.room() <= segment_bytes / 2);
            let inside = state.segments.bytes() + segment_bytes <= self.shared.options.budget_bytes;
            if !half || !inside || state.spares.len() >= SPARES_MAX || state.refusal.is_some() {
                return;
            }
            state.next_number += 1;
            state.next_number - 1
        };
        let name = spare_name(number);
        match allocate(&self.path(&name), segment_bytes).await {
            Ok(()) => self.shared.state.borrow_mut().spares.push_back(name),
            Err(error) => self.shared.disk_failed("allocate the next segment", &error),
        }
    }

    async fn take_reserve(&mut self) {
        let bytes = self.shared.options.reserve_bytes;
        if self.reserve == Reserve::Held || bytes == 0 {
            return;
        }
        match allocate(&self.path(RESERVE), bytes).await {
            Ok(()) => self.reserve = Reserve::Held,
            Err(error) => self.shared.disk_failed("set space aside", &error),
        }
    }

    async fn give_reserve(&mut self) {
        self.reserve = Reserve::Missing;
        if let Err(error) = fs::remove_file(&self.path(RESERVE)).await {
            self.shared.disk_failed("free its reserve", &error);
        }
    }

    /// Drops the segments whose last record is too old.
    async fn drop_aged(&mut self) {
        let Some(age_max) = self.shared.options.age_max else {
            return;
        };
        while let Some((id, written)) = self.oldest_written().await {
            let old = self.shared.clock.age(written) >= age_max;
            if !old || !self.shared.drop_aged(&id) {
                return;
            }
        }
    }

    /// The oldest segment and when its last record was written.
    async fn oldest_written(&mut self) -> Option<(SegmentId, ClockMs)> {
        let (first, second, written) = {
            let state = self.shared.state.borrow();
            (
                state.segments.first()?.id,
                state.segments.second().copied(),
                state.written,
            )
        };
        let Some(second) = second else {
            return Some((first, written));
        };
        // The next segment was begun when this one was full.
        let begun = match (second.begun, self.second_begun) {
            (Some(begun), _) => begun,
            (None, Some((id, begun))) if id == second.id => begun,
            (None, _) => self.shared.begun(&second.id).await,
        };
        self.second_begun = Some((second.id, begun));
        Some((first, begun))
    }
}

impl Shared {
    fn cursor_table(&self, generation: u64) -> CursorTable {
        let state = self.state.borrow();
        let cursors = state.destinations.iter().map(|destination| SavedCursor {
            name: destination.name.clone(),
            sequence: destination.cursor().sequence,
            items: destination.cursor().items,
            offset: destination.cursor_offset(),
        });
        CursorTable {
            generation,
            lane_id: self.lane_id,
            next_sequence: state.end.sequence,
            next_items: state.end.items,
            cursors: cursors.collect(),
        }
    }

    /// When a segment of an earlier process was begun, as its header says; now if that cannot be
    /// read, which keeps the records before it for longer.
    async fn begun(&self, id: &SegmentId) -> ClockMs {
        let path = self.dir.join(id.name());
        let Ok(mut scan) = Scan::open(&path, *id, Patience::Brief).await else {
            return self.clock.now();
        };
        match scan.header().await {
            FoundHeader::Intact(header) => self.clock.past(header.created_ms),
            FoundHeader::Future | FoundHeader::Bad => self.clock.now(),
        }
    }

    /// Drops the oldest segment for its age. Says whether it could be.
    fn drop_aged(&self, id: &SegmentId) -> bool {
        {
            let mut state = self.state.borrow_mut();
            if state.segments.first().is_none_or(|first| first.id != *id) {
                return true;
            }
            if state.segments.count() == 1 {
                // The last one may be in the writer's hands, and stays if nothing is held.
                let held = state
                    .destinations
                    .iter()
                    .any(|at| at.held_records(state.end) > 0);
                if state.writing || !held {
                    return false;
                }
                state.active = None;
            }
        }
        self.drop_first(DropReason::Age);
        true
    }
}

async fn open_cursors(path: PathBuf, folder: &std::path::Path) -> io::Result<File> {
    let file = fs::open(&path, &OpenOptions::create()).await?;
    file.allocate(2 * CURSOR_SLOT_BYTES as u64).await?;
    file.sync_data().await?;
    fs::sync_dir(folder).await?;
    Ok(file)
}

/// Makes a file with real blocks. What was made of it when that fails is removed again.
async fn allocate(path: &std::path::Path, bytes: u64) -> io::Result<()> {
    let file = fs::open(path, &OpenOptions::create()).await?;
    let allocated = match file.allocate(bytes).await {
        Ok(()) => file.sync_data().await,
        Err(error) => Err(error),
    };
    drop(file);
    if allocated.is_err() {
        // The first error is the one to tell; a file that stays is found at the next start.
        let _removed = fs::remove_file(path).await;
    }
    allocated
}
