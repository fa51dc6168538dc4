//! The symbol table of one message: each text once.

use batch::{SeriesId, SeriesTable, WireBuf};
use hashbrown::HashTable;
use stdx::varint;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Symbols in the order of their numbers, ready as the field of the message.
pub(super) struct Symbols {
    wire: WireBuf,
    /// Where each symbol's text lies in `wire`.
    places: Vec<Place>,
    /// Numbers of symbols by the hash of their text.
    by_text: HashTable<u32>,
    /// Keys the hash, so that nobody outside can choose colliding texts.
    seed: u64,
    /// Numbers of label pairs by the table's pair id: what most lookups end with.
    pairs: Vec<Pair>,
    round: u32,
}

#[derive(Clone, Copy)]
struct Place {
    start: usize,
    len: usize,
}

/// Valid in its round only: between batches a pair id may pass to another pair.
#[derive(Clone, Copy, Default)]
struct Pair {
    round: u32,
    name: u32,
    value: u32,
}

const SYMBOL: u8 = 0x22;

impl Symbols {
    pub(super) fn new(seed: u64) -> Symbols {
        let mut symbols = Symbols {
            wire: WireBuf::new(),
            places: Vec::new(),
            by_text: HashTable::new(),
            seed,
            pairs: Vec::new(),
            round: 0,
        };
        symbols.clear();
        symbols
    }

    /// Starts an empty table, which has the empty text as number 0.
    pub(super) fn clear(&mut self) {
        self.wire.clear();
        self.places.clear();
        self.by_text.clear();
        self.next_round();
        let empty = self.number("");
        debug_assert_eq!(empty, 0);
    }

    /// The series table may have changed: pair ids are not to be trusted.
    pub(super) fn next_round(&mut self) {
        match self.round.checked_add(1) {
            Some(round) => self.round = round,
            None => {
                self.pairs.fill(Pair::default());
                self.round = 1;
            }
        }
    }

    pub(super) fn wire(&self) -> &WireBuf {
        &self.wire
    }

    /// Appends the numbers of a series' names and values.
    pub(super) fn label_refs(
        &mut self,
        table: &SeriesTable,
        series: SeriesId,
        refs: &mut Vec<u32>,
    ) {
        for (id, name, value) in table.label_pairs(series) {
            let at = id as usize;
            if self.pairs.len() <= at {
                self.pairs.resize(at + 1, Pair::default());
            }
            if self.pairs[at].round != self.round {
                self.pairs[at] = Pair {
                    round: self.round,
                    name: self.number(name),
                    value: self.number(value),
                };
            }
            let pair = self.pairs[at];
            refs.extend([pair.name, pair.value]);
        }
    }

    /// The number of a text, which is added if it is new.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        let hash = xxh3_64_with_seed(text.as_bytes(), self.seed);
        let (places, wire) = (&self.places, self.wire.as_slice());
        let text_of = |number: u32| {
            let place = places[number as usize];
            &wire[place.start..place.start + place.len]
        };
        let found = self
            .by_text
            .find(hash, |number| text_of(*number) == text.as_bytes());
        if let Some(number) = found {
            return *number;
        }
        let number = u32::try_from(self.places.len()).expect("a message is far below 4 GiB");
        let seed = self.seed;
        let rehash = |number: &u32| xxh3_64_with_seed(text_of(*number), seed);
        self.by_text.insert_unique(hash, number, rehash);
        self.wire.put_byte(SYMBOL);
        self.wire.put_varint(text.len() as u64);
        self.places.push(Place {
            start: self.wire.len(),
            len: text.len(),
        });
        self.wire.put(text.as_bytes());
        number
    }
}

/// Bytes that numbers take as packed varints.
pub(super) fn packed_len(refs: &[u32]) -> u64 {
    refs.iter()
        .map(|number| varint::len(u64::from(*number)) as u64)
        .sum()
}
