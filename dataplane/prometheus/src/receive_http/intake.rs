//! From the bytes of a request to a batch of interned series.
//!
//! Cost of a sample of a known series: its fields are walked, its label bytes hashed (128 bits,
//! about 0.1 ns a byte) and looked up; nothing is allocated and no label is decoded.

use std::rc::Rc;

use batch::{Exemplar, Histogram, HistogramSample, LabelsBuf, Metadata, MetricsBatch, Sample};
use batch::{SeriesId, SeriesTable};
use formats::remote_write::{DecodeError, SeriesMetadata, Visit, WireLabels};
use ops::{histogram, names};

use super::known::{Found, Known};
use crate::series_budget::{Gate, Refusal, Toll};

/// One request on its way into a batch.
pub struct Intake<'a> {
    pub known: &'a mut Known,
    pub table: &'a mut SeriesTable,
    pub batch: MetricsBatch,
    pub with_metadata: bool,
    /// Later timestamps are out of bounds.
    pub latest_ms: i64,
    pub refused: Refused,
    /// Asked when a series is new.
    pub gate: &'a Gate,
    /// What is not passed on because of it.
    pub toll: Toll,
    /// References to give back once the batch has been delivered.
    pub release: Vec<SeriesId>,
    pub current: Option<Found>,
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
        let found = self.current?;
        if let Found::Invalid(_) = found {
            self.refused.invalid_labels += 1;
            return None;
        }
        if self.latest_ms < timestamp_ms {
            self.refused.invalid_data += 1;
            self.refused.note(FUTURE);
            return None;
        }
        match found {
            Found::Series(series) => Some(series),
            Found::Reduced(series) if self.gate.passes(series, timestamp_ms) => Some(series),
            Found::Refused(refusal) => {
                self.toll.lose(refusal);
                None
            }
            _ => {
                self.toll.lose(Refusal::Budget);
                None
            }
        }
    }

    /// The series that something beside samples goes along with.
    fn described(&self) -> Option<SeriesId> {
        match self.current {
            Some(Found::Series(series) | Found::Reduced(series)) => Some(series),
            _ => None,
        }
    }
}

impl Visit for Intake<'_> {
    fn series(&mut self, labels: WireLabels<'_>) -> Result<(), DecodeError> {
        let gate = self.gate;
        let admit = |table: &mut _, labels: &mut _| gate.admit(table, labels);
        let found = self.known.find(labels, self.table, admit)?;
        match found {
            Found::Reduced(series) | Found::Summed(series) => self.release.push(series),
            Found::Invalid(problem) => self.refused.note(problem),
            Found::Series(_) | Found::Refused(_) => {}
        }
        self.current = Some(found);
        Ok(())
    }

    fn sample(&mut self, timestamp_ms: i64, value: f64) {
        if let Some(Found::Summed(series)) = self.current {
            self.toll.sum(series, value);
        } else if let Some(series) = self.accept(timestamp_ms) {
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
        let series = self.described().filter(|_| timestamp_ms <= self.latest_ms);
        if let Some(series) = series {
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
        let Some(series) = self.described().filter(|_| self.with_metadata) else {
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
        if self.described().is_some() {
            self.refused.note(problem);
        }
    }
}
