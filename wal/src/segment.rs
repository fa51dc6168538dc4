//! A segment's identity, the name that carries it and the header that repeats it.
//!
//! The name alone says where a segment lies in the lane and how many items are before it, so that
//! opening a lane reads a folder and not its files, and a header that is lost costs no record.

use crate::limits::SEGMENT_HEADER_BYTES;
use crate::record::{u32_at, u64_at};

/// The version that this code writes.
pub(crate) const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"INVARWAL";

/// Bytes of a segment's header that are in use; the rest of its sector is zero.
const HEADER_BYTES: usize = 64;

/// What makes a segment different from all others of all lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SegmentId {
    /// Counts the segments of a lane; never used twice.
    pub number: u32,
    /// The sequence of its first record.
    pub base_sequence: u64,
    /// Items in all records of the lane before it.
    pub base_items: u64,
    /// Random, so that no content can pretend to be a record of it.
    pub salt: u32,
}

impl SegmentId {
    /// The file's name.
    pub fn name(&self) -> String {
        let SegmentId {
            number,
            base_sequence,
            base_items,
            salt,
        } = self;
        format!("{number:08x}-{base_sequence:016x}-{base_items:016x}-{salt:08x}.wal{VERSION}")
    }

    /// What the checksums of the segment's records start from.
    pub fn seed(&self) -> u32 {
        let mut bytes = [0; 24];
        bytes[..4].copy_from_slice(&self.number.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.salt.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.base_sequence.to_le_bytes());
        bytes[16..].copy_from_slice(&self.base_items.to_le_bytes());
        crc32c::crc32c(&bytes)
    }
}

/// What a file name of a lane's folder stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Segment(SegmentId),
    /// A segment in a format that this code does not know.
    Future,
    /// A file for reuse, or one that was not finished.
    Spare,
    /// One of the lane's other files, or nothing of ours.
    Other,
}

/// What the name of a file for reuse ends with.
pub(crate) const SPARE_SUFFIX: &str = ".spare";

/// Reads a file name.
pub(crate) fn parse_name(name: &str) -> Name {
    if name.ends_with(SPARE_SUFFIX) {
        return Name::Spare;
    }
    let Some((stem, version)) = name.rsplit_once(".wal") else {
        return Name::Other;
    };
    let Ok(version) = version.parse::<u32>() else {
        return Name::Other;
    };
    if version != VERSION {
        return Name::Future;
    }
    match parse_stem(stem) {
        // Only the one spelling: two files cannot claim one identity.
        Some(id) if id.name() == name => Name::Segment(id),
        _ => Name::Other,
    }
}

fn parse_stem(stem: &str) -> Option<SegmentId> {
    let mut parts = stem.split('-');
    let mut part = || u64::from_str_radix(parts.next()?, 16).ok();
    let (number, base_sequence, base_items, salt) = (part()?, part()?, part()?, part()?);
    let number = u32::try_from(number).ok()?;
    let salt = u32::try_from(salt).ok()?;
    // Sequences count from 1; the last of 2^64 is never reached.
    let sound = parts.next().is_none() && 0 < base_sequence && base_sequence < u64::MAX;
    sound.then_some(SegmentId {
        number,
        base_sequence,
        base_items,
        salt,
    })
}

/// What stands at the start of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub id: SegmentId,
    /// The lane that the segment belongs to.
    pub lane_id: u64,
    /// Wall clock when the segment was begun: its predecessor has nothing younger.
    pub created_ms: i64,
}

/// What was found where a header should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundHeader {
    Intact(SegmentHeader),
    Future,
    Bad,
}

impl SegmentHeader {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; SEGMENT_HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.id.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.id.base_sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.id.base_items.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.id.salt.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.lane_id.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.created_ms.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..HEADER_BYTES - 4]);
        bytes[HEADER_BYTES - 4..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> FoundHeader {
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else {
            return FoundHeader::Bad;
        };
        // All versions keep the magic, the version and this checksum where they are.
        let crc = u32_at(bytes, HEADER_BYTES - 4);
        if bytes[..8] != MAGIC || crc != crc32c::crc32c(&bytes[..HEADER_BYTES - 4]) {
            return FoundHeader::Bad;
        }
        if u32_at(bytes, 8) != VERSION {
            return FoundHeader::Future;
        }
        FoundHeader::Intact(SegmentHeader {
            id: SegmentId {
                number: u32_at(bytes, 12),
                base_sequence: u64_at(bytes, 16),
                base_items: u64_at(bytes, 24),
                salt: u32_at(bytes, 32),
            },
            lane_id: u64_at(bytes, 40),
            created_ms: u64_at(bytes, 48).cast_signed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: SegmentId = SegmentId {
        number: 0x2a,
        base_sequence: 1_000_000,
        base_items: 7,
        salt: 0xfeed,
    };

    fn header() -> SegmentHeader {
        SegmentHeader {
            id: ID,
            lane_id: 99,
            created_ms: 1_700_000_000_000,
        }
    }

    #[test]
    fn a_name_reads_as_drawn_in_the_format() {
        assert_eq!(
            ID.name(),
            "0000002a-00000000000f4240-0000000000000007-0000feed.wal1"
        );
    }

    #[test]
    fn names_of_other_things_are_told_apart() {
        assert_eq!(parse_name("0000002a.spare"), Name::Spare);
        assert_eq!(parse_name("0000002a-whatever.wal2"), Name::Future);
        for name in [
            "cursors",
            "lock",
            "",
            ".wal",
            ".wal1",
            "a-b-c-d.wal1",
            "core.1234",
            "x.walnut",
        ] {
            assert_eq!(parse_name(name), Name::Other, "{name}");
        }
        // Another spelling of a valid name.
        assert_eq!(parse_name("2a-f4240-7-feed.wal1"), Name::Other);
        assert_eq!(
            parse_name("0000002A-00000000000f4240-0000000000000007-0000feed.wal1"),
            Name::Other
        );
        // Sequence zero does not exist.
        assert_eq!(
            parse_name(
                &SegmentId {
                    base_sequence: 0,
                    ..ID
                }
                .name()
            ),
            Name::Other
        );
    }

    #[test]
    fn a_header_of_a_later_version_is_recognised() {
        let mut bytes = header().encode();
        bytes[8] = 2;
        assert_eq!(
            SegmentHeader::decode(&bytes),
            FoundHeader::Bad,
            "a flipped bit is no version"
        );
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), FoundHeader::Future);
    }

    #[test]
    fn a_flipped_bit_spoils_the_header() {
        let bytes = header().encode();
        for bit in 0..HEADER_BYTES * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bad), FoundHeader::Bad, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn names_and_headers_come_back(
            number: u32, base_sequence in 1..u64::MAX, base_items: u64, salt: u32, lane_id: u64,
            created_ms: i64,
        ) {
            let id = SegmentId { number, base_sequence, base_items, salt };
            prop_assert_eq!(parse_name(&id.name()), Name::Segment(id));
            let header = SegmentHeader { id, lane_id, created_ms };
            prop_assert_eq!(SegmentHeader::decode(&header.encode()), FoundHeader::Intact(header));
        }

        #[test]
        fn arbitrary_names_and_headers_are_refused_calmly(
            name in ".{0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let parsed = parse_name(&name);
            prop_assert!(!matches!(parsed, Name::Segment(_)));
            prop_assert_eq!(SegmentHeader::decode(&bytes), FoundHeader::Bad);
        }
    }
}
