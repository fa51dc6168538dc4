//! A pack: objects one after the other, each deflated, whole or as changes of another one.

use std::collections::HashMap;
use std::io::Read;
use std::rc::Rc;

use flate2::bufread::ZlibDecoder;
use sha1::{Digest, Sha1};

use super::GitError;
use super::limits::{INFLATED_BYTES_MAX, OBJECTS_MAX, ROUNDS_MAX};
use super::object::{Id, Kind, Objects};

/// Reads all objects of a pack.
pub fn unpack(pack: &[u8]) -> Result<Objects, GitError> {
    let broken = || GitError::new("the pack is broken");
    let end = pack.len().checked_sub(20).ok_or_else(broken)?;
    let (body, checksum) = pack.split_at(end);
    if Sha1::digest(body)[..] != *checksum {
        return Err(GitError::new(
            "the pack does not have the checksum that it says",
        ));
    }
    let head = body.get(..12).ok_or_else(broken)?;
    let number =
        |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if !head.starts_with(b"PACK") || !matches!(number(4), 2 | 3) {
        return Err(broken());
    }
    let count = number(8);
    if count > OBJECTS_MAX {
        let message = format!("the pack has {count} objects, more than {OBJECTS_MAX}");
        return Err(GitError::new(message));
    }
    let mut unpacker = Unpacker {
        body,
        at: 12,
        left: INFLATED_BYTES_MAX,
        objects: Objects::default(),
        by_offset: HashMap::new(),
        waiting: Vec::new(),
    };
    for _ in 0..count {
        unpacker.entry()?;
    }
    unpacker.finish()
}

/// Bytes with the checksum that ends a pack.
pub fn sealed(body: &[u8]) -> Vec<u8> {
    [body, &Sha1::digest(body)[..]].concat()
}

struct Unpacker<'a> {
    body: &'a [u8],
    at: usize,
    /// Bytes that may still be inflated.
    left: usize,
    objects: Objects,
    /// Bases are named by where they stand, too.
    by_offset: HashMap<usize, (Kind, Rc<[u8]>)>,
    /// Changes of objects that have not been read yet.
    waiting: Vec<Waiting>,
}

struct Waiting {
    offset: usize,
    base: Base,
    changes: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Base {
    Offset(usize),
    Id(Id),
}

impl Unpacker<'_> {
    fn byte(&mut self) -> Result<u8, GitError> {
        let byte = self.body.get(self.at).copied();
        self.at += 1;
        byte.ok_or_else(|| GitError::new("the pack ends too soon"))
    }

