//! The log: lanes of segments of opaque records. Append, sync, read, cursor, recover, retain.
//!
//! Nouns
//! - **lane**: one component's log on one shard, a folder with one owner ([`Lane`]).
//! - **segment**: a file of it, allocated before it is used, recycled rather than freed.
//! - **record**: a checksummed unit: a kind, a number of items, a payload that the log does not
//!   look into ([`Record`]). Its sequence is its place in the lane: gap-free, never going back.
//! - **commit**: one write (and, by policy, one sync) of all records staged since the last one.
//! - **destination**: who records are for. Each has its own durable **cursor**; a slow or dead one
//!   delays nobody else.
//!
//! ```text
//! append --> staged --> commit --> segment ... segment --> Reader of destination 1 --> ack
//!            (memory)   (write+sync)  (mapped)        \--> Reader of destination 2 --> ack
//! ```
//!
//! Not here: what a payload means, how it is sent, when to try again. The bytes are drawn in
//! `FORMAT.md`, the reasons in `decisions/`.
#![forbid(unsafe_code)]

mod clock;
mod limits;

mod error;
mod options;
mod stats;

mod cursors;
mod record;
mod segment;

mod destination;
mod segments;
mod staging;

mod quarantine;
mod recover;
mod scan;
mod tail;

mod keeper;
mod rotate;
mod state;
mod writer;

mod cold;
mod lane;
mod reader;

mod inspect;

pub use error::AppendError;
pub use inspect::{
    CursorReport, Inspection, SegmentReport, SegmentVerification, Verification, find_lanes,
    inspect, verify,
};
pub use lane::{Lane, Sequence};
pub use options::{LaneOptions, SyncPolicy, WhenFull};
pub use reader::{Reader, Record};
pub use staging::Ticket;
pub use stats::{DestinationStats, Dropped, LaneStats};

#[cfg(test)]
mod tests;
