//! A sender of remote write 1: requests are made once, then only their time stamps change.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::flag_values::{parse_dur, parse_rate, parse_url, Res, Url};
use crate::pacer::{join_all, Pacer};
use crate::random::Rng;
use crate::report::{now_ns, permanent, SendStats};
use crate::wire::*;

#[derive(clap::Args, Clone, Debug)]
pub struct SendArgs {
    /// http://127.0.0.1:PORT/api/v1/write
    #[arg(long)]
    endpoint: String,
    #[arg(long, default_value_t = 10_000)]
    series: usize,
    #[arg(long, default_value_t = 2000)]
    samples_per_request: usize,
    #[arg(long, default_value = "max", value_parser = parse_rate)]
    rate: f64,
    #[arg(long, default_value = "10s", value_parser = parse_dur)]
    duration: Duration,
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// stop after this many samples (0: no limit)
    #[arg(long, default_value_t = 0)]
    max_items: u64,
    /// give each request its own time stamp
    #[arg(long)]
    seq: bool,
    /// resend a failed request until it is accepted
    #[arg(long)]
    retry: bool,
}
fn label(o: &mut Vec<u8>, n: &str, v: &str) {
    let mut l = vec![];
    put_len(&mut l, 1, n.as_bytes());
    put_len(&mut l, 2, v.as_bytes());
    put_len(o, 1, &l);
}
struct Shard {
    p: PatchSnappy,
    last_ts: u64,
    samples: u64,
}
fn shard(from: usize, to: usize) -> Shard {
    let mut r = Rng(from as u64 * 31 + 7);
    for attempt in 0..64u64 {
        // all bytes of the placeholder unlikely elsewhere
        let ph = (1u64 << 41) + (r.next() & ((1 << 40) - 1));
        let phb = varint_bytes(ph, 6);
        let mut raw = vec![];
        let mut slots = vec![];
        let mut g = Rng(from as u64 + 99);
        for i in from..to {
            let mut ts = vec![];
            let app = g.pick(&["checkout", "frontend", "payment", "cart"]);
            label(
                &mut ts,
                "__name__",
                &format!("bench_requests_{}_total", i % 50),
            );
            label(&mut ts, "cluster", "bench");
            label(&mut ts, "code", g.pick(&["200", "404", "500"]));
            label(&mut ts, "container", app);
            label(
                &mut ts,
                "instance",
                &format!("10.0.{}.{}:9090", i / 250 % 250, i % 250),
            );
            label(&mut ts, "job", "integrations/kubernetes");
            label(&mut ts, "method", g.pick(&["GET", "POST", "PUT"]));
            label(&mut ts, "namespace", g.pick(&["prod", "staging", "dev"]));
            label(&mut ts, "pod", &format!("{app}-{}-{i:07}", g.hex(8)));
            let mut s = vec![];
            put_f64(&mut s, 1, g.below(1 << 30) as f64 / 8.0);
            put_varint(&mut s, 2 << 3);
            let off = s.len();
            s.extend_from_slice(&phb);
            let slen = s.len();
            put_len(&mut ts, 2, &s);
            let in_ts = ts.len() - slen + off;
            put_len(&mut raw, 1, &ts);
            slots.push(raw.len() - ts.len() + in_ts);
        }
        if let Some(p) = PatchSnappy::new(&raw, &slots, 6) {
            return Shard {
                p,
                last_ts: 0,
                samples: (to - from) as u64,
            };
        }
        let _ = attempt;
    }
    panic!("no placeholder that is unique in the compressed form")
}
/// Requests of which each is with one connection at a time, so that its time stamps stay in order.
type Shards = Vec<Mutex<Option<Box<Shard>>>>;

