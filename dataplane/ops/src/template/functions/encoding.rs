//! Hashes and encodings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;

use super::{Call, Outcome, Table, bounded, owned};

pub(super) const TABLE: Table = &[
    ("sha1sum", |call| {
        owned(hex(&sha1::Sha1::digest(call.text(0)?)))
    }),
    ("sha256sum", |call| {
        owned(hex(&sha2::Sha256::digest(call.text(0)?)))
    }),
    ("sha512sum", |call| {
        owned(hex(&sha2::Sha512::digest(call.text(0)?)))
    }),
    ("adler32sum", |call| {
        owned(adler32(call.text(0)?.as_bytes()).to_string())
    }),
    ("b64enc", |call| owned(STANDARD.encode(call.text(0)?))),
    ("b64dec", |call| {
        // Compat: what cannot be decoded is told in the text.
        owned(match STANDARD.decode(call.text(0)?) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => error.to_string(),
        })
    }),
    ("b32enc", |call| owned(base32(call.text(0)?.as_bytes()))),
    ("b32dec", |call| {
        owned(match base32_decoded(call.text(0)?) {
            Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            None => "illegal base32 data".to_owned(),
        })
    }),
    ("randBytes", |call| {
        let count = bounded(usize::try_from(call.int(0)?).unwrap_or(0))?;
        let mut bytes = vec![0; count];
        call.environment.rng.fill(&mut bytes);
        owned(STANDARD.encode(bytes))
    }),
    ("uuidv4", uuid),
];

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut low, mut high) = (1, 0);
    for byte in bytes {
        low = (low + u32::from(*byte)) % MODULUS;
        high = (high + low) % MODULUS;
    }
    (high << 16) | low
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Five bytes are eight letters.
fn base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        let letters = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let letter = BASE32[(bits >> (35 - index * 5)) as usize & 31];
            out.push(if index < letters {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}

fn base32_decoded(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8);
    for chunk in text.as_bytes().chunks(8) {
        (chunk.len() == 8).then_some(())?;
        let padding = chunk.iter().rev().take_while(|byte| **byte == b'=').count();
        let mut bits = 0u64;
        for letter in &chunk[..8 - padding] {
            let value = BASE32.iter().position(|own| own == letter)?;
            bits = (bits << 5) | value as u64;
        }
        bits <<= 5 * padding;
        let bytes = (8 - padding) * 5 / 8;
        out.extend_from_slice(&bits.to_be_bytes()[3..3 + bytes]);
    }
    Some(out)
}

fn uuid(call: &mut Call<'_>) -> Outcome {
    let mut bytes = [0; 16];
    call.environment.rng.fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = hex(&bytes);
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    owned(parts.join("-"))
}
