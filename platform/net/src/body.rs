//! Bodies: how large they may get, and their way into one buffer.

/// How large a body may be. Reaching a limit is fine, passing it stops the body there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// Bytes as they cross the wire.
    pub wire_bytes: u64,
    /// Bytes after decompression: what stops a gzip bomb.
    pub decoded_bytes: u64,
}

impl BodyLimits {
    /// One number for both: a body that does not fit unpacked never fits packed.
    pub fn both(bytes: u64) -> BodyLimits {
        BodyLimits {
            wire_bytes: bytes,
            decoded_bytes: bytes,
        }
    }
}
