//! What this process and its machine have used so far.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{NetworkBytes, Usage};

    pub(super) fn usage() -> Option<Usage> {
        None
    }

    pub(super) fn network_bytes() -> Option<NetworkBytes> {
        None
    }

    pub(super) fn hostname() -> Option<String> {
        std::env::var("HOSTNAME")
            .or_else(|_| std::env::var("COMPUTERNAME"))
            .ok()
    }
}

/// Use of the machine by this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// In user and system mode, by all threads.
    pub cpu_seconds: f64,
    pub virtual_bytes: u64,
    /// Seconds since the epoch.
    pub started_seconds: f64,
    pub open_files: u64,
}

/// Bytes over all network interfaces of the machine but the loopback one, since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkBytes {
    pub received: u64,
    pub sent: u64,
}

/// None where the system does not tell.
pub fn usage() -> Option<Usage> {
    system::usage()
}

/// None where the system does not tell.
pub fn network_bytes() -> Option<NetworkBytes> {
    system::network_bytes()
}

/// The machine's name, `localhost` where it has none.
pub fn hostname() -> String {
    let name = system::hostname().unwrap_or_default();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}
