//! Messages of version 2: written and read back, made by hand, and their limits.

use std::rc::Rc;

use batch::{
    Counts, Exemplar, Histogram, HistogramSample, LabelsBuf, Metadata, MetricKind, ResetHint,
    Sample, SeriesId, SeriesTable, Span,
};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::protobuf::{Fields, Value};
use crate::remote_write::visit::{SeriesMetadata, Visit, WireLabels};
use crate::remote_write::{TimeSeries, v1};

const LIMITS: Limits = Limits {
    series_max: 1000,
    labels_per_series_max: 100,
    items_max: 10_000,
};

fn labels(pairs: &[(&str, &str)]) -> LabelsBuf {
    pairs.iter().copied().collect()
}

fn histogram(schema: i32) -> Histogram {
    Histogram {
        schema,
        sum: -1.5,
        zero_threshold: 0.0,
        reset_hint: ResetHint::Unknown,
        positive_spans: vec![Span {
            offset: 1,
            length: 2,
        }],
        negative_spans: Vec::new(),
        counts: Counts::Float {
            count: 4.0,
            zero_count: 0.0,
            positive_counts: vec![1.5, 2.5],
            negative_counts: Vec::new(),
        },
        custom_values: vec![0.5, 1.0],
    }
}

fn gauge(name: &str) -> Metadata {
    Metadata {
        name: name.to_owned(),
        kind: MetricKind::Gauge,
        help: "Some help.".to_owned(),
        unit: "seconds".to_owned(),
    }
}

/// The symbols of a request.
fn symbols_of(bytes: &[u8]) -> Vec<String> {
    let mut symbols = Vec::new();
    let mut fields = Fields::new("request", bytes);
    while let Some((number, value)) = fields.next().expect("our own bytes") {
        if let (4, Value::Bytes(text)) = (number, value) {
            symbols.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    symbols
}

#[test]
fn everything_a_series_has_comes_back() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "a"), ("job", "a")]));
    let native = table.intern(&labels(&[("__name__", "h")]));
    let mut encoder = Encoder::new(7);
    encoder.resume();
    encoder.open(&table, series, Items::Samples, Some(&gauge("a")));
    encoder.sample(1000, 1.5);
    encoder.sample(1000, 0.0);
    encoder.exemplar(&Exemplar {
        series,
        labels: labels(&[("trace_id", "x"), ("empty", "")]),
        timestamp_ms: 999,
        value: 0.25,
    });
    encoder.open(&table, native, Items::Histograms, None);
    encoder.histogram(1001, &histogram(-53));
    let bytes = encoder.finish().to_vec();
    let request = decode(&bytes, &LIMITS).expect("our own bytes");
    let first = TimeSeries {
        labels: labels(&[("__name__", "a"), ("job", "a")]),
        samples: vec![(1000, 1.5), (1000, 0.0)],
        exemplars: vec![(999, 0.25, labels(&[("trace_id", "x")]))],
        metadata: Some(SeriesMetadata {
            kind: MetricKind::Gauge,
            help: "Some help.".into(),
            unit: "seconds".into(),
        }),
        ..TimeSeries::default()
    };
    let second = TimeSeries {
        labels: labels(&[("__name__", "h")]),
        histograms: vec![(1001, histogram(-53))],
        ..TimeSeries::default()
    };
    assert_eq!(request.series, [first, second]);
    let symbols = [
        "",
        "__name__",
        "a",
        "job",
        "Some help.",
        "seconds",
        "trace_id",
        "x",
        "h",
    ];
    assert_eq!(symbols_of(&bytes), symbols);
}

#[test]
fn a_request_starts_over_with_an_empty_table() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "a"), ("b", "c")]));
    let mut encoder = Encoder::new(7);
    let write = |encoder: &mut Encoder| {
        encoder.resume();
        encoder.open(&table, series, Items::Samples, None);
        encoder.sample(5, 1.0);
        encoder.finish().to_vec()
    };
    let first = write(&mut encoder);
    encoder.clear();
    assert!(encoder.is_empty());
    assert_eq!(write(&mut encoder), first);
}

#[test]
fn a_pair_that_took_over_an_id_between_batches_is_not_mistaken_for_the_old_one() {
    let mut table = SeriesTable::new(1);
    let mut encoder = Encoder::new(7);
    let mut names = Vec::new();
    for value in ["one", "two", "three"] {
        let series = table.intern(&labels(&[("__name__", value)]));
        encoder.resume();
        encoder.open(&table, series, Items::Samples, None);
        encoder.sample(1, 1.0);
        table.release(series);
        names.push(labels(&[("__name__", value)]));
    }
    let request = decode(encoder.finish(), &LIMITS).expect("our own bytes");
    let got: Vec<LabelsBuf> = request
        .series
        .into_iter()
        .map(|series| series.labels)
        .collect();
    assert_eq!(got, names);
}

