//! Snappy blocks: bounded when they come from outside, and ours come back.

use formats::snappy::{Compressor, decompress};

const LIMIT: usize = 1 << 20;

pub fn check(bytes: &[u8]) {
    let mut plain = Vec::new();
    if decompress(bytes, LIMIT, &mut plain).is_ok() {
        assert!(plain.len() <= LIMIT);
    }
    let mut block = Vec::new();
    Compressor::new().compress(bytes, &mut block);
    decompress(&block, bytes.len(), &mut plain).expect("our own block");
    assert_eq!(plain, bytes);
}
