//! Sinks that fail on demand: how, from when on, for how long.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::flag_values::Res;

#[derive(Clone, Debug, PartialEq)]
pub enum Fail {
    None,
    Status(u16),
    SlowMs(u64),
    Reset,
}
pub fn parse_fail(s: &str) -> Res<Fail> {
    let (k, v) = s.split_once([':', '=']).unwrap_or((s, ""));
    Ok(match k {
        "none" => Fail::None,
        "unavailable" => Fail::Status(503),
        "status" => Fail::Status(v.parse().map_err(|_| "bad status")?),
        "slow-ms" => Fail::SlowMs(v.parse().map_err(|_| "bad slow-ms")?),
        "reset" => Fail::Reset,
        _ => {
            return Err(format!(
                "unknown fail mode {s} (none|unavailable|status:N|slow-ms:N|reset)"
            ))
        }
    })
}
pub struct FailCtl(Mutex<(Fail, Instant, Duration, Duration)>);
impl FailCtl {
    pub fn new(a: &FailArgs) -> Self {
        FailCtl(Mutex::new((
            a.fail_mode.clone(),
            Instant::now(),
            Duration::from_secs_f64(a.fail_after),
            if a.fail_for > 0.0 {
                Duration::from_secs_f64(a.fail_for)
            } else {
                Duration::from_secs(1 << 30)
            },
        )))
    }
    pub fn get(&self) -> Fail {
        let g = self.0.lock().unwrap();
        if g.0 == Fail::None {
            return Fail::None;
        }
        let e = g.1.elapsed();
        if e >= g.2 && e < g.2 + g.3 {
            g.0.clone()
        } else {
            Fail::None
        }
    }
    pub fn rearm(&self) {
        self.0.lock().unwrap().1 = Instant::now();
    }
    /// POST /fail?mode=unavailable&for=10&after=0
    pub fn set_query(&self, q: &str) -> Res<()> {
        let mut g = self.0.lock().unwrap();
        let (mut m, mut f, mut a) = (Fail::None, 1e9, 0.0);
        for kv in q.split('&') {
            let (k, v) = kv.split_once('=').unwrap_or((kv, ""));
            match k {
                "mode" => m = parse_fail(v)?,
                "for" => f = v.parse().map_err(|_| "bad for")?,
                "after" => a = v.parse().map_err(|_| "bad after")?,
                _ => return Err(format!("unknown parameter {k}")),
            }
        }
        *g = (
            m,
            Instant::now(),
            Duration::from_secs_f64(a),
            Duration::from_secs_f64(f),
        );
        Ok(())
    }
}
#[derive(clap::Args, Clone, Debug)]
pub struct FailArgs {
    /// none | unavailable | status:N | slow-ms:N | reset
    #[arg(long, default_value = "none", value_parser = parse_fail)]
    pub fail_mode: Fail,
    /// start failing this many seconds after start (or /reset)
    #[arg(long, default_value_t = 0.0)]
    pub fail_after: f64,
    /// fail for this many seconds (0: until the end)
    #[arg(long, default_value_t = 0.0)]
    pub fail_for: f64,
}
