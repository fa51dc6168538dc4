//! Batches to a compressed prometheus.WriteRequest, in one pass.
//!
//! A compressor looks for bytes that it has seen before; here it is known which they are. The
//! labels of a series are pairs that were interned, and where each of them was written last is kept
//! by its id. A run of pairs that stood together before becomes a copy of snappy's format,
//! everything else literals: what changes from sample to sample. So a sample costs a look at each
//! pair id instead of copying its labels and hashing them, and the block is about as small as
//! snappy's own search makes it.

use batch::{Exemplar, HistogramSample, Metadata, Sample, SeriesId, SeriesTable, WireBuf};

use super::elements::{NEAR, REACH, put_copies};
use super::encode;
use super::stencil::{Stencil, StencilMaker};
use crate::remote_write::fields::{Time, put_sample};

/// Builds one request at a time. Its interface is that of `Encoder`, save that the end of a series
/// needs the table too.
#[derive(Default)]
pub struct BlockEncoder {
    /// Elements of the block, without the length that it begins with.
    elements: WireBuf,
    /// Where the bytes of the literal begin that is still being written, behind two bytes kept for
    /// its tag. Zero when there is none.
    literal: usize,
    /// Plain bytes of the message so far, those of the open series' items left out.
    len: u32,
    open: Option<SeriesId>,
    /// The fields of the open series that follow its labels.
    items: WireBuf,
    /// What `items` is, if it is one sample.
    lone: Option<Lone>,
    time: Time,
    places: Places,
    samples: Samples,
    /// The pair that was last the first of a series: the name, mostly.
    first_pair: u32,
}

/// A sample that stands alone in its series: time and the bits of the value.
#[derive(Clone, Copy, Default, PartialEq)]
struct Lone {
    timestamp_ms: i64,
    bits: u64,
}

/// Where samples were last written. Those of a scrape share their time, and many their value:
/// zeros, ones, whatever gauges rest at.
struct Samples {
    /// By a hash of the sample; a position is one of `Places`.
    recent: Box<[(Lone, u32); RECENT]>,
    /// The last time, and the position of its bytes.
    time: (i64, u32),
}

/// Enough for the values that a scrape repeats; 6 KiB.
const RECENT: usize = 256;

impl Default for Samples {
    fn default() -> Samples {
        Samples {
            recent: Box::new([(Lone::default(), 0); RECENT]),
            time: (0, 0),
        }
    }
}

/// Pairs that were written before and stood together there.
#[derive(Clone, Copy, Default)]
struct Run {
    /// How far back the bytes lie; zero for no run.
    offset: u32,
    len: u32,
}

/// Where each pair was last written: positions on an axis that goes on from message to message, so
/// that nothing needs to be cleared between them.
#[derive(Default)]
struct Places {
    by_pair: Vec<u32>,
    /// Position of the message's first byte.
    start: u32,
    /// Positions before this are forgotten; in this message or at its start.
    floor: u32,
    pair_deaths: u64,
}

/// Positions start over before they wrap.
const POSITION_MAX: u32 = 1 << 31;

const TIMESERIES: u8 = 0x0a;

/// Room for the tag of a literal: right for 61 to 256 bytes, others are moved by one when they end.
const TAG_BYTES: usize = 2;

impl BlockEncoder {
    #[must_use]
    pub fn new() -> BlockEncoder {
        BlockEncoder::default()
    }

    /// To be called when the table may have changed since the last item: ids of pairs that died
    /// since then may mean others now.
    pub fn catch_up(&mut self, table: &SeriesTable) {
        assert!(
            self.open.is_none(),
            "the series was ended while its labels were known"
        );
        let places = &mut self.places;
        if places.pair_deaths != table.pair_deaths() {
            places.pair_deaths = table.pair_deaths();
            places.floor = places.start + self.len;
        }
    }

    #[inline]
    pub fn sample(&mut self, table: &SeriesTable, sample: Sample) {
        self.series(table, sample.series);
        self.lone = self.items.is_empty().then(|| Lone {
            timestamp_ms: sample.timestamp_ms,
            bits: sample.value.to_bits(),
        });
        put_sample(
            &mut self.items,
            &mut self.time,
            sample.timestamp_ms,
            sample.value,
        );
    }

    pub fn histogram(&mut self, table: &SeriesTable, sample: &HistogramSample) {
        self.series(table, sample.series);
        self.lone = None;
        encode::put_histogram(&mut self.items, sample);
    }

    pub fn exemplar(&mut self, table: &SeriesTable, exemplar: &Exemplar) {
        self.series(table, exemplar.series);
        self.lone = None;
        encode::put_exemplar(&mut self.items, exemplar);
    }

    /// Appends metadata. Receivers want it in requests of its own, without samples.
    pub fn metadata(&mut self, metadata: &Metadata) {
        assert!(self.open.is_none(), "metadata stands between series");
        self.begin_literal();
        let before = self.elements.len();
        encode::put_metadata(&mut self.elements, metadata);
        self.len += (self.elements.len() - before) as u32;
    }

