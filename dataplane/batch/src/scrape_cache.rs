//! What one target remembers of its previous scrape.
//!
//! A target exposes nearly the same series in the same order every time. So the entries stand in
//! that order, and a line is known when the next entry has the hash of its series text: no label is
//! parsed, nothing is looked up. A line out of order is looked up by its hash; for that an index is
//! built once per scrape that needs one. When a scrape ends, entries that it did not touch are the
//! series that vanished.
//!
//! ```text
//! begin -> for each line: matches | find, then take or insert -> commit | fail | abort
//! ```
//!
//! An entry takes 24 bytes. The hash is keyed and has 112 bits: two texts of one target meet by
//! chance once in 10^20 scrapes of a million lines, and nobody outside knows the key.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::SeriesId;

/// Texts longer than this are known by hash only, never by position. No real series is near.
const TEXT_BYTES_MAX: usize = u16::MAX as usize - 1;
/// How many entries after the expected one are compared before the index is asked: enough for a
/// vanished histogram, less than the price of building an index.
const LOOK_AHEAD: usize = 16;

/// After failed scrapes up to so many entries beyond twice those of the last good one are kept:
/// what Prometheus allows.
const CROWDED_ENTRIES_MIN: usize = 1000;

/// Stands for series that relabelling dropped: the line is known, its sample goes nowhere.
const DROPPED: u32 = u32::MAX;

/// Lowest bits of `Entry::mark`; the line's number in the scrape stands above them.
const SEEN: u32 = 1;
const TRACKED: u32 = 2;
const TRACKED_BEFORE: u32 = 4;
const LINE_SHIFT: u32 = 3;

/// A hashed series text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    low: u64,
    /// The upper 48 bits are hash, the lower 16 the text's length (0 when it is longer than they
    /// hold).
    high: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    series: u32,
    mark: u32,
}

const _: () = assert!(size_of::<Entry>() == 24);

/// What `take` and `find` say about a line's series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// None when relabelling drops the series.
    pub series: Option<SeriesId>,
    /// An earlier line of this scrape was the same series.
    pub repeated: bool,
}

/// A series that a scrape left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    pub series: SeriesId,
    /// It was exposed by the last good scrape with our timestamps: a staleness marker is due.
    pub marker: bool,
    /// The cache's reference is handed over, to be released once the marker is delivered.
    pub release: bool,
}

/// What a scrape changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scraped {
    /// Entries that were not there before, dropped series excluded.
    pub added: usize,
    /// Series handed over to be released.
    pub vanished: usize,
}

/// The series of one target in the order of its last scrape. Holds one reference per entry.
pub struct ScrapeCache {
    seed: u64,
    entries: Vec<Entry>,
    /// Built by the first line out of order, dropped when entries move.
    index: Option<HashTable<u32>>,
    /// The entry that the next line is expected to be.
    cursor: usize,
    /// The `SEEN` bit of entries that the running scrape has touched.
    seen: u32,
    lines: u32,
    /// Entries below this were there before the running scrape.
    committed: usize,
    /// Entries after the last good scrape.
    good: usize,
    /// Whether the entries' series were exposed by the last scrape, so that their end needs a
    /// marker.
    exposed: bool,
    /// Some line was new, out of order, repeated, or changed in being tracked.
    disturbed: bool,
    open: bool,
}

impl ScrapeCache {
    /// The seed keys the hash; take a random one.
    #[must_use]
    pub fn new(seed: u64) -> ScrapeCache {
        ScrapeCache {
            seed,
            entries: Vec::new(),
            index: None,
            cursor: 0,
            seen: 0,
            lines: 0,
            committed: 0,
            good: 0,
            exposed: false,
            disturbed: false,
            open: false,
        }
    }

    /// Starts a scrape. The one before must have been committed, failed or aborted.
    pub fn begin(&mut self) {
        assert!(!self.open, "a scrape ends before the next begins");
        self.open = true;
        self.cursor = 0;
        self.lines = 0;
        self.seen ^= SEEN;
        self.disturbed = false;
        self.committed = self.entries.len();
    }

