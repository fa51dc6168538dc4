//! The table against plain maps, and its references against counts.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::SeriesMap;

fn labels(pairs: &[(&str, &str)]) -> LabelsBuf {
    pairs.iter().copied().collect()
}

fn numbered(n: usize) -> LabelsBuf {
    labels(&[("__name__", "m"), ("n", &n.to_string())])
}

#[test]
fn equal_labels_are_one_series_and_come_back_sorted() {
    let mut table = SeriesTable::new(1);
    let a = table.intern(&labels(&[("job", "x"), ("__name__", "up")]));
    let b = table.intern(&labels(&[("__name__", "up"), ("job", "x")]));
    assert_eq!(a, b);
    assert_eq!(table.references(a), 2);
    assert_eq!(
        table.labels(a).collect::<Vec<_>>(),
        [("__name__", "up"), ("job", "x")]
    );
    assert_eq!(table.label(a, "job"), Some("x"));
    assert_eq!(table.label(a, "nope"), None);
    assert_eq!((table.len(), table.pairs()), (1, 2));
}

#[test]
fn labels_are_kept_as_remote_write_sends_them() {
    let mut table = SeriesTable::new(1);
    let long = "v".repeat(300);
    let series = table.intern(&labels(&[("a", "b"), ("z", &long)]));
    let mut out = WireBuf::new();
    table.write_labels(series, &mut out);
    let mut expected = b"\x0a\x06\x0a\x01a\x12\x01b\x0a\xb2\x02\x0a\x01z\x12\xac\x02".to_vec();
    expected.extend_from_slice(long.as_bytes());
    assert_eq!(out.as_slice(), expected);
    assert_eq!(table.label(series, "z"), Some(long.as_str()));
}

#[test]
fn the_last_reference_frees_series_and_pairs() {
    let mut table = SeriesTable::new(1);
    let a = table.intern(&labels(&[("job", "x"), ("n", "1")]));
    let b = table.intern(&labels(&[("job", "x"), ("n", "2")]));
    table.retain(a);
    table.release(a);
    assert!(table.is_live(a));
    table.release(a);
    assert!(!table.is_live(a));
    assert_eq!((table.len(), table.pairs()), (1, 2));
    assert_eq!(table.find(&labels(&[("job", "x"), ("n", "1")])), None);
    assert_eq!(table.find(&labels(&[("job", "x"), ("n", "2")])), Some(b));
    table.release(b);
    assert_eq!((table.len(), table.pairs()), (0, 0));
}

#[test]
fn the_empty_label_set_is_a_series_too() {
    let mut table = SeriesTable::new(1);
    let empty = table.intern(&LabelsBuf::new());
    assert_eq!(table.labels(empty).len(), 0);
    assert_eq!(table.intern(&LabelsBuf::new()), empty);
}

#[test]
fn an_id_waits_until_every_map_has_dropped_it() {
    let mut table = SeriesTable::new(1);
    let mut quick = SeriesMap::new(&mut table, 0u32);
    let mut slow = SeriesMap::new(&mut table, 0u32);
    let first = table.intern(&numbered(1));
    quick.set(first, 10);
    slow.set(first, 20);
    table.release(first);
    let second = table.intern(&numbered(2));
    assert_ne!(second, first, "the slow map still has an entry");
    let mut dropped = Vec::new();
    quick.drain(&mut table, |_, value| dropped.push(value));
    assert_ne!(table.intern(&numbered(3)), first);
    slow.drain(&mut table, |_, value| dropped.push(value));
    assert_eq!(dropped, [10, 20]);
    assert_eq!(table.waiting(), 0);
    assert_eq!(
        table.intern(&numbered(4)),
        first,
        "passed by all: used again"
    );
    assert_eq!((quick.get(first), slow.get(first)), (0, 0));
}

#[test]
fn a_dropped_entry_may_hold_a_reference_of_its_own() {
    let mut table = SeriesTable::new(1);
    let mut map = SeriesMap::new(&mut table, u32::MAX);
    let (raw, relabelled) = (table.intern(&numbered(1)), table.intern(&numbered(2)));
    map.set(raw, relabelled.0);
    table.release(raw);
    map.drain(&mut table, |table, target| table.release(SeriesId(target)));
    assert_eq!((table.len(), table.waiting()), (0, 0));
}

#[test]
fn a_closed_map_holds_nothing_up() {
    let mut table = SeriesTable::new(1);
    let mut map = SeriesMap::new(&mut table, 0u8);
    let series = table.intern(&numbered(1));
    map.set(series, 7);
    table.release(series);
    assert_eq!(table.waiting(), 1);
    let mut dropped = Vec::new();
    map.close(&mut table, |_, value| dropped.push(value));
    assert_eq!((dropped.as_slice(), table.waiting()), ([7].as_slice(), 0));
    let again = table.register_map();
    table.unregister_map(again);
}

#[test]
fn a_series_of_ten_labels_costs_what_the_design_allows() {
    let mut table = SeriesTable::new(1);
    let mut set = LabelsBuf::new();
    let count = 50_000;
    for n in 0..count {
        set.clear();
        set.set("__name__", &format!("metric_{}", n % 100));
        set.set(
            "instance",
            &format!("10.0.{}.{}:9100", n / 10_000, n / 100 % 100),
        );
        set.set("code", &format!("{}", n % 10));
        for shared in ["job", "cluster", "region", "zone", "env", "team", "service"] {
            set.set(shared, "some-value");
        }
        table.intern(&set);
    }
    assert_eq!(table.len(), count);
    let bytes = table.memory_bytes() / count;
    assert!(bytes <= 70, "{bytes} bytes a series");
}

proptest! {
    /// Against a plain map of label sets, with a component's map that must never show a stranger's
    /// value.
    #[test]
    fn any_use_agrees_with_a_plain_map(steps in vec((0usize..12, 0u8..4), 0..200)) {
        let mut table = SeriesTable::new(3);
        let mut map = SeriesMap::new(&mut table, 0u32);
        let mut counts: BTreeMap<usize, (SeriesId, u32)> = BTreeMap::new();
        for (n, step) in steps {
            match step {
                0 | 1 => {
                    let id = table.intern(&numbered(n));
                    let entry = counts.entry(n).or_insert((id, 0));
                    prop_assert_eq!(entry.0, id);
                    entry.1 += 1;
                }
                2 => {
                    if let Some((id, count)) = counts.get_mut(&n) {
                        table.release(*id);
                        *count -= 1;
                        if *count == 0 {
                            counts.remove(&n);
                        }
                    }
                }
                _ => {
                    map.drain(&mut table, |_, _| {});
                    for (n, (id, _)) in &counts {
                        let value = map.get(*id);
                        prop_assert!(value == 0 || value == *n as u32 + 1, "a stranger's value");
                        map.set(*id, *n as u32 + 1);
                    }
                }
            }
            prop_assert_eq!(table.len(), counts.len());
            for (n, (id, count)) in &counts {
                prop_assert_eq!(table.references(*id), *count);
                let text = n.to_string();
                prop_assert_eq!(table.label(*id, "n"), Some(text.as_str()));
            }
        }
    }
}
