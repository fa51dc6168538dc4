//! What could not be read as records, kept for people to look at: pieces of segments, and whole
//! files that are none of this lane or of a later format. Bounded, except for whole files, which
//! may be somebody's data.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use runtime::fs::{self, OpenOptions};

use crate::limits::{QUARANTINE_BYTES_MAX, QUARANTINE_PIECE_BYTES_MAX, QUARANTINE_SEEN_MAX};
use crate::scan::Scan;
use crate::segment::SegmentId;

/// The folder's name in a lane's folder.
pub(crate) const FOLDER: &str = "quarantine";

/// The quarantine of a lane.
pub(crate) struct Quarantine {
    lane: PathBuf,
    kept_bytes: Cell<u64>,
    corrupt_bytes: Cell<u64>,
    /// Segment and offset of what was counted, for several destinations read the same.
    seen: RefCell<BTreeSet<(u32, u64)>>,
}

impl Quarantine {
    /// The quarantine of the lane in this folder, with what is there already.
    pub async fn open(lane: &Path) -> Quarantine {
        let entries = match fs::read_dir(&lane.join(FOLDER)).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                // Nothing more is kept than is known to fit.
                tracing::warn!(lane = %lane.display(), "cannot list the quarantine: {error}");
                return Quarantine::new(lane, QUARANTINE_BYTES_MAX);
            }
        };
        Quarantine::new(lane, entries.iter().map(|entry| entry.len).sum())
    }

    fn new(lane: &Path, kept_bytes: u64) -> Quarantine {
        Quarantine {
            lane: lane.to_owned(),
            kept_bytes: Cell::new(kept_bytes),
            corrupt_bytes: Cell::new(0),
            seen: RefCell::default(),
        }
    }

    /// Bytes kept.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes.get()
    }

    /// Bytes that were met where records should be.
    pub fn corrupt_bytes(&self) -> u64 {
        self.corrupt_bytes.get()
    }

    /// Counts a part of a segment, and keeps its first bytes, unless that was done before.
    pub async fn add_piece(&self, scan: &mut Scan, id: &SegmentId, range: Range<u64>) {
        if range.is_empty() || !self.see(id, range.start) {
            return;
        }
        let bytes = range.end - range.start;
        self.corrupt_bytes.set(self.corrupt_bytes.get() + bytes);
        tracing::warn!(
            lane = %self.lane.display(),
            segment = id.number,
            offset = range.start,
            bytes,
            "bytes in the log are no records, skipped; check the disk"
        );
        let kept = bytes.min(QUARANTINE_PIECE_BYTES_MAX);
        if self.kept_bytes.get() + kept > QUARANTINE_BYTES_MAX {
            return;
        }
        self.kept_bytes.set(self.kept_bytes.get() + kept);
        let piece = scan.piece(range.start..range.start + kept).await;
        let name = format!("{}-{:08x}", id.name(), range.start);
        if let Err(error) = self.write(&name, piece.to_vec()).await {
            tracing::warn!(lane = %self.lane.display(), name, "cannot keep corrupt bytes: {error}");
        }
    }

    /// Moves a whole file away from the lane.
    pub async fn add_file(&self, name: &str, bytes: u64) {
        self.corrupt_bytes.set(self.corrupt_bytes.get() + bytes);
        let lane = self.lane.display();
        match self.move_file(name).await {
            Ok(()) => {
                self.kept_bytes.set(self.kept_bytes.get() + bytes);
                tracing::warn!(%lane, name, "a file is no part of this log, moved to quarantine");
            }
            // Another reader of the lane may have been first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%lane, name, "cannot move a file to quarantine: {error}");
            }
        }
    }

    /// Forgets the places of a segment that is no more.
    pub fn forget(&self, id: &SegmentId) {
        self.seen
            .borrow_mut()
            .retain(|(number, _)| *number != id.number);
    }

    fn see(&self, id: &SegmentId, offset: u64) -> bool {
        let mut seen = self.seen.borrow_mut();
        if seen.len() == QUARANTINE_SEEN_MAX {
            seen.pop_first();
        }
        seen.insert((id.number, offset))
    }

    async fn write(&self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        let folder = self.lane.join(FOLDER);
        fs::create_dir_all(&folder).await?;
        let options = OpenOptions {
            truncate: true,
            ..OpenOptions::create()
        };
        let file = fs::open(&folder.join(name), &options).await?;
        file.write_at(bytes, 0).await.0
    }

    async fn move_file(&self, name: &str) -> io::Result<()> {
        let folder = self.lane.join(FOLDER);
        fs::create_dir_all(&folder).await?;
        fs::rename(&self.lane.join(name), &folder.join(name)).await?;
        fs::sync_dir(&folder).await?;
        fs::sync_dir(&self.lane).await
    }
}
