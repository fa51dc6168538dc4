//! Checks of what arrives by remote write: order and repetition of each series, names, labels.

use std::collections::{HashMap, HashSet};

use crate::rw_requests::sample;
use crate::wire::*;

pub struct SeriesState {
    pub last_ts: i64,
    pub n: u64,
}
#[derive(Default)]
pub struct Verify {
    pub series: HashMap<u64, SeriesState, std::hash::BuildHasherDefault<IdHash>>,
    pub ooo: u64,
    pub dup: u64,
    pub stale: u64,
    pub no_name: u64,
    pub unsorted: u64,
    pub track: Option<HashMap<i64, Arrived>>,
    pub key: Vec<u8>,
    pub sym: Vec<(usize, usize)>,
}
/// Distinct series of one time stamp, and how many came again.
pub type Arrived = (HashSet<u64, std::hash::BuildHasherDefault<IdHash>>, u64);

/// The keys are hashes already.
#[derive(Default)]
pub struct IdHash(u64);
impl std::hash::Hasher for IdHash {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, v: u64) {
        self.0 = v
    }
}
const STALE_NAN: u64 = 0x7ff0000000000002;

impl Verify {
    fn one(&mut self, ts: i64, bits: u64) {
        let h = xxhash_rust::xxh3::xxh3_64(&self.key);
        if bits == STALE_NAN {
            self.stale += 1
        } else if let Some(t) = &mut self.track {
            let e = t.entry(ts).or_default();
            if !e.0.insert(h) {
                e.1 += 1
            }
        }
        let e = self.series.entry(h).or_insert(SeriesState {
            last_ts: i64::MIN,
            n: 0,
        });
        if ts == e.last_ts {
            self.dup += 1
        } else if ts < e.last_ts {
            self.ooo += 1
        } else {
            e.last_ts = ts
        }
        e.n += 1;
    }
    fn label(&mut self, first: bool, n: &[u8], v: &[u8], prev: &mut Vec<u8>, named: &mut bool) {
        if !first && *n <= prev[..] {
            self.unsorted += 1
        }
        prev.clear();
        prev.extend_from_slice(n);
        *named |= n == b"__name__";
        self.key.extend_from_slice(n);
        self.key.push(0xff);
        self.key.extend_from_slice(v);
        self.key.push(0xff);
    }
    pub fn v1(&mut self, b: &[u8]) {
        let mut prev = vec![];
        each(b, 1, |ts| {
            self.key.clear();
            let mut named = false;
            let mut first = true;
            for (k, v) in fields(ts) {
                if let (1, Val::Len(l)) = (k, v) {
                    let (mut n, mut val): (&[u8], &[u8]) = (b"", b"");
                    for (k, v) in fields(l) {
                        match (k, v) {
                            (1, Val::Len(x)) => n = x,
                            (2, Val::Len(x)) => val = x,
                            _ => {}
                        }
                    }
                    self.label(first, n, val, &mut prev, &mut named);
                    first = false;
                }
            }
            self.no_name += !named as u64;
            for (k, v) in fields(ts) {
                if let (2, Val::Len(s)) = (k, v) {
                    let (bits, t) = sample(s);
                    self.one(t, bits)
                }
            }
            true
        });
    }
    pub fn v2(&mut self, b: &[u8]) {
        let mut sym = std::mem::take(&mut self.sym);
        sym.clear();
        each(b, 4, |s| {
            sym.push((s.as_ptr() as usize - b.as_ptr() as usize, s.len()));
            true
        });
        let mut prev = vec![];
        let get = |i: u64| {
            sym.get(i as usize)
                .map(|&(o, l)| &b[o..o + l])
                .unwrap_or(b"")
        };
        each(b, 5, |ts| {
            self.key.clear();
            let mut named = false;
            let mut refs: Vec<u64> = vec![];
            for (k, v) in fields(ts) {
                match (k, v) {
                    (1, Val::Len(p)) => {
                        let mut i = 0;
                        while i < p.len() {
                            match varint(p, &mut i) {
                                Some(x) => refs.push(x),
                                None => break,
                            }
                        }
                    }
                    (1, Val::Num(x)) => refs.push(x),
                    _ => {}
                }
            }
            for (i, c) in refs.chunks_exact(2).enumerate() {
                self.label(i == 0, get(c[0]), get(c[1]), &mut prev, &mut named)
            }
            self.no_name += !named as u64;
            for (k, v) in fields(ts) {
                if let (2, Val::Len(s)) = (k, v) {
                    let (bits, t) = sample(s);
                    self.one(t, bits)
                }
            }
            true
        });
        self.sym = sym;
    }
}
