//! The series that senders have sent before, by the bytes of their labels.

use std::collections::BTreeMap;

use batch::{LabelsBuf, SeriesId, SeriesTable};
use formats::remote_write::{DecodeError, WireLabels};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::series_budget::{Refusal, Verdict};

/// Series by the hash of their label bytes. Holds one reference to each.
///
/// A hash of 128 bits with a secret seed stands for the labels: at 5,000,000 series the chance that
/// any two share one is below 1e-25, and a sender cannot make two that do.
pub struct Known {
    seed: u64,
    /// Cut by bits of the hash, so that growing doubles one part for a moment and not everything.
    parts: [HashTable<Entry>; PARTS],
    /// Advances with `tick`; entries remember the last one that used them.
    round: u32,
    /// Rounds of requests on their way, whose series must not go.
    pending: BTreeMap<u32, u32>,
    labels: LabelsBuf,
}

/// 24 bytes: the hash in halves, since whole it would have to stand at multiples of 16.
struct Entry {
    low: u64,
    high: u64,
    series: SeriesId,
    used: u32,
}

const _: () = assert!(size_of::<Entry>() == 24);

/// At 1,000,000 series a part is 400 to 800 KiB.
const PARTS: usize = 64;

/// What the labels of a series come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Series(SeriesId),
    /// Of this request only; to be released when it has been delivered.
    Reduced(SeriesId),
    /// As `Reduced`, and values are summed.
    Summed(SeriesId),
    /// Unfit to be a series.
    Invalid(&'static str),
    Refused(Refusal),
}

/// Rounds (minutes) after which a series that nobody sent is forgotten. Longer than any usual
/// interval between two pushes, so that a slow sender's series are not made anew each time.
const ROUNDS_KEPT: u32 = 15;

impl Known {
    pub fn new(seed: u64) -> Known {
        Known {
            seed,
            parts: std::array::from_fn(|_| HashTable::new()),
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
        for part in &mut self.parts {
            part.retain(|entry| {
                let keep = entry.used >= keep_from;
                if !keep {
                    table.release(entry.series);
                }
                keep
            });
            if part.len() < part.capacity() / 4 {
                part.shrink_to_fit(|entry| entry.low);
            }
        }
    }

    /// Gives back every reference.
    pub fn clear(&mut self, table: &mut SeriesTable) {
        for entry in self.parts.iter_mut().flat_map(HashTable::drain) {
            table.release(entry.series);
        }
    }

    /// The series of these labels, or what makes them unfit to be one. `admit` decides about those
    /// that are not known.
    #[inline]
    pub fn find(
        &mut self,
        wire: WireLabels<'_>,
        table: &mut SeriesTable,
        admit: impl FnOnce(&mut SeriesTable, &mut LabelsBuf) -> Verdict,
    ) -> Result<Found, DecodeError> {
        if let Some(problem) = wire.problem() {
            return Ok(Found::Invalid(problem));
        }
        let hash = xxh3_128_with_seed(wire.bytes(), self.seed);
        let (low, high) = (hash as u64, (hash >> 64) as u64);
        let part = &mut self.parts[high as usize % PARTS];
        let is_it = |entry: &Entry| entry.low == low && entry.high == high;
        if let Some(entry) = part.find_mut(low, is_it) {
            entry.used = self.round;
            return Ok(Found::Series(entry.series));
        }
        if let Some(problem) = wire.read(&mut self.labels)? {
            return Ok(Found::Invalid(problem));
        }
        let series = match admit(table, &mut self.labels) {
            Verdict::Keep(series) => series,
            Verdict::Reduced(series) => return Ok(Found::Reduced(series)),
            Verdict::Summed(series) => return Ok(Found::Summed(series)),
            Verdict::Refused(refusal) => return Ok(Found::Refused(refusal)),
        };
        let used = self.round;
        let entry = Entry {
            low,
            high,
            series,
            used,
        };
        part.insert_unique(low, entry, |entry| entry.low);
        Ok(Found::Series(series))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use batch::{Histogram, Metadata, Sample};
    use formats::remote_write::v1::{Encoder, visit};
    use formats::remote_write::{Limits, SeriesMetadata, Visit};

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

    /// Notes the series of a request, and nothing else of it.
    struct Take<'a> {
        known: &'a mut Known,
        table: &'a mut SeriesTable,
        found: Option<Found>,
    }

    impl Visit for Take<'_> {
        fn series(&mut self, labels: WireLabels<'_>) -> Result<(), DecodeError> {
            let keep = |table: &mut SeriesTable, labels: &mut LabelsBuf| {
                Verdict::Keep(table.intern(labels))
            };
            self.found = Some(self.known.find(labels, self.table, keep)?);
            Ok(())
        }

        fn sample(&mut self, _: i64, _: f64) {}
        fn histogram(&mut self, _: i64, _: Histogram) {}
        fn exemplar(&mut self, _: i64, _: f64, _: LabelsBuf) {}
        fn metadata(&mut self, _: Metadata) {}
        fn series_metadata(&mut self, _: SeriesMetadata<'_>) {}
        fn unreadable_exemplar(&mut self, _: &'static str) {}
    }

    fn take(known: &mut Known, table: &mut SeriesTable, request: &[u8]) -> SeriesId {
        let found = None;
        let mut take = Take {
            known,
            table,
            found,
        };
        visit(request, &LIMITS, &mut take).expect("it was encoded well");
        match take.found {
            Some(Found::Series(series)) => series,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_series_is_interned_once_and_found_again() {
        let (mut known, mut table) = (Known::new(3), SeriesTable::new(1));
        let first = take(&mut known, &mut table, &request("m"));
        let second = take(&mut known, &mut table, &request("m"));
        assert_eq!(first, second);
        assert_eq!(table.len(), 1);
        assert_eq!(table.label(first, "a"), Some("1"));
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
