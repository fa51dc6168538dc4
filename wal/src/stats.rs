//! The books of a lane. For each destination and at all times:
//! `recovered + appended = acked + held + dropped`, in items.

/// Counts since the lane was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneStats {
    /// Records committed.
    pub appended_records: u64,
    /// Items in them.
    pub appended_items: u64,
    /// Bytes of their payloads.
    pub appended_bytes: u64,
    /// Commits that succeeded.
    pub commits: u64,
    /// Writes and syncs that failed.
    pub disk_errors: u64,
    /// Records that were refused, by an append or by a failed commit.
    pub refused_records: u64,
    /// Segments on disk, without spares.
    pub segments: u64,
    /// Bytes that segments and spares occupy.
    pub disk_bytes: u64,
    /// Bytes of files and parts of files that were not readable as records.
    pub corrupt_bytes: u64,
    /// Bytes kept in quarantine.
    pub quarantined_bytes: u64,
    /// By destination, in the order of the options.
    pub destinations: Vec<DestinationStats>,
}

/// The books of one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationStats {
    /// Its name.
    pub name: String,
    /// Items that were held for it when the lane was opened.
    pub recovered_items: u64,
    /// Items that were acked.
    pub acked_items: u64,
    /// Items that wait for an ack.
    pub held_items: u64,
    /// Records that wait for an ack.
    pub held_records: u64,
    /// Bytes of the segments from its cursor on.
    pub held_bytes: u64,
    /// Records among them that the disk lost, as their sequences say.
    pub lost_records: u64,
    /// Items lost on purpose or by the disk, by reason.
    pub dropped: Dropped,
}

/// Items that a destination will not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Older than the lane keeps.
    pub age: u64,
    /// More than the lane holds.
    pub budget: u64,
    /// Not readable any more.
    pub corrupt: u64,
}

impl Dropped {
    /// All reasons together.
    pub fn total(&self) -> u64 {
        self.age + self.budget + self.corrupt
    }

    /// Counts with the reason's label, for metrics.
    pub fn by_reason(&self) -> [(&'static str, u64); 3] {
        [
            ("age", self.age),
            ("budget", self.budget),
            ("corrupt", self.corrupt),
        ]
    }
}
