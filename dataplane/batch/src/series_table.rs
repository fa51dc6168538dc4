//! The series of one shard: label pairs interned as remote-write bytes, series as lists of pair
//! ids.
//!
//! A pair is kept as `0a <length> 0a <length> name 12 <length> value`: field 1 (labels) of
//! prometheus.TimeSeries with its tag and length, ready to be copied into a request. A series of
//! ten labels costs 40 bytes of pair ids, a record of 12 and 7 to 11 in the hash table.

use stdx::varint;

use crate::deaths::{DeathLog, MapId};
use crate::interner::{Acquired, Interner};
use crate::{LabelsBuf, WireBuf};

/// A series of one shard's table. Dense: the ids in use are about 0 to the number of series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

impl SeriesId {
    /// The place of this series in an array.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// All series that something on this shard refers to.
pub struct SeriesTable {
    pairs: Interner,
    /// The text of a series is its pair ids, four little-endian bytes each, ordered by label name.
    series: Interner,
    deaths: DeathLog,
    pair_deaths: u64,
    scratch: Vec<u8>,
    list: Vec<u8>,
}

impl SeriesTable {
    /// The seed keys the hashes, so that nobody outside can choose colliding labels.
    #[must_use]
    pub fn new(seed: u64) -> SeriesTable {
        SeriesTable {
            pairs: Interner::new(seed),
            series: Interner::new(seed.rotate_left(32)),
            deaths: DeathLog::default(),
            pair_deaths: 0,
            scratch: Vec::new(),
            list: Vec::new(),
        }
    }

    /// Finds or adds a series and takes one reference to it.
    pub fn intern(&mut self, labels: &LabelsBuf) -> SeriesId {
        self.list.clear();
        for (name, value) in labels.iter() {
            encode_pair(name, value, &mut self.scratch);
            let (Acquired::Known(id) | Acquired::New(id)) = self.pairs.acquire(&self.scratch);
            self.list.extend_from_slice(&id.to_le_bytes());
        }
        match self.series.acquire(&self.list) {
            Acquired::New(id) => SeriesId(id),
            Acquired::Known(id) => {
                // The series holds its pairs already.
                for pair in pair_ids(&self.list) {
                    self.pairs.release(pair);
                }
                SeriesId(id)
            }
        }
    }

    /// Finds a series without taking a reference.
    pub fn find(&mut self, labels: &LabelsBuf) -> Option<SeriesId> {
        self.list.clear();
        for (name, value) in labels.iter() {
            encode_pair(name, value, &mut self.scratch);
            self.list
                .extend_from_slice(&self.pairs.find(&self.scratch)?.to_le_bytes());
        }
        self.series.find(&self.list).map(SeriesId)
    }

    /// Takes one more reference.
    pub fn retain(&mut self, series: SeriesId) {
        self.series.retain(series.0);
    }

    /// Gives one reference back. With the last one the series dies: its labels are gone at once,
    /// its id is used again when every registered map has heard of the death.
    pub fn release(&mut self, series: SeriesId) {
        if !self.series.release(series.0) {
            return;
        }
        let SeriesTable {
            pairs,
            series: table,
            pair_deaths,
            ..
        } = self;
        for pair in pair_ids(table.get(series.0)) {
            if pairs.release(pair) {
                pairs.forget(pair);
                pairs.recycle(pair);
                *pair_deaths += 1;
            }
        }
        table.forget(series.0);
        self.deaths.push(series.0, |id| table.recycle(id));
    }

    /// The labels of a series, ascending by name.
    #[must_use]
    pub fn labels(&self, series: SeriesId) -> Labels<'_> {
        debug_assert!(self.is_live(series));
        Labels {
            pairs: &self.pairs,
            list: self.series.get(series.0),
        }
    }

    /// Copies the labels of a series into a buffer for editing.
    pub fn read_labels(&self, series: SeriesId, labels: &mut LabelsBuf) {
        labels.assign(self.labels(series));
    }

