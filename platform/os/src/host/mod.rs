//! What the kernel tells about the machine by calls instead of files: room on file systems, the
//! state of its clock, its kind of processor, its interfaces and names.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
use unix as names;

#[cfg(not(unix))]
mod names {
    use std::io;
    use std::net::IpAddr;

    use super::Interface;

    pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn canonical_name(_: &str) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn name_of(_: IpAddr) -> io::Result<String> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

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
use std::net::IpAddr;
use std::path::Path;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    pub up: bool,
    pub loopback: bool,
    pub addresses: Vec<IpAddr>,
    /// Its hardware address, on Linux.
    pub hardware: Option<[u8; 6]>,
}

/// The network interfaces of this machine.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    names::interfaces()
}

/// The full name of a host, from the hosts file or by DNS. Waits for an answer.
pub fn canonical_name(host: &str) -> io::Result<String> {
    names::canonical_name(host)
}

/// The name that an address has, from the hosts file or by DNS. Waits for an answer.
pub fn name_of(address: IpAddr) -> io::Result<String> {
    names::name_of(address)
}

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

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_told_with_its_address() {
        let found = interfaces().expect("interfaces are told");
        let loopback = found.iter().find(|it| it.loopback);
        let loopback = loopback.expect("each machine has a loopback interface");
        let local = |address: &IpAddr| address.is_loopback();
        assert!(loopback.addresses.iter().any(local), "{loopback:?}");
    }

    #[test]
    fn names_come_from_the_hosts_file() {
        let name = canonical_name("localhost").expect("localhost is in the hosts file");
        assert!(name.starts_with("localhost"), "{name}");
        assert!(canonical_name("not a host").is_err());
    }
}
