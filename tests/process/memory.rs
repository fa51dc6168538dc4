//! `--dataplane.memory-limit` holds against a sender that makes new series without end.
//!
//! `INVAR_NEW_SERIES=10000000 cargo test --release -p tests --test process memory` is the long run:
//! 1,000,000 new series a minute for ten minutes.

use std::time::{Duration, Instant};

use tests::invar::Invar;
use tests::push::push_once;
use tests::sink::Sink;
use tests::target::Target;
use tests::{eventually, free_port};

use crate::kill::scrape_config;

const LIMIT_BYTES: u64 = 48 << 20;

/// A receiver remembers a series for a quarter of an hour, so these would take 55 MiB.
const SERIES: u64 = 70_000;

const SERIES_A_REQUEST: u64 = 2_000;

/// No faster than 1,000,000 series a minute in the long run.
const PAUSE: Duration = Duration::from_millis(120);

#[test]
fn new_series_without_end_pass_no_limit_and_stop_no_target() {
    let series = std::env::var("INVAR_NEW_SERIES").map(|count| count.parse());
    let paced = series.is_ok();
    let series = series.map_or(SERIES, |count| count.expect("a number of series"));
    let (calm, sink, port) = (Target::start(50), Sink::start(), free_port());
    let receive = format!(
        r#"
        prometheus.receive_http "in" {{
            http {{
                listen_address = "127.0.0.1"
                listen_port    = {port}
            }}
            forward_to = [prometheus.relabel.nowhere.receiver]
        }}
        prometheus.relabel "nowhere" {{
            forward_to = []
            rule {{
                action = "drop"
                regex  = ".*"
            }}
        }}
        "#
    );
    let limit = format!("--dataplane.memory-limit={LIMIT_BYTES}");
    let config = scrape_config(calm.port, &sink) + &receive;
    let invar = Invar::start_with(&config, &[&limit, "--dataplane.shards=1"]);
    let (mut largest, mut refused) = (0, 0);
    for first in (0..series).step_by(SERIES_A_REQUEST as usize) {
        let begun = Instant::now();
        let status = push_once(port, first..first + SERIES_A_REQUEST).expect("an answer");
        assert!(matches!(status, 204 | 400 | 503), "{status}");
        refused += u64::from(status != 204);
        largest = largest.max(invar.anonymous_bytes());
        if paced {
            std::thread::sleep(PAUSE.saturating_sub(begun.elapsed()));
        }
    }
    assert!(0 < refused, "nothing was refused, so nothing was tested");
    assert!(0.0 < invar.metric("invar_series_refused_total"));
    assert!(largest < LIMIT_BYTES, "{largest} of {LIMIT_BYTES} bytes");
    println!("{largest} of {LIMIT_BYTES} bytes, {refused} requests refused");
    let known = push_once(port, 0..SERIES_A_REQUEST).expect("an answer");
    assert_eq!(known, 204, "what is known goes on");
    let before = sink.points("m{i=\"7\",instance=\"t\",job=\"t\"}").len();
    assert!(0 < before, "{:?}", sink.series().first());
    eventually("the target goes on", Duration::from_secs(20), || {
        let now = sink.points("m{i=\"7\",instance=\"t\",job=\"t\"}").len();
        (before + 4 < now).then_some(())
    });
}
