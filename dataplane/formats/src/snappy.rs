//! Snappy's block format, as remote write and Loki use it (never the framed one).

use std::fmt;

/// Compresses blocks with tables that it keeps.
pub struct Compressor {
    encoder: snap::raw::Encoder,
}

impl Default for Compressor {
    fn default() -> Compressor {
        Compressor::new()
    }
}

impl Compressor {
    #[must_use]
    pub fn new() -> Compressor {
        Compressor {
            encoder: snap::raw::Encoder::new(),
        }
    }

    /// Replaces `out` by the compressed block.
    pub fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        out.resize(snap::raw::max_compress_len(plain.len()), 0);
        let len = self.encoder.compress(plain, out);
        out.truncate(len.expect("the buffer has the length that the format asks for"));
    }
}

/// Why a block was not decompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnappyError {
    /// The block says that it holds more than the limit; nothing was allocated.
    TooLarge {
        bytes: usize,
        limit: usize,
    },
    Corrupt(String),
}

impl fmt::Display for SnappyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnappyError::TooLarge { bytes, limit } => {
                write!(
                    f,
                    "snappy block of {bytes} bytes exceeds the limit of {limit}"
                )
            }
            SnappyError::Corrupt(reason) => write!(f, "not a snappy block: {reason}"),
        }
    }
}

impl std::error::Error for SnappyError {}

/// Replaces `out` by what the block holds, at most `limit` bytes.
pub fn decompress(block: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), SnappyError> {
    out.clear();
    let corrupt = |error: snap::Error| SnappyError::Corrupt(error.to_string());
    let bytes = snap::raw::decompress_len(block).map_err(corrupt)?;
    if bytes > limit {
        return Err(SnappyError::TooLarge { bytes, limit });
    }
    out.resize(bytes, 0);
    let len = snap::raw::Decoder::new()
        .decompress(block, out)
        .map_err(corrupt)?;
    out.truncate(len);
    Ok(())
}
