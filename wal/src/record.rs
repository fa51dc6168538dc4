//! A record in bytes: a header with its own checksum, the payload, zeros up to the alignment.
//!
//! The header's checksum is seeded with the identity of the segment, so that what an earlier use of
//! the file left behind, or a copy of another file, is not taken for a record of this one.

use crate::limits::{PAYLOAD_BYTES_MAX, RECORD_ALIGNMENT, RECORD_HEADER_BYTES};

/// The first bytes of a record; the fourth is its kind.
pub(crate) const MAGIC: [u8; 3] = *b"IVR";

/// What stands before a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub kind: u8,
    pub payload_bytes: u32,
    pub payload_crc: u32,
    pub sequence: u64,
    pub appended_ms: i64,
    pub items: u32,
    /// Bytes of the same commit before this record: says which records were written together.
    pub commit_offset: u32,
}

impl Header {
    /// The header in bytes, but for the checksum, which [`seal`] sets.
    pub fn encode(&self) -> [u8; RECORD_HEADER_BYTES] {
        debug_assert!(u64::from(self.payload_bytes) <= PAYLOAD_BYTES_MAX);
        let mut bytes = [0; RECORD_HEADER_BYTES];
        bytes[..3].copy_from_slice(&MAGIC);
        bytes[3] = self.kind;
        bytes[8..12].copy_from_slice(&self.payload_crc.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.appended_ms.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.items.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.commit_offset.to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`, if there is an intact one of a segment with this seed.
    pub fn decode(bytes: &[u8], seed: u32) -> Option<Header> {
        let bytes: &[u8; RECORD_HEADER_BYTES] = bytes.first_chunk()?;
        if bytes[..3] != MAGIC || u32_at(bytes, 4) != checksum(bytes, seed) {
            return None;
        }
        let header = Header::fields(bytes);
        (u64::from(header.payload_bytes) <= PAYLOAD_BYTES_MAX).then_some(header)
    }

    /// The header that `encode` made, sealed or not.
    pub fn fields(bytes: &[u8; RECORD_HEADER_BYTES]) -> Header {
        Header {
            kind: bytes[3],
            payload_crc: u32_at(bytes, 8),
            payload_bytes: u32_at(bytes, 12),
            sequence: u64_at(bytes, 16),
            appended_ms: u64_at(bytes, 24).cast_signed(),
            items: u32_at(bytes, 32),
            commit_offset: u32_at(bytes, 36),
        }
    }

    /// Bytes of the whole record.
    pub fn record_bytes(&self) -> u64 {
        record_bytes(u64::from(self.payload_bytes))
    }

    /// Whether this is the payload that the header was made for.
    pub fn is_payload(&self, payload: &[u8]) -> bool {
        payload.len() == self.payload_bytes as usize && crc32c::crc32c(payload) == self.payload_crc
    }
}

/// Bytes of a record with a payload of this many.
pub(crate) fn record_bytes(payload_bytes: u64) -> u64 {
    (RECORD_HEADER_BYTES as u64 + payload_bytes).next_multiple_of(RECORD_ALIGNMENT as u64)
}

/// Sets the checksums of consecutive records for the segment with this seed.
pub(crate) fn seal(mut records: &mut [u8], seed: u32) {
    while !records.is_empty() {
        let header: &mut [u8; RECORD_HEADER_BYTES] =
            records.first_chunk_mut().expect("staged records are whole");
        assert_eq!(header[..3], MAGIC, "staged records follow each other");
        let crc = checksum(header, seed);
        header[4..8].copy_from_slice(&crc.to_le_bytes());
        let bytes = Header::fields(header).record_bytes();
        records = &mut records[bytes as usize..];
    }
}

/// Of all of the header but the checksum's own place.
fn checksum(header: &[u8; RECORD_HEADER_BYTES], seed: u32) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(seed, &header[..4]), &header[8..])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("fixed places are inside"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("fixed places are inside"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealed(header: &Header, payload: &[u8], seed: u32) -> Vec<u8> {
        let mut bytes = header.encode().to_vec();
        bytes.extend_from_slice(payload);
        bytes.resize(record_bytes(payload.len() as u64) as usize, 0);
        seal(&mut bytes, seed);
        bytes
    }

    fn header(payload: &[u8]) -> Header {
        Header {
            kind: 7,
            payload_bytes: payload.len() as u32,
            payload_crc: crc32c::crc32c(payload),
            sequence: 42,
            appended_ms: -1,
            items: 3,
            commit_offset: 0,
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let bytes = sealed(&header(b"payload"), b"payload", 0);
        assert_eq!(bytes.len(), 48);
        let drawn = "49565207 20d8cba5 7069e3f4 07000000 2a00000000000000 ffffffffffffffff \
                     03000000 00000000 7061796c6f616400";
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, drawn.replace(' ', ""));
    }

    #[test]
    fn a_record_of_another_segment_is_none_of_this_one() {
        let bytes = sealed(&header(b"x"), b"x", 1);
        assert!(Header::decode(&bytes, 1).is_some());
        assert!(Header::decode(&bytes, 2).is_none());
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let payload = b"some payload";
        let bytes = sealed(&header(payload), payload, 9);
        for bit in 0..(RECORD_HEADER_BYTES + payload.len()) * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let taken = Header::decode(&bad, 9)
                .is_some_and(|header| header.is_payload(&bad[40..40 + payload.len()]));
            assert!(!taken, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            kind: u8, sequence: u64, appended_ms: i64, items: u32, seed: u32,
            payload in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let header = Header { kind, sequence, appended_ms, items, ..header(&payload) };
            let bytes = sealed(&header, &payload, seed);
            prop_assert_eq!(Header::decode(&bytes, seed), Some(header));
            prop_assert!(header.is_payload(&bytes[40..40 + payload.len()]));
            prop_assert_eq!(bytes.len() as u64, header.record_bytes());
        }

        #[test]
        fn arbitrary_bytes_are_refused_calmly(
            bytes in proptest::collection::vec(any::<u8>(), 0..100), seed: u32,
        ) {
            prop_assert_eq!(Header::decode(&bytes, seed), None);
        }
    }
}
