//! A file seen as memory, and slices of it that keep it mapped.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::sim;

/// The first bytes of a file, mapped read-only. Later writes to the file are seen.
///
/// Invariant: bytes that were handed out as a slice are not written again as long as it lives, and
/// the file is not truncated below the mapping; the log that owns the file sees to both.
#[derive(Clone)]
pub struct Mapping {
    memory: Arc<Memory>,
}

enum Memory {
    Mapped(os::file::Mapping),
    Sim(sim::Mapping),
}

impl Mapping {
    pub(super) fn mapped(mapping: os::file::Mapping) -> Mapping {
        Mapping {
            memory: Arc::new(Memory::Mapped(mapping)),
        }
    }

    pub(super) fn sim(mapping: sim::Mapping) -> Mapping {
        Mapping {
            memory: Arc::new(Memory::Sim(mapping)),
        }
    }

    /// Number of mapped bytes.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a slice or another clone of the mapping lives: then the file is not to be written
    /// again where it was read.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.memory) > 1
    }

    /// The mapped bytes.
    pub fn as_slice(&self) -> &[u8] {
        self.memory.as_ref().as_ref()
    }

    /// A part of the mapping without a copy; it keeps the mapping alive. Panics if `range` is not
    /// inside.
    pub fn bytes(&self, range: Range<usize>) -> Bytes {
        Bytes::from_owner(Slice {
            memory: self.memory.clone(),
        })
        .slice(range)
    }
}

/// What a [`Bytes`] owns.
struct Slice {
    memory: Arc<Memory>,
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self.memory.as_ref().as_ref()
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        match self {
            Memory::Mapped(mapping) => mapping.as_slice(),
            Memory::Sim(mapping) => mapping.as_slice(),
        }
    }
}
