//! The two messages of remote write behind one interface.

use batch::{Exemplar, HistogramSample, Sample, SeriesId, SeriesTable};
use formats::remote_write::{v1, v2};
use formats::snappy::Compressor;

use super::meanings::Meanings;
use super::runs::Run;

/// A version of the message. Also what tells records of a lane apart: its number is their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Version {
    V1 = 1,
    V2 = 2,
}

impl Version {
    /// None for kinds of records that are no messages.
    pub fn of_kind(kind: u8) -> Option<Version> {
        [Version::V1, Version::V2]
            .into_iter()
            .find(|version| *version as u8 == kind)
    }
}

/// The message that is being written.
pub enum Wire {
    V1(Box<v1::BlockEncoder>),
    V2(Box<Described>),
}

/// Version 2, in which series say what they mean.
pub struct Described {
    message: v2::Encoder,
    meanings: Meanings,
    compressor: Compressor,
    compressed: Vec<u8>,
}

impl Wire {
    pub fn new(version: Version, meanings: impl FnOnce() -> Meanings) -> Wire {
        match version {
            Version::V1 => Wire::V1(Box::default()),
            Version::V2 => Wire::V2(Box::new(Described {
                message: v2::Encoder::new(runtime::random_u64()),
                meanings: meanings(),
                compressor: Compressor::new(),
                compressed: Vec::new(),
            })),
        }
    }

    /// Must be called before the first item of a batch.
    pub fn catch_up(&mut self, table: &mut SeriesTable) {
        match self {
            Wire::V1(message) => message.catch_up(table),
            Wire::V2(described) => {
                described.message.resume();
                described.meanings.catch_up(table);
            }
        }
    }

    /// Must be called after the last item of a batch.
    pub fn end_series(&mut self, table: &SeriesTable) {
        match self {
            Wire::V1(message) => message.end_series(table),
            Wire::V2(described) => described.message.end_series(),
        }
    }

    /// `from` is the series as it came in, of which it is known what it means.
    #[inline]
    pub fn sample(&mut self, table: &SeriesTable, from: SeriesId, sample: Sample) {
        match self {
            Wire::V1(message) => message.sample(table, sample),
            Wire::V2(described) => {
                described.open(table, from, sample.series, v2::Items::Samples);
                described.message.sample(sample.timestamp_ms, sample.value);
            }
        }
    }

    /// Adds the samples of a run. False when their time does not fit, or in version 2.
    #[inline]
    pub fn run(&mut self, table: &SeriesTable, run: &Run, samples: &[Sample]) -> bool {
        match self {
            Wire::V1(message) => message.stencil(
                table,
                &run.stencil,
                samples[0].timestamp_ms,
                run.values(samples),
            ),
            Wire::V2(_) => false,
        }
    }

    pub fn histogram(&mut self, table: &SeriesTable, from: SeriesId, sample: &HistogramSample) {
        match self {
            Wire::V1(message) => message.histogram(table, sample),
            Wire::V2(described) => {
                described.open(table, from, sample.series, v2::Items::Histograms);
                described
                    .message
                    .histogram(sample.timestamp_ms, &sample.histogram);
            }
        }
    }

    /// Version 2 wants an exemplar in the series of the item before.
    pub fn exemplar(&mut self, table: &SeriesTable, exemplar: &Exemplar) {
        match self {
            Wire::V1(message) => message.exemplar(table, exemplar),
            Wire::V2(described) => described.message.exemplar(exemplar),
        }
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Wire::V1(message) => message.is_empty(),
            Wire::V2(described) => described.message.is_empty(),
        }
    }

    /// Bytes without compression.
    pub fn len(&self) -> usize {
        match self {
            Wire::V1(message) => message.len(),
            Wire::V2(described) => described.message.len(),
        }
    }

    /// Appends the compressed message.
    pub fn finish(&mut self, payload: &mut Vec<u8>) {
        match self {
            Wire::V1(message) => message.finish(payload),
            Wire::V2(described) => {
                let Described {
                    message,
                    compressor,
                    compressed,
                    ..
                } = &mut **described;
                compressor.compress(message.finish(), compressed);
                payload.extend_from_slice(compressed);
            }
        }
    }

    pub fn clear(&mut self) {
        match self {
            Wire::V1(message) => message.clear(),
            Wire::V2(described) => described.message.clear(),
        }
    }
}

impl Described {
    #[inline]
    fn open(&mut self, table: &SeriesTable, from: SeriesId, series: SeriesId, items: v2::Items) {
        if !self.message.is_open(series, items) {
            let meanings = &mut self.meanings;
            let message = &mut self.message;
            meanings.with(table, from, |meaning| {
                message.open(table, series, items, meaning)
            });
        }
    }
}
