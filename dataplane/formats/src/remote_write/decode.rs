//! A request as a value, for tools and tests; receivers walk it with `visit`.

use batch::{Histogram, LabelsBuf, Metadata};

use super::visit::{SeriesMetadata, Visit, WireLabels};
use crate::protobuf::DecodeError;

/// A decoded request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteRequest {
    pub series: Vec<TimeSeries>,
    pub metadata: Vec<Metadata>,
}

/// One series of a decoded request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TimeSeries {
    pub labels: LabelsBuf,
    /// What makes the labels unfit to be a series, if anything: receivers skip it and count.
    pub invalid: Option<&'static str>,
    /// Timestamp in ms and value.
    pub samples: Vec<(i64, f64)>,
    /// Timestamp in ms and histogram.
    pub histograms: Vec<(i64, Histogram)>,
    /// Timestamp in ms, value and labels.
    pub exemplars: Vec<(i64, f64, LabelsBuf)>,
    /// Version 2: what the series means.
    pub metadata: Option<SeriesMetadata<'static>>,
    /// Version 2: why exemplars could not be read.
    pub unreadable_exemplars: Vec<&'static str>,
}

impl WriteRequest {
    fn last(&mut self) -> &mut TimeSeries {
        self.series
            .last_mut()
            .expect("items follow the series that they belong to")
    }
}

impl Visit for WriteRequest {
    fn series(&mut self, labels: WireLabels<'_>) -> Result<(), DecodeError> {
        let mut series = TimeSeries::default();
        series.invalid = match labels.problem() {
            Some(problem) => Some(problem),
            None => labels.read(&mut series.labels)?,
        };
        self.series.push(series);
        Ok(())
    }

    fn sample(&mut self, timestamp_ms: i64, value: f64) {
        self.last().samples.push((timestamp_ms, value));
    }

    fn histogram(&mut self, timestamp_ms: i64, histogram: Histogram) {
        self.last().histograms.push((timestamp_ms, histogram));
    }

    fn exemplar(&mut self, timestamp_ms: i64, value: f64, labels: LabelsBuf) {
        self.last().exemplars.push((timestamp_ms, value, labels));
    }

    fn metadata(&mut self, metadata: Metadata) {
        self.metadata.push(metadata);
    }

    fn series_metadata(&mut self, metadata: SeriesMetadata<'_>) {
        let SeriesMetadata { kind, help, unit } = metadata;
        self.last().metadata = Some(SeriesMetadata {
            kind,
            help: help.into_owned().into(),
            unit: unit.into_owned().into(),
        });
    }

    fn unreadable_exemplar(&mut self, problem: &'static str) {
        self.last().unreadable_exemplars.push(problem);
    }
}
