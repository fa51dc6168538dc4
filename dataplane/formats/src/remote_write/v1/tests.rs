//! Messages written and read back, hostile ones, and their limits.

use std::rc::Rc;

use batch::{
    Counts, Exemplar, Histogram, HistogramSample, LabelsBuf, Metadata, MetricKind, ResetHint,
    STALE_NAN_BITS, Sample, SeriesTable, Span,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    series_max: 1000,
    labels_per_series_max: 100,
    items_max: 10_000,
};

fn labels(pairs: &[(&str, &str)]) -> LabelsBuf {
    pairs.iter().copied().collect()
}

fn integer_histogram() -> Histogram {
    Histogram {
        schema: -2,
        sum: 12.5,
        zero_threshold: 1e-128,
        reset_hint: ResetHint::Gauge,
        positive_spans: vec![
            Span {
                offset: -3,
                length: 2,
            },
            Span {
                offset: 7,
                length: 1,
            },
        ],
        negative_spans: vec![Span {
            offset: 0,
            length: 1,
        }],
        counts: Counts::Integer {
            count: 1_000_000_000,
            zero_count: 0,
            positive_deltas: vec![5, -3, 1],
            negative_deltas: vec![9],
        },
        custom_values: vec![],
    }
}

fn float_histogram() -> Histogram {
    Histogram {
        schema: -53,
        sum: -1.0,
        zero_threshold: 0.0,
        reset_hint: ResetHint::Unknown,
        positive_spans: vec![Span {
            offset: 0,
            length: 3,
        }],
        negative_spans: vec![],
        counts: Counts::Float {
            count: 3.5,
            zero_count: 0.0,
            positive_counts: vec![1.0, 2.0, 0.5],
            negative_counts: vec![],
        },
        custom_values: vec![0.5, 1.0],
    }
}

#[test]
fn a_sample_is_encoded_as_the_specification_draws_it() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "up"), ("job", "a")]));
    let mut encoder = Encoder::new();
    encoder.sample(
        &table,
        Sample {
            series,
            timestamp_ms: 300,
            value: 1.0,
        },
    );
    let expected = [
        b"\x0a\x28".as_slice(),
        b"\x0a\x0e\x0a\x08__name__\x12\x02up",
        b"\x0a\x08\x0a\x03job\x12\x01a",
        b"\x12\x0c\x09\0\0\0\0\0\0\xf0\x3f\x10\xac\x02",
    ];
    assert_eq!(encoder.finish(), expected.concat());
}

#[test]
fn neighbours_of_one_series_share_its_labels() {
    let mut table = SeriesTable::new(1);
    let a = table.intern(&labels(&[("__name__", "a")]));
    let b = table.intern(&labels(&[("__name__", "b")]));
    let mut encoder = Encoder::new();
    for (series, timestamp_ms) in [(a, 1), (a, 2), (b, 1), (a, 3)] {
        encoder.sample(
            &table,
            Sample {
                series,
                timestamp_ms,
                value: 0.5,
            },
        );
    }
    let request = decode(encoder.finish(), &LIMITS).expect("our own bytes");
    let samples: Vec<_> = request
        .series
        .iter()
        .map(|series| series.samples.clone())
        .collect();
    assert_eq!(
        samples,
        [vec![(1, 0.5), (2, 0.5)], vec![(1, 0.5)], vec![(3, 0.5)]]
    );
}

#[test]
fn everything_a_batch_can_hold_comes_back() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "h"), ("x", &"long".repeat(5000))]));
    let exemplar = Exemplar {
        series,
        labels: labels(&[("trace_id", "abc"), ("span", "s")]),
        timestamp_ms: -5,
        value: -2.5,
    };
    let metadata = Metadata {
        name: "h".to_owned(),
        kind: MetricKind::GaugeHistogram,
        help: "What it is.\nMore.".to_owned(),
        unit: "seconds".to_owned(),
    };
    let mut encoder = Encoder::new();
    for (at, histogram) in [(7, integer_histogram()), (i64::MIN, float_histogram())] {
        let sample = HistogramSample {
            series,
            timestamp_ms: at,
            histogram: Rc::new(histogram),
        };
        encoder.histogram(&table, &sample);
    }
    encoder.exemplar(&table, &exemplar);
    encoder.metadata(&metadata);
    let request = decode(encoder.finish(), &LIMITS).expect("our own bytes");
    assert_eq!(request.metadata, [metadata]);
    let [got] = request.series.as_slice() else {
        panic!("one series: {request:?}")
    };
    assert_eq!(got.exemplars, [(-5, -2.5, exemplar.labels)]);
    assert_eq!(
        got.histograms,
        [(7, integer_histogram()), (i64::MIN, float_histogram())]
    );
    assert_eq!(got.labels.get("x").map(str::len), Some(20_000));
}

#[test]
fn a_cleared_encoder_starts_from_nothing() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "a")]));
    let sample = Sample {
        series,
        timestamp_ms: 1,
        value: 2.0,
    };
    let mut encoder = Encoder::new();
    encoder.sample(&table, sample);
    let first = encoder.finish().to_vec();
    encoder.clear();
    assert!(encoder.is_empty());
    encoder.sample(&table, sample);
    assert_eq!(encoder.finish(), first);
}

#[test]
fn stale_markers_keep_their_bits_and_zeros_lose_their_sign() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "a")]));
    let mut encoder = Encoder::new();
    for (timestamp_ms, value) in [(1, f64::from_bits(STALE_NAN_BITS)), (2, -0.0), (0, 0.0)] {
        encoder.sample(
            &table,
            Sample {
                series,
                timestamp_ms,
                value,
            },
        );
    }
    let request = decode(encoder.finish(), &LIMITS).expect("our own bytes");
    let bits: Vec<_> = request.series[0]
        .samples
        .iter()
        .map(|(t, v)| (*t, v.to_bits()))
        .collect();
    assert_eq!(bits, [(1, STALE_NAN_BITS), (2, 0), (0, 0)]);
}

