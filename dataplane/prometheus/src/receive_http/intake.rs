//! From the bytes of a request to a batch of interned series.
//!
//! Cost of a sample of a known series: its fields are walked, its label bytes hashed (128 bits,
//! about 0.1 ns a byte) and looked up; nothing is allocated and no label is decoded.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use batch::{Exemplar, Histogram, HistogramSample, LabelsBuf, Metadata, MetricsBatch, Sample};
use batch::{SeriesId, SeriesTable};
use formats::remote_write::{DecodeError, SeriesMetadata, Visit, WireLabels};
use ops::{histogram, names};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Series by the hash of their label bytes. Holds one reference to each.
///
/// A hash of 128 bits with a secret seed stands for the labels: at 5,000,000 series the chance that
/// any two share one is below 1e-25, and a sender cannot make two that do.
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

/// Rounds (minutes) after which a series that nobody sent is forgotten. Longer than any usual
/// interval between two pushes, so that a slow sender's series are not made anew each time.
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
        let count = self
            .pending
            .get_mut(&round)
            .expect("the request began in this round");
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

    /// The series of these labels, or what makes them unfit to be one.
    fn series(
        &mut self,
        wire: WireLabels<'_>,
        table: &mut SeriesTable,
    ) -> Result<Result<SeriesId, &'static str>, DecodeError> {
        if let Some(problem) = wire.problem() {
            return Ok(Err(problem));
        }
        let hash = xxh3_128_with_seed(wire.bytes(), self.seed);
        if let Some(entry) = self.series.get_mut(&hash) {
            entry.used = self.round;
            return Ok(Ok(entry.series));
        }
        if let Some(problem) = wire.read(&mut self.labels)? {
            return Ok(Err(problem));
        }
        let series = table.intern(&self.labels);
        let used = self.round;
        self.series.insert(hash, Entry { series, used });
        Ok(Ok(series))
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
    /// Later timestamps are out of bounds.
    pub latest_ms: i64,
    pub refused: Refused,
    pub current: Option<SeriesId>,
}

/// What of a request cannot be taken.
#[derive(Debug, Default)]
pub struct Refused {
    /// Samples and histograms of series that cannot be one.
    pub invalid_labels: u64,
    /// Samples and histograms that no receiver would take.
    pub invalid_data: u64,
    /// The first problems, each once.
    problems: Vec<&'static str>,
}

impl Refused {
    fn note(&mut self, problem: &'static str) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Says what is wrong; none when nothing is.
    pub fn text(&self) -> Option<String> {
        (!self.problems.is_empty()).then(|| self.problems.join("; "))
    }
}

const FUTURE: &str = "out of bounds: timestamp is too far in the future";

impl Intake<'_> {
    /// The series of an item, unless the item has to be refused.
    fn accept(&mut self, timestamp_ms: i64) -> Option<SeriesId> {
        if self.current.is_none() {
            self.refused.invalid_labels += 1;
        } else if self.latest_ms < timestamp_ms {
            self.refused.invalid_data += 1;
            self.refused.note(FUTURE);
            return None;
        }
        self.current
    }
}

impl Visit for Intake<'_> {
    fn series(&mut self, labels: WireLabels<'_>) -> Result<(), DecodeError> {
        self.current = match self.known.series(labels, self.table)? {
            Ok(series) => Some(series),
            Err(problem) => {
                self.refused.note(problem);
                None
            }
        };
        Ok(())
    }

    fn sample(&mut self, timestamp_ms: i64, value: f64) {
        if let Some(series) = self.accept(timestamp_ms) {
            self.batch.samples.push(Sample {
                series,
                timestamp_ms,
                value,
            });
        }
    }

    fn histogram(&mut self, timestamp_ms: i64, mut histogram: Histogram) {
        let Some(series) = self.accept(timestamp_ms) else {
            return;
        };
        let sound = histogram::limit_schema(&mut histogram, histogram::SCHEMA_MAX)
            .and_then(|()| histogram::validate(&histogram));
        if let Err(invalid) = sound {
            self.refused.invalid_data += 1;
            self.refused.note(invalid.0);
            return;
        }
        let histogram = Rc::new(histogram);
        self.batch.histograms.push(HistogramSample {
            series,
            timestamp_ms,
            histogram,
        });
    }

    /// One from the future is dropped like all that a storage does not want: exemplars fail
    /// nothing.
    fn exemplar(&mut self, timestamp_ms: i64, value: f64, labels: LabelsBuf) {
        if let Some(series) = self.current.filter(|_| timestamp_ms <= self.latest_ms) {
            self.batch.exemplars.push(Exemplar {
                series,
                labels,
                timestamp_ms,
                value,
            });
        }
    }

    /// Compat: the reference takes metadata of version 2 only, but senders of version 1 send it to
    /// be taken.
    fn metadata(&mut self, metadata: Metadata) {
        if self.with_metadata {
            self.batch.describes_series = true;
            self.batch.metadata.push(metadata);
        }
    }

    fn series_metadata(&mut self, metadata: SeriesMetadata<'_>) {
        let Some(series) = self.current.filter(|_| self.with_metadata) else {
            return;
        };
        let name = self.table.label(series, "__name__").unwrap_or_default();
        let SeriesMetadata { kind, help, unit } = metadata;
        let name = names::family(name, kind);
        self.batch.describes_series = true;
        // Series of one metric stand together and mean the same.
        let last = self.batch.metadata.last();
        if last.is_none_or(|last| last.name != name) {
            let (name, help, unit) = (name.to_owned(), help.into_owned(), unit.into_owned());
            self.batch.metadata.push(Metadata {
                name,
                kind,
                help,
                unit,
            });
        }
    }

    fn unreadable_exemplar(&mut self, problem: &'static str) {
        if self.current.is_some() {
            self.refused.note(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::remote_write::Limits;
    use formats::remote_write::v1::{Encoder, visit};

    const LIMITS: Limits = Limits {
        series_max: 100,
        labels_per_series_max: 10,
        items_max: 1000,
    };

    fn request(name: &str) -> Vec<u8> {
        let mut table = SeriesTable::new(1);
        let labels: LabelsBuf = [("__name__", name), ("a", "1")].into_iter().collect();
        let series = table.intern(&labels);
        let mut encoder = Encoder::new();
        encoder.sample(
            &table,
            Sample {
                series,
                timestamp_ms: 7,
                value: 1.5,
            },
        );
        encoder.finish().to_vec()
    }

    fn take(known: &mut Known, table: &mut SeriesTable, request: &[u8]) -> MetricsBatch {
        let batch = MetricsBatch::default();
        let (latest_ms, refused) = (1000, Refused::default());
        let with_metadata = false;
        let mut intake = Intake {
            known,
            table,
            batch,
            with_metadata,
            latest_ms,
            refused,
            current: None,
        };
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
