//! A sink of remote write, version 1 and 2, that counts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::activity::Span;
use crate::flag_values::{loopback, parse_dur, Res};
use crate::outage::{Fail, FailArgs, FailCtl};
use crate::pacer::until_end;
use crate::report::{cpu_self, now_ns};
use crate::rw_requests::{first_ts, scan_v1, scan_v2, unsnappy, Cnt};
use crate::rw_verify::Verify;
use crate::server::{self, ctl, reply, Act, Ctl, Handler, Req};

#[derive(clap::Args, Clone, Debug)]
pub struct SinkArgs {
    #[arg(long, default_value = "127.0.0.1:9009")]
    listen: String,
    #[arg(long)]
    verify: bool,
    /// with --verify, remember every (series, time stamp): GET /seen lists time stamp, distinct
    /// series, duplicates
    #[arg(long, requires = "verify")]
    track: bool,
    #[command(flatten)]
    fail: FailArgs,
    #[arg(long, default_value = "10m", value_parser = parse_dur)]
    duration: Duration,
}
struct Sink {
    requests: [AtomicU64; 2],
    wire: AtomicU64,
    raw: AtomicU64,
    cnt: Mutex<Cnt>,
    bad: AtomicU64,
    failed: AtomicU64,
    max_lag_ms: AtomicU64,
    /// samples, histograms and staleness markers since the start; /reset leaves them
    life: AtomicU64,
    life_stale: AtomicU64,
    span: Span,
    verify: bool,
    ver: Mutex<Verify>,
    fail: FailCtl,
    bufs: Mutex<Vec<Vec<u8>>>,
}
impl Sink {
    fn count(&self, c: &Cnt, v2: bool, wire_bytes: usize, raw: &[u8]) {
        if let Some(t) = first_ts(raw, v2) {
            let lag = (now_ns() / 1_000_000) as i64 - t;
            if (0..86_400_000).contains(&lag) {
                self.max_lag_ms.fetch_max(lag as u64, Relaxed);
            }
        }
        {
            let mut g = self.cnt.lock().unwrap();
            g.series += c.series;
            g.samples += c.samples;
            g.hist += c.hist;
            g.ex += c.ex;
            g.meta += c.meta;
            g.stale += c.stale;
        }
        self.life.fetch_add(c.samples + c.hist, Relaxed);
        self.life_stale.fetch_add(c.stale, Relaxed);
        self.requests[v2 as usize].fetch_add(1, Relaxed);
        self.wire.fetch_add(wire_bytes as u64, Relaxed);
        self.raw.fetch_add(raw.len() as u64, Relaxed);
        self.span.touch();
    }
}
impl Ctl for Sink {
    fn stats(&self) -> String {
        let (el, act) = self.span.get();
        let c = *self.cnt.lock().unwrap();
        let (u, s) = cpu_self();
        let mut o = format!(
            "{{\"kind\":\"rw-sink\",\"elapsed_s\":{el:.3},\"active_s\":{act:.3},\"requests\":{},\
             \"v1_requests\":{},\"v2_requests\":{},\"items\":{},\"series\":{},\"samples\":{},\
             \"histograms\":{},\"exemplars\":{},\"metadata\":{},\"wire_bytes\":{},\
             \"raw_bytes\":{},\"malformed\":{},\"failed_requests\":{},\"max_lag_ms\":{},\
             \"lifetime_items\":{},\"lifetime_stale\":{},\"self_cpu_s\":{:.3}",
            self.requests[0].load(Relaxed) + self.requests[1].load(Relaxed),
            self.requests[0].load(Relaxed),
            self.requests[1].load(Relaxed),
            c.samples + c.hist,
            c.series,
            c.samples,
            c.hist,
            c.ex,
            c.meta,
            self.wire.load(Relaxed),
            self.raw.load(Relaxed),
            self.bad.load(Relaxed),
            self.failed.load(Relaxed),
            self.max_lag_ms.load(Relaxed),
            self.life.load(Relaxed),
            self.life_stale.load(Relaxed),
            u + s
        );
        if self.verify {
            let v = self.ver.lock().unwrap();
            let (mut lo, mut hi) = (u64::MAX, 0);
            for s in v.series.values() {
                lo = lo.min(s.n);
                hi = hi.max(s.n)
            }
            o += &format!(
                ",\"verify\":{{\"distinct_series\":{},\"out_of_order\":{},\"duplicate_ts\":{},\
                 \"stale_markers\":{},\"no_name\":{},\"unsorted_labels\":{},\
                 \"samples_per_series_min\":{},\"samples_per_series_max\":{hi}}}",
                v.series.len(),
                v.ooo,
                v.dup,
                v.stale,
                v.no_name,
                v.unsorted,
                if lo == u64::MAX { 0 } else { lo }
            );
        }
        o + "}"
    }
    fn reset(&self) {
        *self.cnt.lock().unwrap() = Cnt::default();
        for c in [
            &self.requests[0],
            &self.requests[1],
            &self.wire,
            &self.raw,
            &self.bad,
            &self.failed,
            &self.max_lag_ms,
        ] {
            c.store(0, Relaxed)
        }
        let mut v = self.ver.lock().unwrap();
        *v = Verify {
            track: v.track.as_ref().map(|_| Default::default()),
            ..Default::default()
        };
        self.span.reset()
    }
    fn fail(&self) -> Option<&FailCtl> {
        Some(&self.fail)
    }
    fn seen(&self) -> Option<String> {
        let v = self.ver.lock().unwrap();
        let s: Vec<String> = v
            .track
            .as_ref()?
            .iter()
            .map(|(t, (s, d))| format!("[{t},{},{d}]", s.len()))
            .collect();
        Some(format!("{{\"timestamps\":[{}]}}", s.join(",")))
    }
}
impl Handler for Sink {
    fn handle(&self, req: &Req, body: &[u8], out: &mut Vec<u8>) -> Act {
        if req.method != "POST" || matches!(req.path, "/reset" | "/fail") {
            return ctl(self, req, out).unwrap_or_else(|| reply(out, 404, "", b"not found\n"));
        }
        let mut act = Act::Send;
        match self.fail.get() {
            Fail::None => {}
            Fail::Status(c) => {
                self.failed.fetch_add(1, Relaxed);
                return reply(out, c, "", b"fail mode\n");
            }
            Fail::Reset => {
                self.failed.fetch_add(1, Relaxed);
                return Act::Reset;
            }
            Fail::SlowMs(ms) => act = Act::SendAfter(ms),
        }
        let ct = req.header("content-type").unwrap_or("");
        if !ct.is_empty() && !ct.starts_with("application/x-protobuf") {
            return reply(out, 415, "", b"unsupported content type\n");
        }
        let v2 = ct.contains("io.prometheus.write.v2.Request");
        let mut buf = self.bufs.lock().unwrap().pop().unwrap_or_default();
        let dec = match req.header("content-encoding").unwrap_or("snappy") {
            "snappy" => unsnappy(body, &mut buf),
            _ => return reply(out, 415, "", b"unsupported content encoding\n"),
        };
        let c = dec
            .ok()
            .and_then(|_| if v2 { scan_v2(&buf) } else { scan_v1(&buf) });
        let Some(mut c) = c else {
            self.bad.fetch_add(1, Relaxed);
            return reply(out, 400, "", b"malformed\n");
        };
        if self.verify {
            let mut v = self.ver.lock().unwrap();
            let before = v.stale;
            if v2 {
                v.v2(&buf)
            } else {
                v.v1(&buf)
            }
            c.stale = v.stale - before;
        }
        self.count(&c, v2, body.len(), &buf);
        self.bufs.lock().unwrap().push(buf);
        const WRITTEN: &str = "X-Prometheus-Remote-Write-";
        let h = format!(
            "{WRITTEN}Samples-Written: {}\r\n{WRITTEN}Histograms-Written: {}\r\n\
             {WRITTEN}Exemplars-Written: {}\r\n",
            c.samples, c.hist, c.ex
        );
        reply(out, 204, if v2 { &h } else { "" }, b"");
        act
    }
}
pub async fn sink(a: SinkArgs) -> Res<()> {
    let s = Arc::new(Sink {
        requests: Default::default(),
        wire: 0.into(),
        raw: 0.into(),
        cnt: Default::default(),
        bad: 0.into(),
        failed: 0.into(),
        max_lag_ms: 0.into(),
        life: 0.into(),
        life_stale: 0.into(),
        span: Span::new(),
        verify: a.verify,
        ver: Mutex::new(Verify {
            track: a.track.then(Default::default),
            ..Default::default()
        }),
        fail: FailCtl::new(&a.fail),
        bufs: Default::default(),
    });
    let l = server::listen(loopback(&a.listen)?).await?;
    tokio::spawn(server::serve(l, s.clone()));
    until_end(a.duration).await;
    println!("{}", s.stats());
    Ok(())
}
