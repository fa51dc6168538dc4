//! What the simulator promises to the tests that are built on it.

// Tests hold the seam against what it replaces: real threads, the real clock.
#![allow(clippy::disallowed_methods)]

mod crashes;
mod faults;
mod machine;
mod network;

use std::future::Future;

use runtime::sim::{Disk, Options, Simulation, Stopped};

/// Runs `body` on a machine with this disk.
fn run_on<T: 'static, F: Future<Output = T> + 'static>(
    disk: &Disk,
    seed: u64,
    body: impl FnOnce() -> F,
) -> Result<T, Stopped> {
    Simulation::new(seed, Options::new(disk.clone())).run(|| Box::pin(body()))
}
