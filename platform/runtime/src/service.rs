//! The service thread: a tokio runtime beside the shards, lent to what needs one (clients that
//! exist only for tokio) or has to block (files, name resolution).
//!
//! One per process, started at first use. In a simulation everything runs inline instead, so that
//! the order of events stays fixed by the seed.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::OnceLock;

use ::tokio::runtime::{Builder, Handle};
use ::tokio::task::JoinError;

use crate::backend::Backend;
use crate::current;

/// Limit: threads for blocking calls. A slow disk occupies one a lane; beyond that calls queue.
const BLOCKING_THREADS_MAX: usize = 32;

/// Runs `future` on the service thread and waits for it. If the wait is dropped, the future runs
/// on. A panic in it continues in the caller.
pub async fn run<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    if current::backend() == Backend::Sim {
        return future.await;
    }
    handle()
        .spawn(future)
        .await
        .unwrap_or_else(|error| propagate(error))
}

/// Runs `call` where it may block and waits for it. If the wait is dropped, the call still runs.
/// A panic in it continues in the caller.
pub async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    if current::backend() == Backend::Sim {
        return call();
    }
    handle()
        .spawn_blocking(call)
        .await
        .unwrap_or_else(|error| propagate(error))
}

fn propagate<T>(error: JoinError) -> T {
    // The runtime never shuts down and nobody else holds the handle that could abort.
    resume_unwind(
        error
            .try_into_panic()
            .expect("service tasks end by themselves or by a panic"),
    )
}

fn handle() -> &'static Handle {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name("blocking")
            .build()
            .expect("a process that runs shards can also start the service runtime");
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("service".to_owned())
            .spawn(move || runtime.block_on(std::future::pending::<()>()))
            .expect("a process that runs shards can also start the service thread");
        handle
    })
}
