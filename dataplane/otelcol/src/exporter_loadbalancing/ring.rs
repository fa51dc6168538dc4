//! The ring that tells which backend has a key: the same one that other collectors make of the
//! same names, so that a fleet of both agrees.

use std::rc::Rc;

/// Positions on the ring, and how many of them each backend takes.
const POSITIONS: u32 = 36_000;
const POINTS: u8 = 100;

/// Backends in their places.
#[derive(Debug, Default)]
pub struct Ring {
    /// Sorted, as the places follow from it.
    names: Vec<Rc<str>>,
    /// Position and index of the backend, by position.
    points: Vec<(u32, usize)>,
}

impl Ring {
    pub fn new(mut names: Vec<Rc<str>>) -> Ring {
        names.sort();
        names.dedup();
        let mut points: Vec<(u32, usize)> = Vec::with_capacity(names.len() * usize::from(POINTS));
        let mut taken = vec![false; POSITIONS as usize];
        for (index, name) in names.iter().enumerate() {
            for point in 0..POINTS {
                let hash = crc32(name.bytes().chain([point]));
                let position = hash % POSITIONS;
                // Compat: who comes first keeps the place.
                if !std::mem::replace(&mut taken[position as usize], true) {
                    points.push((position, index));
                }
            }
        }
        points.sort_unstable();
        Ring { names, points }
    }

    pub fn names(&self) -> &[Rc<str>] {
        &self.names
    }

    /// The index of the backend that has a key; none if there are no backends.
    pub fn index_of(&self, key: &[u8]) -> Option<usize> {
        let position = crc32(key.iter().copied()) % POSITIONS;
        let at = self.points.partition_point(|(point, _)| *point < position);
        let point = self.points.get(at).or_else(|| self.points.first());
        point.map(|(_, index)| *index)
    }
}

/// Of IEEE 802.3.
fn crc32(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |crc, byte| {
        let index = (crc ^ u32::from(byte)) & 0xff;
        TABLE[index as usize] ^ (crc >> 8)
    })
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(names: &[&str]) -> Ring {
        Ring::new(names.iter().map(|name| Rc::from(*name)).collect())
    }

    #[test]
    fn the_checksum_is_that_of_ieee() {
        assert_eq!(crc32(b"123456789".iter().copied()), 0xcbf4_3926);
    }

    #[test]
    fn keys_stay_where_they_are_when_a_backend_comes() {
        let (two, three) = (ring(&["b", "a"]), ring(&["a", "b", "c"]));
        assert_eq!(two.names().len(), 2);
        let mut moved = 0;
        for key in 0_u32..1000 {
            let key = key.to_be_bytes();
            let name = |ring: &Ring| {
                let index = ring.index_of(&key).expect("there are backends");
                ring.names()[index].clone()
            };
            let (before, after) = (name(&two), name(&three));
            if before != after {
                assert_eq!(&*after, "c", "nothing moves between those that stay");
                moved += 1;
            }
        }
        assert!((200..500).contains(&moved), "a third moves: {moved}");
    }

    #[test]
    fn without_backends_there_is_no_place() {
        assert_eq!(ring(&[]).index_of(b"k"), None);
    }
}
