//! What rules have decided about each series: another series, or to drop it. Decided once per
//! series.

use std::cell::RefCell;
use std::rc::Rc;

use batch::{Exemplar, HistogramSample, MetricsBatch, Sample, SeriesId, SeriesMap, SeriesTable};

/// Outcomes by series. Holds one reference to each series that is the outcome of another one; a
/// series that stays itself must not keep itself alive.
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
const SAME: u32 = u32::MAX - 2;

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
            SAME => Outcome::Keep(series),
            kept => Outcome::Keep(SeriesId(kept)),
        }
    }

    /// Keeps a decision about a series that is alive, and takes over the reference to its outcome.
    pub fn set(&mut self, table: &mut SeriesTable, series: SeriesId, outcome: Option<SeriesId>) {
        debug_assert_eq!(
            self.get(series),
            Outcome::Unknown,
            "a series is decided once"
        );
        self.len += 1;
        let map = self.map.as_mut().expect("there until dropped");
        let outcome = match outcome {
            None => DROPPED,
            Some(same) if same == series => {
                table.release(same);
                SAME
            }
            Some(other) => other.0,
        };
        map.set(series, outcome);
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
    if outcome != DROPPED && outcome != SAME {
        table.release(SeriesId(outcome));
    }
}

/// Appends a batch to another one, each series replaced by its outcome. What `outcome` answers for
/// an exemplar counts only for it.
pub fn rewrite(
    batch: &MetricsBatch,
    out: &mut MetricsBatch,
    mut outcome: impl FnMut(SeriesId) -> Option<SeriesId>,
) {
    out.patience = batch.patience;
    out.samples.reserve(batch.samples.len());
    for sample in &batch.samples {
        if let Some(series) = outcome(sample.series) {
            out.samples.push(Sample { series, ..*sample });
        }
    }
    for sample in &batch.histograms {
        if let Some(series) = outcome(sample.series) {
            out.histograms.push(HistogramSample {
                series,
                ..sample.clone()
            });
        }
    }
    for exemplar in &batch.exemplars {
        if let Some(series) = outcome(exemplar.series) {
            out.exemplars.push(Exemplar {
                series,
                ..exemplar.clone()
            });
        }
    }
    out.metadata.extend_from_slice(&batch.metadata);
    out.describes_series = batch.describes_series;
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::LabelsBuf;

    fn labels(name: &str) -> LabelsBuf {
        [("__name__", name)].into_iter().collect()
    }

    #[test]
    fn a_series_that_stays_itself_dies_when_others_let_go_of_it() {
        let shared = Rc::new(RefCell::new(SeriesTable::new(1)));
        let mut outcomes = Outcomes::new(&shared);
        let table = &mut *shared.borrow_mut();
        let series = table.intern(&labels("a"));
        let same = table.intern(&labels("a"));
        outcomes.set(table, series, Some(same));
        assert_eq!(outcomes.get(series), Outcome::Keep(series));
        table.release(series);
        assert_eq!(table.len(), 0);
        outcomes.catch_up(table);
        assert_eq!(outcomes.len(), 0);
    }

    #[test]
    fn an_outcome_lives_as_long_as_the_series_that_it_is_of() {
        let shared = Rc::new(RefCell::new(SeriesTable::new(1)));
        let mut outcomes = Outcomes::new(&shared);
        let table = &mut *shared.borrow_mut();
        let series = table.intern(&labels("a"));
        let other = table.intern(&labels("b"));
        outcomes.set(table, series, Some(other));
        assert_eq!(outcomes.get(series), Outcome::Keep(other));
        table.release(series);
        assert_eq!(table.len(), 1);
        outcomes.catch_up(table);
        assert_eq!(table.len(), 0);
    }
}
