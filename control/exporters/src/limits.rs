//! Limits of this crate.

/// Limit: bytes of one file that a collector reads. The largest of those of the kernel
/// (`/proc/stat` with its interrupts, `/proc/diskstats`) stay below it on machines of 1,000 cores
/// or disks; a larger one fails its collector.
pub const FILE_BYTES_MAX: u64 = 16 << 20;