/// One connection.
struct Connection {
    a: SendArgs,
    url: Url,
    shards: Arc<Shards>,
    st: Arc<SendStats>,
    pacer: Arc<Pacer>,
    /// of one thread, so load and store are enough
    last_ts: Arc<AtomicU64>,
}
impl Connection {
    async fn run(self) {
        let mut c = Client::new(self.url.addr);
        while let Some(n) = self.pacer.next().await {
            let Some((i, mut s)) = self.free(n).await else {
                return;
            };
            self.stamp(&mut s);
            self.deliver(&mut c, &s).await;
            *self.shards[i].lock().unwrap() = Some(s);
        }
        self.st.connects.fetch_add(c.connects, Relaxed);
    }
    /// The next request that no other connection has; None when time is up.
    async fn free(&self, n: u64) -> Option<(usize, Box<Shard>)> {
        let count = self.shards.len();
        loop {
            for i in (n as usize..).map(|i| i % count).take(count) {
                if let Some(s) = self.shards[i].lock().unwrap().take() {
                    return Some((i, s));
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            if Instant::now() > self.pacer.end() {
                return None;
            }
        }
    }
    fn stamp(&self, s: &mut Shard) {
        let mut ts = (now_ns() / 1_000_000).max(s.last_ts + 1);
        if self.a.seq {
            ts = ts.max(self.last_ts.load(Relaxed) + 1);
            self.last_ts.store(ts, Relaxed)
        }
        s.last_ts = ts;
        s.p.patch(&varint_bytes(ts, 6));
    }
    async fn deliver(&self, c: &mut Client, s: &Shard) {
        let (st, body) = (&self.st, &s.p.data);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: loadkit/0.1\r\n\
             Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
             X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: {}\r\n\r\n",
            self.url.path,
            self.url.host,
            body.len()
        );
        loop {
            st.start(s.samples);
            let t = Instant::now();
            let (e, fin) = match c.post(head.as_bytes(), body).await {
                Ok((200..=299, _)) => {
                    st.ok(s.samples, body.len() as u64, t);
                    if self.a.seq && self.a.retry {
                        st.ack(s.last_ts, s.samples)
                    }
                    return;
                }
                Ok((c, b)) => (
                    format!("status {c} {}", String::from_utf8_lossy(&b)),
                    permanent(c),
                ),
                Err(e) => (e, false),
            };
            st.fail(s.samples, &e);
            tokio::time::sleep(Duration::from_millis(20)).await;
            if fin || self.pacer.give_up(self.a.retry) {
                return;
            }
        }
    }
}
fn shards(a: &SendArgs) -> Shards {
    let all: Vec<Shard> = (0..a.series)
        .step_by(a.samples_per_request)
        .map(|f| shard(f, (f + a.samples_per_request).min(a.series)))
        .collect();
    let raw: usize = all.iter().map(|s| s.p.raw_len).sum();
    let patches: usize = all.iter().map(|s| s.p.n_patches()).sum();
    eprintln!(
        "rw-send: {} requests per round, {} raw bytes/sample, {:.1} patched bytes/request",
        all.len(),
        raw / a.series,
        patches as f64 / all.len() as f64
    );
    all.into_iter()
        .map(|s| Mutex::new(Some(Box::new(s))))
        .collect()
}
pub async fn send(a: SendArgs) -> Res<()> {
    let url = parse_url(&a.endpoint, "/api/v1/write")?;
    if a.series == 0 || a.samples_per_request == 0 {
        return Err("--series and --samples-per-request must be > 0".into());
    }
    let shards = Arc::new(shards(&a));
    let st = SendStats::new();
    let avg = (a.series as f64 / shards.len() as f64).round().max(1.0) as u64;
    let pacer = Pacer::new(a.rate, avg, a.duration, a.max_items);
    let start = pacer.start;
    let last_ts = Arc::new(AtomicU64::new(0));
    let connection = |_| Connection {
        a: a.clone(),
        url: url.clone(),
        shards: shards.clone(),
        st: st.clone(),
        pacer: pacer.clone(),
        last_ts: last_ts.clone(),
    };
    let connections = (0..a.connections.max(1)).map(connection);
    let hs = connections.map(|c| tokio::spawn(c.run())).collect();
    join_all(hs, &pacer).await;
    let mut r = st.report("rw-send", start.elapsed().as_secs_f64());
    if a.seq && a.retry {
        r = st.report_acks(r, "acked_requests", false)
    }
    println!("{r}");
    Ok(())
}
