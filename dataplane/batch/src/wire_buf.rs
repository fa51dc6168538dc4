//! A buffer for protobuf messages that is written with fixed-size copies.
//!
//! A label pair is some 20 bytes: a call to memcpy costs more than moving 32 bytes that are already
//! in registers. So the buffer keeps slack behind what is written, and short pieces are copied
//! whole words at a time, past their end; the next piece overwrites the surplus.

use stdx::varint;

/// Room that always lies behind the written bytes.
const SLACK: usize = 64;
/// What one unconditional copy moves: most label pairs fit in.
pub const BLOCK: usize = 32;
const _: () = assert!(2 * BLOCK <= SLACK);
/// Lengths of nested messages are first left open in this many bytes: right for 128 to 16,383,
/// which is where nearly every series falls; others are moved when closed.
const LENGTH_BYTES: usize = 2;

/// Bytes of a message under construction. Reused: `clear` keeps the memory.
#[derive(Default)]
pub struct WireBuf {
    /// Initialised beyond `len`, by at least `SLACK` once anything was written.
    bytes: Vec<u8>,
    len: usize,
}

/// A nested message whose length is still open.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct Open(usize);

impl WireBuf {
    #[must_use]
    pub fn new() -> WireBuf {
        WireBuf::default()
    }

    pub fn clear(&mut self) {
        self.len = 0;
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Appends bytes.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Appends bytes, and gives them to be changed.
    #[inline]
    pub fn put_mut(&mut self, bytes: &[u8]) -> &mut [u8] {
        let start = self.len;
        self.put(bytes);
        &mut self.bytes[start..self.len]
    }

    /// Appends the first `len` bytes of `padded`, which has at least `BLOCK` bytes from its start
    /// and from its end on.
    #[inline]
    pub fn put_padded(&mut self, padded: &[u8], len: usize) {
        self.put_all_padded(std::iter::once((len, padded)));
    }

    /// Appends pieces as `put_padded` does.
    #[inline]
    pub fn put_all_padded<'a>(&mut self, pieces: impl Iterator<Item = (usize, &'a [u8])>) {
        let mut at = self.len;
        for (len, padded) in pieces {
            if self.bytes.len() < at + len + SLACK {
                self.len = at;
                self.grow(len);
            }
            let to = &mut self.bytes[at..];
            copy_block(to, padded);
            if len > BLOCK {
                copy_block(&mut to[BLOCK..], &padded[BLOCK..]);
                if len > 2 * BLOCK {
                    to[2 * BLOCK..len].copy_from_slice(&padded[2 * BLOCK..len]);
                }
            }
            at += len;
        }
        self.len = at;
    }

    /// Replaces one byte.
    #[inline]
    pub fn set(&mut self, at: usize, byte: u8) {
        self.bytes[at] = byte;
    }

    /// Takes one byte out; what is behind it moves up.
    #[inline]
    pub fn remove(&mut self, at: usize) {
        self.bytes.copy_within(at + 1..self.len, at);
        self.len -= 1;
    }

    /// Puts one byte in; what is behind it moves back.
    pub fn insert(&mut self, at: usize, byte: u8) {
        self.reserve(1);
        self.bytes.copy_within(at..self.len, at + 1);
        self.bytes[at] = byte;
        self.len += 1;
    }

    /// Forgets everything from `len` on.
    pub fn truncate(&mut self, len: usize) {
        assert!(len <= self.len);
        self.len = len;
    }

    /// Appends what another buffer holds.
    #[inline]
    pub fn put_buf(&mut self, other: &WireBuf) {
        self.put_front(other, other.len);
    }

    /// Appends the first `len` bytes that another buffer holds.
    #[inline]
    pub fn put_front(&mut self, other: &WireBuf, len: usize) {
        assert!(len <= other.len);
        if len > 0 {
            self.put_padded(&other.bytes, len);
        }
    }

    /// Appends one byte.
    #[inline]
    pub fn put_byte(&mut self, byte: u8) {
        self.put_array([byte]);
    }

    /// Appends a few bytes whose number is known: a move, not a call.
    #[inline]
    pub fn put_array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.reserve(N);
        let to = self.bytes[self.len..].first_chunk_mut::<N>();
        *to.expect("room was reserved") = bytes;
        self.len += N;
    }

    /// Appends a varint.
    #[inline]
    pub fn put_varint(&mut self, mut value: u64) {
        self.reserve(varint::LEN_MAX);
        while value >= 0x80 {
            self.bytes[self.len] = value as u8 | 0x80;
            self.len += 1;
            value >>= 7;
        }
        self.bytes[self.len] = value as u8;
        self.len += 1;
    }

    /// Starts a nested message with the tag of its field.
    #[inline]
    pub fn open(&mut self, tag: u8) -> Open {
        self.put_array([tag, 0, 0]);
        Open(self.len)
    }

    /// Ends a nested message: fills in its length.
    #[inline]
    pub fn close(&mut self, open: Open) {
        let Open(start) = open;
        let len = self.len - start;
        if (0x80..0x4000).contains(&len) {
            self.bytes[start - 2] = len as u8 | 0x80;
            self.bytes[start - 1] = (len >> 7) as u8;
        } else {
            self.close_moved(start, len);
        }
    }

    #[cold]
    fn close_moved(&mut self, start: usize, len: usize) {
        let mut prefix = Vec::with_capacity(varint::LEN_MAX);
        varint::put(&mut prefix, len as u64);
        self.reserve(prefix.len());
        let prefix_at = start - LENGTH_BYTES;
        let moved = prefix_at + prefix.len();
        self.bytes.copy_within(start..self.len, moved);
        self.bytes[prefix_at..moved].copy_from_slice(&prefix);
        self.len = moved + len;
    }

    #[inline]
    fn reserve(&mut self, more: usize) {
        if self.bytes.len() < self.len + more + SLACK {
            self.grow(more);
        }
    }

    #[cold]
    fn grow(&mut self, more: usize) {
        let len = (self.len + more + SLACK)
            .max(self.bytes.len() * 2)
            .next_power_of_two();
        self.bytes.resize(len, 0);
    }
}

