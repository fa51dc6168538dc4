//! What every process-level test needs: the built binary, free ports, servers from the
//! distribution, Python, HTTP.
//!
//! Owns no assertions about telemetry; those stand in the test binaries beside it (`process/`,
//! `conformance/`). Everything started here dies with the guard that started it and speaks on
//! loopback only.
#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests drive the program from outside the seam"
)]

pub mod http;
pub mod invar;
pub mod loki_sink;
pub mod packages;
pub mod push;
pub mod python;
pub mod sink;
pub mod target;
pub mod wire;

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .canonicalize()
        .expect("the tests crate stands below the root")
}

/// Where tests keep what they download or build: the target directory, so that `cargo clean`
/// removes it.
pub fn scratch() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let dir = target.join("tests");
    std::fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port on loopback")
        .port()
}

/// Polls `probe` until it gives a value; panics with `what` when `limit` has passed.
pub fn eventually<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
