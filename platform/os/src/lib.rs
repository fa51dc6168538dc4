//! What differs between operating systems: cores, memory limits, signals, allocated and mapped
//! files. Each topic is a folder with one file per system.

// This crate is the seam that the banned calls are moved behind.
#![allow(clippy::disallowed_methods)]

pub mod file;
pub mod host;
mod memory;
pub mod process;
mod signal;
mod topology;

pub use memory::{anonymous_bytes, memory_limit, release_text, resident_bytes};
pub use signal::{Signal, signals};
pub use topology::{Topology, parse_cores, pin_current, topology};
