//! The block decompresses to the bytes that the plain encoder writes, whatever the order of the
//! items.

use batch::{Exemplar, LabelsBuf, Metadata, MetricKind, Sample, SeriesId, SeriesTable};
use proptest::prelude::*;

use super::{BlockEncoder, Encoder};
use crate::snappy;

fn labels(index: usize) -> LabelsBuf {
    let (name, path, long) = (
        format!("node_memory_{}_bytes", "x".repeat(index % 7 * (index % 3))),
        format!("/p/{}", index % 5),
        "v".repeat(index % 300),
    );
    let pairs = [
        ("__name__", name.as_str()),
        ("job", "j"),
        ("path", &path),
        ("v", &long),
    ];
    pairs
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// Both encoders get the samples of one message; the block is taken apart again.
fn check(blocks: &mut BlockEncoder, table: &SeriesTable, samples: &[Sample]) {
    let mut plain = Encoder::new();
    blocks.catch_up(table);
    for sample in samples {
        plain.sample(table, *sample);
        blocks.sample(table, *sample);
    }
    blocks.end_series(table);
    let expected = plain.finish();
    assert_eq!(blocks.len(), expected.len());
    let (mut block, mut decoded) = (Vec::new(), Vec::new());
    blocks.finish(&mut block);
    blocks.clear();
    snappy::decompress(&block, usize::MAX, &mut decoded).expect("a good block");
    assert!(decoded == expected, "the block holds something else");
}

fn samples(series: &[SeriesId], order: &[usize]) -> Vec<Sample> {
    let sample = |at: &usize| Sample {
        series: series[at % series.len()],
        timestamp_ms: 1_700_000_000_000 + *at as i64 / 3,
        // Some values come again within a message, some in another one, some never.
        value: if at.is_multiple_of(3) {
            *at as f64 * 0.5
        } else {
            (at % 5) as f64
        },
    };
    order.iter().map(sample).collect()
}

#[test]
fn a_block_holds_the_plain_message() {
    let mut table = SeriesTable::new(1);
    let series: Vec<SeriesId> = (0..2000)
        .map(|index| table.intern(&labels(index)))
        .collect();
    let mut blocks = BlockEncoder::new();
    check(&mut blocks, &table, &[]);
    check(&mut blocks, &table, &samples(&series, &[0]));
    let all: Vec<usize> = (0..6000).collect();
    check(&mut blocks, &table, &samples(&series, &all));
    check(&mut blocks, &table, &samples(&series, &all));
}

#[test]
fn exemplars_and_metadata_are_in_the_block_too() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(3));
    let exemplar = Exemplar {
        series,
        labels: labels(1),
        timestamp_ms: 5,
        value: 2.5,
    };
    let metadata = Metadata {
        name: "m".to_owned(),
        kind: MetricKind::Gauge,
        help: "h".repeat(70_000),
        unit: String::new(),
    };
    let (mut plain, mut blocks) = (Encoder::new(), BlockEncoder::new());
    for sample in samples(&[series], &[1, 2]) {
        plain.sample(&table, sample);
        blocks.sample(&table, sample);
    }
    plain.exemplar(&table, &exemplar);
    blocks.exemplar(&table, &exemplar);
    plain.metadata(&metadata);
    blocks.end_series(&table);
    blocks.metadata(&metadata);
    let (mut block, mut decoded) = (Vec::new(), Vec::new());
    blocks.finish(&mut block);
    snappy::decompress(&block, usize::MAX, &mut decoded).expect("a good block");
    assert_eq!(decoded, plain.finish());
}

#[test]
fn a_pair_id_that_means_another_pair_is_not_copied() {
    let mut table = SeriesTable::new(1);
    let first: LabelsBuf = [("__name__", "first_name_of_some_length")]
        .into_iter()
        .collect();
    let second: LabelsBuf = [("__name__", "other_name_of_some_length")]
        .into_iter()
        .collect();
    let old = table.intern(&first);
    let (mut plain, mut blocks) = (Encoder::new(), BlockEncoder::new());
    let sample = |series| Sample {
        series,
        timestamp_ms: 1,
        value: 1.0,
    };
    blocks.catch_up(&table);
    plain.sample(&table, sample(old));
    plain.finish();
    blocks.sample(&table, sample(old));
    blocks.end_series(&table);
    table.release(old);
    let new = table.intern(&second);
    blocks.catch_up(&table);
    plain.sample(&table, sample(new));
    blocks.sample(&table, sample(new));
    blocks.end_series(&table);
    let (mut block, mut decoded) = (Vec::new(), Vec::new());
    blocks.finish(&mut block);
    snappy::decompress(&block, usize::MAX, &mut decoded).expect("a good block");
    let expected = plain.finish();
    assert_eq!(decoded, expected);
    assert!(decoded.windows(10).any(|window| window == b"other_name"));
}

proptest! {
    #[test]
    fn any_order_of_series_gives_the_plain_message(
        orders in proptest::collection::vec(proptest::collection::vec(0usize..500, 0..400), 1..6),
        count in 1usize..500,
    ) {
        let mut table = SeriesTable::new(1);
        let series: Vec<SeriesId> =
            (0..count).map(|index| table.intern(&labels(index))).collect();
        let mut blocks = BlockEncoder::new();
        for order in orders {
            check(&mut blocks, &table, &samples(&series, &order));
        }
    }
}
