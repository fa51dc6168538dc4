//! Byte strings known by dense 32-bit ids, each stored once and counted.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::arena::{Arena, Place};

/// The table is cut into parts by some of the hash's bits, so that growing rehashes, and for that
/// moment doubles, one part and not everything.
const PARTS: usize = 64;
const PART_SHIFT: u32 = u64::BITS - PARTS.trailing_zeros();

/// Records live in blocks of this many, so that they never move and growing copies nothing.
const BLOCK: usize = 1024;

pub(crate) struct Interner {
    seed: u64,
    arena: Arena,
    blocks: Vec<Box<[Record; BLOCK]>>,
    /// Ids handed out so far, dead ones included.
    count: u32,
    /// Ids that may be handed out again.
    free: Vec<u32>,
    parts: Vec<HashTable<u32>>,
    live: usize,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Record {
    pub(crate) place: Place,
    pub(crate) len: u32,
    references: u32,
}

/// What `acquire` did.
pub(crate) enum Acquired {
    Known(u32),
    New(u32),
}

impl Interner {
    pub(crate) fn new(seed: u64) -> Interner {
        Interner {
            seed,
            arena: Arena::new(),
            blocks: Vec::new(),
            count: 0,
            free: Vec::new(),
            parts: (0..PARTS).map(|_| HashTable::new()).collect(),
            live: 0,
        }
    }

    /// Finds or adds a string and takes one reference.
    pub(crate) fn acquire(&mut self, text: &[u8]) -> Acquired {
        let hash = xxh3_64_with_seed(text, self.seed);
        if let Some(id) = self.find_hashed(text, hash) {
            self.retain(id);
            return Acquired::Known(id);
        }
        let id = self.free.pop().unwrap_or_else(|| self.add_id());
        let place = self.arena.insert(text);
        *self.record_mut(id) = Record {
            place,
            len: text.len() as u32,
            references: 1,
        };
        self.live += 1;
        let Interner {
            parts,
            blocks,
            arena,
            seed,
            ..
        } = self;
        parts[part(hash)].insert_unique(hash, id, |id| {
            let record = blocks[*id as usize / BLOCK][*id as usize % BLOCK];
            xxh3_64_with_seed(arena.get(record.place, record.len as usize), *seed)
        });
        Acquired::New(id)
    }

    /// Finds a string without taking a reference.
    pub(crate) fn find(&self, text: &[u8]) -> Option<u32> {
        self.find_hashed(text, xxh3_64_with_seed(text, self.seed))
    }

    pub(crate) fn retain(&mut self, id: u32) {
        let references = &mut self.record_mut(id).references;
        assert!(
            0 < *references && *references < u32::MAX,
            "retain of dead id {id}"
        );
        *references += 1;
    }

    /// Gives one reference back. True when it was the last: the string can no longer be found, but
    /// stays readable, and its id taken, until `forget`.
    pub(crate) fn release(&mut self, id: u32) -> bool {
        let record = self.record_mut(id);
        assert!(record.references > 0, "release of dead id {id}");
        record.references -= 1;
        if record.references > 0 {
            return false;
        }
        let hash = xxh3_64_with_seed(self.get(id), self.seed);
        let entry = self.parts[part(hash)].find_entry(hash, |other| *other == id);
        entry.expect("a live id is in the table").remove();
        self.live -= 1;
        true
    }

    /// Frees the text of a dead id. The id stays taken until `recycle`.
    pub(crate) fn forget(&mut self, id: u32) {
        let record = *self.record(id);
        debug_assert_eq!(record.references, 0);
        self.arena.remove(record.place, record.len as usize);
        *self.record_mut(id) = Record::default();
    }

    /// Lets a forgotten id be handed out again.
    pub(crate) fn recycle(&mut self, id: u32) {
        debug_assert_eq!(self.record(id).references, 0);
        self.free.push(id);
    }

