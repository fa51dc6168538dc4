//! A file's content: what is seen, what is durable, and what lies between.

use std::cell::UnsafeCell;
use std::sync::{Arc, Weak};

/// A change that is seen but not durable.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { offset: u64, bytes: Arc<[u8]> },
    Len(u64),
}

/// One file.
pub(super) struct Node {
    memory: Arc<Memory>,
    /// Memory of mappings made before the file outgrew it; they see writes too.
    outgrown: Vec<Weak<Memory>>,
    len: u64,
    durable: Arc<Vec<u8>>,
    changes: Vec<Change>,
    /// Wall clock at the last change; zero for what was there before the simulation.
    pub(super) modified_ns: i64,
    /// Open handles; a file without one and without a name is gone.
    pub(super) open: u32,
    /// Changes that a failed sync gave up: no later sync makes them durable, a crash may leave
    /// them.
    doomed: Vec<Change>,
}

/// What of a file matters for a crash.
#[derive(Clone)]
pub(super) struct Frozen {
    pub(super) durable: Arc<Vec<u8>>,
    /// Doomed changes first: they are older.
    pub(super) changes: Vec<Change>,
}

impl Node {
    pub(super) fn new(content: Vec<u8>) -> Node {
        Node {
            memory: Memory::new(&content, content.len()),
            outgrown: Vec::new(),
            len: content.len() as u64,
            durable: Arc::new(content),
            changes: Vec::new(),
            modified_ns: 0,
            open: 0,
            doomed: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn frozen(&self) -> Frozen {
        let changes = self.doomed.iter().chain(&self.changes).cloned().collect();
        Frozen {
            durable: self.durable.clone(),
            changes,
        }
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.memory.as_slice()[..self.len as usize]
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.resize(self.len.max(offset + bytes.len() as u64));
        self.show(offset, bytes);
        self.changes.push(Change::Write {
            offset,
            bytes: bytes.into(),
        });
    }

    pub(super) fn set_len(&mut self, len: u64) {
        if len < self.len {
            // What comes back when the file grows again is zeros.
            let cut = vec![0; (self.len - len) as usize];
            self.show(len, &cut);
        }
        self.resize(len);
        self.changes.push(Change::Len(len));
    }

    pub(super) fn sync(&mut self) {
        let durable = Arc::make_mut(&mut self.durable);
        for change in self.changes.drain(..) {
            change.apply(durable);
            // What was given up there earlier is written over.
            self.doomed = self
                .doomed
                .iter()
                .flat_map(|old| old.without(&change))
                .collect();
        }
    }

    pub(super) fn fail_sync(&mut self) {
        self.doomed.append(&mut self.changes);
    }

    /// Moves the changes of a failed write to those that no sync saves.
    pub(super) fn doom_last(&mut self) {
        self.doomed.extend(self.changes.pop());
    }

    pub(super) fn corrupt(&mut self, offset: u64, bytes: &[u8]) {
        let end = offset as usize + bytes.len();
        assert!(
            end <= self.len as usize,
            "corruption beyond the end of the file"
        );
        self.show(offset, bytes);
        let durable = Arc::make_mut(&mut self.durable);
        match durable.get_mut(offset as usize..end) {
            Some(sectors) => sectors.copy_from_slice(bytes),
            None => self.changes.push(Change::Write {
                offset,
                bytes: bytes.into(),
            }),
        }
    }

    pub(super) fn map(&mut self) -> Mapping {
        Mapping {
            memory: self.memory.clone(),
            len: self.len as usize,
        }
    }

    fn resize(&mut self, len: u64) {
        if len as usize > self.memory.capacity {
            let grown = Memory::new(self.content(), (len as usize).next_power_of_two());
            let outgrown = std::mem::replace(&mut self.memory, grown);
            if Arc::strong_count(&outgrown) > 1 {
                self.outgrown.push(Arc::downgrade(&outgrown));
            }
        }
        self.len = len;
    }

    fn show(&mut self, offset: u64, bytes: &[u8]) {
        self.memory.write(offset as usize, bytes);
        self.outgrown.retain(|memory| match memory.upgrade() {
            Some(memory) => {
                memory.write(offset as usize, bytes);
                true
            }
            None => false,
        });
    }
}

impl Change {
    /// What is left of this change after a later one.
    fn without(&self, later: &Change) -> Vec<Change> {
        let (
            Change::Write { offset, bytes },
            Change::Write {
                offset: start,
                bytes: over,
            },
        ) = (self, later)
        else {
            // A later length replaces an earlier one, and nothing else.
            let replaced = matches!((self, later), (Change::Len(_), Change::Len(_)));
            return if replaced {
                Vec::new()
            } else {
                vec![self.clone()]
            };
        };
        let end = offset + bytes.len() as u64;
        let over_end = start + over.len() as u64;
        [*offset..end.min(*start), (*offset).max(over_end)..end]
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .map(|piece| Change::Write {
                offset: piece.start,
                bytes: bytes[(piece.start - offset) as usize..(piece.end - offset) as usize].into(),
            })
            .collect()
    }

    /// Makes the change in durable content.
    pub(super) fn apply(&self, durable: &mut Vec<u8>) {
        match self {
            Change::Len(len) => durable.resize(*len as usize, 0),
            Change::Write { offset, bytes } => {
                let (start, end) = (*offset as usize, *offset as usize + bytes.len());
                if durable.len() < end {
                    durable.resize(end, 0);
                }
                durable[start..end].copy_from_slice(bytes);
            }
        }
    }
}

/// Bytes that a mapping shows while the file writes them.
struct Memory {
    bytes: UnsafeCell<Box<[u8]>>,
    capacity: usize,
}

// SAFETY: only the simulation's thread writes, and readers elsewhere hold slices of what the log
// does not write again (the invariant of fs::Mapping).
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(content: &[u8], capacity: usize) -> Arc<Memory> {
        let mut bytes = vec![0; capacity];
        bytes[..content.len()].copy_from_slice(content);
        Arc::new(Memory {
            bytes: UnsafeCell::new(bytes.into_boxed_slice()),
            capacity,
        })
    }

    fn as_slice(&self) -> &[u8] {
        // SAFETY: the box is never replaced; bytes change only as `write` says.
        unsafe { &*self.bytes.get() }
    }

    /// Writes what lies inside; the rest belongs to newer memory.
    fn write(&self, offset: usize, bytes: &[u8]) {
        let count = bytes.len().min(self.capacity.saturating_sub(offset));
        if count == 0 {
            return;
        }
        // SAFETY: `offset + count` is inside the box. No reference to these bytes is read during
        // the copy: the simulation has one thread, which is here.
        unsafe {
            let start = (*self.bytes.get()).as_mut_ptr().add(offset);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, count);
        }
    }
}

/// A mapped simulated file.
pub(crate) struct Mapping {
    memory: Arc<Memory>,
    len: usize,
}

impl Mapping {
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.memory.as_slice()[..self.len]
    }
}
