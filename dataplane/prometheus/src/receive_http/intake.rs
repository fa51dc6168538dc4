//! From the bytes of a request to a batch of interned series.
//!
//! Cost of a sample of a known series: its fields are walked, its label bytes hashed (128 bits, about
//! 0.1 ns a byte) and looked up; nothing is allocated and no label is decoded.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use batch::{Exemplar, Histogram, HistogramSample, LabelsBuf, Metadata, MetricsBatch, Sample};
use batch::{SeriesId, SeriesTable};
use formats::remote_write::v1::{DecodeError, Visit, WireLabels};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Series by the hash of their label bytes. Holds one reference to each.
///
/// A hash of 128 bits with a secret seed stands for the labels: at 5,000,000 series the chance that any
/// two share one is below 1e-25, and a sender cannot make two that do.
pub struct Known {
    seed: u64,
    series: HashMap<u128, Entry, BuildHasherDefault<Keep>>,
    /// Advances with `tick`; entries remember the last one that used them.
    round: u32,
    /// Rounds of requests on their way, whose series must not go.
    pending: BTreeMap<u32, u32>,
    labels: LabelsBuf,
}

struct Entry {
    series: SeriesId,
    used: u32,
}

/// Rounds (minutes) after which a series that nobody sent is forgotten. Longer than any usual interval
/// between two pushes, so that a slow sender's series are not made anew each time.
const ROUNDS_KEPT: u32 = 15;

impl Known {
    pub fn new(seed: u64) -> Known {
        Known {
            seed,
            series: HashMap::default(),
            round: 0,
            pending: BTreeMap::new(),
            labels: LabelsBuf::new(),
        }
    }

    /// A request begins; its series stay until `end` with what this gives.
    pub fn begin(&mut self) -> u32 {
        *self.pending.entry(self.round).or_default() += 1;
        self.round
    }

    pub fn end(&mut self, round: u32) {
        let count = self.pending.get_mut(&round).expect("the request began in this round");
        *count -= 1;
        if *count == 0 {
            self.pending.remove(&round);
        }
    }

    /// Once a minute: forgets what has not been sent for long.
    pub fn tick(&mut self, table: &mut SeriesTable) {
        self.round += 1;
        let oldest = self.pending.keys().next().copied().unwrap_or(self.round);
        let keep_from = self.round.saturating_sub(ROUNDS_KEPT).min(oldest);
        self.series.retain(|_, entry| {
            let keep = entry.used >= keep_from;
            if !keep {
                table.release(entry.series);
            }
            keep
        });
        if self.series.len() < self.series.capacity() / 4 {
            self.series.shrink_to_fit();
        }
    }

    /// Gives back every reference.
    pub fn clear(&mut self, table: &mut SeriesTable) {
        for (_, entry) in self.series.drain() {
            table.release(entry.series);
        }
    }

    /// The series of these labels; none when they cannot be one.
    fn series(
        &mut self,
        wire: WireLabels<'_>,
        table: &mut SeriesTable,
    ) -> Result<Option<SeriesId>, DecodeError> {
        let hash = xxh3_128_with_seed(wire.bytes(), self.seed);
        if let Some(entry) = self.series.get_mut(&hash) {
            entry.used = self.round;
            return Ok(Some(entry.series));
        }
        if wire.read(&mut self.labels)?.is_some() {
            return Ok(None);
        }
        let series = table.intern(&self.labels);
        self.series.insert(hash, Entry { series, used: self.round });
        Ok(Some(series))
    }
}

/// The keys are hashes already.
#[derive(Default)]
struct Keep(u64);

impl Hasher for Keep {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are u128");
    }

    fn write_u128(&mut self, hash: u128) {
        // Any 64 of the 128 bits are as good as all.
        self.0 = hash as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// One request on its way into a batch.
pub struct Intake<'a> {
    pub known: &'a mut Known,
    pub table: &'a mut SeriesTable,
    pub batch: MetricsBatch,
    pub with_metadata: bool,
    /// Samples and histograms of series that cannot be one.
    pub invalid: u64,
    pub current: Option<SeriesId>,
}

impl Visit for Intake<'_> {
    fn series(&mut self, labels: WireLabels<'_>) -> Result<(), DecodeError> {
        self.current = self.known.series(labels, self.table)?;
        Ok(())
    }

    fn sample(&mut self, timestamp_ms: i64, value: f64) {
        match self.current {
            Some(series) => self.batch.samples.push(Sample { series, timestamp_ms, value }),
            None => self.invalid += 1,
        }
    }

    fn histogram(&mut self, timestamp_ms: i64, histogram: Histogram) {
        let Some(series) = self.current else {
            self.invalid += 1;
            return;
        };
        let histogram = Rc::new(histogram);
        self.batch.histograms.push(HistogramSample { series, timestamp_ms, histogram });
    }

    fn exemplar(&mut self, timestamp_ms: i64, value: f64, labels: LabelsBuf) {
        if let Some(series) = self.current {
            self.batch.exemplars.push(Exemplar { series, labels, timestamp_ms, value });
        }
    }

    fn metadata(&mut self, metadata: Metadata) {
        if self.with_metadata {
            self.batch.metadata.push(metadata);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::remote_write::v1::{Encoder, Limits, visit};

    const LIMITS: Limits =
        Limits { series_max: 100, labels_per_series_max: 10, items_max: 1000 };

    fn request(name: &str) -> Vec<u8> {
        let mut table = SeriesTable::new(1);
        let labels: LabelsBuf = [("__name__", name), ("a", "1")].into_iter().collect();
        let series = table.intern(&labels);
        let mut encoder = Encoder::new();
        encoder.sample(&table, Sample { series, timestamp_ms: 7, value: 1.5 });
        encoder.finish().to_vec()
    }

    fn take(known: &mut Known, table: &mut SeriesTable, request: &[u8]) -> MetricsBatch {
        let batch = MetricsBatch::default();
        let mut intake =
            Intake { known, table, batch, with_metadata: false, invalid: 0, current: None };
        visit(request, &LIMITS, &mut intake).expect("it was encoded well");
        intake.batch
    }

    #[test]
    fn a_series_is_interned_once_and_found_again() {
        let (mut known, mut table) = (Known::new(3), SeriesTable::new(1));
        let first = take(&mut known, &mut table, &request("m"));
        let second = take(&mut known, &mut table, &request("m"));
        assert_eq!(first.samples[0].series, second.samples[0].series);
        assert_eq!(table.len(), 1);
        assert_eq!(table.label(first.samples[0].series, "a"), Some("1"));
    }

    #[test]
    fn a_series_that_nobody_sends_is_forgotten_unless_a_request_is_on_its_way() {
        let (mut known, mut table) = (Known::new(3), SeriesTable::new(1));
        let round = known.begin();
        take(&mut known, &mut table, &request("m"));
        for _ in 0..=ROUNDS_KEPT {
            known.tick(&mut table);
        }
        assert_eq!(table.len(), 1, "its request has not ended");
        known.end(round);
        known.tick(&mut table);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn clearing_gives_every_reference_back() {
        let (mut known, mut table) = (Known::new(3), SeriesTable::new(1));
        take(&mut known, &mut table, &request("m"));
        take(&mut known, &mut table, &request("n"));
        known.clear(&mut table);
        assert_eq!(table.len(), 0);
    }
}