    /// The value of one label.
    #[must_use]
    pub fn label(&self, series: SeriesId, name: &str) -> Option<&str> {
        self.labels(series)
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// The labels of a series, each with the id of its pair. An id means the same label for as long
    /// as no series is released.
    pub fn label_pairs(&self, series: SeriesId) -> impl Iterator<Item = (u32, &str, &str)> {
        pair_ids(self.series.get(series.0)).map(|pair| {
            let (name, value) = decode_pair(self.pairs.get(pair));
            (pair, name, value)
        })
    }

    /// The ids of a series' label pairs, ascending by label name. An id means the same pair for as
    /// long as `pair_deaths` stands still.
    #[inline]
    pub fn pairs_of(&self, series: SeriesId) -> impl Iterator<Item = u32> + Clone {
        pair_ids(self.series.get(series.0))
    }

    /// The length of a pair as remote write sends it.
    #[inline]
    #[must_use]
    pub fn pair_len(&self, pair: u32) -> usize {
        self.pairs.len_of(pair)
    }

    /// A pair as remote write sends it: its length, and memory from its first byte on with room
    /// behind for `WireBuf::put_padded`.
    #[inline]
    #[must_use]
    pub fn pair(&self, pair: u32) -> (usize, &[u8]) {
        self.pairs.tail(pair)
    }

    /// One more than the largest pair id in use.
    #[must_use]
    pub fn pair_bound(&self) -> usize {
        self.pairs.bound() as usize
    }

    /// How many pairs have died so far: whoever remembers pair ids forgets them when this moves.
    #[must_use]
    pub fn pair_deaths(&self) -> u64 {
        self.pair_deaths
    }

    /// Appends the labels as remote write sends them: field 1 of prometheus.TimeSeries, repeated.
    #[inline]
    pub fn write_labels(&self, series: SeriesId, out: &mut WireBuf) {
        let pairs = pair_ids(self.series.get(series.0));
        out.put_all_padded(pairs.map(|pair| self.pairs.tail(pair)));
    }

    #[must_use]
    pub fn is_live(&self, series: SeriesId) -> bool {
        series.0 < self.series.bound() && self.series.references(series.0) > 0
    }

    /// How many references a series has.
    #[must_use]
    pub fn references(&self, series: SeriesId) -> u32 {
        self.series.references(series.0)
    }

    /// Series that something refers to.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.live()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Different label pairs of all series.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.pairs.live()
    }

    /// One more than the largest id in use: how long an array indexed by series is.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.series.bound() as usize
    }

    /// Dead ids that cannot be used again yet, because some map has not heard.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.deaths.waiting()
    }

    /// Ids whose place new series take without growing the table.
    #[must_use]
    pub fn reusable(&self) -> usize {
        self.series.reusable()
    }

    /// Announces an array indexed by series, which hears of every death from now on.
    pub fn register_map(&mut self) -> MapId {
        self.deaths.register()
    }

    /// The array is gone.
    pub fn unregister_map(&mut self, map: MapId) {
        let series = &mut self.series;
        self.deaths.unregister(map, |id| series.recycle(id));
    }

    /// Tells a map of every series that died since it last asked. A map must ask before it looks
    /// anything up for a batch, and must have dropped its entry when the callback returns.
    pub fn drain_deaths(&mut self, map: MapId, mut dead: impl FnMut(&mut SeriesTable, SeriesId)) {
        while !self.deaths.is_current(map) {
            let series = &mut self.series;
            if let Some(id) = self.deaths.next(map, |id| series.recycle(id)) {
                dead(self, SeriesId(id));
            }
        }
        let series = &mut self.series;
        self.deaths.next(map, |id| series.recycle(id));
    }

    /// Memory held by the table, allocated but unused room included.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.pairs.memory_bytes() + self.series.memory_bytes() + self.deaths.memory_bytes()
    }
}

/// The labels of one series, ascending by name.
#[derive(Clone)]
pub struct Labels<'a> {
    pairs: &'a Interner,
    list: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let (pair, rest) = self.list.split_first_chunk::<4>()?;
        self.list = rest;
        Some(decode_pair(self.pairs.get(u32::from_le_bytes(*pair))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.list.len() / 4, Some(self.list.len() / 4))
    }
}

impl ExactSizeIterator for Labels<'_> {}

fn pair_ids(list: &[u8]) -> impl Iterator<Item = u32> + Clone {
    list.as_chunks::<4>()
        .0
        .iter()
        .map(|id| u32::from_le_bytes(*id))
}

fn encode_pair(name: &str, value: &str, out: &mut Vec<u8>) {
    out.clear();
    let (name_len, value_len) = (name.len() as u64, value.len() as u64);
    let inner =
        2 + varint::len(name_len) as u64 + varint::len(value_len) as u64 + name_len + value_len;
    out.push(0x0a);
    varint::put(out, inner);
    out.push(0x0a);
    varint::put(out, name_len);
    out.extend_from_slice(name.as_bytes());
    out.push(0x12);
    varint::put(out, value_len);
    out.extend_from_slice(value.as_bytes());
}

fn decode_pair(pair: &[u8]) -> (&str, &str) {
    let (_, fields) = split_length(&pair[1..]);
    let (len, rest) = split_length(&fields[1..]);
    let (name, rest) = rest.split_at(len);
    let (len, rest) = split_length(&rest[1..]);
    (text(name), text(&rest[..len]))
}

fn split_length(bytes: &[u8]) -> (usize, &[u8]) {
    let (value, len) = varint::get(bytes).expect("pairs are written by encode_pair");
    (value as usize, &bytes[len..])
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("names and values came in as str")
}

#[cfg(test)]
#[path = "series_table_tests.rs"]
mod tests;
