//! A lane's handle: open, append, wait, look, close.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::rc::Rc;

use runtime::Task;
use runtime::fs::{self, File, OpenOptions};

use crate::clock::Clock;
use crate::keeper::Keeper;
use crate::limits::{
    FOLDERS_SYNCED_MAX, PAYLOAD_BYTES_MAX, RECORD_ALIGNMENT, SEGMENT_HEADER_BYTES,
};
use crate::quarantine::Quarantine;
use crate::record::record_bytes;
use crate::recover::{Recovered, recover};
use crate::segments::Segment;
use crate::staging::{Label, Staging, Ticket};
use crate::state::{Active, Counts, Mapped, Phase, Shared, State};
use crate::{AppendError, DestinationStats, LaneOptions, LaneStats, Reader, writer};

/// The lock file's name in a lane's folder.
const LOCK: &str = "lock";

/// The place of a record in its lane: counts from 1 without gaps and never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// An open lane. Clones are the same lane; it stops when the last clone and reader are gone, but
/// only [`Lane::close`] waits for what is staged.
#[derive(Clone)]
pub struct Lane {
    pub(crate) shared: Rc<Shared>,
    tasks: Rc<Tasks>,
}

/// The writer and the keeper, until somebody waits for their end.
struct Tasks {
    running: RefCell<Option<[Task; 2]>>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in self.running.take().iter().flatten() {
            task.abort();
        }
    }
}

impl Lane {
    /// Opens the lane in `dir`, or makes one. Fails on settings that cannot work, when another
    /// process has the lane open, when the folder cannot be made or listed and when the place of a
    /// new destination cannot be saved; never because of what is in the files.
    pub async fn open(dir: &Path, options: LaneOptions) -> io::Result<Lane> {
        let options = options.checked()?;
        fs::create_dir_all(dir).await?;
        let lock = fs::lock(&dir.join(LOCK))
            .await
            .map_err(|error| locked(dir, error))?;
        let quarantine = Quarantine::open(dir).await;
        let recovered = recover(dir, &options, &quarantine).await?;
        if recovered.is_young {
            sync_above(dir).await?;
        }
        let (generation, has_new) = (recovered.generation, recovered.has_new);
        let resumed = resume(dir, &options, &recovered).await;
        let clock = Clock::start();
        let lane_id = recovered.lane_id;
        let mut state = State::new(&options, recovered, clock);
        state.lock = Some(lock);
        if let Some((active, mapped)) = resumed {
            state.mapped.extend(mapped);
            state.active = Some(active);
        }
        let shared = Rc::new(Shared {
            dir: dir.to_owned(),
            options,
            lane_id,
            quarantine,
            clock,
            state: RefCell::new(state),
            work: runtime::sync::Notify::new(),
            keep: runtime::sync::Notify::new(),
            progress: runtime::sync::Notify::new(),
        });
        shared.release_passed();
        let mut keeper = Keeper::new(shared.clone(), generation);
        if has_new {
            keeper.save_first().await?;
        }
        let tasks = [
            runtime::spawn(writer::run(shared.clone())),
            runtime::spawn(keeper.run()),
        ];
        Ok(Lane {
            shared,
            tasks: Rc::new(Tasks {
                running: RefCell::new(Some(tasks)),
            }),
        })
    }

    /// Stages a record, with one copy of the payload. It counts only once it is committed.
    pub fn append(&self, kind: u8, items: u32, payload: &[u8]) -> Result<Ticket, AppendError> {
        let mut state = self.shared.state.borrow_mut();
        if state.phase != Phase::Open {
            return Err(AppendError::Closed);
        }
        let bytes_max = self.shared.options.payload_bytes_max();
        if payload.len() as u64 > bytes_max {
            state.counts.refused_records += 1;
            return Err(AppendError::TooLarge {
                bytes: payload.len() as u64,
                bytes_max,
            });
        }
        let now = runtime::now();
        if let Some(refusal) = &state.refusal
            && now < refusal.until
        {
            let error = refusal.error.clone();
            state.counts.refused_records += 1;
            return Err(error);
        }
        if !state.staging.has_room(payload.len()) {
            return Err(AppendError::Busy);
        }
        let label = Label {
            kind,
            items,
            appended_ms: runtime::wall_ms(),
        };
        let ticket = state.staging.push(&label, payload, now);
        // The writer asks again what is due; it is idle, or waits for the delay.
        self.shared.work.notify_one();
        Ok(ticket)
    }

