//! prometheus.WriteRequest: the message of remote write 1.0.

use batch::{Exemplar, Histogram, HistogramSample, LabelsBuf, Metadata, Sample, SeriesTable};

/// Builds one request at a time in a buffer that it keeps.
///
/// Neighbouring samples of one series share a TimeSeries; so hand over what belongs together together.
#[derive(Default)]
pub struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    #[must_use]
    pub fn new() -> Encoder {
        Encoder::default()
    }

    pub fn sample(&mut self, table: &SeriesTable, sample: Sample) {
        let _ = (table, sample);
    }

    pub fn histogram(&mut self, table: &SeriesTable, sample: &HistogramSample) {
        let _ = (table, sample);
    }

    pub fn exemplar(&mut self, table: &SeriesTable, exemplar: &Exemplar) {
        let _ = (table, exemplar);
    }

    pub fn metadata(&mut self, metadata: &Metadata) {
        let _ = metadata;
    }

    /// Bytes of the request so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Completes the request and gives its bytes, valid until `clear`.
    pub fn finish(&mut self) -> &[u8] {
        &self.out
    }

    /// Starts the next request.
    pub fn clear(&mut self) {
        self.out.clear();
    }
}

/// What a request may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub series_max: usize,
    pub labels_per_series_max: usize,
    pub items_max: usize,
}

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
    /// Labels that came out of order, twice or empty; receivers decide what that means.
    pub labels_valid: bool,
    /// (timestamp in ms, value)
    pub samples: Vec<(i64, f64)>,
    pub histograms: Vec<(i64, Histogram)>,
    pub exemplars: Vec<(i64, f64, LabelsBuf)>,
}

/// Why bytes are no WriteRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// What was being read.
    pub field: &'static str,
    pub reason: &'static str,
}

/// Decodes a request whose snappy layer is already off.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<WriteRequest, DecodeError> {
    let _ = (bytes, limits);
    Ok(WriteRequest::default())
}
