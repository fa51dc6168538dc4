//! Why a record was not taken.

use std::fmt;
use std::io;

/// Why an append or a commit was refused. The record is not in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// The record is larger than a record may be; trying again is useless.
    TooLarge {
        /// Of the payload.
        bytes: u64,
        /// What the lane takes.
        bytes_max: u64,
    },
    /// The commit buffer is full while a commit is under way; [`crate::Lane::writable`] waits for
    /// room.
    Busy,
    /// The lane holds as much as it may and its policy is to refuse.
    Full {
        /// The lane's budget.
        budget_bytes: u64,
    },
    /// The disk is full.
    NoSpace,
    /// The disk failed.
    Failed {
        /// The kind of the failure.
        kind: io::ErrorKind,
    },
    /// The lane was closed.
    Closed,
}

impl AppendError {
    /// Whether the same append may succeed later.
    pub fn is_retryable(&self) -> bool {
        !matches!(self, AppendError::TooLarge { .. })
    }
}

impl From<&io::Error> for AppendError {
    fn from(error: &io::Error) -> AppendError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::NoSpace,
            kind => AppendError::Failed { kind },
        }
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppendError::TooLarge { bytes, bytes_max } => {
                write!(
                    f,
                    "record of {bytes} bytes is larger than {bytes_max} bytes; send less at once"
                )
            }
            AppendError::Busy => f.write_str("the log is busy committing; try again"),
            AppendError::Full { budget_bytes } => write!(
                f,
                "the log holds its budget of {budget_bytes} bytes; check its destinations or raise \
                 the budget"
            ),
            AppendError::NoSpace => f.write_str(
                "no space left on the disk of the log; free some or move --storage.path",
            ),
            AppendError::Failed { kind } => {
                write!(
                    f,
                    "the disk of the log failed: {kind}; check the system's log"
                )
            }
            AppendError::Closed => f.write_str("the log is closed"),
        }
    }
}

impl std::error::Error for AppendError {}
