//! Ways for tasks of one thread to wait for each other. No locks, no atomics: nothing here is Send.
//! Between threads, use a flume channel.

mod notify;
pub mod oneshot;
pub mod queue;
mod semaphore;
mod waiters;

pub use notify::{Notified, Notify};
pub use semaphore::{Acquire, Permit, Semaphore};