/// Two moves of 16 bytes, as values: copies of arrays are merged into calls of memcpy, which is
/// what this avoids.
#[inline(always)]
fn copy_block(to: &mut [u8], from: &[u8]) {
    let from: &[u8; BLOCK] = from.first_chunk().expect("padded");
    let to: &mut [u8; BLOCK] = to.first_chunk_mut().expect("slack lies behind");
    let (from_low, from_high) = from.split_at(BLOCK / 2);
    let (to_low, to_high) = to.split_at_mut(BLOCK / 2);
    let low = u128::from_ne_bytes(from_low.try_into().expect("half a block"));
    let high = u128::from_ne_bytes(from_high.try_into().expect("half a block"));
    to_low.copy_from_slice(&low.to_ne_bytes());
    to_high.copy_from_slice(&high.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_copies_write_what_plain_copies_write() {
        let source: Vec<u8> = (0..=255).collect();
        let (mut padded, mut plain) = (WireBuf::new(), Vec::new());
        for len in (0..150).chain([1, 31, 32, 33, 63, 64, 65]) {
            padded.put_padded(&source, len);
            plain.extend_from_slice(&source[..len]);
            let start = source.len() - BLOCK - len;
            padded.put_padded(&source[start..], len);
            plain.extend_from_slice(&source[start..start + len]);
        }
        assert_eq!(padded.as_slice(), plain);
    }

    #[test]
    fn lengths_of_nested_messages_take_one_to_four_bytes() {
        for len in [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_152] {
            let mut buf = WireBuf::new();
            let open = buf.open(0x0a);
            for n in 0..len {
                buf.put_byte(n as u8);
            }
            buf.close(open);
            buf.put_byte(7);
            let bytes = buf.as_slice();
            let (got, prefix) = varint::get(&bytes[1..]).expect("a length");
            assert_eq!((bytes[0], got), (0x0a, len as u64));
            assert_eq!(bytes.len(), 1 + prefix + len + 1);
            assert_eq!(bytes.last(), Some(&7));
            assert!(
                bytes[1 + prefix..]
                    .iter()
                    .take(len)
                    .enumerate()
                    .all(|(n, b)| *b == n as u8)
            );
        }
    }

    #[test]
    fn varints_are_those_of_stdx() {
        let (mut buf, mut expected) = (WireBuf::new(), Vec::new());
        for shift in 0..64 {
            buf.put_varint(u64::MAX >> shift);
            varint::put(&mut expected, u64::MAX >> shift);
        }
        assert_eq!(buf.as_slice(), expected);
    }
}