    /// Starts a stencil for samples of about this time.
    pub fn begin_stencil(&mut self, maker: &mut StencilMaker, timestamp_ms: i64) {
        maker.begin(self.time.bytes(timestamp_ms).len());
    }

    /// Writes the series of a stencil with these values, each at this time. False when such a time
    /// does not fit into it.
    #[inline]
    pub fn stencil(
        &mut self,
        table: &SeriesTable,
        stencil: &Stencil,
        timestamp_ms: i64,
        values: impl Iterator<Item = f64>,
    ) -> bool {
        if !stencil.takes_time(self.time.bytes(timestamp_ms).len()) {
            return false;
        }
        self.end_series(table);
        self.end_literal();
        let time = self.time.bytes(timestamp_ms);
        stencil.fill(&mut self.elements, time, values);
        self.len += stencil.plain_len() as u32;
        true
    }

    /// Bytes of the request so far, uncompressed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len as usize + self.items.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0 && self.open.is_none()
    }

    /// Ends the open series, while the table still knows its labels.
    #[inline]
    pub fn end_series(&mut self, table: &SeriesTable) {
        let Some(series) = self.open.take() else {
            return;
        };
        let pairs = table.pairs_of(series);
        let labels: usize = pairs.clone().map(|pair| table.pair_len(pair)).sum();
        self.begin_literal();
        let before = self.elements.len();
        self.elements.put_byte(TIMESERIES);
        self.elements.put_varint((labels + self.items.len()) as u64);
        self.len += (self.elements.len() - before) as u32;
        self.places.reserve(table.pair_bound());
        self.put_labels(table, pairs);
        match self.lone.take() {
            Some(lone) => self.put_lone(lone),
            None => self.put_items(self.items.len()),
        }
        self.items.clear();
    }

    /// Writes the first pair of a series as copies of parts of the one before, with which a name
    /// shares its label and often its beginning. False when it has nothing to share.
    fn put_name(&mut self, table: &SeriesTable, pair: u32) -> bool {
        let before = std::mem::replace(&mut self.first_pair, pair);
        let Some(offset) = self.places.distance(before, self.len) else {
            return false;
        };
        let (old_len, old) = table.pair(before);
        let (new_len, new) = table.pair(pair);
        let (old, new) = (&old[..old_len], &new[..new_len]);
        // Two lengths may differ: the pair's, in its second byte, and the value's, before the
        // value.
        let (mut written, mut at) = (0, 2);
        for _ in 0..2 {
            let same = shared(old, new, at);
            if same >= SHARED_MIN {
                if written < at {
                    self.begin_literal();
                    self.elements.put(&new[written..at]);
                }
                self.put_run(Run {
                    offset,
                    len: same as u32,
                });
                written = at + same;
            }
            at += same + 1;
        }
        if 0 < written && written < new.len() {
            self.begin_literal();
            self.elements.put(&new[written..]);
        }
        written > 0
    }

    /// Writes the one sample of a series: a copy of one with the same value and time, or else a
    /// copy of the time at least.
    #[inline]
    fn put_lone(&mut self, lone: Lone) {
        let len = self.items.len() as u32;
        let time_len = self.time.len() as u32;
        let here = self.places.start + self.len;
        let slot = &mut self.samples.recent[lone.slot()];
        let (before, at) = std::mem::replace(slot, (lone, here));
        let time_here = here + len - time_len;
        let (time_ms, time_at) =
            std::mem::replace(&mut self.samples.time, (lone.timestamp_ms, time_here));
        if before == lone && at >= self.places.start && here - at <= REACH {
            self.put_run(Run {
                offset: here - at,
                len,
            });
            self.len += len;
        } else if time_ms == lone.timestamp_ms
            && time_at >= self.places.start
            && time_here - time_at < NEAR
            && time_len > 0
        {
            self.put_items((len - time_len) as usize);
            self.put_run(Run {
                offset: time_here - time_at,
                len: time_len,
            });
            self.len += time_len;
        } else {
            self.put_items(len as usize);
        }
    }

    /// Writes the first `len` bytes of the items as they are.
    #[inline]
    fn put_items(&mut self, len: usize) {
        self.begin_literal();
        self.elements.put_front(&self.items, len);
        self.len += len as u32;
    }

    /// Writes pairs, those that were written before as copies of as many as stood together.
    #[inline]
    fn put_labels(&mut self, table: &SeriesTable, pairs: impl Iterator<Item = u32>) {
        let mut run = Run::default();
        for (index, pair) in pairs.enumerate() {
            match self.places.replace(pair, self.len) {
                Some(offset) => {
                    // An equal distance says that the pairs stood together there too.
                    if offset != run.offset {
                        self.put_run(run);
                        run = Run { offset, len: 0 };
                    }
                    let len = table.pair_len(pair) as u32;
                    run.len += len;
                    self.len += len;
                }
                None => {
                    self.put_run(std::mem::take(&mut run));
                    let (len, bytes) = table.pair(pair);
                    if index > 0 || !self.put_name(table, pair) {
                        self.begin_literal();
                        self.elements.put_padded(bytes, len);
                    }
                    self.len += len as u32;
                }
            }
        }
        self.put_run(run);
    }

    /// Completes the request and appends its block; `clear` starts the next one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        assert!(
            self.open.is_none(),
            "the series was ended while its labels were known"
        );
        self.end_literal();
        stdx::varint::put(out, u64::from(self.len));
        out.extend_from_slice(self.elements.as_slice());
    }

    /// Starts the next request.
    pub fn clear(&mut self) {
        self.elements.clear();
        self.literal = 0;
        self.items.clear();
        self.lone = None;
        self.open = None;
        if self.places.next_message(self.len) {
            self.samples = Samples::default();
        }
        self.len = 0;
    }

    #[inline]
    fn series(&mut self, table: &SeriesTable, series: SeriesId) {
        if self.open != Some(series) {
            self.end_series(table);
            self.open = Some(series);
        }
    }

    #[inline]
    fn begin_literal(&mut self) {
        if self.literal == 0 {
            self.elements.put_array([0; TAG_BYTES]);
            self.literal = self.elements.len();
        }
    }

    /// Fills in the tag of the literal that is being written.
    #[inline]
    fn end_literal(&mut self) {
        let start = std::mem::take(&mut self.literal);
        let len = self.elements.len() - start;
        match len {
            _ if start == 0 => {}
            0 => self.elements.truncate(start - TAG_BYTES),
            1..=60 => {
                self.elements.remove(start - TAG_BYTES);
                self.elements.set(start - TAG_BYTES, ((len - 1) as u8) << 2);
            }
            61..=256 => {
                self.elements.set(start - 2, 60 << 2);
                self.elements.set(start - 1, (len - 1) as u8);
            }
            _ => self.end_long_literal(start, len),
        }
    }

    #[cold]
    fn end_long_literal(&mut self, start: usize, len: usize) {
        let length = ((len - 1) as u32).to_le_bytes();
        let used = if len <= 1 << 16 { 2 } else { 4 };
        self.elements.set(start - 2, (59 + used as u8) << 2);
        self.elements.set(start - 1, length[0]);
        for (index, byte) in length[1..used].iter().enumerate() {
            self.elements.insert(start + index, *byte);
        }
    }

    /// Writes a run as copies.
    #[inline]
    fn put_run(&mut self, run: Run) {
        if run.len > 0 {
            self.end_literal();
            put_copies(&mut self.elements, run.offset, run.len);
        }
    }
}

