//! Begins segments and leaves them.
//!
//! A segment is complete before it gets its name: allocated, header written, synced, then renamed
//! and the folder synced. A crash in between leaves a file for reuse, never half a segment.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use runtime::fs::{self, File, OpenOptions};

use crate::destination::DropReason;
use crate::limits::SEGMENT_HEADER_BYTES;
use crate::record;
use crate::scan::{Limit, Patience, Scan, Step};
use crate::segment::{SPARE_SUFFIX, SegmentHeader, SegmentId};
use crate::segments::{Mark, Segment};
use crate::state::{Active, Mapped, Shared};
use crate::{AppendError, SyncPolicy, WhenFull};

/// Records of a segment that have to move: its file, and where they are in it.
struct Unsynced {
    id: SegmentId,
    start: Mark,
    start_offset: u64,
    end: Mark,
    end_offset: u64,
}

impl Shared {
    /// Makes an active segment with room for this many bytes.
    pub(crate) async fn make_room(&self, bytes: u64) -> Result<(), AppendError> {
        assert!(
            bytes + SEGMENT_HEADER_BYTES <= self.options.segment_bytes,
            "appends are bounded"
        );
        let (distrusted, room) = {
            let state = self.state.borrow();
            let active = state.active.as_ref();
            (
                active.is_some_and(|active| active.distrusted),
                active.map_or(0, Active::room),
            )
        };
        if distrusted {
            self.move_unsynced()
                .await
                .map_err(|error| self.refused(&error))?;
            return Box::pin(self.make_room(bytes)).await;
        }
        if bytes <= room {
            return Ok(());
        }
        self.leave_active().await?;
        self.keep_budget()?;
        let base = self.state.borrow().end;
        self.begin(base, None)
            .await
            .map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &io::Error) -> AppendError {
        self.disk_failed("begin a segment", error);
        AppendError::from(error)
    }

    /// Seals the active segment. What an interval has not synced yet is synced or moved first.
    pub(crate) async fn leave_active(&self) -> Result<(), AppendError> {
        let unsynced = {
            let mut state = self.state.borrow_mut();
            let waits = matches!(self.options.sync, SyncPolicy::Interval(_));
            match &state.active {
                Some(active) if waits && !active.is_synced() => active.file.clone(),
                _ => {
                    state.active = None;
                    drop(state);
                    self.release_passed();
                    return Ok(());
                }
            }
        };
        if let Err(error) = unsynced.sync_data().await {
            self.disk_failed("sync a full segment, moving its records to another", &error);
            self.distrust();
            return self
                .move_unsynced()
                .await
                .map_err(|error| self.refused(&error));
        }
        self.state.borrow_mut().active = None;
        self.release_passed();
        Ok(())
    }

    pub(crate) fn distrust(&self) {
        let mut state = self.state.borrow_mut();
        state.active.as_mut().expect("its sync failed").distrusted = true;
    }

    /// Drops the oldest segments, or refuses, so that another one is inside of the budget.
    fn keep_budget(&self) -> Result<(), AppendError> {
        let budget_bytes = self.options.budget_bytes;
        loop {
            let state = self.state.borrow();
            let fits = state.segments.bytes() + self.options.segment_bytes <= budget_bytes;
            if fits || state.segments.count() == 0 {
                return Ok(());
            }
            drop(state);
            match self.options.when_full {
                WhenFull::Refuse => return Err(AppendError::Full { budget_bytes }),
                WhenFull::DropOldest => self.drop_first(DropReason::Budget),
            }
        }
    }

    /// Moves the records that a failed sync made doubtful to a new segment, which then takes their
    /// place: it begins with the first of them.
    pub(crate) async fn move_unsynced(&self) -> io::Result<()> {
        let unsynced = {
            let state = self.state.borrow();
            let active = state.active.as_ref().expect("its sync failed");
            assert!(
                active.distrusted && !active.is_synced(),
                "there is something to move"
            );
            Unsynced {
                id: active.id,
                start: active.synced,
                start_offset: active.synced_offset,
                end: state.end,
                end_offset: active.offset,
            }
        };
        self.begin(unsynced.start, Some(&unsynced)).await
    }