/// Collects the label bytes that a receiver hashes.
#[derive(Default)]
struct Seen {
    labels: Vec<Vec<u8>>,
    problems: Vec<Option<&'static str>>,
}

impl Visit for Seen {
    fn series(&mut self, labels: WireLabels<'_>) -> Result<(), DecodeError> {
        self.labels.push(labels.bytes().to_vec());
        self.problems.push(labels.problem());
        Ok(())
    }

    fn sample(&mut self, _: i64, _: f64) {}
    fn histogram(&mut self, _: i64, _: Histogram) {}
    fn exemplar(&mut self, _: i64, _: f64, _: LabelsBuf) {}
    fn metadata(&mut self, _: Metadata) {}
    fn series_metadata(&mut self, _: SeriesMetadata<'_>) {}
    fn unreadable_exemplar(&mut self, _: &'static str) {}
}

fn seen(bytes: &[u8], type_and_unit_labels: bool) -> Seen {
    let mut seen = Seen::default();
    let options = Options {
        type_and_unit_labels,
    };
    visit(bytes, &LIMITS, &options, &mut seen).expect("a request");
    seen
}

#[test]
fn both_versions_show_a_series_as_the_same_bytes() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "a"), ("é", "\"\n")]));
    let sample = Sample {
        series,
        timestamp_ms: 7,
        value: 1.0,
    };
    let mut first = v1::Encoder::new();
    first.sample(&table, sample);
    let mut seen_first = Seen::default();
    v1::visit(first.finish(), &LIMITS, &mut seen_first).expect("our own bytes");
    let mut second = Encoder::new(7);
    second.open(&table, series, Items::Samples, None);
    second.sample(7, 1.0);
    assert_eq!(seen(second.finish(), false).labels, seen_first.labels);
}

#[test]
fn type_and_unit_become_labels_when_asked_for() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "a"), ("__type__", "own")]));
    let mut encoder = Encoder::new(7);
    encoder.open(&table, series, Items::Samples, Some(&gauge("a")));
    encoder.sample(7, 1.0);
    let bytes = encoder.finish().to_vec();
    let read = |type_and_unit_labels| {
        let mut read = LabelsBuf::new();
        let wire = &seen(&bytes, type_and_unit_labels).labels[0];
        let wire = WireLabels {
            bytes: wire,
            labels_max: 10,
            problem: None,
        };
        assert_eq!(wire.read(&mut read), Ok(None));
        format!("{read:?}")
    };
    assert_eq!(read(false), r#"{__name__="a", __type__="own"}"#);
    let expected = r#"{__name__="a", __type__="gauge", __unit__="seconds"}"#;
    assert_eq!(read(true), expected);
}

/// A request with the symbols "", "__name__", "a" and one series of the given bytes.
fn hand_made(series: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x22\x00\x22\x08__name__\x22\x01a\x2a".to_vec();
    bytes.push(series.len() as u8);
    bytes.extend_from_slice(series);
    bytes
}

const ONE_SAMPLE: &[u8] = &[0x12, 2, 0x10, 5];

fn with_sample(fields: &[u8]) -> Vec<u8> {
    hand_made(&[fields, ONE_SAMPLE].concat())
}

