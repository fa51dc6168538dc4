//! A run of series as elements of a block that stand from message to message, with holes for the
//! values and the time.
//!
//! A target shows the same series in the same order each time. Then nothing of their part of a
//! block changes but eight bytes of value each and one time: copies and literals of the labels are
//! the same, as long as all lengths are. So a zero, which could be left out, is written here like
//! any number.
//!
//! Made once, and so with a real search for what repeats: about 63 bytes a sample of ten labels
//! where `BlockEncoder`, which knows only the pairs, writes 108. Filling one costs a copy of those
//! bytes and a store for each sample (`bench/counts`, stage `stencil`), and no look at a series.

use batch::{SeriesId, SeriesTable, WireBuf};

use super::elements::{NEAR, REACH, put_copies, put_literal_tag};

/// Elements with holes.
#[derive(Debug)]
pub struct Stencil {
    elements: Box<[u8]>,
    /// Of each value: how far its bytes lie behind those of the one before.
    gaps: Box<[u16]>,
    /// Where bytes of the time stand, and which byte it is: those of the first sample, mostly.
    times: Box<[(u16, u8)]>,
    time_len: u8,
    plain_bytes: u32,
}

impl Stencil {
    /// Bytes of the request that it stands for.
    #[must_use]
    pub fn plain_len(&self) -> usize {
        self.plain_bytes as usize
    }

    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Stencil>()
            + self.elements.len()
            + size_of_val(&*self.gaps)
            + size_of_val(&*self.times)
    }

    /// Whether it has room for a time of so many bytes, tag included.
    pub(super) fn takes_time(&self, len: usize) -> bool {
        usize::from(self.time_len) == len
    }

    /// Appends the elements with these values, as many as there are series.
    #[inline]
    pub(super) fn fill(
        &self,
        out: &mut WireBuf,
        time: &[u8],
        mut values: impl Iterator<Item = f64>,
    ) {
        let elements = out.put_mut(&self.elements);
        for (at, byte) in &self.times {
            elements[usize::from(*at)] = time[usize::from(*byte)];
        }
        let mut rest = elements;
        for gap in &self.gaps {
            let value = values.next().expect("each series has a value");
            rest = &mut rest[usize::from(*gap)..];
            let hole = rest.first_chunk_mut();
            *hole.expect("a hole has eight bytes") = value_bytes(value);
        }
    }
}

/// Compat: as where zeros are left out, -0 arrives as 0.
#[inline]
fn value_bytes(value: f64) -> [u8; 8] {
    let bits = value.to_bits();
    let negative_zero = bits == 1 << 63;
    (if negative_zero { 0 } else { bits }).to_le_bytes()
}

/// Makes stencils, one after the other, with tables that it keeps.
pub struct StencilMaker {
    /// What the run is without compression: a byte each, or what stands for one that is not known
    /// yet.
    symbols: Vec<u16>,
    holes: u16,
    time_len: u8,
    /// The last place where four symbols of a hash began, counted from 1.
    heads: Vec<u16>,
    /// For each place the one before it with the same hash.
    before: Vec<u16>,
}

/// A byte of the time: its number in the low bits.
const TIME: u16 = 0x100;
/// A byte of a value. All are different, so that nothing is ever found to repeat one.
const VALUE: u16 = 0x8000;
const VALUE_BYTES: usize = 8;

/// Limit: bytes of a run without compression, so that offsets, gaps and places fit in 16 bits; 64
/// series of ten labels are 20 KB. Series beyond it go into another run, or into none.
const PLAIN_BYTES_MAX: usize = 60_000;
const _: () = assert!(PLAIN_BYTES_MAX <= REACH as usize);

/// Places with the same hash that are compared. More would find little: the labels of the series
/// just before are the best there is.
const DEPTH: usize = 4;
/// Places of a copy that are noted: later copies may begin there.
const NOTED: usize = 8;
/// A copy of this length ends the search.
const GOOD: usize = 64;
const HASH_BITS: u32 = 13;

/// The shortest copies that save anything: one takes two bytes (three from afar), and the literal
/// behind it a tag.
const COPY_NEAR_MIN: usize = 4;
const COPY_FAR_MIN: usize = 6;

const TIMESERIES: u8 = 0x0a;
const SAMPLE: u8 = 0x12;
const SAMPLE_VALUE: u8 = 0x09;

impl Default for StencilMaker {
    fn default() -> StencilMaker {
        StencilMaker {
            symbols: Vec::new(),
            holes: 0,
            time_len: 0,
            heads: vec![0; 1 << HASH_BITS],
            before: Vec::new(),
        }
    }
}

impl StencilMaker {
    /// Starts over, for times of so many bytes, tag included.
    pub(super) fn begin(&mut self, time_len: usize) {
        self.symbols.clear();
        self.holes = 0;
        self.time_len = u8::try_from(time_len).expect("a tag and a varint");
        self.heads.fill(0);
        self.before.clear();
    }

