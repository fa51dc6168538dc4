//! The cursor file: two slots, written in turn, each whole and checksummed. A torn write spoils the
//! slot that it was for and leaves the other.
//!
//! It is written in place, because that needs no new space: on a full disk destinations go on, and
//! what they have passed is what frees space. It is a hint: without it destinations start at the
//! oldest record and get some again.

use crate::limits::{
    CURSOR_ENTRY_BYTES, CURSOR_SLOT_BYTES, CURSOR_SLOT_HEADER_BYTES, DESTINATION_NAME_BYTES_MAX,
    DESTINATIONS_MAX,
};
use crate::record::{u32_at, u64_at};

const MAGIC: [u8; 8] = *b"INVARCU1";

/// All cursors of a lane, as saved at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CursorTable {
    /// Of two slots the one with the higher generation counts.
    pub generation: u64,
    pub lane_id: u64,
    /// The end of what was committed: the sequence that the next record was to get, and the items
    /// in all records before it.
    pub next_sequence: u64,
    pub next_items: u64,
    pub cursors: Vec<SavedCursor>,
}

/// How far a destination has got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedCursor {
    pub name: String,
    /// The first record that it still wants.
    pub sequence: u64,
    /// Items in all records of the lane before that one.
    pub items: u64,
    /// Where that record starts, in the segment that holds it; zero if not known.
    pub offset: u32,
}

impl CursorTable {
    /// A slot's content, shorter than the slot where there are few cursors.
    pub fn encode(&self) -> Vec<u8> {
        assert!(
            self.cursors.len() <= DESTINATIONS_MAX,
            "options were checked"
        );
        let mut bytes = vec![0; CURSOR_SLOT_HEADER_BYTES];
        for cursor in &self.cursors {
            assert!(
                cursor.name.len() <= DESTINATION_NAME_BYTES_MAX,
                "options were checked"
            );
            bytes.extend_from_slice(&(cursor.name.len() as u16).to_le_bytes());
            bytes.extend_from_slice(&cursor.sequence.to_le_bytes());
            bytes.extend_from_slice(&cursor.items.to_le_bytes());
            bytes.extend_from_slice(&cursor.offset.to_le_bytes());
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(cursor.name.as_bytes());
        }
        let entries_bytes = bytes.len() - CURSOR_SLOT_HEADER_BYTES;
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[12..16].copy_from_slice(&(entries_bytes as u32).to_le_bytes());
        bytes[16..24].copy_from_slice(&self.generation.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.lane_id.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.next_sequence.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.next_items.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[12..]);
        bytes[8..12].copy_from_slice(&crc.to_le_bytes());
        assert!(
            bytes.len() <= CURSOR_SLOT_BYTES,
            "the limits make room for all names"
        );
        bytes
    }

    /// The better one of the two slots of a cursor file.
    pub fn decode(file: &[u8]) -> Option<CursorTable> {
        let first = decode_slot(file);
        let second = file.get(CURSOR_SLOT_BYTES..).and_then(decode_slot);
        match (first, second) {
            (Some(first), Some(second)) if first.generation < second.generation => Some(second),
            (None, second) => second,
            (first, _) => first,
        }
    }

    /// Where this generation is written.
    pub fn slot_offset(&self) -> u64 {
        (self.generation % 2) * CURSOR_SLOT_BYTES as u64
    }
}

fn decode_slot(bytes: &[u8]) -> Option<CursorTable> {
    let bytes = &bytes[..bytes.len().min(CURSOR_SLOT_BYTES)];
    if bytes.len() < CURSOR_SLOT_HEADER_BYTES || bytes[..8] != MAGIC {
        return None;
    }
    let end = CURSOR_SLOT_HEADER_BYTES.checked_add(u32_at(bytes, 12) as usize)?;
    let content = bytes.get(12..end)?;
    if crc32c::crc32c(content) != u32_at(bytes, 8) {
        return None;
    }
    let mut cursors = Vec::new();
    let mut entries = &bytes[CURSOR_SLOT_HEADER_BYTES..end];
    while !entries.is_empty() {
        let (cursor, rest) = decode_entry(entries)?;
        cursors.push(cursor);
        entries = rest;
    }
    Some(CursorTable {
        generation: u64_at(bytes, 16),
        lane_id: u64_at(bytes, 24),
        next_sequence: u64_at(bytes, 32),
        next_items: u64_at(bytes, 40),
        cursors,
    })
}

