//! Batches to prometheus.WriteRequest.

use batch::{
    Exemplar, HistogramSample, Metadata, MetricKind, Open, Sample, SeriesId, SeriesTable, WireBuf,
};

use super::histogram;

/// Builds one request at a time in a buffer that it keeps.
///
/// Neighbours of one series share a TimeSeries, so hand over together what belongs together. The labels
/// are copied from the table as they are: nothing here looks at a name or a value.
#[derive(Default)]
pub struct Encoder {
    out: WireBuf,
    open: Option<(SeriesId, Open)>,
    /// A scrape's samples share their time: its encoding is kept.
    time: Time,
}

/// Field 2 of Sample, encoded: tag and varint.
#[derive(Default)]
struct Time {
    timestamp_ms: i64,
    /// Padded, so that it is copied in one move.
    bytes: [u8; 32],
    len: usize,
}

const TIMESERIES: u8 = 0x0a;
const METADATA: u8 = 0x1a;
const SAMPLE: u8 = 0x12;
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
        if self.time.timestamp_ms != sample.timestamp_ms {
            self.time.set(sample.timestamp_ms);
        }
        let time = self.time.len;
        // Compat: proto3 leaves zeros out, and Go's encoder takes -0 for one, so that it arrives as 0.
        // Held by the case metrics/text_special_values.
        if sample.value == 0.0 {
            self.out.put_array([SAMPLE, time as u8]);
        } else {
            let mut head = [SAMPLE, 9 + time as u8, 0x09, 0, 0, 0, 0, 0, 0, 0, 0];
            head[3..].copy_from_slice(&sample.value.to_le_bytes());
            self.out.put_array(head);
        }
        self.out.put_padded(&self.time.bytes, time);
    }

    pub fn histogram(&mut self, table: &SeriesTable, sample: &HistogramSample) {
        self.series(table, sample.series);
        let open = self.out.open(HISTOGRAM);
        histogram::encode(&sample.histogram, sample.timestamp_ms, &mut self.out);
        self.out.close(open);
    }

    pub fn exemplar(&mut self, table: &SeriesTable, exemplar: &Exemplar) {
        self.series(table, exemplar.series);
        let open = self.out.open(EXEMPLAR);
        for (name, value) in exemplar.labels.iter() {
            let label = self.out.open(0x0a);
            put_text(&mut self.out, 0x0a, name);
            put_text(&mut self.out, 0x12, value);
            self.out.close(label);
        }
        put_double(&mut self.out, 0x11, exemplar.value);
        put_integer(&mut self.out, 0x18, exemplar.timestamp_ms as u64);
        self.out.close(open);
    }

    /// Appends metadata. Receivers want it in requests of its own, without samples.
    pub fn metadata(&mut self, metadata: &Metadata) {
        self.end_series();
        let open = self.out.open(METADATA);
        put_integer(&mut self.out, 0x08, kind_number(metadata.kind));
        put_text(&mut self.out, 0x12, &metadata.name);
        put_text(&mut self.out, 0x22, &metadata.help);
        put_text(&mut self.out, 0x2a, &metadata.unit);
        self.out.close(open);
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

impl Time {
    #[cold]
    fn set(&mut self, timestamp_ms: i64) {
        let mut out = Vec::with_capacity(16);
        if timestamp_ms != 0 {
            out.push(0x10);
            stdx::varint::put(&mut out, timestamp_ms as u64);
        }
        self.len = out.len();
        self.bytes[..out.len()].copy_from_slice(&out);
        self.timestamp_ms = timestamp_ms;
    }
}

pub(super) fn put_text(out: &mut WireBuf, tag: u8, text: &str) {
    if !text.is_empty() {
        out.put_byte(tag);
        out.put_varint(text.len() as u64);
        out.put(text.as_bytes());
    }
}

pub(super) fn put_double(out: &mut WireBuf, tag: u8, value: f64) {
    if value != 0.0 {
        out.put_byte(tag);
        out.put_array(value.to_le_bytes());
    }
}

pub(super) fn put_integer(out: &mut WireBuf, tag: u8, value: u64) {
    if value != 0 {
        out.put_byte(tag);
        out.put_varint(value);
    }
}

fn kind_number(kind: MetricKind) -> u64 {
    match kind {
        MetricKind::Unknown => 0,
        MetricKind::Counter => 1,
        MetricKind::Gauge => 2,
        MetricKind::Histogram => 3,
        MetricKind::GaugeHistogram => 4,
        MetricKind::Summary => 5,
        MetricKind::Info => 6,
        MetricKind::StateSet => 7,
    }
}
