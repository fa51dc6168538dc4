//! Registries, histograms and merging.

use super::*;

fn buckets(snapshot: &Snapshot, name: &str) -> Buckets {
    match &snapshot.family(name).unwrap().samples[0].value {
        Value::Buckets(buckets) => buckets.clone(),
        other => panic!("{other:?} is no histogram"),
    }
}

#[test]
fn equal_name_and_labels_are_one_series() {
    let registry = Registry::new();
    let first = registry.counter(
        "requests_total",
        "Requests.",
        &[("code", "200"), ("a", "b")],
    );
    let second = registry.counter(
        "requests_total",
        "Requests.",
        &[("a", "b"), ("code", "200")],
    );
    first.inc();
    second.add(2);
    assert_eq!(first.get(), 3);
    let snapshot = registry.snapshot();
    assert_eq!(
        snapshot.number("requests_total", &[("a", "b"), ("code", "200")]),
        Some(3.0)
    );
    assert_eq!(snapshot.number("requests_total", &[("a", "b")]), None);
}

#[test]
fn gauges_move_both_ways() {
    let registry = Registry::new();
    let gauge = registry.gauge("held_bytes", "Bytes held.", &[]);
    gauge.set(10.0);
    gauge.add(-4.0);
    assert_eq!(registry.snapshot().number("held_bytes", &[]), Some(6.0));
}

#[test]
fn a_removed_component_is_gone_from_snapshots_only() {
    let registry = Registry::new();
    let gone = registry.counter(
        "a_total",
        "A.",
        &[("component_id", "x"), ("reason", "full")],
    );
    registry
        .counter(
            "a_total",
            "A.",
            &[("component_id", "y"), ("reason", "full")],
        )
        .inc();
    registry.gauge("b", "B.", &[("component_id", "x")]);
    registry.remove(&[("component_id", "x")]);
    gone.inc();
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.families.len(), 1);
    assert_eq!(snapshot.families[0].samples.len(), 1);
    let again = registry.counter(
        "a_total",
        "A.",
        &[("component_id", "x"), ("reason", "full")],
    );
    assert_eq!(again.get(), 0, "a component of the same name starts anew");
}

#[test]
fn a_histogram_counts_values_under_their_bounds() {
    let registry = Registry::new();
    let bounds = [0.001, 0.01, 0.1, 1.0];
    let histogram = registry.histogram("seconds", "Time.", &[], &bounds);
    for value in [
        0.0,
        0.0005,
        0.001,
        0.0011,
        0.05,
        0.1,
        0.5,
        2.0,
        1e9,
        -1.0,
        f64::NAN,
    ] {
        histogram.record(value);
    }
    let read = buckets(&registry.snapshot(), "seconds");
    assert_eq!(read.bounds, bounds);
    // On a bound counts under it; -1 and NaN count as zero.
    assert_eq!(read.counts, [5, 6, 8, 9]);
    assert_eq!(read.count, 11);
    assert!(
        (read.sum - 1_000_000_002.652_6).abs() < 1e-3,
        "{}",
        read.sum
    );
}

#[test]
fn every_bound_is_met_by_values_beside_it() {
    // Latencies from 100 us to 60 s, and sizes in bytes.
    let latencies = [1e-4, 2.5e-4, 1e-3, 5e-3, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0];
    let sizes = [64.0, 1024.0, 65_536.0, 1_048_576.0, 16_777_216.0];
    for bounds in [&latencies[..], &sizes[..]] {
        let registry = Registry::new();
        let histogram = registry.histogram("x", "X.", &[], bounds);
        for bound in bounds {
            histogram.record(*bound);
            histogram.record(bound * 1.02);
        }
        let counts: Vec<u64> = (0..bounds.len() as u64)
            .map(|index| 2 * index + 1)
            .collect();
        assert_eq!(buckets(&registry.snapshot(), "x").counts, counts);
    }
}