    /// Commits what is staged, if anything, without waiting for the delay.
    pub fn commit_now(&self) {
        let mut state = self.shared.state.borrow_mut();
        if state.staging.since().is_some() {
            state.hurry = true;
            self.shared.work.notify_one();
        }
    }

    /// Waits until the record is committed, or is known not to be.
    pub async fn committed(&self, ticket: Ticket) -> Result<(), AppendError> {
        loop {
            let progress = {
                let state = self.shared.state.borrow();
                if let Some(outcome) = state.staging.outcome(ticket, state.end.sequence) {
                    return outcome;
                }
                if state.phase == Phase::Closed {
                    return Err(AppendError::Closed);
                }
                self.shared.progress.notified()
            };
            progress.await;
        }
    }

    /// Waits until a payload of this size would not be refused as [`AppendError::Busy`].
    pub async fn writable(&self, payload_bytes: usize) {
        loop {
            let progress = {
                let state = self.shared.state.borrow();
                if state.staging.has_room(payload_bytes) || state.phase != Phase::Open {
                    return;
                }
                self.shared.progress.notified()
            };
            progress.await;
        }
    }

    /// The reader of a destination, at its cursor. Panics if the options did not name it.
    pub fn reader(&self, destination: &str) -> Reader {
        Reader::new(self.clone(), self.index(destination))
    }

    /// Items that wait for an ack of the destination. Panics if the options did not name it.
    pub fn held_items(&self, destination: &str) -> u64 {
        let index = self.index(destination);
        let state = self.shared.state.borrow();
        state.destinations[index].held_items(state.end)
    }

    fn index(&self, destination: &str) -> usize {
        let destinations = &self.shared.options.destinations;
        let index = destinations.iter().position(|name| name == destination);
        index.expect("destinations are named when the lane is opened")
    }

    /// The lane's books.
    pub fn stats(&self) -> LaneStats {
        let state = self.shared.state.borrow();
        let counts = &state.counts;
        let spare_bytes = state.spares.len() as u64 * self.shared.options.segment_bytes;
        let retired_bytes: u64 = state.retired.iter().map(|segment| segment.file_bytes).sum();
        let destinations = state
            .destinations
            .iter()
            .map(|destination| DestinationStats {
                name: destination.name.clone(),
                recovered_items: destination.recovered_items,
                acked_items: destination.acked_items,
                held_items: destination.held_items(state.end),
                held_records: destination.held_records(state.end),
                held_bytes: match destination.held_records(state.end) {
                    0 => 0,
                    _ => state.segments.bytes_from(destination.cursor().sequence),
                },
                lost_records: destination.lost_records,
                dropped: destination.dropped,
            });
        LaneStats {
            appended_records: counts.appended_records,
            appended_items: counts.appended_items,
            appended_bytes: counts.appended_bytes,
            commits: counts.commits,
            disk_errors: counts.disk_errors,
            refused_records: counts.refused_records,
            segments: state.segments.count() as u64,
            disk_bytes: state.segments.bytes() + spare_bytes + retired_bytes,
            corrupt_bytes: self.shared.quarantine.corrupt_bytes(),
            quarantined_bytes: self.shared.quarantine.kept_bytes(),
            destinations: destinations.collect(),
        }
    }

    /// Commits what is staged, writes the cursors and lets go of the folder. Later appends are
    /// refused, readers wait for ever.
    pub async fn close(&self) {
        let running = self.tasks.running.take();
        let Some([writing, keeping]) = running else {
            // Somebody else is closing it.
            while self.shared.state.borrow().phase != Phase::Closed {
                self.shared.progress.notified().await;
            }
            return;
        };
        self.shared.state.borrow_mut().phase = Phase::Closing;
        self.shared.work.notify_one();
        writing.join().await;
        self.shared.keep.notify_one();
        keeping.join().await;
        let mut state = self.shared.state.borrow_mut();
        state.phase = Phase::Closed;
        state.active = None;
        state.mapped.clear();
        state.lock = None;
        drop(state);
        self.shared.progress.notify_all();
    }
}