    pub(crate) fn get(&self, id: u32) -> &[u8] {
        let record = self.record(id);
        self.arena.get(record.place, record.len as usize)
    }

    #[inline]
    pub(crate) fn len_of(&self, id: u32) -> usize {
        self.record(id).len as usize
    }

    /// The string's length, and the memory from its first byte on (see `Arena::tail`).
    #[inline]
    pub(crate) fn tail(&self, id: u32) -> (usize, &[u8]) {
        let record = self.record(id);
        (record.len as usize, self.arena.tail(record.place))
    }

    pub(crate) fn references(&self, id: u32) -> u32 {
        self.record(id).references
    }

    /// Strings that have references.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Ids that are handed out again before new ones are.
    pub(crate) fn reusable(&self) -> usize {
        self.free.len()
    }

    /// One more than the largest id ever handed out.
    pub(crate) fn bound(&self) -> u32 {
        self.count
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        // One control byte a bucket beside the id; capacity is 7/8 of the buckets.
        let tables: usize = self
            .parts
            .iter()
            .map(|part| part.capacity() * 8 / 7 * 5)
            .sum();
        self.arena.memory_bytes()
            + self.blocks.len() * size_of::<[Record; BLOCK]>()
            + self.free.capacity() * size_of::<u32>()
            + tables
    }

    fn find_hashed(&self, text: &[u8], hash: u64) -> Option<u32> {
        self.parts[part(hash)]
            .find(hash, |id| self.get(*id) == text)
            .copied()
    }

    #[inline]
    fn record(&self, id: u32) -> &Record {
        &self.blocks[id as usize / BLOCK][id as usize % BLOCK]
    }

    fn record_mut(&mut self, id: u32) -> &mut Record {
        &mut self.blocks[id as usize / BLOCK][id as usize % BLOCK]
    }

    fn add_id(&mut self) -> u32 {
        let id = self.count;
        assert!(
            id < u32::MAX - 1,
            "the memory budget ends long before four billion ids"
        );
        if (id as usize).is_multiple_of(BLOCK) {
            self.blocks.push(Box::new([Record::default(); BLOCK]));
        }
        self.count += 1;
        id
    }
}

fn part(hash: u64) -> usize {
    // From the middle: inside a part hashbrown takes the bucket from the low bits and its control
    // byte from the top seven, and both must still tell strings apart.
    (hash.rotate_left(20) >> PART_SHIFT) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(acquired: Acquired) -> u32 {
        match acquired {
            Acquired::Known(id) | Acquired::New(id) => id,
        }
    }

    #[test]
    fn equal_strings_share_an_id_until_the_last_reference_goes() {
        let mut interner = Interner::new(1);
        let first = id(interner.acquire(b"a"));
        assert_eq!(id(interner.acquire(b"a")), first);
        assert_ne!(id(interner.acquire(b"b")), first);
        assert!(!interner.release(first));
        assert_eq!(interner.find(b"a"), Some(first));
        assert!(interner.release(first));
        assert_eq!(interner.find(b"a"), None);
        assert_eq!(interner.get(first), b"a", "readable until forgotten");
    }

    #[test]
    fn an_id_comes_back_only_after_recycling() {
        let mut interner = Interner::new(1);
        let first = id(interner.acquire(b"a"));
        interner.release(first);
        interner.forget(first);
        let second = id(interner.acquire(b"b"));
        assert_ne!(second, first);
        interner.recycle(first);
        assert_eq!(id(interner.acquire(b"c")), first);
        assert_eq!(interner.bound(), 2);
    }

    #[test]
    fn many_strings_are_all_found_again_after_growth() {
        let mut interner = Interner::new(9);
        let ids: Vec<u32> = (0..50_000u32)
            .map(|n| id(interner.acquire(&n.to_le_bytes())))
            .collect();
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(interner.find(&(n as u32).to_le_bytes()), Some(*id));
        }
        assert_eq!(interner.live(), 50_000);
    }
}
