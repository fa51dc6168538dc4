//! Memory for many small byte strings: chunks that never move, with a free list per size.
//!
//! Strings take no allocation of their own and no capacity beyond the next eight bytes. Chunks are
//! added one at a time, so growing never holds two copies of everything, as a doubling vector
//! would.

/// Space is handed out in multiples of this: half of it is lost per string on average, and a place
/// fits in 32 bits up to 32 GiB of text.
const GRANULE: usize = 8;
/// Large enough that the index of chunks is small, small enough that an idle table costs little.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNK_GRANULES: usize = CHUNK_BYTES / GRANULE;
/// Bytes past the last place of a chunk, so that a reader may always read this many from any place
/// on.
pub(crate) const PADDING: usize = crate::wire_buf::BLOCK;
/// Sizes up to 512 bytes have exact free lists; larger ones are rounded up to a power of two.
const EXACT_CLASSES: usize = 64;
/// 1 KiB to 32 KiB. What is larger gets a chunk of its own.
const ROUNDED_CLASSES: usize = 6;
const CLASSES: usize = EXACT_CLASSES + ROUNDED_CLASSES;
const SHARED_BYTES_MAX: usize = (EXACT_CLASSES * GRANULE) << ROUNDED_CLASSES;

const _: () = assert!(
    SHARED_BYTES_MAX + PADDING <= CHUNK_BYTES,
    "a shared place fits in a chunk"
);
const _: () = assert!(
    GRANULE >= size_of::<u32>(),
    "a free place holds the link to the next one"
);

const NONE: u32 = u32::MAX;

/// Where a string starts, in granules.
pub(crate) type Place = u32;

pub(crate) struct Arena {
    chunks: Vec<Box<[u8]>>,
    /// The first place never handed out in the newest shared chunk, and where that chunk ends.
    next: Place,
    end: Place,
    free: [Place; CLASSES],
    /// Indexes of chunks that held one large string and now hold nothing.
    free_chunks: Vec<u32>,
    bytes: usize,
}

impl Arena {
    pub(crate) fn new() -> Arena {
        Arena {
            chunks: Vec::new(),
            next: 0,
            end: 0,
            free: [NONE; CLASSES],
            free_chunks: Vec::new(),
            bytes: 0,
        }
    }

    /// Copies a string in. It stays where it is until `remove`.
    pub(crate) fn insert(&mut self, text: &[u8]) -> Place {
        let place = match class(text.len()) {
            Some(class) => self.take(class),
            None => self.add_chunk(text.len() + PADDING),
        };
        let (chunk, start) = split(place);
        self.chunks[chunk][start..start + text.len()].copy_from_slice(text);
        place
    }

    /// Gives the room of a string back; `len` is the length that it was inserted with.
    pub(crate) fn remove(&mut self, place: Place, len: usize) {
        let (chunk, start) = split(place);
        match class(len) {
            Some(class) => {
                let link = self.free[class].to_le_bytes();
                self.chunks[chunk][start..start + link.len()].copy_from_slice(&link);
                self.free[class] = place;
            }
            None => {
                self.bytes -= self.chunks[chunk].len();
                self.chunks[chunk] = Box::default();
                self.free_chunks.push(chunk as u32);
            }
        }
    }

    pub(crate) fn get(&self, place: Place, len: usize) -> &[u8] {
        let (chunk, start) = split(place);
        &self.chunks[chunk][start..start + len]
    }

    /// Everything from a place to the end of its chunk: at least `PADDING` bytes more than the
    /// string.
    pub(crate) fn tail(&self, place: Place) -> &[u8] {
        let (chunk, start) = split(place);
        &self.chunks[chunk][start..]
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes
            + self.chunks.capacity() * size_of::<Box<[u8]>>()
            + self.free_chunks.capacity() * 4
    }

