//! Limits of this crate.

/// Limit: bytes of one file that a collector reads. The largest of those of the kernel
/// (`/proc/stat` with its interrupts, `/proc/diskstats`) stay below it on machines of 1,000 cores
/// or disks; a larger one fails its collector.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// Limit: bytes of an answer that a probe reads, unless its module sets another limit. A larger
/// one fails the probe.
pub const PROBE_BODY_BYTES_MAX: u64 = 16 << 20;

/// Limit: probes of one component that wait for their task; the scrapes of more wait longer.
pub const PROBES_MAX: usize = 1024;