#[test]
fn what_is_wrong_with_a_series_is_told_and_ends_nothing() {
    let cases: [(Vec<u8>, Option<&str>); 8] = [
        (with_sample(&[0x0a, 2, 1, 2]), None),
        // Not packed, and after the sample.
        (hand_made(&[ONE_SAMPLE, &[0x08, 1, 0x08, 2]].concat()), None),
        (
            with_sample(&[0x0a, 2, 1, 3]),
            Some("label refers to a symbol that is not there"),
        ),
        (
            with_sample(&[0x0a, 6, 1, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            Some("label refers to a symbol that is not there"),
        ),
        (
            with_sample(&[0x0a, 1, 1]),
            Some("odd number of label references"),
        ),
        (
            hand_made(&[0x0a, 2, 1, 2]),
            Some("series has neither samples nor histograms"),
        ),
        (
            with_sample(&[0x0a, 2, 1, 2, 0x2a, 2, 0x18, 9]),
            Some("metadata refers to a symbol that is not there"),
        ),
        (with_sample(&[0x0a, 2, 1, 2, 0x2a, 2, 0x08, 1]), None),
    ];
    for (bytes, problem) in cases {
        assert_eq!(seen(&bytes, false).problems, [problem], "{bytes:02x?}");
    }
    // An exemplar whose label refers to nothing.
    let bytes = with_sample(&[0x0a, 2, 1, 2, 0x22, 4, 0x0a, 2, 9, 9]);
    let request = decode(&bytes, &LIMITS).expect("a request");
    assert_eq!(
        request.series[0].unreadable_exemplars,
        ["label refers to a symbol that is not there"]
    );
    assert_eq!(request.series[0].samples, [(5, 0.0)]);
}

#[test]
fn symbols_may_stand_behind_the_series() {
    let mut bytes = vec![0x2a, 8, 0x0a, 2, 1, 2];
    bytes.extend_from_slice(ONE_SAMPLE);
    bytes.extend_from_slice(b"\x22\x00\x22\x08__name__\x22\x01a");
    let request = decode(&bytes, &LIMITS).expect("a request");
    assert_eq!(request.series[0].labels, labels(&[("__name__", "a")]));
}

#[test]
fn limits_stop_a_request_before_it_grows() {
    let bytes = with_sample(&[0x0a, 2, 1, 2]);
    let check = |limits: Limits, reason: &str| {
        let error = decode(&bytes, &limits).expect_err("over the limit");
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
            labels_per_series_max: 0,
            ..LIMITS
        },
        "too many labels",
    );
    check(
        Limits {
            items_max: 2,
            ..LIMITS
        },
        "too many symbols",
    );
    let bytes = hand_made(&[ONE_SAMPLE, ONE_SAMPLE, ONE_SAMPLE, ONE_SAMPLE].concat());
    let error = decode(
        &bytes,
        &Limits {
            items_max: 3,
            ..LIMITS
        },
    )
    .expect_err("over the limit");
    assert_eq!(error.reason, "too many samples");
}

/// A series, its samples, and whether it has metadata.
type Written = (SeriesId, Vec<(i64, f64)>, bool);

fn write(table: &SeriesTable, series: &[Written]) -> Vec<u8> {
    let mut encoder = Encoder::new(3);
    encoder.resume();
    for (id, samples, described) in series {
        let metadata = described.then(|| gauge("m"));
        for (timestamp_ms, value) in samples {
            if !encoder.is_open(*id, Items::Samples) {
                encoder.open(table, *id, Items::Samples, metadata.as_ref());
            }
            encoder.sample(*timestamp_ms, *value);
        }
    }
    encoder.finish().to_vec()
}

type Series = (Vec<(String, String)>, Vec<(i64, f64)>, bool);

fn any_series() -> impl Strategy<Value = Series> {
    let label = ("[a-c_]{1,2}|é{1,200}", "[ -~é✓]{0,3}");
    let samples = vec((any::<i64>(), any::<f64>()), 1..4);
    (vec(label, 0..12), samples, any::<bool>())
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(series in vec(any_series(), 0..20)) {
        let mut table = SeriesTable::new(5);
        let mut written = Vec::new();
        let mut expected: Vec<(LabelsBuf, Vec<(i64, u64)>)> = Vec::new();
        for (pairs, samples, described) in &series {
            let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let mut labels: LabelsBuf = pairs.collect();
            labels.set("__name__", "m");
            written.push((table.intern(&labels), samples.clone(), *described));
            // Adding zero turns -0 into 0 and leaves everything else alone.
            let samples = samples.iter().map(|(t, v)| (*t, (*v + 0.0).to_bits()));
            match expected.last_mut() {
                Some((last, all)) if *last == labels => all.extend(samples),
                _ => expected.push((labels, samples.collect())),
            }
        }
        let bytes = write(&table, &written);
        let symbols = symbols_of(&bytes);
        prop_assert_eq!(symbols[0].as_str(), "");
        let distinct: std::collections::HashSet<&String> = symbols.iter().collect();
        prop_assert_eq!(distinct.len(), symbols.len());
        let request = decode(&bytes, &LIMITS).expect("our own bytes");
        prop_assert!(request.series.iter().all(|series| series.invalid.is_none()));
        let bits = |one: &TimeSeries| one.samples.iter().map(|(t, v)| (*t, v.to_bits())).collect();
        let got: Vec<(LabelsBuf, Vec<(i64, u64)>)> =
            request.series.iter().map(|one| (one.labels.clone(), bits(one))).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn any_bytes_decode_or_are_refused_without_a_panic(
        head in vec(any::<u8>(), 0..100),
        series in vec(any::<u8>(), 0..100),
    ) {
        for bytes in [head.clone(), hand_made(&series), [hand_made(&series), head].concat()] {
            if let Ok(request) = decode(&bytes, &LIMITS) {
                prop_assert!(request.series.len() <= bytes.len() / 2);
            }
        }
    }
}

#[test]
fn a_native_histogram_sample_keeps_its_bytes_in_both_versions() {
    let mut table = SeriesTable::new(1);
    let series = table.intern(&labels(&[("__name__", "h")]));
    let mut first = v1::Encoder::new();
    first.histogram(
        &table,
        &HistogramSample {
            series,
            timestamp_ms: 3,
            histogram: Rc::new(histogram(3)),
        },
    );
    let mut second = Encoder::new(1);
    second.open(&table, series, Items::Histograms, None);
    second.histogram(3, &histogram(3));
    let first = v1::decode(first.finish(), &LIMITS).expect("our own bytes");
    let second = decode(second.finish(), &LIMITS).expect("our own bytes");
    assert_eq!(first.series[0].histograms, second.series[0].histograms);
}
