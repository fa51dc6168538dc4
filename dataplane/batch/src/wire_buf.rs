//! A buffer for protobuf messages that is written with fixed-size copies.
//!
//! A label pair is some 20 bytes: a call to memcpy costs more than moving 32 bytes that are already in
//! registers. So the buffer keeps slack behind what is written, and short pieces are copied whole words
//! at a time, past their end; the next piece overwrites the surplus.

use stdx::varint;

/// Room that always lies behind the written bytes.
const SLACK: usize = 64;
/// Lengths of nested messages are first left open in this many bytes: right for 128 to 16,383, which is
/// where nearly every series falls; others are moved when closed.
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

    /// Appends the first `len` bytes of `padded`, and may copy more of it to get there.
    #[inline]
    pub fn put_padded(&mut self, padded: &[u8], len: usize) {
        self.reserve(len);
        let to = &mut self.bytes[self.len..];
        if len <= 32
            && let (Some(to), Some(from)) = (to.first_chunk_mut::<32>(), padded.first_chunk::<32>())
        {
            *to = *from;
        } else if len <= 64
            && let (Some(to), Some(from)) = (to.first_chunk_mut::<64>(), padded.first_chunk::<64>())
        {
            *to = *from;
        } else {
            to[..len].copy_from_slice(&padded[..len]);
        }
        self.len += len;
    }

    /// Appends one byte.
    #[inline]
    pub fn put_byte(&mut self, byte: u8) {
        self.put(&[byte]);
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
        self.put(&[tag, 0, 0]);
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
            padded.put_padded(&source[256 - len..], len);
            plain.extend_from_slice(&source[256 - len..]);
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
