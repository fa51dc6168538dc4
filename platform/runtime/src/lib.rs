//! One pinned thread and what runs on it: tasks, timers, sockets, files, metrics, the byte budget.
//!
//! The seam is completion-shaped: an operation takes an owned buffer and gives back the result and
//! the buffer. Which backend moves the bytes is chosen when a thread starts ([`start_shard`],
//! [`block_on`]) and is not visible above: `monoio` on io_uring, `tokio` current_thread on every
//! system, `sim` in tests (seeded clock, disk, network, randomness). Types dispatch by an enum, the
//! backend of the running thread stands in a thread-local.
//!
//! A thread without a backend of its own, the control thread, counts as `tokio`: timers, sockets
//! and files work there inside its own tokio runtime.
//!
//! Invariants
//! - Nothing here is shared between threads but [`ShardHandle`], [`service`] and
//!   [`metrics::Snapshot`]; other types are bound to the thread that made them.
//! - A buffer given to an operation belongs to the kernel until the operation has ended, even when
//!   the future that waits for it is dropped.
//! - A panic in any task of a shard ends that shard and reaches [`ShardHandle::join`].

// This crate is the seam that the banned calls are moved behind.
#![allow(clippy::disallowed_methods)]

mod backend;
mod current;
mod probe;
mod shard;
mod task;
mod time;

pub mod budget;
pub mod fs;
pub mod metrics;
pub mod net;
pub mod service;
pub mod sim;
pub mod sync;

#[cfg(target_os = "linux")]
mod monoio;
#[cfg(target_os = "linux")]
mod ring;
mod tokio;

use std::future::Future;
use std::pin::Pin;

pub use backend::{Backend, IoChoice};
pub use current::backend;
pub use probe::{Probe, probe};
pub use shard::{Shard, ShardConfig, ShardHandle, ShardPanic, block_on, shard, start_shard};
pub use task::{Task, spawn, yield_now};
pub use time::{
    Elapsed, Instant, Sleep, now, random_u64, sleep, sleep_until, timeout, wall_ms, wall_ns,
};

/// A future that stays on its thread.
pub type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
