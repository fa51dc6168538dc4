//! SIGKILL at random moments: what was taken in arrives.
//!
//! The oracle numbers scrapes: the target's value is the number of the scrape. A scrape counts as taken in when a
//! later `/metrics` of the gateway says that its samples are in the log.

use std::time::Duration;

use tests::eventually;
use tests::invar::Invar;
use tests::sink::{Point, Sink};
use tests::target::Target;

/// One target scraped ten times a second into one sink.
pub fn config(target: u16, sink: &Sink) -> String {
    format!(
        r#"
        prometheus.scrape "t" {{
            targets         = [{{ "__address__" = "127.0.0.1:{target}", "job" = "t", "instance" = "t" }}]
            forward_to      = [prometheus.remote_write.out.receiver]
            scrape_interval = "100ms"
            scrape_timeout  = "90ms"
        }}
        prometheus.remote_write "out" {{
            endpoint {{
                url = "{}"
                queue_config {{
                    batch_send_deadline = "50ms"
                    min_backoff         = "30ms"
                    max_backoff         = "200ms"
                }}
            }}
        }}
        "#,
        sink.url()
    )
}

/// Scrape numbers between the first and the last that did not arrive.
pub fn missing_numbers(points: &[Point]) -> Vec<u64> {
    let mut seen: Vec<u64> = points
        .iter()
        .filter(|p| !p.1.is_nan())
        .map(|p| p.1 as u64)
        .collect();
    seen.sort_unstable();
    seen.dedup();
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else {
        return Vec::new();
    };
    (*first..=*last)
        .filter(|number| seen.binary_search(number).is_err())
        .collect()
}

/// How many kills: 100 in CI; `INVAR_KILLS=10000` is the long run.
fn kills() -> usize {
    std::env::var("INVAR_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(100)
}

#[test]
fn nothing_that_the_log_took_is_lost_by_kills() {
    let (target, sink) = (Target::start(50), Sink::start());
    let mut invar = Invar::start(&config(target.port, &sink));
    let series = "m{i=\"0\",instance=\"t\",job=\"t\"}";
    let seed = std::process::id() as u64;
    println!("seed {seed}");
    let mut random = seed | 1;
    let mut taken = Vec::new();
    for kill in 0..kills() {
        random = random
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        sink.refuse(if kill % 3 == 0 { 503 } else { 0 });
        std::thread::sleep(Duration::from_millis(60 + (random >> 33) % 200));
        // All samples of a scrape are appended at once: two reads with equal counts bracket a settled number.
        let before = invar.metric("prometheus_remote_write_wal_samples_appended_total");
        let number = target.scrapes();
        let after = invar.metric("prometheus_remote_write_wal_samples_appended_total");
        if before == after && before > 0.0 {
            taken.push((number, before));
        }
        invar.kill();
        invar.spawn();
    }
    sink.refuse(0);
    let last = target.scrapes();
    eventually("the backlog arrives", Duration::from_secs(60), || {
        sink.points(series)
            .iter()
            .any(|point| point.1 > last as f64)
            .then_some(())
    });
    let points = sink.points(series);
    let missing = missing_numbers(&points);
    // A scrape under way at the kill was not taken in; one that an earlier answer had counted was.
    assert!(
        missing.len() <= kills(),
        "more than the scrapes in flight are missing: {missing:?}"
    );
    let repeated = points.len() - {
        let mut t: Vec<i64> = points.iter().map(|p| p.0).collect();
        t.sort_unstable();
        t.dedup();
        t.len()
    };
    assert!(
        repeated <= kills() * 4,
        "more duplicates than what was in flight: {repeated}"
    );
}