    /// Whether the text starts with the series that is expected next; gives the length of its text.
    ///
    /// The caller checks that what follows ends a series text.
    #[inline]
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> Option<usize> {
        let entry = self.entries.get(self.cursor)?;
        let len = entry.key.len();
        if len == 0 {
            return None;
        }
        let series = text.get(..len)?;
        (hash(series, self.seed) == entry.key).then_some(len)
    }

    /// Looks a series text up wherever it stands; `take` then answers for it. None: a series not
    /// seen before, to be given to `insert`.
    pub fn find(&mut self, text: &[u8]) -> Result<(), Key> {
        let key = hash(text, self.seed);
        let ahead = self.entries[self.cursor..].iter().take(LOOK_AHEAD);
        if let Some(distance) = ahead.into_iter().position(|entry| entry.key == key) {
            self.disturbed |= distance > 0;
            self.cursor += distance;
            return Ok(());
        }
        self.disturbed = true;
        let entries = &self.entries;
        let index = self.index.get_or_insert_with(|| build_index(entries));
        match index.find(key.low, |at| entries[*at as usize].key == key) {
            Some(at) => {
                self.cursor = *at as usize;
                Ok(())
            }
            None => Err(key),
        }
    }

    /// Counts a line for the entry that `matches` or `find` has just found. `tracked`: its end is
    /// to be marked as stale (it has no timestamp of its own, or the settings say so).
    #[inline]
    pub fn take(&mut self, tracked: bool) -> Found {
        let entry = &mut self.entries[self.cursor];
        self.cursor += 1;
        let repeated = entry.mark & SEEN == self.seen;
        let before = entry.mark & TRACKED != 0;
        let series = (entry.series != DROPPED).then_some(SeriesId(entry.series));
        if repeated {
            return Found { series, repeated };
        }
        let flags = self.seen | if tracked { TRACKED } else { 0 };
        let history = if before { TRACKED_BEFORE } else { 0 };
        entry.mark = self.lines << LINE_SHIFT | history | flags;
        self.lines += 1;
        self.disturbed |= before != tracked;
        Found { series, repeated }
    }

    /// Adds a series that `find` did not know, with the reference that the caller took. None:
    /// relabelling drops it.
    pub fn insert(&mut self, key: Key, series: Option<SeriesId>, tracked: bool) {
        debug_assert!(self.open);
        let flags = self.seen | if tracked { TRACKED } else { 0 };
        let mark = self.lines << LINE_SHIFT | flags;
        let at = self.entries.len() as u32;
        self.entries.push(Entry {
            key,
            series: series.map_or(DROPPED, |id| id.0),
            mark,
        });
        self.lines += 1;
        let entries = &self.entries;
        if let Some(index) = &mut self.index {
            index.insert_unique(key.low, at, |at| entries[*at as usize].key.low);
        }
        if self.cursor == at as usize {
            self.cursor += 1;
        }
    }

    /// Ends a good scrape: what it did not touch has vanished and is handed over.
    pub fn commit(&mut self, mut gone: impl FnMut(Gone)) -> Scraped {
        assert!(self.open, "commit ends a scrape");
        self.open = false;
        let untouched = !self.disturbed && self.lines as usize == self.entries.len();
        let marker_due = self.exposed;
        self.exposed = true;
        if untouched && self.committed == self.entries.len() {
            return Scraped {
                added: 0,
                vanished: 0,
            };
        }
        let added = self.added();
        let mut vanished = 0;
        let seen = self.seen;
        self.entries.retain(|entry| {
            let keep = entry.mark & SEEN == seen;
            if !keep && entry.series != DROPPED {
                vanished += 1;
                let marker = marker_due && entry.mark & TRACKED != 0;
                gone(Gone {
                    series: SeriesId(entry.series),
                    marker,
                    release: true,
                });
            }
            keep
        });
        self.settle();
        self.good = self.entries.len();
        Scraped { added, vanished }
    }

