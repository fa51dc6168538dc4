//! What bounds a text and its evaluation.

/// Limit: bytes of one statement. The longest in the field are patterns of a few kilobytes.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// Limit: levels of parentheses, lists and calls. Each costs some frames of the stack when read,
/// compiled and evaluated: 100 levels are below 200 KiB in a debug build.
pub const DEPTH_MAX: usize = 100;

/// Limit: levels of maps and lists in a value. Deeper ones in data are read as empty.
pub const VALUE_DEPTH_MAX: usize = 64;

/// Limit: bytes of a regular expression. The engine bounds the size of what it compiles to.
pub const PATTERN_BYTES_MAX: usize = 32 << 10;

/// Limit: items of one list that a statement may make by setting an index beyond its end.
pub const LIST_ITEMS_MAX: usize = 64 << 10;

/// Limit: bytes of a text that a function may make: what one item may grow to.
pub const RESULT_BYTES_MAX: usize = 16 << 20;
