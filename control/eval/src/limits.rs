//! Limits of values that expressions make. A chain of components that each double what the one
//! before exports would take all memory within a few dozen of them.

/// Limit: bytes of a text, as many as the largest file that a component exports.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Limit: elements of a list that is put together of others; a million targets are far above what
/// discovery finds, and take some 100 MiB.
pub(crate) const ELEMENTS_MAX: usize = 4_000_000;

/// Whether a text of so many bytes is made; the message if not.
pub(crate) fn check_text(bytes: usize) -> Result<(), String> {
    match bytes <= TEXT_BYTES_MAX {
        true => Ok(()),
        false => Err(format!(
            "the text would have more than {TEXT_BYTES_MAX} bytes"
        )),
    }
}