    /// Ends a failed scrape, or stands for one that brought no text: every series that was exposed
    /// before is stale now. Entries stay for the next scrape, new ones too, so that a target that
    /// always breaks at the same place does not count the same series as added again and again; but
    /// when most entries come from failures, those that this scrape did not touch are handed over.
    pub fn fail(&mut self, mut gone: impl FnMut(Gone)) -> Scraped {
        if !self.open {
            self.begin();
        }
        let crowded = self.entries.len() > 2 * self.good + CROWDED_ENTRIES_MIN;
        let (seen, exposed, committed) = (self.seen, self.exposed, self.committed);
        let added = self.added();
        let mut vanished = 0;
        let mut at = 0;
        self.entries.retain(|entry| {
            let marker = exposed && at < committed && entry.was_tracked(seen);
            let release = crowded && entry.mark & SEEN != seen;
            at += 1;
            if entry.series != DROPPED && (marker || release) {
                vanished += usize::from(release);
                gone(Gone {
                    series: SeriesId(entry.series),
                    marker,
                    release,
                });
            }
            !release
        });
        self.unsee();
        self.exposed = false;
        Scraped { added, vanished }
    }

    /// Forgets the running scrape as if it had not begun; what it added is handed over.
    pub fn abort(&mut self, mut gone: impl FnMut(Gone)) {
        assert!(self.open, "abort ends a scrape");
        for entry in self.entries.drain(self.committed..) {
            if entry.series != DROPPED {
                gone(Gone {
                    series: SeriesId(entry.series),
                    marker: false,
                    release: true,
                });
            }
        }
        self.unsee();
    }

    /// The target is gone: hands every series over, with a marker where one is due.
    pub fn clear(&mut self, mut gone: impl FnMut(Gone)) {
        assert!(!self.open, "a scrape ends before its target");
        for entry in self.entries.drain(..) {
            if entry.series != DROPPED {
                let marker = self.exposed && entry.mark & TRACKED != 0;
                gone(Gone {
                    series: SeriesId(entry.series),
                    marker,
                    release: true,
                });
            }
        }
        self.index = None;
        self.exposed = false;
    }

    /// Entries, dropped series included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Memory held by the cache.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let index = self
            .index
            .as_ref()
            .map_or(0, |index| index.capacity() * 8 / 7 * 5);
        self.entries.capacity() * size_of::<Entry>() + index
    }

    fn added(&self) -> usize {
        let new = self.entries[self.committed..].iter();
        new.filter(|entry| entry.series != DROPPED).count()
    }

    /// Takes every touch of the running scrape back and ends it.
    fn unsee(&mut self) {
        for entry in &mut self.entries {
            let tracked = if entry.was_tracked(self.seen) {
                TRACKED
            } else {
                0
            };
            entry.mark = self.seen | tracked;
        }
        self.index = None;
        self.open = false;
    }

    /// Brings the entries into the order of the scrape that has just ended.
    fn settle(&mut self) {
        let line = |entry: &Entry| entry.mark >> LINE_SHIFT;
        if !self.entries.is_sorted_by_key(line) {
            self.entries.sort_unstable_by_key(line);
        }
        self.index = None;
        if self.entries.capacity() > self.entries.len() + self.entries.len() / 8 + 8 {
            self.entries.shrink_to_fit();
        }
    }
}

impl Entry {
    /// Whether the last committed scrape tracked it, however far the running one has come.
    fn was_tracked(&self, seen: u32) -> bool {
        let flag = if self.mark & SEEN == seen {
            TRACKED_BEFORE
        } else {
            TRACKED
        };
        self.mark & flag != 0
    }
}

impl Key {
    #[inline]
    fn len(self) -> usize {
        (self.high & 0xffff) as usize
    }
}

#[inline]
fn hash(text: &[u8], seed: u64) -> Key {
    let hash = xxh3_128_with_seed(text, seed);
    let len = if text.len() <= TEXT_BYTES_MAX {
        text.len() as u64
    } else {
        0
    };
    Key {
        low: hash as u64,
        high: (hash >> 64) as u64 & !0xffff | len,
    }
}

fn build_index(entries: &[Entry]) -> HashTable<u32> {
    let mut index = HashTable::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        index.insert_unique(entry.key.low, at as u32, |at| entries[*at as usize].key.low);
    }
    index
}

#[cfg(test)]
#[path = "scrape_cache_tests.rs"]
mod tests;
