//! What the parser takes at most. Configuration may come from the network (`remotecfg`,
//! `import.http`), so that its size and shape are bounded before they cost memory or stack.

/// Limit: bytes of one file. The largest configurations seen are near 1 MiB; a tree costs about ten
/// times its text. A longer file is refused whole, with one diagnostic.
pub const SOURCE_BYTES_MAX: usize = 16 << 20;

/// Limit: height of the tree: blocks in blocks, and expressions in expressions, the links of a
/// chain such as `a + b + c` or `a.b.c` counted too. Whoever walks the tree may recurse: 256 levels
/// of 4 KiB frames are half of the smallest thread stack in use (2 MiB). What lies deeper is
/// skipped with a diagnostic.
pub const DEPTH_MAX: u32 = 256;

/// Limit: diagnostics of one parse. Nobody reads more; the last one says that there are more.
pub const DIAGNOSTICS_MAX: usize = 1_000;

// Offsets of bytes are u32 all over the crate, and a text has at most two tokens a byte.
const _: () = assert!(SOURCE_BYTES_MAX < u32::MAX as usize / 2);
