//! Limits of what a discovery answer may hold.

/// Limit: targets of one answer. A target takes some 500 bytes with its labels, so this is 100 MB;
/// above it the answer is refused and the last good targets stay.
pub const TARGETS_MAX: usize = 200_000;

/// Limit: bytes of one answer, before and after decompression: [`TARGETS_MAX`] targets with 160
/// bytes each. Above it the answer is refused and the last good targets stay.
pub const ANSWER_BYTES_MAX: u64 = 32 * 1024 * 1024;