    fn take(&mut self, class: usize) -> Place {
        let place = self.free[class];
        if place != NONE {
            let (chunk, start) = split(place);
            let link = self.chunks[chunk]
                .get(start..start + 4)
                .expect("a free place is a granule");
            self.free[class] = u32::from_le_bytes(link.try_into().expect("four bytes"));
            return place;
        }
        let granules = class_granules(class);
        if self.end - self.next < granules {
            self.retire_rest();
            self.next = self.add_chunk(CHUNK_BYTES);
            self.end = self.next + ((CHUNK_BYTES - PADDING) / GRANULE) as u32;
        }
        let place = self.next;
        self.next += granules;
        place
    }

    /// Puts what is left of the newest chunk on the free lists, largest pieces first.
    fn retire_rest(&mut self) {
        while self.next < self.end {
            let granules = (self.end - self.next).min(EXACT_CLASSES as u32);
            let place = self.next;
            self.next += granules;
            self.remove(place, granules as usize * GRANULE);
        }
    }

    fn add_chunk(&mut self, bytes: usize) -> Place {
        let index = match self.free_chunks.pop() {
            Some(index) => index as usize,
            None => {
                self.chunks.push(Box::default());
                self.chunks.len() - 1
            }
        };
        self.chunks[index] = vec![0; bytes].into_boxed_slice();
        self.bytes += bytes;
        let first = index
            .checked_mul(CHUNK_GRANULES)
            .and_then(|place| u32::try_from(place).ok());
        let first = first.filter(|place| *place < NONE - CHUNK_GRANULES as u32);
        first.expect("the memory budget ends long before 32 GiB of label text")
    }
}

fn split(place: Place) -> (usize, usize) {
    let place = place as usize;
    (place / CHUNK_GRANULES, place % CHUNK_GRANULES * GRANULE)
}

/// The free list for strings of a length; none for those that take a chunk of their own.
fn class(len: usize) -> Option<usize> {
    let granules = len.div_ceil(GRANULE).max(1);
    if granules <= EXACT_CLASSES {
        return Some(granules - 1);
    }
    if len > SHARED_BYTES_MAX {
        return None;
    }
    let doublings = granules
        .div_ceil(EXACT_CLASSES)
        .next_power_of_two()
        .trailing_zeros();
    Some(EXACT_CLASSES + doublings as usize - 1)
}

fn class_granules(class: usize) -> u32 {
    if class < EXACT_CLASSES {
        return class as u32 + 1;
    }
    (EXACT_CLASSES << (class - EXACT_CLASSES + 1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_holds_what_it_is_given() {
        for len in 0..=SHARED_BYTES_MAX {
            let class = class(len).expect("shared");
            assert!(class < CLASSES, "{len}");
            assert!(class_granules(class) as usize * GRANULE >= len, "{len}");
        }
        assert_eq!(class(SHARED_BYTES_MAX + 1), None);
    }

    #[test]
    fn strings_of_all_sizes_keep_their_content_and_their_room_is_used_again() {
        let mut arena = Arena::new();
        let mut rng = stdx::Rng::new(7);
        let mut texts: Vec<(Place, Vec<u8>)> = Vec::new();
        let fill = |arena: &mut Arena, rng: &mut stdx::Rng, texts: &mut Vec<(Place, Vec<u8>)>| {
            for _ in 0..2_000 {
                let len = match rng.below(20) {
                    0 => rng.below(70_000),
                    1..=3 => rng.below(2_000),
                    _ => rng.below(80),
                };
                let text: Vec<u8> = (0..len).map(|_| rng.below(256) as u8).collect();
                texts.push((arena.insert(&text), text));
            }
        };
        fill(&mut arena, &mut rng, &mut texts);
        let full = arena.memory_bytes();
        for round in 0..3 {
            for (place, text) in &texts {
                assert_eq!(arena.get(*place, text.len()), text, "round {round}");
                assert!(arena.tail(*place).len() >= text.len() + PADDING);
            }
            for (place, text) in texts.drain(..) {
                arena.remove(place, text.len());
            }
            fill(&mut arena, &mut rng, &mut texts);
        }
        assert!(
            arena.memory_bytes() < full * 3 / 2,
            "{} of {full}",
            arena.memory_bytes()
        );
    }
}
