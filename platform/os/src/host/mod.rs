//! What the kernel tells about the machine by calls instead of files: room on file systems, the
//! state of its clock, its kind of processor.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;
    use std::path::Path;

    use super::{Clock, Room};

    pub(super) fn room(_: &Path) -> io::Result<Room> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn clock() -> io::Result<Clock> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn machine() -> String {
        std::env::consts::ARCH.to_owned()
    }

    pub(super) fn page_bytes() -> u64 {
        4096
    }

    pub(super) fn ticks_per_second() -> u64 {
        100
    }
}

use std::io;
use std::path::Path;

/// Room on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub size_bytes: u64,
    pub free_bytes: u64,
    /// For users that are not root.
    pub available_bytes: u64,
    pub files: u64,
    pub files_free: u64,
}

/// How the kernel steers its clock; numbers as `adjtimex(2)` gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    pub synchronized: bool,
    pub offset: i64,
    pub frequency: i64,
    pub error_max: i64,
    pub error_estimated: i64,
    pub status: i64,
    pub constant: i64,
    pub tick: i64,
    pub pps_frequency: i64,
    pub pps_jitter: i64,
    pub pps_shift: i64,
    pub pps_stability: i64,
    pub pps_jitter_count: i64,
    pub pps_calibration_count: i64,
    pub pps_error_count: i64,
    pub pps_stability_count: i64,
    pub tai: i64,
    /// Whether offset and jitter are in nanoseconds instead of microseconds.
    pub nanoseconds: bool,
}

impl Clock {
    /// How many of the unit of offset and jitter make a second.
    pub fn unit(&self) -> f64 {
        if self.nanoseconds { 1e9 } else { 1e6 }
    }
}

/// May wait for as long as a file system of the network does.
pub fn room(path: &Path) -> io::Result<Room> {
    system::room(path)
}

pub fn clock() -> io::Result<Clock> {
    system::clock()
}

/// As `uname -m` prints it.
pub fn machine() -> String {
    system::machine()
}

pub fn page_bytes() -> u64 {
    system::page_bytes()
}

/// The unit of times in `/proc`.
pub fn ticks_per_second() -> u64 {
    system::ticks_per_second()
}