    /// Begins a segment and makes it the active one.
    async fn begin(&self, base: Mark, moved: Option<&Unsynced>) -> io::Result<()> {
        let (id, spare) = {
            let mut state = self.state.borrow_mut();
            let number = state.next_number;
            state.next_number += 1;
            let salt = runtime::random_u64() as u32;
            let Mark {
                sequence: base_sequence,
                items: base_items,
            } = base;
            let id = SegmentId {
                number,
                base_sequence,
                base_items,
                salt,
            };
            (
                id,
                state
                    .spares
                    .pop_front()
                    .unwrap_or_else(|| spare_name(number)),
            )
        };
        let (spare, path) = (self.dir.join(spare), self.dir.join(id.name()));
        let made = self.fill(&spare, &id, moved).await;
        let named = match made {
            Ok(made) => self.name(&spare, &path).await.map(|()| made),
            Err(error) => Err(error),
        };
        match named {
            Ok((file, offset)) => {
                self.activate(id, file, offset, moved.map_or(base, |moved| moved.end));
                Ok(())
            }
            Err(error) => {
                self.remove_unfinished(&[spare, path]).await;
                Err(error)
            }
        }
    }

    /// Makes the file of a segment. Gives where the next record goes.
    async fn fill(
        &self,
        spare: &Path,
        id: &SegmentId,
        moved: Option<&Unsynced>,
    ) -> io::Result<(File, u64)> {
        let file = fs::open(spare, &OpenOptions::create()).await?;
        file.allocate(self.options.segment_bytes).await?;
        let created_ms = runtime::wall_ms();
        let header = SegmentHeader {
            id: *id,
            lane_id: self.lane_id,
            created_ms,
        };
        file.write_at(header.encode(), 0).await.0?;
        let mut offset = SEGMENT_HEADER_BYTES;
        if let Some(moved) = moved {
            offset = self.copy(moved, &file, id.seed()).await?;
        }
        file.sync_data().await?;
        Ok((file, offset))
    }

    /// Copies the records that are still intact. Readers count the others as lost when they come to
    /// their sequences.
    async fn copy(&self, from: &Unsynced, to: &File, seed: u32) -> io::Result<u64> {
        let path = self.dir.join(from.id.name());
        let mut scan = Scan::open(&path, from.id, Patience::Brief).await?;
        scan.seek(from.start_offset, from.start.sequence);
        let limit = Limit {
            offset: from.end_offset,
            sequence: from.end.sequence,
        };
        let mut offset = SEGMENT_HEADER_BYTES;
        loop {
            let (header, payload) = match scan.step(limit).await {
                Step::Record {
                    header, payload, ..
                } => (header, payload),
                Step::Damaged { .. } | Step::Skipped { .. } => continue,
                Step::End { .. } => return Ok(offset),
            };
            let mut bytes = header.encode().to_vec();
            bytes.extend_from_slice(&payload);
            bytes.resize(header.record_bytes() as usize, 0);
            record::seal(&mut bytes, seed);
            to.write_at(bytes, offset).await.0?;
            offset += header.record_bytes();
            assert!(
                offset <= self.options.segment_bytes,
                "what fitted there fits here"
            );
        }
    }

    async fn name(&self, spare: &Path, path: &Path) -> io::Result<()> {
        fs::rename(spare, path).await?;
        fs::sync_dir(&self.dir).await
    }

    fn activate(&self, id: SegmentId, file: File, offset: u64, end: Mark) {
        let file_bytes = self.options.segment_bytes;
        let mapping = file.map();
        let mut state = self.state.borrow_mut();
        assert_eq!(end, state.end, "only the writer moves the end");
        match mapping {
            Ok(mapping) => {
                let warm_from = SEGMENT_HEADER_BYTES;
                state.mapped.push_back(Mapped {
                    number: id.number,
                    mapping,
                    warm_from,
                });
                state.trim_mapped();
            }
            // Readers read the file.
            Err(error) => tracing::warn!(lane = %self.dir.display(), "cannot map: {error}"),
        }
        state.segments.push(Segment {
            id,
            file_bytes,
            begun: Some(self.clock.now()),
        });
        state.active = Some(Active {
            id,
            file: Rc::new(file),
            file_bytes,
            offset,
            synced: end,
            synced_offset: offset,
            unsynced_since: None,
            distrusted: false,
        });
        drop(state);
        self.release_passed();
    }

    /// Frees the space of a segment that could not be finished.
    async fn remove_unfinished(&self, paths: &[PathBuf]) {
        for path in paths {
            match fs::remove_file(path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.disk_failed("remove an unfinished segment", &error);
                }
                _ => {}
            }
        }
    }
}

impl Active {
    /// All that was written is durable.
    pub(crate) fn mark_synced(&mut self, end: Mark) {
        assert!(!self.distrusted, "a sync after a failed one says nothing");
        self.synced = end;
        self.synced_offset = self.offset;
        self.unsynced_since = None;
    }
}

/// The name of a file for reuse.
pub(crate) fn spare_name(number: u32) -> String {
    format!("{number:08x}{SPARE_SUFFIX}")
}
