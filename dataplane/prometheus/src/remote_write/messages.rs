//! Batches to messages: external labels and rules once per series, then the bytes of a version of
//! remote write.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use batch::{Exemplar, HistogramSample, LabelsBuf, MetricsBatch, Sample, SeriesId, SeriesTable};
use engine::Build;
use engine::outbox::{Encoder, Message, Order, OrderWriter, Write};
use ops::histogram::has_custom_buckets;
use ops::relabel;

use super::encoding::Encoding;
use super::meanings::Meanings;
use super::metadata::Families;
use super::metrics::Encoded;
use super::runs::{Next, Run, Runs};
use super::wire::{Version, Wire};
use crate::outcomes::{Outcome, Outcomes};

/// Limit: an uncompressed message is ended at this size even if it has few samples. Two thousand
/// samples of twenty long labels take a third of it; receivers commonly refuse more than 10 MiB.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// What a record's payload begins with; the rest is the message. Little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub samples: u32,
    pub histograms: u32,
    pub exemplars: u32,
    pub highest_ms: i64,
    pub order: Order,
}

impl Header {
    pub const BYTES: usize = 36;

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.samples.to_le_bytes());
        out.extend_from_slice(&self.histograms.to_le_bytes());
        out.extend_from_slice(&self.exemplars.to_le_bytes());
        out.extend_from_slice(&self.highest_ms.to_le_bytes());
        out.extend_from_slice(&self.order.run.to_le_bytes());
        out.extend_from_slice(&self.order.number.to_le_bytes());
        out.extend_from_slice(&self.order.depends_on.to_le_bytes());
    }

    /// `None` when the payload is none of ours.
    pub fn read(payload: &[u8]) -> Option<Header> {
        let (samples, rest) = payload.split_first_chunk()?;
        let (histograms, rest) = rest.split_first_chunk()?;
        let (exemplars, rest) = rest.split_first_chunk()?;
        let (highest_ms, rest) = rest.split_first_chunk()?;
        let (run, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (depends_on, _) = rest.split_first_chunk()?;
        Some(Header {
            samples: u32::from_le_bytes(*samples),
            histograms: u32::from_le_bytes(*histograms),
            exemplars: u32::from_le_bytes(*exemplars),
            highest_ms: i64::from_le_bytes(*highest_ms),
            order: Order {
                run: u64::from_le_bytes(*run),
                number: u32::from_le_bytes(*number),
                depends_on: u32::from_le_bytes(*depends_on),
            },
        })
    }

    fn empty() -> Header {
        let order = Order::STRICT;
        Header {
            samples: 0,
            histograms: 0,
            exemplars: 0,
            highest_ms: i64::MIN,
            order,
        }
    }
}

/// How far a batch has been written.
#[derive(Default)]
pub struct Cursor {
    samples: usize,
    /// The sample up to which they go out one by one; none as long as nothing is decided.
    alone_until: Option<usize>,
    histograms: usize,
    exemplars: usize,
    /// Items that the rules dropped.
    pub ruled_out: u64,
    /// Native histograms, when the endpoint is not to get any.
    pub histograms_off: u64,
    /// Histograms with custom buckets, which version 1 cannot carry.
    pub custom_buckets: u64,
    /// Version 2: exemplars by series, for those of a batch stand in an order of their own.
    waiting: Option<HashMap<SeriesId, Vec<usize>>>,
}

/// Writes the messages of one lane.
pub struct MessageEncoder {
    encoding: Encoding,
    series: Rc<RefCell<SeriesTable>>,
    /// `None` when series go out as they came in.
    outcomes: Option<Outcomes>,
    labels: LabelsBuf,
    /// `None` for version 2, which has no stencils.
    runs: Option<Runs>,
    message: Wire,
    /// The next run finds no room in the open message.
    cut: bool,
    header: Header,
    order: OrderWriter,
    encoded: Encoded,
    /// Payloads on their way to the lane come back here.
    spare: Vec<u8>,
}

impl MessageEncoder {
    pub fn new(cx: &Build, encoding: Encoding, families: &Families) -> MessageEncoder {
        let outcomes = (!encoding.keeps_labels()).then(|| Outcomes::new(&cx.series));
        let meanings = || Meanings::new(&families.described, &cx.series);
        MessageEncoder {
            runs: (encoding.version == Version::V1)
                .then(|| Runs::new(&cx.series, encoding.samples_max)),
            message: Wire::new(encoding.version, meanings),
            cut: false,
            encoding,
            series: cx.series.clone(),
            outcomes,
            labels: LabelsBuf::new(),
            header: Header::empty(),
            order: OrderWriter::new(),
            encoded: Encoded::new(cx),
            spare: Vec::new(),
        }
    }

