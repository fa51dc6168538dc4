//! Hashes of texts.

use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::{Definition, Parameter, parameter, plain};
use crate::ottl::coerce::Kind;
use crate::ottl::text::to_hex;
use crate::ottl::value::Value;

const TARGET: &[Parameter] = &[parameter("target", Kind::Text)];

pub(super) const TABLE: &[Definition] = &[
    plain("MD5", TARGET, |args| {
        Ok(Value::text(to_hex(&Md5::digest(args.text(0)))))
    }),
    plain("SHA1", TARGET, |args| {
        Ok(Value::text(to_hex(&Sha1::digest(args.text(0)))))
    }),
    plain("SHA256", TARGET, |args| {
        Ok(Value::text(to_hex(&Sha256::digest(args.text(0)))))
    }),
    plain("SHA512", TARGET, |args| {
        Ok(Value::text(to_hex(&Sha512::digest(args.text(0)))))
    }),
    plain("FNV", TARGET, |args| {
        let hash = stdx::fnv1a(args.text(0).as_bytes());
        Ok(Value::Int(hash as i64))
    }),
    plain("Murmur3Hash", TARGET, |args| {
        let hash = murmur3_32(args.text(0).as_bytes());
        Ok(Value::text(to_hex(&hash.to_le_bytes())))
    }),
    plain("Murmur3Hash128", TARGET, |args| {
        let (low, high) = murmur3_128(args.text(0).as_bytes());
        let halves = [low.to_le_bytes(), high.to_le_bytes()].concat();
        Ok(Value::text(to_hex(&halves)))
    }),
    plain("XXH3", TARGET, |args| {
        let hash = xxh3_64(args.text(0).as_bytes());
        Ok(Value::text(to_hex(&hash.to_be_bytes())))
    }),
    plain("XXH128", TARGET, |args| {
        let hash = xxh3_128(args.text(0).as_bytes());
        Ok(Value::text(to_hex(&hash.to_be_bytes())))
    }),
];

/// Murmur3, 32 bits, seed 0.
fn murmur3_32(bytes: &[u8]) -> u32 {
    let scramble = |k: u32| {
        k.wrapping_mul(0xcc9e_2d51)
            .rotate_left(15)
            .wrapping_mul(0x1b87_3593)
    };
    let mut hash: u32 = 0;
    let mut blocks = bytes.chunks_exact(4);
    for block in &mut blocks {
        let block = u32::from_le_bytes([block[0], block[1], block[2], block[3]]);
        hash ^= scramble(block);
        hash = hash
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    let tail = blocks.remainder();
    if !tail.is_empty() {
        let mut word = [0; 4];
        word[..tail.len()].copy_from_slice(tail);
        hash ^= scramble(u32::from_le_bytes(word));
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Murmur3, 128 bits in the form for 64-bit machines, seed 0.
fn murmur3_128(bytes: &[u8]) -> (u64, u64) {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let first = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let second = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let (mut h1, mut h2) = (0u64, 0u64);
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        h1 ^= first(word(&block[..8]));
        h1 = h1
            .rotate_left(27)
            .wrapping_add(h2)
            .wrapping_mul(5)
            .wrapping_add(0x52dc_e729);
        h2 ^= second(word(&block[8..]));
        h2 = h2
            .rotate_left(31)
            .wrapping_add(h1)
            .wrapping_mul(5)
            .wrapping_add(0x3849_5ab5);
    }
    let tail = blocks.remainder();
    if tail.len() > 8 {
        h2 ^= second(word(&tail[8..]));
    }
    if !tail.is_empty() {
        h1 ^= first(word(&tail[..tail.len().min(8)]));
    }
    let mix = |mut k: u64| {
        k = (k ^ (k >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        k = (k ^ (k >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        k ^ (k >> 33)
    };
    h1 ^= bytes.len() as u64;
    h2 ^= bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = mix(h1);
    h2 = mix(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (h1, h2)
}
