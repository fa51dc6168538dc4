//! The outbox of an exporter: a lane and the senders of its destinations.
//!
//! ```text
//! consume --> Stage (open message, shared by all who consume within a few ms)
//!               | append, group commit: the answer of consume
//!               v
//!             lane --> Reader --> Sender of destination 1 (several requests, each series in order)
//!                  \-> Reader --> Sender of destination 2
//! ```
//!
//! What is too much for a disk goes another way in: `Direct` delivers first and logs second.
//!
//! Promises: what `consume` has answered `Ok` to is in the lane, synced as its policy says. Each
//! destination gets each record at least once, and those of a series in the order of the lane; a
//! destination that is slow or dead delays no other one. A record leaves the lane for a destination
//! by an ack or by a counted drop; what a destination refused for good is kept as a dead letter.

mod books;
mod destination;
mod direct;
mod letters;
mod order;
mod queue;
mod retry;
mod sender;
mod stage;

pub use books::Outbox;
pub(crate) use books::Owner;
pub use destination::{Abandoned, Destination, names_of};
pub use direct::{Direct, DirectOptions, Logged, Parcel, Post};
pub use letters::{
    FOLDER as LETTERS_FOLDER, KEPT as LETTER_KEPT, Letter, REDRIVE as LETTER_REDRIVE,
};
pub use order::{Order, OrderWriter};
pub use queue::QueueConfig;
pub use retry::{Answer, Backoff, Outcome, Retry429, parse_retry_after};
pub use sender::{Fate, Sender, SenderHandle, SenderOptions, Transport};
pub use stage::{Encoder, Message, Stage, Write};