/// A copy takes three bytes, and the literal behind it another tag.
const SHARED_MIN: usize = 6;

/// How many bytes from `at` on are the same in both.
fn shared(old: &[u8], new: &[u8], at: usize) -> usize {
    let (Some(old), Some(new)) = (old.get(at..), new.get(at..)) else {
        return 0;
    };
    old.iter()
        .zip(new)
        .take_while(|(old, new)| old == new)
        .count()
}

impl Lone {
    /// The high bits of a product depend on all bits of both.
    #[inline]
    fn slot(&self) -> usize {
        let mixed = self.bits.wrapping_add(self.timestamp_ms.cast_unsigned());
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - RECENT.trailing_zeros()))
            as usize
    }
}

impl Places {
    fn reserve(&mut self, pairs: usize) {
        if self.by_pair.len() < pairs {
            // Position 0 is before every floor.
            self.by_pair.resize(pairs.next_multiple_of(1024), 0);
        }
        self.start = self.start.max(1);
        self.floor = self.floor.max(self.start);
    }

    /// Notes that the pair goes to byte `at` of the message; how far back it was written before, if
    /// that can be copied.
    #[inline]
    fn replace(&mut self, pair: u32, at: u32) -> Option<u32> {
        let here = self.start + at;
        let place = std::mem::replace(&mut self.by_pair[pair as usize], here);
        let near = place >= self.floor && here - place <= REACH;
        near.then(|| here - place)
    }

    /// How far before byte `at` of the message a pair was last written, if that can be copied.
    fn distance(&self, pair: u32, at: u32) -> Option<u32> {
        let here = self.start + at;
        let place = *self.by_pair.get(pair as usize)?;
        let near = place >= self.floor && place < here && here - place <= REACH;
        near.then(|| here - place)
    }

    /// True when positions start over, which makes all that were kept invalid.
    fn next_message(&mut self, len: u32) -> bool {
        self.start += len + 1;
        let starts_over = self.start > POSITION_MAX;
        if starts_over {
            self.by_pair.fill(0);
            (self.start, self.floor) = (1, 1);
        }
        starts_over
    }
}
