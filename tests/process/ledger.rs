//! The books balance: for every edge and exporter, in = out + held + dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use tests::invar::Invar;
use tests::sink::Sink;
use tests::target::Target;
use tests::{eventually, http};

use crate::kill::{REFUSED, scrape_config};

#[test]
fn what_went_in_is_out_held_or_dropped() {
    let (target, sink) = (Target::start(100), Sink::start());
    let invar = Invar::start(&scrape_config(target.port, &sink)).announce(REFUSED);
    eventually("some scrapes arrive", Duration::from_secs(20), || {
        (sink.count() > 2_000).then_some(())
    });
    // The counts of one snapshot are taken at one moment a shard, so the sums hold at every scrape
    // of /metrics.
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

/// Checks the books of each edge, summed over the shards.
fn assert_balance(invar: &Invar) {
    let mut edges: BTreeMap<(String, String), [f64; 4]> = BTreeMap::new();
    let mut enter = |labels: &str, column: usize, value: f64| {
        let edge = (label(labels, "component_id"), label(labels, "edge"));
        edges.entry(edge).or_default()[column] += value;
    };
    let text = http::get(invar.http, "/metrics")
        .expect("the admin port answers")
        .text();
    for line in text.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let value = || value.parse().expect("an exposition value is a number");
        match name {
            "invar_edge_items_total" => {
                let column = usize::from(label(labels, "direction") == "out");
                enter(labels, column, value());
            }
            "invar_component_held_items" => enter(labels, 2, value()),
            "invar_component_dropped_items_total" => enter(labels, 3, value()),
            _ => {}
        }
    }
    assert!(!edges.is_empty(), "no edge has books");
    for (edge, [taken, given, held, dropped]) in edges {
        let sum = given + held + dropped;
        assert_eq!(
            taken, sum,
            "{edge:?}: in {taken}, out {given}, held {held}, dropped {dropped}"
        );
    }
}

/// The value of one label in `a="x",b="y"}`.
fn label(labels: &str, name: &str) -> String {
    let marked = format!("{name}=\"");
    let value = labels.split_once(&marked).map(|(_, rest)| rest);
    value
        .and_then(|rest| rest.split_once('"'))
        .map_or(String::new(), |(value, _)| value.to_owned())
}
