//! The books balance: for every edge and exporter, in = out + held + dropped.

use std::time::Duration;

use tests::eventually;
use tests::invar::Invar;
use tests::sink::Sink;
use tests::target::Target;

use crate::kill::config;

#[test]
fn what_went_in_is_out_held_or_dropped() {
    let (target, sink) = (Target::start(100), Sink::start());
    let invar = Invar::start(&config(target.port, &sink));
    eventually("some scrapes arrive", Duration::from_secs(20), || {
        (sink.count() > 2_000).then_some(())
    });
    // The counts of one snapshot are taken at one moment a shard, so the sums hold at every scrape of /metrics.
    for _ in 0..20 {
        assert_balance(&invar);
        std::thread::sleep(Duration::from_millis(50));
    }
    sink.refuse(503);
    std::thread::sleep(Duration::from_millis(500));
    assert_balance(&invar);
    assert!(
        invar.metric("invar_component_held_items") > 0.0,
        "an outage holds nothing back?"
    );
}

/// Checks the sums per component over all shards.
pub fn assert_balance(invar: &Invar) {
    let text = tests::http::get(invar.http, "/metrics")
        .expect("the admin port answers")
        .text();
    let sum = |name: &str| -> f64 {
        let lines = text
            .lines()
            .filter(|line| line.split(['{', ' ']).next() == Some(name));
        lines
            .map(|line| {
                line.rsplit(' ')
                    .next()
                    .and_then(|value| value.parse::<f64>().ok())
                    .unwrap()
            })
            .sum()
    };
    let taken = sum("invar_component_in_items_total");
    let given = sum("invar_component_out_items_total");
    let held = sum("invar_component_held_items");
    let dropped = sum("invar_component_dropped_items_total");
    assert!(taken > 0.0, "nothing was counted");
    assert_eq!(
        taken,
        given + held + dropped,
        "out {given}, held {held}, dropped {dropped}"
    );
}
