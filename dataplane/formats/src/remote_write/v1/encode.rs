//! Batches to prometheus.WriteRequest.

use batch::{Exemplar, HistogramSample, Metadata, Open, Sample, SeriesId, SeriesTable, WireBuf};

use crate::remote_write::fields::{
    Time, kind_number, put_double, put_integer, put_sample, put_text,
};
use crate::remote_write::histogram;

/// Builds one request at a time in a buffer that it keeps.
///
/// Neighbours of one series share a TimeSeries, so hand over together what belongs together. The
/// labels are copied from the table as they are: nothing here looks at a name or a value.
#[derive(Default)]
pub struct Encoder {
    out: WireBuf,
    open: Option<(SeriesId, Open)>,
    /// A scrape's samples share their time: its encoding is kept.
    time: Time,
}

const TIMESERIES: u8 = 0x0a;
const METADATA: u8 = 0x1a;
const EXEMPLAR: u8 = 0x1a;
const HISTOGRAM: u8 = 0x22;

impl Encoder {
    #[must_use]
    pub fn new() -> Encoder {
        Encoder::default()
    }

    #[inline]
    pub fn sample(&mut self, table: &SeriesTable, sample: Sample) {
        self.series(table, sample.series);
        put_sample(
            &mut self.out,
            &mut self.time,
            sample.timestamp_ms,
            sample.value,
        );
    }

    pub fn histogram(&mut self, table: &SeriesTable, sample: &HistogramSample) {
        self.series(table, sample.series);
        put_histogram(&mut self.out, sample);
    }

    pub fn exemplar(&mut self, table: &SeriesTable, exemplar: &Exemplar) {
        self.series(table, exemplar.series);
        put_exemplar(&mut self.out, exemplar);
    }

    /// Appends metadata. Receivers want it in requests of its own, without samples.
    pub fn metadata(&mut self, metadata: &Metadata) {
        self.end_series();
        put_metadata(&mut self.out, metadata);
    }

    /// Bytes of the request so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Completes the request and gives its bytes; they stay until `clear`.
    pub fn finish(&mut self) -> &[u8] {
        self.end_series();
        self.out.as_slice()
    }

    /// Starts the next request.
    pub fn clear(&mut self) {
        self.out.clear();
        self.open = None;
    }

    #[inline]
    fn series(&mut self, table: &SeriesTable, series: SeriesId) {
        if let Some((open, _)) = self.open
            && open == series
        {
            return;
        }
        self.end_series();
        self.open = Some((series, self.out.open(TIMESERIES)));
        table.write_labels(series, &mut self.out);
    }

    #[inline]
    fn end_series(&mut self) {
        if let Some((_, open)) = self.open.take() {
            self.out.close(open);
        }
    }
}

/// Field 4 of TimeSeries.
pub(super) fn put_histogram(out: &mut WireBuf, sample: &HistogramSample) {
    let open = out.open(HISTOGRAM);
    histogram::encode(&sample.histogram, sample.timestamp_ms, out);
    out.close(open);
}

/// Field 3 of TimeSeries.
pub(super) fn put_exemplar(out: &mut WireBuf, exemplar: &Exemplar) {
    let open = out.open(EXEMPLAR);
    for (name, value) in exemplar.labels.iter() {
        let label = out.open(0x0a);
        put_text(out, 0x0a, name);
        put_text(out, 0x12, value);
        out.close(label);
    }
    put_double(out, 0x11, exemplar.value);
    put_integer(out, 0x18, exemplar.timestamp_ms as u64);
    out.close(open);
}

/// Field 3 of WriteRequest.
pub(super) fn put_metadata(out: &mut WireBuf, metadata: &Metadata) {
    let open = out.open(METADATA);
    put_integer(out, 0x08, kind_number(metadata.kind));
    put_text(out, 0x12, &metadata.name);
    put_text(out, 0x22, &metadata.help);
    put_text(out, 0x2a, &metadata.unit);
    out.close(open);
}