    /// Adds a series with one sample; false when there is no room for it.
    pub fn push(&mut self, table: &SeriesTable, series: SeriesId) -> bool {
        let pairs = table.pairs_of(series);
        let labels: usize = pairs.clone().map(|pair| table.pair_len(pair)).sum();
        let sample = 1 + VALUE_BYTES + usize::from(self.time_len);
        let room = PLAIN_BYTES_MAX.saturating_sub(self.symbols.len() + 16);
        if labels + 2 + sample > room || usize::from(self.holes) + VALUE_BYTES > usize::from(VALUE)
        {
            return false;
        }
        let mut head = vec![TIMESERIES];
        stdx::varint::put(&mut head, (labels + 2 + sample) as u64);
        self.known(&head);
        for pair in pairs {
            let (len, bytes) = table.pair(pair);
            self.known(&bytes[..len]);
        }
        self.known(&[SAMPLE, sample as u8, SAMPLE_VALUE]);
        for _ in 0..VALUE_BYTES {
            self.symbols.push(VALUE | self.holes);
            self.holes += 1;
        }
        let time = (0..self.time_len).map(|byte| TIME | u16::from(byte));
        self.symbols.extend(time);
        true
    }

    /// The stencil of what was added.
    pub fn finish(&mut self) -> Stencil {
        let mut drawing = Drawing::default();
        let (mut at, mut literal) = (0, 0);
        self.before.resize(self.symbols.len(), 0);
        while at < self.symbols.len() {
            let Some((offset, len)) = self.longest(at) else {
                self.note(at);
                at += 1;
                continue;
            };
            drawing.literal(&self.symbols[literal..at]);
            put_copies(&mut drawing.elements, offset as u32, len as u32);
            // Enough to be found by, for the search of the next series begins where one begins.
            (at..at + len.min(NOTED)).for_each(|place| self.note(place));
            at += len;
            literal = at;
        }
        drawing.literal(&self.symbols[literal..]);
        Stencil {
            elements: drawing.elements.as_slice().into(),
            gaps: drawing.gaps.into(),
            times: drawing.times.into(),
            time_len: self.time_len,
            plain_bytes: self.symbols.len() as u32,
        }
    }

    fn known(&mut self, bytes: &[u8]) {
        self.symbols
            .extend(bytes.iter().map(|byte| u16::from(*byte)));
    }

    /// The longest copy for what stands at a place: how far back, and how long.
    fn longest(&self, at: usize) -> Option<(usize, usize)> {
        let (mut best, mut best_len) = (None, COPY_NEAR_MIN - 1);
        let new = &self.symbols[at..];
        let mut place = self.heads[self.hash(at)?];
        for _ in 0..DEPTH {
            let Some(from) = usize::from(place).checked_sub(1) else {
                break;
            };
            place = self.before[from];
            let old = &self.symbols[from..];
            if old.get(best_len) != new.get(best_len) {
                // Not longer than the best.
                continue;
            }
            let len = shared(old, new);
            let near = at - from < NEAR as usize;
            let enough = if near { COPY_NEAR_MIN } else { COPY_FAR_MIN };
            if len > best_len && len >= enough {
                best_len = len;
                best = Some((at - from, len));
            }
            if len >= GOOD {
                break;
            }
        }
        best
    }

    fn note(&mut self, at: usize) {
        if let Some(hash) = self.hash(at) {
            self.before[at] = std::mem::replace(&mut self.heads[hash], at as u16 + 1);
        }
    }

    /// None where a value begins before a copy could end.
    fn hash(&self, at: usize) -> Option<usize> {
        const VALUES: u64 = 0x8000_8000_8000_8000;
        let [a, b, c, d] = *self.symbols[at..].first_chunk()?;
        let joined = [a, b, c, d].map(u64::from);
        let joined = joined[0] << 48 | joined[1] << 32 | joined[2] << 16 | joined[3];
        if joined & VALUES != 0 {
            return None;
        }
        Some((joined.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - HASH_BITS)) as usize)
    }
}

/// How many symbols at the beginning are the same; `old` is the longer one.
fn shared(old: &[u16], new: &[u16]) -> usize {
    let (old_blocks, new_blocks) = (old.as_chunks::<8>().0, new.as_chunks::<8>().0);
    let blocks = old_blocks.iter().zip(new_blocks);
    let start = 8 * blocks.take_while(|(old, new)| old == new).count();
    let rest = old[start..].iter().zip(&new[start..]);
    start + rest.take_while(|(old, new)| old == new).count()
}

/// A stencil under construction.
#[derive(Default)]
struct Drawing {
    elements: WireBuf,
    gaps: Vec<u16>,
    last_hole: usize,
    times: Vec<(u16, u8)>,
}

impl Drawing {
    fn literal(&mut self, symbols: &[u16]) {
        if symbols.is_empty() {
            return;
        }
        put_literal_tag(&mut self.elements, symbols.len());
        for symbol in symbols {
            let at = self.elements.len();
            match *symbol {
                value if value & VALUE != 0 => {
                    if usize::from(value & !VALUE).is_multiple_of(VALUE_BYTES) {
                        self.gaps.push((at - self.last_hole) as u16);
                        self.last_hole = at;
                    }
                    self.elements.put_byte(0);
                }
                time if time & TIME != 0 => {
                    self.times.push((at as u16, (time & !TIME) as u8));
                    self.elements.put_byte(0);
                }
                known => self.elements.put_byte(known as u8),
            }
        }
    }
}
