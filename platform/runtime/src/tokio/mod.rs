//! The polled backend: tokio current_thread and a LocalSet, one per thread. Runs on every system.

use std::future::Future;
use std::io;

/// A runtime for the calling thread.
pub(crate) struct Runtime {
    runtime: ::tokio::runtime::Runtime,
    tasks: ::tokio::task::LocalSet,
}

impl Runtime {
    pub(crate) fn new() -> io::Result<Runtime> {
        let runtime = ::tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Runtime {
            runtime,
            tasks: ::tokio::task::LocalSet::new(),
        })
    }

    pub(crate) fn block_on<T>(self, main: impl Future<Output = T>) -> T {
        self.tasks.block_on(&self.runtime, main)
    }
}
