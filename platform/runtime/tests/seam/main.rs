//! Each operation of the seam behaves alike on every backend. A test is one body; [`check`] runs it
//! on monoio (where the kernel allows io_uring), on tokio and in a few simulations.

// Tests hold the seam against what it replaces: real threads, the real clock.
#![allow(clippy::disallowed_methods)]

mod files;
mod network;
mod shards;
mod sync;
mod tasks;

use std::future::Future;
use std::path::{Path, PathBuf};

use runtime::{Backend, IoChoice, block_on, probe, sim};

/// Simulated runs of each body, one a seed.
const SEEDS: u64 = 8;

/// The backends of this machine that are not simulated.
fn real_backends() -> Vec<Backend> {
    let best = probe(IoChoice::Auto).unwrap().backend;
    let mut backends = vec![Backend::Tokio];
    if best != Backend::Tokio {
        backends.push(best);
    }
    backends
}

/// Runs `body` everywhere.
fn check<F: Future<Output = ()> + 'static>(body: impl Fn() -> F) {
    check_real(&body);
    for seed in 0..SEEDS {
        sim::check(seed, &body);
    }
}

/// Runs `body` on the real backends, for what a simulation has not: threads.
fn check_real<F: Future<Output = ()> + 'static>(body: impl Fn() -> F) {
    for backend in real_backends() {
        block_on(backend, || Box::pin(body())).unwrap();
    }
}

/// An empty folder of the disk that the running backend writes to.
struct Scratch {
    path: PathBuf,
    _real: Option<tempfile::TempDir>,
}

impl Scratch {
    async fn new() -> Scratch {
        if runtime::backend() == Backend::Sim {
            let path = PathBuf::from("/scratch");
            runtime::fs::create_dir_all(&path).await.unwrap();
            return Scratch { path, _real: None };
        }
        let real = tempfile::tempdir().unwrap();
        Scratch {
            path: real.path().to_owned(),
            _real: Some(real),
        }
    }

    fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn path(&self) -> &Path {
        &self.path
    }
}