#[test]
fn quantiles_are_within_two_per_cent() {
    let registry = Registry::new();
    let histogram = registry.histogram("seconds", "Time.", &[], &[0.001, 1.0]);
    for index in 1..=1000 {
        histogram.record(f64::from(index) / 1000.0);
    }
    for quantile in [0.5, 0.9, 0.99] {
        let value = histogram.quantile(quantile);
        assert!((value / quantile - 1.0).abs() < 0.02, "{quantile}: {value}");
    }
    assert_eq!(histogram.count(), 1000);
}

#[test]
fn snapshots_of_shards_add_up() {
    let shard = |count: u64, label: &str, seconds: f64| {
        let registry = Registry::new();
        registry.counter("a_total", "A.", &[]).add(count);
        registry.gauge("b", "B.", &[("shard", label)]).set(1.0);
        registry
            .histogram("c", "C.", &[], &[1.0, 2.0])
            .record(seconds);
        registry.snapshot()
    };
    let merged = merge(vec![
        shard(1, "0", 0.5),
        shard(2, "1", 1.5),
        Snapshot::default(),
    ]);
    assert_eq!(merged.number("a_total", &[]), Some(3.0));
    assert_eq!(merged.family("b").unwrap().samples.len(), 2);
    let read = buckets(&merged, "c");
    assert_eq!(
        (read.counts.as_slice(), read.count, read.sum),
        ([1, 2].as_slice(), 2, 2.0)
    );
    let names: Vec<&str> = merged
        .families
        .iter()
        .map(|family| family.name.as_str())
        .collect();
    assert_eq!(names, ["a_total", "b", "c"]);
}

#[test]
fn hooks_run_before_each_snapshot_until_dropped() {
    let registry = Registry::new();
    let gauge = registry.gauge("asked", "How often it was asked.", &[]);
    let hook = registry.on_snapshot(move || gauge.add(1.0));
    assert_eq!(registry.snapshot().number("asked", &[]), Some(1.0));
    assert_eq!(registry.snapshot().number("asked", &[]), Some(2.0));
    drop(hook);
    assert_eq!(registry.snapshot().number("asked", &[]), Some(2.0));
}

#[test]
fn a_name_of_two_kinds_is_refused() {
    let registry = Registry::new();
    registry.counter("x", "X.", &[]);
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        registry.gauge("x", "X.", &[]);
    }));
    assert!(refused.is_err());
}

#[test]
fn snapshots_cross_threads() {
    let snapshot = Registry::new().snapshot();
    let moved = std::thread::spawn(move || snapshot.families.len());
    assert_eq!(moved.join().unwrap(), 0);
}

#[test]
fn what_users_name_is_collected_and_cannot_clash() {
    let registry = Registry::new();
    registry.counter("b_total", "B.", &[("a", "1")]).inc();
    let family = |name: &str, kind, label: &str, value| Family {
        name: name.to_owned(),
        help: String::new(),
        kind,
        samples: vec![Sample {
            labels: vec![("a".to_owned(), label.to_owned())],
            value,
        }],
    };
    let hook = registry.on_collect(move |families| {
        families.push(family("a", Kind::Gauge, "1", Value::Number(7.0)));
        families.push(family("b_total", Kind::Gauge, "2", Value::Number(7.0)));
        families.push(family("b_total", Kind::Counter, "2", Value::Number(8.0)));
        families.push(family("b_total", Kind::Counter, "1", Value::Number(9.0)));
    });
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.number("a", &[("a", "1")]), Some(7.0));
    assert_eq!(snapshot.number("b_total", &[("a", "1")]), Some(1.0));
    assert_eq!(snapshot.number("b_total", &[("a", "2")]), Some(8.0));
    drop(hook);
    assert_eq!(registry.snapshot().families.len(), 1);
}

#[test]
fn of_gauges_that_were_set_the_latest_counts() {
    let shard = |value, set_ns| Snapshot {
        families: vec![Family {
            name: "g".to_owned(),
            help: String::new(),
            kind: Kind::Gauge,
            samples: vec![Sample {
                labels: Vec::new(),
                value: Value::Latest { value, set_ns },
            }],
        }],
    };
    let merged = merge(vec![shard(1.0, 10), shard(2.0, 30), shard(3.0, 20)]);
    assert_eq!(merged.families[0].samples[0].value, Value::Number(2.0));
}
