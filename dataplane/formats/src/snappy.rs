//! Snappy's block format, as remote write and Loki use it (never the framed one).

use std::fmt;

/// Compresses blocks with tables and a buffer that it keeps.
pub struct Compressor {
    encoder: snap::raw::Encoder,
    /// As long as the worst block so far: clearing that much for each block would cost a fifth of
    /// compressing it.
    block: Vec<u8>,
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
            block: Vec::new(),
        }
    }

    /// Replaces `out` by the compressed block.
    pub fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        out.clear();
        self.compress_onto(plain, out);
    }

    /// Appends the compressed block.
    pub fn compress_onto(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        let len_max = snap::raw::max_compress_len(plain.len());
        if self.block.len() < len_max {
            self.block.resize(len_max, 0);
        }
        let len = self.encoder.compress(plain, &mut self.block);
        let len = len.expect("the buffer has the length that the format asks for");
        out.extend_from_slice(&self.block[..len]);
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_block_over_the_limit_is_refused_before_anything_is_allocated() {
        let mut block = Vec::new();
        Compressor::new().compress(&[7; 1000], &mut block);
        let mut out = Vec::new();
        let error = decompress(&block, 999, &mut out).expect_err("over the limit");
        assert_eq!(
            error,
            SnappyError::TooLarge {
                bytes: 1000,
                limit: 999
            }
        );
        assert_eq!(out.capacity(), 0);
        decompress(&block, 1000, &mut out).expect("at the limit");
        assert_eq!(out, [7; 1000]);
    }

    #[test]
    fn a_claim_without_content_is_corrupt() {
        let mut out = Vec::new();
        for block in [
            &[][..],
            &[0xff],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 1],
            &[10, 0, 1],
            &[4, 1, 9],
        ] {
            let error = decompress(block, 1 << 20, &mut out).expect_err("not a block");
            assert!(
                matches!(error, SnappyError::Corrupt(_)),
                "{block:?}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(blocks in vec(vec(0u8..4, 0..3000), 1..4)) {
            let mut compressor = Compressor::new();
            let (mut block, mut plain) = (vec![1, 2, 3], vec![4, 5]);
            for content in &blocks {
                compressor.compress(content, &mut block);
                decompress(&block, content.len(), &mut plain).expect("our own block");
                prop_assert_eq!(&plain, content);
            }
        }

        #[test]
        fn any_bytes_decompress_or_are_refused(block in vec(any::<u8>(), 0..200)) {
            let mut plain = Vec::new();
            if decompress(&block, 10_000, &mut plain).is_ok() {
                prop_assert!(plain.len() <= 10_000);
            }
        }
    }
}
