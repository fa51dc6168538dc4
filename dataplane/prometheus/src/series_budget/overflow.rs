//! Series that stand for those over a limit: with fewer labels, and few of them.

use std::collections::HashMap;

use batch::{MetricsBatch, STALE_NAN, Sample, SeriesId, SeriesTable, is_stale};

/// Holds one reference to each series.
pub struct Overflow {
    series: HashMap<SeriesId, Stand>,
    most: usize,
}

/// What stands for many.
struct Stand {
    /// Of the last sample that passed.
    last_ms: i64,
    sum: f64,
    /// Whether it was met since the last drain.
    met: bool,
    summed: bool,
}

impl Overflow {
    pub fn new(most: usize) -> Overflow {
        Overflow {
            series: HashMap::new(),
            most,
        }
    }

    pub fn set_max(&mut self, most: usize) {
        self.most = most;
    }

    /// Whether there is room for a series, to which one more reference is taken then.
    pub fn admit(&mut self, table: &mut SeriesTable, series: SeriesId) -> bool {
        if let Some(stand) = self.series.get_mut(&series) {
            stand.met = true;
            return true;
        }
        let fits = self.series.len() < self.most;
        if fits {
            table.retain(series);
            self.series.insert(
                series,
                Stand {
                    last_ms: i64::MIN,
                    sum: 0.0,
                    met: true,
                    summed: false,
                },
            );
        }
        fits
    }

    /// Whether this is the first sample of its time.
    pub fn passes(&mut self, series: SeriesId, timestamp_ms: i64) -> bool {
        let Some(stand) = self.series.get_mut(&series) else {
            return false;
        };
        let is_first = stand.last_ms < timestamp_ms;
        stand.last_ms = stand.last_ms.max(timestamp_ms);
        is_first
    }

    /// Adds a value. Markers of series that end are not values.
    pub fn add(&mut self, series: SeriesId, value: f64) {
        if let Some(stand) = self.series.get_mut(&series)
            && !is_stale(value)
        {
            stand.sum += value;
            stand.summed = true;
        }
    }

    /// Moves the sums into a batch, with markers for series that were not met since the last time.
    /// Those are forgotten; gives the references to give back when the batch has been delivered.
    pub fn drain(&mut self, batch: &mut MetricsBatch) -> Vec<SeriesId> {
        let timestamp_ms = runtime::wall_ms();
        let mut gone = Vec::new();
        self.series.retain(|series, stand| {
            let (series, met) = (*series, std::mem::take(&mut stand.met));
            let mut push = |value| {
                batch.samples.push(Sample {
                    series,
                    timestamp_ms,
                    value,
                });
            };
            if std::mem::take(&mut stand.summed) {
                push(std::mem::take(&mut stand.sum));
            } else if !met {
                push(STALE_NAN);
            }
            if !met {
                gone.push(series);
            }
            met
        });
        gone
    }

    pub fn clear(&mut self, table: &mut SeriesTable) {
        for (series, _) in self.series.drain() {
            table.release(series);
        }
    }

    pub fn len(&self) -> usize {
        self.series.len()
    }
}
