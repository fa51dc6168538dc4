//! The binary against real servers and hostile moments, on loopback.
#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests drive the program from outside the seam"
)]

mod admin;
mod browser;
mod demo;
mod dns;
mod kill;
mod ledger;
mod log_files;
#[cfg(target_os = "linux")]
mod memory;
mod outage;
mod real;
mod sdk;
