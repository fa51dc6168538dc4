//! The writer of a lane: the one task that commits, syncs and begins segments.
//!
//! A commit that fails seals its segment: what a failed sync leaves behind is unknown, and a later
//! sync of the same file says nothing about it. The records are still in the commit buffer and go
//! to a new segment; those who wait get the answer of that. When this fails as well the disk and
//! not the file is the trouble: the records are refused.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use runtime::Instant;

use crate::limits::{COMMIT_ATTEMPTS_MAX, REFUSE_INTERVAL};
use crate::record;
use crate::segments::Mark;
use crate::staging::Batch;
use crate::state::{Phase, Refusal, Shared};
use crate::{AppendError, SyncPolicy};

/// What the writer does next.
enum Next {
    Commit(Batch),
    Sync,
    Wait(Option<Duration>),
    Stop,
}

/// Runs until the lane is closed.
pub(crate) async fn run(shared: Rc<Shared>) {
    loop {
        match shared.next() {
            Next::Commit(batch) => shared.commit_or_refuse(batch).await,
            Next::Sync => shared.sync_active().await,
            Next::Wait(None) => shared.work.notified().await,
            Next::Wait(Some(wait)) => {
                // Called or not, the question is asked again.
                let _called = runtime::timeout(wait, shared.work.notified()).await;
            }
            Next::Stop => return,
        }
        shared.state.borrow_mut().writing = false;
    }
}

impl Shared {
    fn next(&self) -> Next {
        let mut state = self.state.borrow_mut();
        let now = runtime::now();
        let closing = state.phase != Phase::Open;
        let sync = self.sync_due(&state.active, closing);
        if let Some(since) = state.staging.since() {
            let due = since + self.options.commit_delay;
            if closing || state.hurry || state.staging.is_full() || due <= now {
                state.hurry = false;
                let batch = state.staging.take().expect("a record waits");
                state.writing = true;
                return Next::Commit(batch);
            }
            let wake = sync.map_or(due, |sync| sync.min(due));
            if now < wake {
                return Next::Wait(Some(wake - now));
            }
        }
        match sync {
            Some(sync) if sync <= now => {
                state.writing = true;
                Next::Sync
            }
            _ if closing => Next::Stop,
            Some(sync) => Next::Wait(Some(sync - now)),
            None => Next::Wait(None),
        }
    }

    /// When the active segment has to be synced for its own sake.
    fn sync_due(&self, active: &Option<crate::state::Active>, closing: bool) -> Option<Instant> {
        let SyncPolicy::Interval(interval) = self.options.sync else {
            return None;
        };
        let active = active.as_ref()?;
        let since = active.unsynced_since?;
        if active.distrusted {
            // Closing does not wait for a disk that fails.
            return (!closing).then(|| since + interval.max(REFUSE_INTERVAL));
        }
        Some(if closing { since } else { since + interval })
    }

    async fn commit_or_refuse(&self, mut batch: Batch) {
        let result = self.commit(&mut batch).await;
        let mut state = self.state.borrow_mut();
        state.staging.give_back(std::mem::take(&mut batch.bytes));
        match result {
            Ok(()) => state.refusal = None,
            Err(error) => {
                let refused = state.staging.discard(batch.sequence, error.clone());
                assert!(
                    refused >= batch.records,
                    "what was staged later goes as well"
                );
                state.counts.refused_records += refused;
                if state.refusal.is_none() {
                    tracing::warn!(lane = %self.dir.display(), "the log refuses records: {error}");
                }
                let until = runtime::now() + REFUSE_INTERVAL;
                state.refusal = Some(Refusal { until, error });
            }
        }
        drop(state);
        self.progress.notify_all();
    }

    async fn commit(&self, batch: &mut Batch) -> Result<(), AppendError> {
        let mut failed = None;
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            self.make_room(batch.bytes.len() as u64).await?;
            match self.write(batch).await {
                Ok(()) => {
                    self.publish(batch);
                    return Ok(());
                }
                Err(error) => {
                    self.disk_failed("commit, trying another segment", &error);
                    failed = Some(AppendError::from(&error));
                    self.leave_active().await?;
                }
            }
        }
        Err(failed.expect("there is at least one attempt"))
    }

    /// Writes a batch to the active segment, which has room for it.
    async fn write(&self, batch: &mut Batch) -> io::Result<()> {
        let (file, seed, offset) = {
            let mut state = self.state.borrow_mut();
            assert_eq!(
                batch.sequence, state.end.sequence,
                "batches follow each other"
            );
            let active = state.active.as_mut().expect("there is room");
            assert!(batch.bytes.len() as u64 <= active.room(), "there is room");
            active.unsynced_since.get_or_insert_with(runtime::now);
            (active.file.clone(), active.id.seed(), active.offset)
        };
        record::seal(&mut batch.bytes, seed);
        let bytes = std::mem::take(&mut batch.bytes);
        let (result, bytes) = match self.options.sync {
            SyncPolicy::EveryCommit => file.commit(bytes, offset).await,
            SyncPolicy::Interval(_) | SyncPolicy::None => file.write_at(bytes, offset).await,
        };
        batch.bytes = bytes;
        result
    }

    /// The batch is in the log.
    fn publish(&self, batch: &Batch) {
        let mut state = self.state.borrow_mut();
        let end = Mark {
            sequence: batch.sequence + batch.records,
            items: state.end.items + batch.items,
        };
        state.end = end;
        state.written = self.clock.now();
        state.counts.commits += 1;
        state.counts.appended_records += batch.records;
        state.counts.appended_items += batch.items;
        state.counts.appended_bytes += batch.payload_bytes;
        let active = state.active.as_mut().expect("it was written to");
        let room = active.room();
        active.offset += batch.bytes.len() as u64;
        let half = active.file_bytes / 2;
        if (active.room()..room).contains(&half) {
            // Time to allocate the next one.
            self.keep.notify_one();
        }
        if self.options.sync == SyncPolicy::EveryCommit {
            active.mark_synced(end);
        }
        drop(state);
        self.cursors_moved();
    }

    /// Syncs what an interval has gathered.
    async fn sync_active(&self) {
        let (file, offset, end, distrusted) = {
            let state = self.state.borrow();
            let active = state.active.as_ref().expect("a sync is due");
            (
                active.file.clone(),
                active.offset,
                state.end,
                active.distrusted,
            )
        };
        if distrusted {
            return self.try_move_unsynced().await;
        }
        match file.sync_data().await {
            Ok(()) => {
                let mut state = self.state.borrow_mut();
                let active = state.active.as_mut().expect("only the writer changes it");
                assert_eq!(active.offset, offset, "only the writer writes");
                active.mark_synced(end);
            }
            Err(error) => {
                self.disk_failed("sync, moving records to another segment", &error);
                self.distrust();
                self.try_move_unsynced().await;
            }
        }
    }

    async fn try_move_unsynced(&self) {
        if let Err(error) = self.move_unsynced().await {
            self.disk_failed("move records to another segment", &error);
            // The next attempt is an interval away.
            let mut state = self.state.borrow_mut();
            if let Some(active) = &mut state.active {
                active.unsynced_since = Some(runtime::now());
            }
        }
    }
}
