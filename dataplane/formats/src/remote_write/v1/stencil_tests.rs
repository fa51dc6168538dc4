//! A filled stencil decompresses to the message of its samples, in which no zero was left out.

use batch::{LabelsBuf, Sample, SeriesId, SeriesTable};
use proptest::prelude::*;

use super::{BlockEncoder, Encoder, Limits, Stencil, StencilMaker, TimeSeries, decode};
use crate::snappy;

const TIME_MS: i64 = 1_790_000_000_000;

const LIMITS: Limits = Limits {
    series_max: 10_000,
    labels_per_series_max: 100,
    items_max: 10_000,
};

fn series(table: &mut SeriesTable, index: usize, long: usize) -> SeriesId {
    let (name, pod, long) = (
        format!("node_memory_{}_bytes", index / 7),
        format!("pod-{:05x}", index * 7919),
        "v".repeat(long),
    );
    let labels: LabelsBuf = [
        ("__name__", name.as_str()),
        ("job", "kubernetes-pods"),
        ("pod", &pod),
        ("v", &long),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .collect();
    table.intern(&labels)
}

fn make(blocks: &mut BlockEncoder, table: &SeriesTable, series: &[SeriesId]) -> Stencil {
    let mut maker = StencilMaker::default();
    blocks.begin_stencil(&mut maker, TIME_MS);
    assert!(series.iter().all(|series| maker.push(table, *series)));
    maker.finish()
}

fn samples(series: &[SeriesId], timestamp_ms: i64, seed: u64) -> Vec<Sample> {
    let mut rng = stdx::Rng::new(seed);
    let mut value = || match rng.below(4) {
        0 => 0.0,
        1 => rng.below(1000) as f64,
        _ => f64::from_bits(rng.next_u64()),
    };
    let sample = |series: &SeriesId| Sample {
        series: *series,
        timestamp_ms,
        value: value(),
    };
    series.iter().map(sample).collect()
}

/// What the receiver of a block reads, with the bits of the values.
fn read(message: &[u8]) -> Vec<(LabelsBuf, Vec<(i64, u64)>)> {
    let request = decode(message, &LIMITS).expect("a good message");
    let bits = |series: TimeSeries| {
        let samples = series.samples.iter();
        let samples = samples.map(|(time, value)| (*time, value.to_bits()));
        (series.labels, samples.collect())
    };
    request.series.into_iter().map(bits).collect()
}

fn close(blocks: &mut BlockEncoder, table: &SeriesTable) -> Vec<u8> {
    let (mut block, mut plain) = (Vec::new(), Vec::new());
    blocks.end_series(table);
    let len = blocks.len();
    blocks.finish(&mut block);
    blocks.clear();
    snappy::decompress(&block, usize::MAX, &mut plain).expect("a good block");
    assert_eq!(plain.len(), len);
    plain
}

fn check(blocks: &mut BlockEncoder, table: &SeriesTable, stencil: &Stencil, samples: &[Sample]) {
    let mut plain = Encoder::new();
    samples
        .iter()
        .for_each(|sample| plain.sample(table, *sample));
    blocks.catch_up(table);
    // Between series that are written one by one.
    blocks.sample(table, samples[0]);
    let values = samples.iter().map(|sample| sample.value);
    assert!(blocks.stencil(table, stencil, samples[0].timestamp_ms, values));
    blocks.sample(table, samples[0]);
    let got = read(&close(blocks, table));
    let expected = read(plain.finish());
    assert!(got[1..got.len() - 1] == expected);
    assert!(got[0] == expected[0] && got[got.len() - 1] == expected[0]);
}

#[test]
fn each_filling_carries_its_own_values_and_time() {
    let mut table = SeriesTable::new(1);
    let series: Vec<SeriesId> = (0..64).map(|index| series(&mut table, index, 3)).collect();
    let mut blocks = BlockEncoder::new();
    let stencil = make(&mut blocks, &table, &series);
    for round in 0..20 {
        let samples = samples(&series, TIME_MS + round as i64 * 1234, round);
        check(&mut blocks, &table, &stencil, &samples);
    }
}

#[test]
fn negative_zero_arrives_as_zero_and_a_stale_marker_as_it_is() {
    let mut table = SeriesTable::new(1);
    let series: Vec<SeriesId> = (0..2).map(|index| series(&mut table, index, 3)).collect();
    let mut blocks = BlockEncoder::new();
    let stencil = make(&mut blocks, &table, &series);
    blocks.catch_up(&table);
    let values = [-0.0, batch::STALE_NAN].into_iter();
    assert!(blocks.stencil(&table, &stencil, TIME_MS, values));
    let got = read(&close(&mut blocks, &table));
    assert_eq!(got[0].1, [(TIME_MS, 0)]);
    assert_eq!(got[1].1, [(TIME_MS, batch::STALE_NAN_BITS)]);
}

#[test]
fn a_time_of_another_length_does_not_fit() {
    let mut table = SeriesTable::new(1);
    let series = [series(&mut table, 0, 3)];
    let mut blocks = BlockEncoder::new();
    let stencil = make(&mut blocks, &table, &series);
    for time_ms in [0, 1, -1, i64::MAX] {
        let fits = blocks.stencil(&table, &stencil, time_ms, [1.0].into_iter());
        assert!(!fits, "{time_ms}");
    }
    assert!(blocks.is_empty());
}

#[test]
fn a_run_that_is_too_long_without_compression_takes_no_more() {
    let mut table = SeriesTable::new(1);
    let mut maker = StencilMaker::default();
    BlockEncoder::new().begin_stencil(&mut maker, TIME_MS);
    let long = series(&mut table, 0, 30_000);
    assert!(maker.push(&table, long) && !maker.push(&table, long));
    let small = series(&mut table, 1, 0);
    assert!(maker.push(&table, small));
}

proptest! {
    #[test]
    fn any_run_of_series_gives_its_samples(
        run in proptest::collection::vec((0usize..300, 0usize..400), 1..64),
        seed: u64,
    ) {
        let mut table = SeriesTable::new(1);
        let run: Vec<SeriesId> =
            run.into_iter().map(|(index, long)| series(&mut table, index, long)).collect();
        let mut blocks = BlockEncoder::new();
        let stencil = make(&mut blocks, &table, &run);
        check(&mut blocks, &table, &stencil, &samples(&run, TIME_MS, seed));
    }
}