/// Syncs the folders above a lane's, which may have been made for it, by this process or by one
/// that died before it came to this.
async fn sync_above(dir: &Path) -> io::Result<()> {
    for above in dir.ancestors().skip(1).take(FOLDERS_SYNCED_MAX) {
        let above = if above.as_os_str().is_empty() {
            Path::new(".")
        } else {
            above
        };
        match fs::sync_dir(above).await {
            // Not ours then, and nothing in it was made by us.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
            synced => synced?,
        }
    }
    Ok(())
}

fn locked(dir: &Path, error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::WouldBlock {
        return error;
    }
    let dir = dir.display();
    let text = format!("\"{dir}\" is in use by another process; choose another --storage.path");
    io::Error::new(io::ErrorKind::WouldBlock, text)
}

/// Goes on in the last segment, if its file is whole. Else the next commit begins another.
async fn resume(
    dir: &Path,
    options: &LaneOptions,
    recovered: &Recovered,
) -> Option<(Active, Option<Mapped>)> {
    let offset = recovered.append_at?;
    let segment = *recovered.segments.last()?;
    if segment.file_bytes != options.segment_bytes {
        return None;
    }
    match reopen(dir, &segment).await {
        Ok(file) => {
            let mapped = file.map().ok().map(|mapping| Mapped {
                number: segment.id.number,
                mapping,
                warm_from: offset,
            });
            let active = Active {
                id: segment.id,
                file: Rc::new(file),
                file_bytes: segment.file_bytes,
                offset,
                synced: recovered.end,
                synced_offset: offset,
                unsynced_since: None,
                distrusted: false,
            };
            Some((active, mapped))
        }
        Err(error) => {
            tracing::warn!(
                lane = %dir.display(),
                segment = segment.id.number,
                "cannot go on in the last segment: {error}"
            );
            None
        }
    }
}

/// Opens a segment for appending: with blocks behind all of it, and what is in it durable.
async fn reopen(dir: &Path, segment: &Segment) -> io::Result<File> {
    let file = fs::open(&dir.join(segment.id.name()), &OpenOptions::update()).await?;
    file.allocate(segment.file_bytes).await?;
    file.sync_data().await?;
    Ok(file)
}

impl State {
    fn new(options: &LaneOptions, recovered: Recovered, clock: Clock) -> State {
        let written = recovered
            .written_ms
            .map_or(clock.now(), |written| clock.past(written));
        State {
            phase: Phase::Open,
            hurry: false,
            staging: Staging::new(recovered.end.sequence, options.staged_bytes_max()),
            end: recovered.end,
            written,
            writing: false,
            segments: recovered.segments,
            active: None,
            mapped: VecDeque::new(),
            spares: recovered.spares.into(),
            retired: VecDeque::new(),
            next_number: recovered.next_number,
            destinations: recovered.destinations,
            refusal: None,
            counts: Counts::default(),
            // The set of destinations may be another one.
            cursors_moved: true,
            cursors_unnoted: false,
            lock: None,
        }
    }
}

impl LaneOptions {
    /// The longest payload of a record.
    pub fn payload_bytes_max(&self) -> u64 {
        let segment = self.segment_bytes - SEGMENT_HEADER_BYTES;
        let payload_bytes_max = (segment - record_bytes(0)).min(PAYLOAD_BYTES_MAX);
        assert!(
            record_bytes(payload_bytes_max) <= segment,
            "the largest record fits"
        );
        payload_bytes_max - payload_bytes_max % RECORD_ALIGNMENT as u64
    }

    /// What may wait for a commit.
    fn staged_bytes_max(&self) -> usize {
        self.commit_bytes_max
            .min(self.segment_bytes - SEGMENT_HEADER_BYTES) as usize
    }
}
