//! What a loop remembers of series beside its cache: their last exemplars, and where they started.

use std::collections::HashMap;

use batch::SeriesId;

use super::intake::{Admitted, Intake, Scene};

/// When series began, if the settings ask for zeros there.
#[derive(Default)]
pub struct Starts {
    /// The start of each series that was written last.
    pub(super) written: HashMap<SeriesId, i64>,
    /// Time of the last good scrape.
    pub(super) scraped_ms: i64,
}

#[derive(Clone, Copy)]
pub struct LastExemplar {
    pub(super) hash: u64,
    pub(super) timestamp_ms: i64,
}

impl Intake {
    /// Whether an exemplar is to be taken: neither the last one of its series nor older. `hash`
    /// tells exemplars apart.
    pub(super) fn is_new_exemplar(
        &mut self,
        series: SeriesId,
        hash: u64,
        timestamp_ms: i64,
    ) -> bool {
        let last = self
            .exemplars_next
            .get(&series)
            .or(self.exemplars.get(&series));
        let known = last.filter(|last| last.hash == hash || last.timestamp_ms > timestamp_ms);
        let is_new = known.is_none();
        let last = known
            .copied()
            .unwrap_or(LastExemplar { hash, timestamp_ms });
        self.exemplars_next.insert(series, last);
        is_new
    }

    /// Where a zero is due: at the start of a series that has not been written yet.
    pub(super) fn start(
        &mut self,
        start_ms: Option<i64>,
        admitted: Admitted,
        scene: &Scene<'_>,
    ) -> Option<i64> {
        let start_ms = start_ms.filter(|start_ms| {
            scene.settings.start_zeros && *start_ms != 0 && *start_ms < admitted.timestamp_ms
        })?;
        let Starts {
            written,
            scraped_ms,
        } = &mut self.starts;
        let last = written.insert(admitted.series, start_ms);
        let is_new = last.is_none_or(|last| last < start_ms && *scraped_ms < start_ms);
        is_new.then_some(start_ms)
    }
}