    /// Adds the items behind the cursor, as many as the open message takes.
    pub fn write(&mut self, batch: &MetricsBatch, cursor: &mut Cursor) -> Write {
        let series = self.series.clone();
        let table = &mut *series.borrow_mut();
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.catch_up(table);
        }
        if let Some(runs) = &mut self.runs {
            runs.catch_up(table);
        }
        self.message.catch_up(table);
        let written = self.write_items(table, batch, cursor);
        // A series left open would go on with whatever series gets its id.
        self.message.end_series(table);
        written
    }

    fn write_items(
        &mut self,
        table: &mut SeriesTable,
        batch: &MetricsBatch,
        cursor: &mut Cursor,
    ) -> Write {
        while let Some(sample) = batch.samples.get(cursor.samples) {
            if self.is_full() {
                return Write::Full;
            }
            if self.write_run(table, batch, cursor) {
                continue;
            }
            cursor.samples += 1;
            let written = self.sample(table, sample);
            cursor.ruled_out += u64::from(!written);
            self.exemplars_of(table, sample.series, batch, cursor, written);
        }
        while let Some(sample) = batch.histograms.get(cursor.histograms) {
            if self.is_full() {
                return Write::Full;
            }
            cursor.histograms += 1;
            if !self.encoding.histograms {
                cursor.histograms_off += 1;
                continue;
            }
            if self.encoding.version == Version::V1 && has_custom_buckets(&sample.histogram) {
                cursor.custom_buckets += 1;
                continue;
            }
            let written = self.histogram(table, sample);
            cursor.ruled_out += u64::from(!written);
            self.exemplars_of(table, sample.series, batch, cursor, written);
        }
        if self.encoding.version == Version::V2 {
            let left = cursor.waiting.take().unwrap_or_default();
            let left: usize = left.values().map(Vec::len).sum();
            self.encoded.exemplars_alone.add(left as u64);
            return Write::Done;
        }
        while let Some(exemplar) = batch.exemplars.get(cursor.exemplars) {
            if self.is_full() {
                return Write::Full;
            }
            cursor.exemplars += 1;
            self.exemplar(table, exemplar);
        }
        Write::Done
    }

    /// Adds the next samples if they are a run that the open message takes; false when the next
    /// sample goes out alone.
    #[inline]
    fn write_run(
        &mut self,
        table: &mut SeriesTable,
        batch: &MetricsBatch,
        cursor: &mut Cursor,
    ) -> bool {
        let Some(runs) = &mut self.runs else {
            return false;
        };
        let comes_again = || match batch.exemplars.is_empty() && runs.comes_again(&batch.samples) {
            true => 0,
            false => usize::MAX,
        };
        let alone_until = cursor.alone_until.get_or_insert_with(comes_again);
        if cursor.samples < *alone_until {
            return false;
        }
        let samples = &batch.samples[cursor.samples..];
        let (run, len) = match runs.next(samples) {
            Next::Run(run) => (Some(run), 0),
            Next::Alone(len) => (None, len),
            Next::Draw(len) => (self.draw(table, &samples[..len]), len),
        };
        let Some(run) = run else {
            cursor.alone_until = Some(cursor.samples + len);
            return false;
        };
        let items = self.header.samples + self.header.histograms;
        if items > 0 && items as usize + run.kept > self.encoding.samples_max {
            self.cut = true;
            return true;
        }
        let samples = &samples[..run.len()];
        if !self.message.run(table, &run, samples) {
            cursor.alone_until = Some(cursor.samples + run.len());
            return false;
        }
        self.note_run(&run, samples[0].timestamp_ms);
        cursor.samples += run.len();
        cursor.ruled_out += (run.len() - run.kept) as u64;
        true
    }

    fn note_run(&mut self, run: &Run, timestamp_ms: i64) {
        for series in run.sent() {
            self.order.note(series.index());
        }
        if 0 < run.kept {
            self.header.samples += run.kept as u32;
            self.header.highest_ms = self.header.highest_ms.max(timestamp_ms);
        }
    }

    #[cold]
    fn draw(&mut self, table: &mut SeriesTable, samples: &[Sample]) -> Option<Rc<Run>> {
        // Out of `self` for as long as the rules are asked about the series.
        let mut runs = self.runs.take()?;
        let outcomes: Vec<_> = samples
            .iter()
            .map(|sample| self.outcome(table, sample.series))
            .collect();
        let Wire::V1(blocks) = &mut self.message else {
            unreachable!("version 2 has no runs");
        };
        let run = runs.draw(table, blocks, samples, &outcomes);
        self.runs = Some(runs);
        run
    }

    /// Adds the exemplars of an item behind it. Version 1 looks at the next one only: they mostly
    /// stand in the order of their samples, and those that do not make a TimeSeries of their own.
    /// Version 2 allows no TimeSeries of exemplars alone.
    #[inline]
    fn exemplars_of(
        &mut self,
        table: &mut SeriesTable,
        series: SeriesId,
        batch: &MetricsBatch,
        cursor: &mut Cursor,
        written: bool,
    ) {
        if batch.exemplars.is_empty() {
            return;
        }
        if self.encoding.version == Version::V1 {
            while let Some(exemplar) = batch.exemplars.get(cursor.exemplars)
                && exemplar.series == series
            {
                cursor.exemplars += 1;
                self.exemplar(table, exemplar);
            }
            return;
        }
        let waiting = cursor
            .waiting
            .get_or_insert_with(|| by_series(&batch.exemplars));
        for at in waiting.remove(&series).unwrap_or_default() {
            if written {
                self.exemplar(table, &batch.exemplars[at]);
            } else {
                self.encoded.exemplars_ruled_out.inc();
            }
        }
    }

    /// False when the rules drop it.
    #[inline]
    fn sample(&mut self, table: &mut SeriesTable, sample: &Sample) -> bool {
        let Some(series) = self.outcome(table, sample.series) else {
            return false;
        };
        self.order.note(series.index());
        self.message
            .sample(table, sample.series, Sample { series, ..*sample });
        self.header.samples += 1;
        self.header.highest_ms = self.header.highest_ms.max(sample.timestamp_ms);
        true
    }

    fn histogram(&mut self, table: &mut SeriesTable, sample: &HistogramSample) -> bool {
        let Some(series) = self.outcome(table, sample.series) else {
            return false;
        };
        self.order.note(series.index());
        let changed = HistogramSample {
            series,
            ..sample.clone()
        };
        self.message.histogram(table, sample.series, &changed);
        self.header.histograms += 1;
        self.header.highest_ms = self.header.highest_ms.max(sample.timestamp_ms);
        true
    }

    fn exemplar(&mut self, table: &mut SeriesTable, exemplar: &Exemplar) {
        if !self.encoding.exemplars || !fits(&exemplar.labels) {
            return;
        }
        let Some(series) = self.outcome(table, exemplar.series) else {
            self.encoded.exemplars_ruled_out.inc();
            return;
        };
        self.order.note(series.index());
        self.message.exemplar(
            table,
            &Exemplar {
                series,
                ..exemplar.clone()
            },
        );
        self.header.exemplars += 1;
    }

    #[inline]
    fn outcome(&mut self, table: &mut SeriesTable, series: SeriesId) -> Option<SeriesId> {
        let Some(outcomes) = &self.outcomes else {
            return Some(series);
        };
        match outcomes.get(series) {
            Outcome::Keep(kept) => Some(kept),
            Outcome::Drop => None,
            Outcome::Unknown => self.decide(table, series),
        }
    }

    #[cold]
    fn decide(&mut self, table: &mut SeriesTable, series: SeriesId) -> Option<SeriesId> {
        table.read_labels(series, &mut self.labels);
        for (name, value) in &self.encoding.external_labels {
            if !self.labels.contains(name) {
                self.labels.set(name, value);
            }
        }
        let outcome = relabel::apply(&self.encoding.rules, &mut self.labels);
        let kept = outcome == relabel::Outcome::Keep && !self.labels.is_empty();
        let outcome = kept.then(|| table.intern(&self.labels));
        if let Some(outcomes) = &mut self.outcomes {
            outcomes.set(table, series, outcome);
        }
        outcome
    }
}

