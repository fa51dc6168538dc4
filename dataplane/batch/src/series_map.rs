//! What a component remembers about each series: an array indexed by series id.

use crate::deaths::MapId;
use crate::{SeriesId, SeriesTable};

/// Entries live in blocks, so that growing never copies; a block exists once an id in it was set.
const BLOCK: usize = 4096;

/// A map from series to a small value. It costs four bytes a series for `u32`, and a lookup is a
/// load.
///
/// Invariant: an entry never outlives its series. `drain` must be called before the lookups of a
/// batch.
pub struct SeriesMap<T: Copy> {
    map: MapId,
    empty: T,
    blocks: Vec<Option<Box<[T]>>>,
}

impl<T: Copy + PartialEq> SeriesMap<T> {
    /// `empty` is what absent entries read as; it cannot be stored.
    pub fn new(table: &mut SeriesTable, empty: T) -> SeriesMap<T> {
        SeriesMap {
            map: table.register_map(),
            empty,
            blocks: Vec::new(),
        }
    }

    /// The value kept for a series, or `empty`.
    #[inline]
    #[must_use]
    pub fn get(&self, series: SeriesId) -> T {
        match self.blocks.get(series.index() / BLOCK) {
            Some(Some(block)) => block[series.index() % BLOCK],
            _ => self.empty,
        }
    }

    pub fn set(&mut self, series: SeriesId, value: T) {
        let index = series.index() / BLOCK;
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, || None);
        }
        let empty = self.empty;
        let block = self.blocks[index].get_or_insert_with(|| vec![empty; BLOCK].into_boxed_slice());
        block[series.index() % BLOCK] = value;
    }

    /// Drops the entries of series that died; `dropped` gets what was kept for each, to release it.
    pub fn drain(&mut self, table: &mut SeriesTable, mut dropped: impl FnMut(&mut SeriesTable, T)) {
        let map = self.map;
        table.drain_deaths(map, |table, series| {
            let value = self.get(series);
            if value != self.empty {
                self.set(series, self.empty);
                dropped(table, value);
            }
        });
    }

    /// Ends the map and hands back every value still in it.
    pub fn close(self, table: &mut SeriesTable, mut dropped: impl FnMut(&mut SeriesTable, T)) {
        for block in self.blocks.into_iter().flatten() {
            for value in block.into_iter().filter(|value| *value != self.empty) {
                dropped(table, value);
            }
        }
        table.unregister_map(self.map);
    }

    /// Memory held by the map.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let blocks = self.blocks.iter().flatten().count();
        blocks * BLOCK * size_of::<T>() + self.blocks.capacity() * size_of::<Option<Box<[T]>>>()
    }
}
