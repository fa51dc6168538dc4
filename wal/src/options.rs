//! How a lane is laid out, synced and bounded.

use std::time::Duration;

/// The settings of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneOptions {
    /// Size of a segment file; also bounds a record. Space is freed in steps of it.
    pub segment_bytes: u64,
    /// Most bytes that segments occupy, at least two segments.
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
    /// Space set aside so that cursors can be written, and with them space be freed, on a full disk.
    pub reserve_bytes: u64,
    /// Names of the destinations. One that the lane has not seen before starts at its end, one that
    /// is no longer named stops holding segments.
    pub destinations: Vec<String>,
}

/// When written records are synced. In each mode they are in the file before `committed` returns, so
/// that the death of the process loses nothing.
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
