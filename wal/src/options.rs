//! How a lane is laid out, synced and bounded.

use std::io;
use std::time::Duration;

use crate::limits::{
    DESTINATION_NAME_BYTES_MAX, DESTINATIONS_MAX, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN,
};

/// The settings of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneOptions {
    /// Size of a segment file, a multiple of 4 KiB; also bounds a record. Space is freed in steps
    /// of it.
    pub segment_bytes: u64,
    /// Most bytes that segments occupy, at least two segments. One file that is being reused may
    /// come on top.
    pub budget_bytes: u64,
    /// Records older than this are dropped, whole segments at a time.
    pub age_max: Option<Duration>,
    /// What happens at `budget_bytes`.
    pub when_full: WhenFull,
    /// What survives a power loss.
    pub sync: SyncPolicy,
    /// How long a staged record may wait for others to share its commit. With zero a commit starts
    /// as soon as none is under way.
    pub commit_delay: Duration,
    /// A commit starts at once when this much is staged.
    pub commit_bytes_max: u64,
    /// Space set aside so that cursors can be written, and with them space be freed, on a full
    /// disk.
    pub reserve_bytes: u64,
    /// Names of the destinations. One that the lane has not seen before starts at its end, one that
    /// is no longer named stops holding segments.
    pub destinations: Vec<String>,
}

/// When written records are synced. In each mode they are in the file before `committed` returns,
/// so that the death of the process loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPolicy {
    /// When the operating system likes.
    None,
    /// That often; a power loss takes at most what was written since.
    Interval(Duration),
    /// Before `committed` returns: a power loss takes nothing.
    EveryCommit,
}

/// What happens when a lane holds its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest segment is dropped, counted by destination.
    DropOldest,
    /// New records are refused until destinations have caught up.
    Refuse,
}

impl LaneOptions {
    /// The options, if a lane can work with them.
    pub(crate) fn checked(mut self) -> io::Result<LaneOptions> {
        let refuse = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes) {
            let bytes = self.segment_bytes;
            return refuse(format!(
                "segments of {bytes} bytes; choose {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}"
            ));
        }
        self.segment_bytes -= self.segment_bytes % SEGMENT_BYTES_MIN;
        if self.budget_bytes < 2 * self.segment_bytes {
            let (budget, least) = (self.budget_bytes, 2 * self.segment_bytes);
            return refuse(format!(
                "a budget of {budget} bytes; choose at least {least}"
            ));
        }
        if self.destinations.len() > DESTINATIONS_MAX {
            let count = self.destinations.len();
            return refuse(format!(
                "{count} destinations; a log serves at most {DESTINATIONS_MAX}"
            ));
        }
        for (index, name) in self.destinations.iter().enumerate() {
            if name.len() > DESTINATION_NAME_BYTES_MAX {
                return refuse(format!(
                    "destination \"{name}\" has a long name; {DESTINATION_NAME_BYTES_MAX} bytes fit"
                ));
            }
            if self.destinations[..index].contains(name) {
                return refuse(format!(
                    "destination \"{name}\" is named twice; name it once"
                ));
            }
        }
        Ok(self)
    }
}
