//! What a sender counts, and its report as one line of JSON.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[derive(Default)]
pub struct SendStats {
    pub sent: AtomicU64,
    pub acked: AtomicU64,
    pub failed: AtomicU64,
    pub rejected: AtomicU64,
    pub requests: AtomicU64,
    pub failed_requests: AtomicU64,
    pub bytes: AtomicU64,
    pub connects: AtomicU64,
    /// sequence numbers (from, to) or requests (time stamp, samples) that were acknowledged, with
    /// --seq --retry
    pub acks: Mutex<Vec<(u64, u64)>>,
    pub hist: Mutex<Option<hdrhistogram::Histogram<u64>>>,
    pub last_err: Mutex<String>,
}
impl SendStats {
    pub fn new() -> Arc<Self> {
        let s = Self::default();
        *s.hist.lock().unwrap() =
            Some(hdrhistogram::Histogram::new_with_bounds(1, 120_000_000, 3).unwrap());
        Arc::new(s)
    }
    pub fn ok(&self, items: u64, bytes: u64, t: Instant) {
        self.acked.fetch_add(items, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        let us = (t.elapsed().as_micros() as u64).clamp(1, 119_000_000);
        if let Some(h) = self.hist.lock().unwrap().as_mut() {
            h.saturating_record(us)
        }
    }
    pub fn ack(&self, a: u64, b: u64) {
        self.acks.lock().unwrap().push((a, b))
    }
    /// Adds the acknowledged ranges, merged when they adjoin, to the report.
    pub fn report_acks(&self, report: String, key: &str, merge: bool) -> String {
        let mut v = std::mem::take(&mut *self.acks.lock().unwrap());
        v.sort_unstable();
        let mut m: Vec<(u64, u64)> = vec![];
        for (a, b) in v {
            match m.last_mut() {
                Some(l) if merge && a <= l.1 => l.1 = l.1.max(b),
                _ => m.push((a, b)),
            }
        }
        format!("{},\"{key}\":{}}}", &report[..report.len() - 1], pairs(&m))
    }
    pub fn start(&self, items: u64) {
        self.sent.fetch_add(items, Relaxed);
        self.requests.fetch_add(1, Relaxed);
    }
    pub fn fail(&self, items: u64, e: &str) {
        self.failed.fetch_add(items, Relaxed);
        self.failed_requests.fetch_add(1, Relaxed);
        let mut l = self.last_err.lock().unwrap();
        if *l != e {
            *l = e.chars().take(300).collect();
        }
    }
    pub fn report(&self, kind: &str, secs: f64) -> String {
        let g = self.hist.lock().unwrap();
        let h = g.as_ref().unwrap();
        let q = |p: f64| h.value_at_quantile(p) as f64 / 1000.0;
        let acked = self.acked.load(Relaxed);
        let (cu, cs) = cpu_self();
        format!(
            "{{\"kind\":\"{kind}\",\"seconds\":{secs:.3},\"requests\":{},\"failed_requests\":{},\
             \"items_sent\":{},\"items_acked\":{acked},\"items_failed\":{},\"items_rejected\":{}\
             ,\"items_per_s\":{:.0},\"bytes_acked\":{},\"bytes_per_s\":{:.0},\"connects\":{},\
             \"latency_ms\":{{\"p50\":{:.3},\"p90\":{:.3},\"p99\":{:.3},\"p999\":{:.3},\
             \"max\":{:.3},\"mean\":{:.3}}},\"self_cpu_s\":{:.3},\"last_error\":{}}}",
            self.requests.load(Relaxed),
            self.failed_requests.load(Relaxed),
            self.sent.load(Relaxed),
            self.failed.load(Relaxed),
            self.rejected.load(Relaxed),
            acked as f64 / secs.max(1e-9),
            self.bytes.load(Relaxed),
            self.bytes.load(Relaxed) as f64 / secs.max(1e-9),
            self.connects.load(Relaxed),
            q(0.5),
            q(0.9),
            q(0.99),
            q(0.999),
            h.max() as f64 / 1000.0,
            h.mean() / 1000.0,
            cu + cs,
            jstr(&self.last_err.lock().unwrap()),
        )
    }
}

pub fn pairs(v: &[(u64, u64)]) -> String {
    let s: Vec<String> = v.iter().map(|(a, b)| format!("[{a},{b}]")).collect();
    format!("[{}]", s.join(","))
}
/// A refusal that the same request will get again.
pub fn permanent(status: u16) -> bool {
    (400..500).contains(&status) && status != 408 && status != 429
}
pub fn jstr(s: &str) -> String {
    let mut o = String::from("\"");
    for c in s.chars() {
        match c {
            '"' => o.push_str("\\\""),
            '\\' => o.push_str("\\\\"),
            c if (c as u32) < 0x20 => o.push_str(&format!("\\u{:04x}", c as u32)),
            c => o.push(c),
        }
    }
    o.push('"');
    o
}

/// (user, system) CPU seconds of this process.
pub fn cpu_self() -> (f64, f64) {
    // SAFETY: rusage is plain integers, for which zeroes are valid, and getrusage fills the one it
    // is given.
    unsafe {
        let mut r: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut r);
        let f = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
        (f(r.ru_utime), f(r.ru_stime))
    }
}

pub fn now_ns() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64
}