/// Limit: characters of an exemplar's labels. OpenMetrics allows no more, and receivers refuse
/// them.
const EXEMPLAR_CHARACTERS_MAX: usize = 128;

fn fits(labels: &LabelsBuf) -> bool {
    let characters = labels
        .iter()
        .map(|(name, value)| name.chars().count() + value.chars().count());
    characters.sum::<usize>() <= EXEMPLAR_CHARACTERS_MAX
}

fn by_series(exemplars: &[Exemplar]) -> HashMap<SeriesId, Vec<usize>> {
    let mut by_series: HashMap<SeriesId, Vec<usize>> = HashMap::with_capacity(exemplars.len());
    for (at, exemplar) in exemplars.iter().enumerate() {
        by_series.entry(exemplar.series).or_default().push(at);
    }
    by_series
}

impl Encoder for MessageEncoder {
    fn is_empty(&self) -> bool {
        self.message.is_empty()
    }

    fn is_full(&self) -> bool {
        let samples = self.header.samples + self.header.histograms;
        self.cut
            || samples as usize >= self.encoding.samples_max
            || self.message.len() >= MESSAGE_BYTES_MAX
    }

    fn seal(&mut self) -> Message {
        let mut payload = std::mem::take(&mut self.spare);
        payload.clear();
        self.encoded.sealed(self.header.highest_ms);
        self.header.order = self.order.end_message();
        self.header.write(&mut payload);
        // A copy of the compressed message: some 50 bytes a sample, 2 ns.
        self.message.finish(&mut payload);
        let items = self.header.samples + self.header.histograms;
        self.message.clear();
        self.cut = false;
        self.header = Header::empty();
        Message {
            kind: self.encoding.version as u8,
            items,
            payload,
        }
    }

    fn recycle(&mut self, payload: Vec<u8>) {
        self.spare = payload;
    }
}
