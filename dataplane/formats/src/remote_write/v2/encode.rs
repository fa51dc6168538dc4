//! Batches to io.prometheus.write.v2.Request.

use batch::{Exemplar, Histogram, Metadata, Open, SeriesId, SeriesTable, WireBuf};

use super::symbols::{Symbols, packed_len};
use crate::remote_write::fields::{Time, kind_number, put_double, put_integer, put_sample};
use crate::remote_write::histogram;

/// Builds one request at a time in buffers that it keeps.
///
/// ```text
/// resume, then for each item: open (if is_open says no), sample | histogram | exemplar;
/// then finish, clear
/// ```
///
/// Neighbours of one series share a TimeSeries, so hand over together what belongs together.
pub struct Encoder {
    symbols: Symbols,
    series: WireBuf,
    open: Option<(SeriesId, Items, Open)>,
    time: Time,
    refs: Vec<u32>,
    /// Symbols and series of a finished request.
    request: WireBuf,
}

/// What a TimeSeries holds: never both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Items {
    Samples,
    Histograms,
}

const TIMESERIES: u8 = 0x2a;
const LABEL_REFS: u8 = 0x0a;
const HISTOGRAM: u8 = 0x1a;
const EXEMPLAR: u8 = 0x22;
const METADATA: u8 = 0x2a;

impl Encoder {
    /// The seed keys the hash of symbols; take a random one.
    #[must_use]
    pub fn new(seed: u64) -> Encoder {
        Encoder {
            symbols: Symbols::new(seed),
            series: WireBuf::new(),
            open: None,
            time: Time::default(),
            refs: Vec::new(),
            request: WireBuf::new(),
        }
    }

    /// Must be called before the first item of each batch: the table may have changed since the
    /// last.
    pub fn resume(&mut self) {
        self.end_series();
        self.symbols.next_round();
    }

    /// Whether the open TimeSeries is this one.
    #[inline]
    #[must_use]
    pub fn is_open(&self, series: SeriesId, items: Items) -> bool {
        matches!(self.open, Some((open, kind, _)) if open == series && kind == items)
    }

    /// Starts the TimeSeries of what follows.
    pub fn open(
        &mut self,
        table: &SeriesTable,
        series: SeriesId,
        items: Items,
        metadata: Option<&Metadata>,
    ) {
        self.end_series();
        self.open = Some((series, items, self.series.open(TIMESERIES)));
        self.refs.clear();
        self.symbols.label_refs(table, series, &mut self.refs);
        self.put_refs();
        if let Some(metadata) = metadata {
            self.metadata(metadata);
        }
    }

    #[inline]
    pub fn sample(&mut self, timestamp_ms: i64, value: f64) {
        debug_assert!(matches!(self.open, Some((_, Items::Samples, _))));
        put_sample(&mut self.series, &mut self.time, timestamp_ms, value);
    }

    pub fn histogram(&mut self, timestamp_ms: i64, histogram: &Histogram) {
        debug_assert!(matches!(self.open, Some((_, Items::Histograms, _))));
        let open = self.series.open(HISTOGRAM);
        histogram::encode(histogram, timestamp_ms, &mut self.series);
        self.series.close(open);
    }

    /// Adds an exemplar to the open TimeSeries.
    pub fn exemplar(&mut self, exemplar: &Exemplar) {
        debug_assert!(self.open.is_some());
        self.refs.clear();
        for (name, value) in exemplar.labels.iter() {
            let pair = [self.symbols.number(name), self.symbols.number(value)];
            self.refs.extend(pair);
        }
        let open = self.series.open(EXEMPLAR);
        self.put_refs();
        put_double(&mut self.series, 0x11, exemplar.value);
        put_integer(
            &mut self.series,
            0x18,
            exemplar.timestamp_ms.cast_unsigned(),
        );
        self.series.close(open);
    }

    /// Bytes of the request so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.symbols.wire().len() + self.series.len()
    }

    /// Whether the request has no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Completes the request and gives its bytes; they stay until the next call.
    pub fn finish(&mut self) -> &[u8] {
        self.end_series();
        self.request.clear();
        self.request.put(self.symbols.wire().as_slice());
        // A copy of what is some 20 bytes a sample: 1 ns.
        self.request.put(self.series.as_slice());
        self.request.as_slice()
    }

    /// Starts the next request.
    pub fn clear(&mut self) {
        self.symbols.clear();
        self.series.clear();
        self.open = None;
    }

    fn metadata(&mut self, metadata: &Metadata) {
        let help = self.symbols.number(&metadata.help);
        let unit = self.symbols.number(&metadata.unit);
        let open = self.series.open(METADATA);
        put_integer(&mut self.series, 0x08, kind_number(metadata.kind));
        put_integer(&mut self.series, 0x18, u64::from(help));
        put_integer(&mut self.series, 0x20, u64::from(unit));
        self.series.close(open);
    }

    fn put_refs(&mut self) {
        if self.refs.is_empty() {
            return;
        }
        self.series.put_byte(LABEL_REFS);
        self.series.put_varint(packed_len(&self.refs));
        for number in &self.refs {
            self.series.put_varint(u64::from(*number));
        }
    }

    /// Completes the open TimeSeries.
    #[inline]
    pub fn end_series(&mut self) {
        if let Some((_, _, open)) = self.open.take() {
            self.series.close(open);
        }
    }
}