    fn entry(&mut self) -> Result<(), GitError> {
        let offset = self.at;
        let first = self.byte()?;
        let (mut size, mut shift, mut byte) = (usize::from(first & 15), 4, first);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            if shift > 32 {
                return Err(GitError::new("an object of the pack is too large"));
            }
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
        }
        let kind = match (first >> 4) & 7 {
            1 => Kind::Commit,
            2 => Kind::Folder,
            3 => Kind::File,
            4 => Kind::Tag,
            6 => {
                let base = Base::Offset(self.offset_before(offset)?);
                return self.changed(offset, base, size);
            }
            7 => {
                let id = self.body.get(self.at..self.at + 20);
                let id = id.and_then(Id::from_bytes);
                let id = id.ok_or_else(|| GitError::new("the pack ends too soon"))?;
                self.at += 20;
                return self.changed(offset, Base::Id(id), size);
            }
            other => return Err(GitError::new(format!("the pack has a kind {other}"))),
        };
        let content = self.inflate(size)?;
        self.keep(offset, kind, content.into());
        Ok(())
    }

    fn offset_before(&mut self, offset: usize) -> Result<usize, GitError> {
        let mut byte = self.byte()?;
        let mut back = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            if back > usize::MAX >> 8 {
                return Err(GitError::new("the pack refers to a place outside"));
            }
            back = ((back + 1) << 7) | usize::from(byte & 0x7f);
        }
        let base = offset.checked_sub(back).filter(|base| *base != offset);
        base.ok_or_else(|| GitError::new("the pack refers to a place outside"))
    }

    fn changed(&mut self, offset: usize, base: Base, size: usize) -> Result<(), GitError> {
        let changes = self.inflate(size)?;
        self.waiting.push(Waiting {
            offset,
            base,
            changes,
        });
        // Bases mostly come first.
        if let Some(last) = self.waiting.pop()
            && let Some(waiting) = self.apply(last)?
        {
            self.waiting.push(waiting);
        }
        Ok(())
    }

    /// Gives back what waits for its base.
    fn apply(&mut self, waiting: Waiting) -> Result<Option<Waiting>, GitError> {
        let base = match waiting.base {
            Base::Offset(at) => self.by_offset.get(&at),
            Base::Id(id) => self.objects.get(id),
        };
        let Some((kind, base)) = base.cloned() else {
            return Ok(Some(waiting));
        };
        let content = patched(&base, &waiting.changes, &mut self.left)?;
        self.keep(waiting.offset, kind, content.into());
        Ok(None)
    }

    fn keep(&mut self, offset: usize, kind: Kind, content: Rc<[u8]>) {
        self.by_offset.insert(offset, (kind, content.clone()));
        self.objects.insert(kind, content);
    }

    fn inflate(&mut self, size: usize) -> Result<Vec<u8>, GitError> {
        take(&mut self.left, size)?;
        let mut decoder = ZlibDecoder::new(&self.body[self.at..]);
        let mut content = Vec::new();
        // One more than it should have, to see when it has more.
        let read = decoder
            .by_ref()
            .take(size as u64 + 1)
            .read_to_end(&mut content);
        if read.is_err() || content.len() != size {
            return Err(GitError::new("an object of the pack is broken"));
        }
        self.at += decoder.total_in() as usize;
        Ok(content)
    }

    fn finish(mut self) -> Result<Objects, GitError> {
        for _ in 0..=ROUNDS_MAX {
            if self.waiting.is_empty() {
                return Ok(self.objects);
            }
            let before = self.waiting.len();
            for waiting in std::mem::take(&mut self.waiting) {
                let still = self.apply(waiting)?;
                self.waiting.extend(still);
            }
            if self.waiting.len() == before {
                break;
            }
        }
        Err(GitError::new("the pack has changes of what it has not"))
    }
}

fn take(left: &mut usize, bytes: usize) -> Result<(), GitError> {
    *left = left.checked_sub(bytes).ok_or_else(|| {
        GitError::new(format!(
            "the pack holds more than {INFLATED_BYTES_MAX} bytes"
        ))
    })?;
    Ok(())
}

/// A base with changes applied: copies of its ranges and new bytes.
fn patched(base: &[u8], changes: &[u8], left: &mut usize) -> Result<Vec<u8>, GitError> {
    let broken = || GitError::new("changes of an object are broken");
    let mut bytes = changes.iter().copied();
    let of = size(&mut bytes).ok_or_else(broken)?;
    let result = size(&mut bytes).ok_or_else(broken)?;
    if of != base.len() {
        return Err(broken());
    }
    take(left, result)?;
    let mut content = Vec::with_capacity(result);
    while let Some(op) = bytes.next() {
        if op & 0x80 == 0 {
            // Zero is kept for later versions of the format.
            let before = content.len();
            content.extend(bytes.by_ref().take(usize::from(op)));
            if op == 0 || content.len() != before + usize::from(op) {
                return Err(broken());
            }
        } else {
            let mut number = |bits: std::ops::Range<u32>| {
                let mut value = 0;
                for (place, bit) in bits.enumerate() {
                    if op & (1 << bit) != 0 {
                        value |= usize::from(bytes.next()?) << (8 * place);
                    }
                }
                Some(value)
            };
            let from = number(0..4).ok_or_else(broken)?;
            let length = match number(4..7).ok_or_else(broken)? {
                0 => 0x10000,
                length => length,
            };
            let range = from.checked_add(length).and_then(|end| base.get(from..end));
            content.extend_from_slice(range.ok_or_else(broken)?);
        }
        if content.len() > result {
            return Err(broken());
        }
    }
    match content.len() == result {
        true => Ok(content),
        false => Err(broken()),
    }
}

fn size(bytes: &mut impl Iterator<Item = u8>) -> Option<usize> {
    let (mut size, mut shift) = (0, 0);
    loop {
        let byte = bytes.next()?;
        if shift > 32 {
            return None;
        }
        size |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
}
