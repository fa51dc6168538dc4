//! What rules have decided about each series: another series, or to drop it. Decided once per
//! series.

use std::cell::RefCell;
use std::rc::Rc;

use batch::{SeriesId, SeriesMap, SeriesTable};

/// Outcomes by series. Holds one reference to each series that is an outcome.
pub struct Outcomes {
    series: Rc<RefCell<SeriesTable>>,
    /// `None` only while it is dropped.
    map: Option<SeriesMap<u32>>,
    len: usize,
}

/// What is known about a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Unknown,
    Drop,
    Keep(SeriesId),
}

/// No series id is ever this large: the table's ids are dense.
const UNKNOWN: u32 = u32::MAX;
const DROPPED: u32 = u32::MAX - 1;

impl Outcomes {
    pub fn new(series: &Rc<RefCell<SeriesTable>>) -> Outcomes {
        let map = Some(SeriesMap::new(&mut series.borrow_mut(), UNKNOWN));
        Outcomes {
            series: series.clone(),
            map,
            len: 0,
        }
    }

    #[inline]
    pub fn get(&self, series: SeriesId) -> Outcome {
        match self.map().get(series) {
            UNKNOWN => Outcome::Unknown,
            DROPPED => Outcome::Drop,
            kept => Outcome::Keep(SeriesId(kept)),
        }
    }

    /// Keeps a decision about a series that is alive, with the reference to its outcome.
    pub fn set(&mut self, series: SeriesId, outcome: Option<SeriesId>) {
        debug_assert_eq!(
            self.get(series),
            Outcome::Unknown,
            "a series is decided once"
        );
        self.len += 1;
        let map = self.map.as_mut().expect("there until dropped");
        map.set(series, outcome.map_or(DROPPED, |series| series.0));
    }

    /// Forgets series that died. Must be called before the lookups of a batch.
    pub fn catch_up(&mut self, table: &mut SeriesTable) {
        let len = &mut self.len;
        let map = self.map.as_mut().expect("there until dropped");
        map.drain(table, |table, outcome| {
            *len -= 1;
            release(table, outcome);
        });
    }

    /// Forgets everything.
    pub fn clear(&mut self, table: &mut SeriesTable) {
        let fresh = SeriesMap::new(table, UNKNOWN);
        if let Some(map) = self.map.replace(fresh) {
            map.close(table, release);
        }
        self.len = 0;
    }

    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn map(&self) -> &SeriesMap<u32> {
        self.map.as_ref().expect("there until dropped")
    }
}

impl Drop for Outcomes {
    fn drop(&mut self) {
        if let Some(map) = self.map.take() {
            map.close(&mut self.series.borrow_mut(), release);
        }
    }
}

fn release(table: &mut SeriesTable, outcome: u32) {
    if outcome != DROPPED {
        table.release(SeriesId(outcome));
    }
}
