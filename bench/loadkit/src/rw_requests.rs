//! Requests of remote write, version 1 and 2, looked into without building anything.

use crate::wire::*;

#[derive(Default, Clone, Copy)]
pub struct Cnt {
    pub series: u64,
    pub samples: u64,
    pub hist: u64,
    pub ex: u64,
    pub meta: u64,
    pub stale: u64,
}
pub fn scan_v1(b: &[u8]) -> Option<Cnt> {
    let mut c = Cnt::default();
    let mut it = fields(b);
    for (k, v) in it.by_ref() {
        match (k, v) {
            (1, Val::Len(ts)) => {
                c.series += 1;
                let mut t = fields(ts);
                for (k, _) in t.by_ref() {
                    match k {
                        2 => c.samples += 1,
                        3 => c.ex += 1,
                        4 => c.hist += 1,
                        _ => {}
                    }
                }
                if t.bad {
                    return None;
                }
            }
            (3, Val::Len(_)) => c.meta += 1,
            _ => {}
        }
    }
    (!it.bad).then_some(c)
}
pub fn scan_v2(b: &[u8]) -> Option<Cnt> {
    let mut c = Cnt::default();
    let mut it = fields(b);
    for (k, v) in it.by_ref() {
        if let (5, Val::Len(ts)) = (k, v) {
            c.series += 1;
            let mut t = fields(ts);
            for (k, _) in t.by_ref() {
                match k {
                    2 => c.samples += 1,
                    3 => c.hist += 1,
                    4 => c.ex += 1,
                    5 => c.meta += 1,
                    _ => {}
                }
            }
            if t.bad {
                return None;
            }
        }
    }
    (!it.bad).then_some(c)
}
/// Bits of the value, and time stamp.
pub fn sample(b: &[u8]) -> (u64, i64) {
    let (mut v, mut t) = (0, 0);
    for (k, x) in fields(b) {
        match (k, x) {
            (1, Val::Num(n)) => v = n,
            (2, Val::Num(n)) => t = n as i64,
            _ => {}
        }
    }
    (v, t)
}
/// Timestamp of the first sample of the request (delivery lag).
pub fn first_ts(b: &[u8], v2: bool) -> Option<i64> {
    for (k, v) in fields(b) {
        if let (true, Val::Len(ts)) = (k == if v2 { 5 } else { 1 }, v) {
            for (k, v) in fields(ts) {
                if let (2, Val::Len(s)) = (k, v) {
                    return Some(sample(s).1);
                }
            }
        }
    }
    None
}
pub fn unsnappy(b: &[u8], out: &mut Vec<u8>) -> Result<(), ()> {
    let n = snap::raw::decompress_len(b).map_err(|_| ())?;
    if n > 256 << 20 {
        return Err(());
    }
    if out.len() < n {
        out.resize(n, 0)
    }
    let k = snap::raw::Decoder::new()
        .decompress(b, &mut out[..])
        .map_err(|_| ())?;
    out.truncate(k.max(n));
    if k != n {
        return Err(());
    }
    Ok(())
}