#[test]
fn labels_that_cannot_be_a_series_are_told_apart() {
    let label = |name: &str, value: &str| {
        let mut label = vec![0x0a, name.len() as u8];
        label.extend_from_slice(name.as_bytes());
        label.extend([0x12, value.len() as u8]);
        label.extend_from_slice(value.as_bytes());
        [vec![0x0a, label.len() as u8], label].concat()
    };
    let check = |labels: &[Vec<u8>], expected: Option<&str>| {
        let series = labels.concat();
        let request = [vec![0x0a, series.len() as u8], series].concat();
        let request = decode(&request, &LIMITS).expect("well-formed");
        assert_eq!(request.series[0].invalid, expected);
    };
    check(&[label("z", "1"), label("__name__", "a")], None);
    check(&[label("z", "1")], Some("no metric name"));
    check(
        &[label("__name__", "a"), label("", "1")],
        Some("empty label name"),
    );
    check(
        &[label("__name__", "a"), label("a", "1"), label("a", "2")],
        Some("label name is given twice"),
    );
}

/// The messages of `labels` one after the other around a sample, and what a walk makes of them.
fn walked(before: &[(&str, &str)], after: &[(&str, &str)]) -> Result<LabelsBuf, DecodeError> {
    let field = |out: &mut Vec<u8>, tag: u8, bytes: &[u8]| {
        out.push(tag);
        stdx::varint::put(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    };
    let label = |out: &mut Vec<u8>, (name, value): &(&str, &str)| {
        let mut inner = Vec::new();
        field(&mut inner, 0x0a, name.as_bytes());
        field(&mut inner, 0x12, value.as_bytes());
        field(out, 0x0a, &inner);
    };
    let mut series = Vec::new();
    before.iter().for_each(|pair| label(&mut series, pair));
    field(&mut series, 0x12, &[0x10, 7]);
    after.iter().for_each(|pair| label(&mut series, pair));
    let mut request = Vec::new();
    field(&mut request, 0x0a, &series);
    let request = decode(&request, &LIMITS)?;
    assert_eq!(request.series[0].samples.len(), 1);
    Ok(request.series[0].labels.clone())
}

#[test]
fn labels_are_found_wherever_they_stand_and_whatever_their_length() {
    let long = "x".repeat(300);
    let all = [("__name__", "m"), ("a", long.as_str()), ("b", "2")];
    for split in 0..=all.len() {
        let (before, after) = all.split_at(split);
        let found = walked(before, after).expect("it is well formed");
        assert_eq!(found, labels(&all), "{split} before the sample");
    }
}

#[test]
fn a_label_that_ends_behind_its_series_is_refused() {
    // A series of four bytes with a label of five.
    let request = [0x0a, 4, 0x0a, 5, 0x0a, 1];
    assert!(decode(&request, &LIMITS).is_err());
}

#[test]
fn limits_stop_a_request_before_it_grows() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "a"), ("b", "c")]));
    let mut encoder = Encoder::new();
    encoder.sample(
        &table,
        Sample {
            series,
            timestamp_ms: 1,
            value: 1.0,
        },
    );
    encoder.sample(
        &table,
        Sample {
            series,
            timestamp_ms: 2,
            value: 1.0,
        },
    );
    let bytes = encoder.finish();
    let check = |limits: Limits, reason: &str| {
        let error = decode(bytes, &limits).expect_err("over the limit");
        assert_eq!(error.reason, reason);
    };
    check(
        Limits {
            series_max: 0,
            ..LIMITS
        },
        "too many series",
    );
    check(
        Limits {
            labels_per_series_max: 1,
            ..LIMITS
        },
        "too many labels",
    );
    check(
        Limits {
            items_max: 1,
            ..LIMITS
        },
        "too many samples",
    );
}

type Series = (Vec<(String, String)>, Vec<(i64, f64)>);

fn any_series() -> impl Strategy<Value = Series> {
    let label = ("[a-z_]{1,12}", "[ -~é✓]{0,40}");
    (vec(label, 0..12), vec((any::<i64>(), any::<f64>()), 1..4))
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(series in vec(any_series(), 0..20)) {
        let mut table = SeriesTable::new(5);
        let mut encoder = Encoder::new();
        let mut expected: Vec<(LabelsBuf, Vec<(i64, u64)>)> = Vec::new();
        for (pairs, samples) in &series {
            let mut labels: LabelsBuf =
                pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            labels.set("__name__", "m");
            let id = table.intern(&labels);
            for &(timestamp_ms, value) in samples {
                let series = id;
                encoder.sample(&table, Sample { series, timestamp_ms, value });
            }
            // Adding zero turns -0 into 0 and leaves everything else alone.
            let samples = samples.iter().map(|(t, v)| (*t, (*v + 0.0).to_bits()));
            match expected.last_mut() {
                Some((last, all)) if *last == labels => all.extend(samples),
                _ => expected.push((labels, samples.collect())),
            }
        }
        let request = decode(encoder.finish(), &LIMITS).expect("our own bytes");
        let got: Vec<(LabelsBuf, Vec<(i64, u64)>)> = request
            .series
            .into_iter()
            .map(|one| (one.labels, one.samples.iter().map(|(t, v)| (*t, v.to_bits())).collect()))
            .collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn any_bytes_decode_or_are_refused_without_a_panic(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(request) = decode(&bytes, &LIMITS) {
            prop_assert!(request.series.len() <= bytes.len() / 2);
        }
    }
}
