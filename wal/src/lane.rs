//! A lane's handle.

use std::io;
use std::path::Path;
use std::rc::Rc;

use crate::{AppendError, LaneOptions, LaneStats, Reader};

/// The place of a record in its lane: counts from 1 without gaps and never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// An appended record that is not known to be committed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    sequence: u64,
    attempt: u64,
}

/// An open lane. Clones are the same lane; it stops when the last clone and reader are gone, but
/// only [`Lane::close`] waits for what is staged.
#[derive(Clone)]
pub struct Lane {
    shared: Rc<()>,
}

impl Lane {
    /// Opens the lane in `dir`, or makes one. Fails on settings that cannot work, when another
    /// process has the lane open and when the folder cannot be made or listed; never because of
    /// what is in the files.
    pub async fn open(_dir: &Path, _options: LaneOptions) -> io::Result<Lane> {
        Ok(Lane { shared: Rc::new(()) })
    }

    /// Stages a record, with one copy of the payload. It counts only once it is committed.
    pub fn append(&self, _kind: u8, _items: u32, _payload: &[u8]) -> Result<Ticket, AppendError> {
        Err(AppendError::Closed)
    }

    /// Waits until the record is committed, or is known not to be.
    pub async fn committed(&self, _ticket: Ticket) -> Result<(), AppendError> {
        Err(AppendError::Closed)
    }

    /// Waits until an append would not be refused as [`AppendError::Busy`].
    pub async fn writable(&self) {}

    /// The reader of a destination. Panics if the options did not name it.
    pub fn reader(&self, _destination: &str) -> Reader {
        std::process::abort()
    }

    /// Items that wait for an ack of the destination. Panics if the options did not name it.
    pub fn held_items(&self, _destination: &str) -> u64 {
        0
    }

    /// The lane's books.
    pub fn stats(&self) -> LaneStats {
        LaneStats::default()
    }

    /// Commits what is staged, writes the cursors and lets go of the folder. Later appends are
    /// refused, readers wait for ever.
    pub async fn close(&self) {}
}