fn decode_entry(bytes: &[u8]) -> Option<(SavedCursor, &[u8])> {
    let (fixed, rest) = bytes.split_at_checked(CURSOR_ENTRY_BYTES)?;
    let name_bytes = usize::from(u16::from_le_bytes([fixed[0], fixed[1]]));
    let (name, rest) = rest.split_at_checked(name_bytes)?;
    let cursor = SavedCursor {
        name: str::from_utf8(name).ok()?.to_owned(),
        sequence: u64_at(fixed, 2),
        items: u64_at(fixed, 10),
        offset: u32_at(fixed, 18),
    };
    Some((cursor, rest))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn table(generation: u64) -> CursorTable {
        let cursor = SavedCursor {
            name: "prod".to_owned(),
            sequence: 9,
            items: 80,
            offset: 512,
        };
        CursorTable {
            generation,
            lane_id: 5,
            next_sequence: 11,
            next_items: 100,
            cursors: vec![cursor],
        }
    }

    fn file(tables: &[CursorTable]) -> Vec<u8> {
        let mut file = vec![0; 2 * CURSOR_SLOT_BYTES];
        for table in tables {
            let (at, slot) = (table.slot_offset() as usize, table.encode());
            file[at..at + slot.len()].copy_from_slice(&slot);
        }
        file
    }

    #[test]
    fn the_later_slot_counts_and_a_spoiled_one_falls_back() {
        let mut bytes = file(&[table(4), table(5)]);
        assert_eq!(CursorTable::decode(&bytes), Some(table(5)));
        bytes[CURSOR_SLOT_BYTES + 53] ^= 1;
        assert_eq!(CursorTable::decode(&bytes), Some(table(4)));
        bytes[53] ^= 1;
        assert_eq!(CursorTable::decode(&bytes), None);
    }

    #[test]
    fn a_flipped_bit_or_a_cut_spoils_a_slot() {
        let slot = table(0).encode();
        for bit in 0..slot.len() * 8 {
            let mut bad = slot.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(CursorTable::decode(&bad), None, "bit {bit}");
        }
        for len in 0..slot.len() {
            assert_eq!(CursorTable::decode(&slot[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn the_most_and_longest_names_fit() {
        let cursor = |index: usize| SavedCursor {
            name: format!("{index:0width$}", width = DESTINATION_NAME_BYTES_MAX),
            sequence: u64::MAX,
            items: u64::MAX,
            offset: u32::MAX,
        };
        let cursors = (0..DESTINATIONS_MAX).map(cursor).collect();
        let full = CursorTable {
            cursors,
            ..table(1)
        };
        assert_eq!(
            CursorTable::decode(&file(std::slice::from_ref(&full))),
            Some(full)
        );
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            generation: u64, lane_id: u64, next_sequence: u64, next_items: u64,
            entries in vec((".{0,60}", any::<u64>(), any::<u64>(), any::<u32>()), 0..8),
        ) {
            let cursors = entries.into_iter().map(|(name, sequence, items, offset)| {
                SavedCursor { name, sequence, items, offset }
            });
            let cursors = cursors.collect();
            let table = CursorTable { generation, lane_id, next_sequence, next_items, cursors };
            prop_assert_eq!(CursorTable::decode(&file(std::slice::from_ref(&table))), Some(table));
        }

        #[test]
        fn arbitrary_bytes_are_refused_calmly(bytes in vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(CursorTable::decode(&bytes), None);
        }
    }
}
