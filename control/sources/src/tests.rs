//! The rig of this crate's tests: one resolver on a control thread.

pub use eval::rig::{refusals, start, update};

/// Runs a test on a control thread with a clock that jumps over waiting.
pub fn on_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

/// Runs a test on a control thread with sockets and a clock that goes as clocks do.
pub fn on_real_control(test: impl AsyncFnOnce()) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}
