//! The order in which series died, and how far each map has read it.
//!
//! A component remembers things in arrays indexed by series id. When a series dies its id must not
//! name another one before every such array has dropped its entry; otherwise a sample would be
//! written under the labels of a stranger. So a dead id waits here until each registered map has
//! passed it.

use std::collections::VecDeque;

/// A reader of deaths: one array indexed by series id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapId(u32);

#[derive(Default)]
pub(crate) struct DeathLog {
    /// Dead ids that some map has not passed, oldest first.
    waiting: VecDeque<u32>,
    /// Deaths that every map has passed: the number of the first one waiting.
    passed: u64,
    /// Per map the number of the death it reads next; none where the map was unregistered.
    maps: Vec<Option<u64>>,
}

impl DeathLog {
    pub(crate) fn register(&mut self) -> MapId {
        let position = self.passed + self.waiting.len() as u64;
        let index = self
            .maps
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.maps.len());
        if index == self.maps.len() {
            self.maps.push(None);
        }
        self.maps[index] = Some(position);
        MapId(index as u32)
    }

    /// The map has no entries any more and will never ask again.
    pub(crate) fn unregister(&mut self, map: MapId, recycle: impl FnMut(u32)) {
        let position = self.maps[map.0 as usize].take();
        assert!(position.is_some(), "a map is unregistered once");
        self.pass(recycle);
    }

    pub(crate) fn push(&mut self, id: u32, recycle: impl FnMut(u32)) {
        self.waiting.push_back(id);
        if self.maps.iter().all(Option::is_none) {
            self.pass(recycle);
        }
    }

    /// The next death that a map has to hear of. Asking again confirms that its entry is gone.
    pub(crate) fn next(&mut self, map: MapId, recycle: impl FnMut(u32)) -> Option<u32> {
        let position = self.maps[map.0 as usize]
            .as_mut()
            .expect("the map is registered");
        let index = (*position - self.passed) as usize;
        if let Some(id) = self.waiting.get(index) {
            *position += 1;
            return Some(*id);
        }
        self.pass(recycle);
        None
    }

    /// Whether a map has nothing to hear, which is the case nearly always.
    pub(crate) fn is_current(&self, map: MapId) -> bool {
        self.maps[map.0 as usize] == Some(self.passed + self.waiting.len() as u64)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.waiting.capacity() * size_of::<u32>() + self.maps.capacity() * size_of::<Option<u64>>()
    }

    fn pass(&mut self, mut recycle: impl FnMut(u32)) {
        let end = self.passed + self.waiting.len() as u64;
        let slowest = self.maps.iter().flatten().copied().min().unwrap_or(end);
        while self.passed < slowest {
            let id = self
                .waiting
                .pop_front()
                .expect("a map is never ahead of the log");
            self.passed += 1;
            recycle(id);
        }
        if self.waiting.is_empty() {
            self.waiting.shrink_to(1024);
        }
    }
}
