//! Native histograms: what is refused, and what coarsening and conversion keep.

use batch::{Counts, Histogram, ResetHint, Span};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn spans(text: &str) -> Vec<Span> {
    let span = |pair: &str| {
        let (offset, length) = pair.split_once(':').expect("offset:length");
        Span {
            offset: offset.parse().expect("an offset"),
            length: length.parse().expect("a length"),
        }
    };
    text.split_whitespace().map(span).collect()
}

/// A histogram of one side with integer counts.
fn integer(schema: i32, positive: &str, deltas: &[i64]) -> Histogram {
    let counts = buckets::absolute(deltas);
    Histogram {
        schema,
        sum: 1.0,
        zero_threshold: 0.0,
        reset_hint: ResetHint::Unknown,
        positive_spans: spans(positive),
        negative_spans: Vec::new(),
        counts: Counts::Integer {
            count: counts
                .iter()
                .fold(0, |sum: u64, count| sum.wrapping_add(count.cast_unsigned())),
            zero_count: 0,
            positive_deltas: deltas.to_vec(),
            negative_deltas: Vec::new(),
        },
        custom_values: Vec::new(),
    }
}

/// `offset:length ... | delta ...`
fn shown(histogram: &Histogram) -> String {
    let spans: Vec<String> = histogram
        .positive_spans
        .iter()
        .map(|span| format!("{}:{}", span.offset, span.length))
        .collect();
    let counts: Vec<String> = match &histogram.counts {
        Counts::Integer {
            positive_deltas, ..
        } => positive_deltas.iter().map(ToString::to_string).collect(),
        Counts::Float {
            positive_counts, ..
        } => positive_counts.iter().map(ToString::to_string).collect(),
    };
    format!("{} | {}", spans.join(" "), counts.join(" "))
}

#[test]
fn compacting_leaves_out_empty_buckets_but_short_gaps() {
    let cases: [(&str, &[i64], u32, &str); 8] = [
        ("0:2 1:2", &[2, 1, -2, 3], 0, "0:2 1:2 | 2 1 -2 3"),
        ("0:2 1:2", &[2, 1, -2, 3], 1, "0:5 | 2 1 -3 1 3"),
        // Counts 0 0 5 0 0 0 1 0.
        ("-3:8", &[0, 0, 5, -5, 0, 0, 1, -1], 0, "-1:1 3:1 | 5 -4"),
        ("-3:8", &[0, 0, 5, -5, 0, 0, 1, -1], 3, "-1:5 | 5 -5 0 0 1"),
        ("-3:8", &[0, 0, 5, -5, 0, 0, 1, -1], 2, "-1:1 3:1 | 5 -4"),
        ("0:0", &[], 0, " | "),
        ("2:1 0:1 3:0 1:1", &[1, 0, 0], 0, "2:2 4:1 | 1 0 0"),
        ("0:2", &[0, 0], 2, " | "),
    ];
    for (text, deltas, gap_max, expected) in cases {
        let mut histogram = integer(0, text, deltas);
        compact(&mut histogram, gap_max).expect("a sound histogram");
        assert_eq!(shown(&histogram), expected, "{text} {deltas:?} {gap_max}");
    }
}

#[test]
fn reducing_joins_neighbours_and_keeps_gaps() {
    // Indexes 0 1, 4 5 6 with counts 2 3, 1 4 1: halved 0 1, 2 3 with 2 3, 1 5.
    let mut histogram = integer(2, "0:2 2:3", &[2, 1, -2, 3, -3]);
    reduce(&mut histogram, 1).expect("sound");
    assert_eq!(shown(&histogram), "0:4 | 2 1 -2 4");
    assert_eq!(histogram.schema, 1);
    reduce(&mut histogram, -1).expect("sound");
    assert_eq!(shown(&histogram), "0:2 | 2 7");

    let mut histogram = integer(0, "-5:1 10:1", &[1, 2]);
    reduce(&mut histogram, -1).expect("sound");
    // -5 goes to -2, 6 to 3.
    assert_eq!(shown(&histogram), "-2:1 4:1 | 1 2");
}

#[test]
fn a_bucket_limit_lowers_the_schema_until_it_cannot_go_lower() {
    let mut histogram = integer(3, "1:8", &[1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(fit(&mut histogram, 3), Ok(true));
    assert_eq!((histogram.schema, bucket_count(&histogram)), (1, 2));
    let mut wide = integer(-4, "0:1 9:1", &[1, 0]);
    assert_eq!(fit(&mut wide, 1), Ok(false));
    let mut custom = integer(SCHEMA_CUSTOM, "0:3", &[1, 0, 0]);
    assert_eq!(fit(&mut custom, 2), Ok(false));
}

#[test]
fn the_bucket_factor_names_the_finest_schema() {
    let cases = [
        (0.0, 8),
        (1.0, 8),
        (f64::NAN, 8),
        (1.00271, 8),
        (1.1, 2),
        (2.0, 0),
        (4.0, -1),
        (65536.0, -4),
        (1e9, -4),
    ];
    for (factor, schema) in cases {
        assert_eq!(schema_max(factor), schema, "{factor}");
    }
}

#[test]
fn finer_schemas_than_receivers_store_are_lowered() {
    let mut histogram = integer(10, "4:4", &[1, 0, 0, 0]);
    limit_schema(&mut histogram, SCHEMA_MAX).expect("sound");
    assert_eq!(histogram.schema, 8);
    let mut custom = integer(SCHEMA_CUSTOM, "0:1", &[1]);
    limit_schema(&mut custom, SCHEMA_MAX).expect("left alone");
    assert_eq!(custom.schema, SCHEMA_CUSTOM);
}

#[test]
fn histograms_that_receivers_refuse_are_invalid() {
    let good = integer(0, "0:2", &[1, 1]);
    assert_eq!(validate(&good), Ok(()));
    let check = |change: &dyn Fn(&mut Histogram), part: &str| {
        let mut bad = good.clone();
        change(&mut bad);
        let error = validate(&bad).expect_err(part);
        assert!(error.0.contains(part), "{error}: {part}");
    };
    check(&|bad| bad.schema = 9, "invalid schema");
    check(&|bad| bad.positive_spans = spans("0:1"), "different number");
    check(
        &|bad| bad.positive_spans = spans("0:1 -1:1"),
        "offset is negative",
    );
    check(
        &|bad| bad.custom_values = vec![1.0],
        "must not have custom bounds",
    );
    check(
        &|bad| bad.counts = integer(0, "", &[3, -4]).counts,
        "bucket whose observation",
    );
    check(
        &|bad| {
            if let Counts::Integer { count, .. } = &mut bad.counts {
                *count += 1;
            }
        },
        "should equal",
    );
    check(
        &|bad| {
            bad.sum = f64::NAN;
            if let Counts::Integer { count, .. } = &mut bad.counts {
                *count = 1;
            }
        },
        "at least",
    );
}

#[test]
fn custom_buckets_have_rules_of_their_own() {
    let mut good = integer(SCHEMA_CUSTOM, "0:3", &[1, 0, 0]);
    good.custom_values = vec![0.5, 1.0];
    assert_eq!(validate(&good), Ok(()));
    let check = |bounds: &[f64], part: &str| {
        let bad = Histogram {
            custom_values: bounds.to_vec(),
            ..good.clone()
        };
        let error = validate(&bad).expect_err(part);
        assert!(error.0.contains(part), "{error}: {part}");
    };
    check(&[0.5], "too few");
    check(&[1.0, 1.0], "increasing");
    check(&[1.0, f64::NAN], "NaN");
    check(&[1.0, f64::INFINITY], "finite");
    let mut zero = good.clone();
    zero.zero_threshold = 0.1;
    assert!(validate(&zero).is_err());
}

fn classic(buckets: &[(f64, f64)], count: Option<f64>) -> Result<Histogram, Invalid> {
    let mut classic = Classic::default();
    for (bound, cumulative) in buckets {
        classic.bucket(*bound, *cumulative);
    }
    if let Some(count) = count {
        classic.count(count);
    }
    classic.sum(12.5);
    classic.convert()
}

const INF: f64 = f64::INFINITY;

#[test]
fn a_classic_histogram_becomes_one_with_custom_buckets() {
    let histogram = classic(&[(0.1, 3.0), (1.0, 7.0), (INF, 9.0)], Some(9.0)).expect("sound");
    assert_eq!(shown(&histogram), "0:3 | 3 1 -2");
    assert_eq!(histogram.custom_values, [0.1, 1.0]);
    assert_eq!((histogram.schema, histogram.sum), (SCHEMA_CUSTOM, 12.5));
    assert_eq!(validate(&histogram), Ok(()));
    // Out of order, without +Inf, a bound twice.
    let buckets = [(1.0, 7.0), (0.1, 3.0), (1.0, 8.0)];
    assert_eq!(classic(&buckets, Some(9.0)), Ok(histogram));
    // Without a count, the largest bucket has them all.
    let histogram = classic(&[(1.0, 2.0), (2.0, 4.0)], None).expect("sound");
    assert_eq!(shown(&histogram), "0:2 | 2 0");
    assert_eq!(histogram.custom_values, [1.0, 2.0]);
}

#[test]
fn fractions_make_a_float_histogram() {
    let histogram = classic(&[(1.0, 1.5), (2.0, 1.5), (INF, 4.0)], Some(4.0)).expect("sound");
    assert_eq!(shown(&histogram), "0:1 1:1 | 1.5 2.5");
}

#[test]
fn inconsistent_classic_histograms_are_not_converted() {
    assert_eq!(
        classic(&[(1.0, 2.0), (2.0, 1.0)], None),
        Err(NOT_CUMULATIVE_TEXT)
    );
    assert!(classic(&[(2.0, 1.0), (1.0, 2.0)], None).is_err());
    assert!(classic(&[(1.0, -2.0)], None).is_err());
    assert!(classic(&[(INF, 2.0)], Some(3.0)).is_err());
    assert!(classic(&[], Some(-1.0)).is_err());
}

const NOT_CUMULATIVE_TEXT: Invalid = Invalid("bucket counts are not cumulative");

#[test]
fn a_histogram_used_twice_begins_empty() {
    let mut one = Classic::default();
    one.bucket(1.0, 2.0);
    one.bucket(2.0, 1.0);
    assert!(one.convert().is_err());
    one.clear();
    one.count(0.0);
    let empty = one.convert().expect("sound");
    assert_eq!(shown(&empty), " | ");
    assert_eq!(validate(&empty), Ok(()));
}

proptest! {
    #[test]
    fn compacting_and_reducing_lose_no_observation(
        counts in vec(0i64..4, 0..40),
        offset in -100i32..100,
        gap_max in 0u32..4,
        steps in 1i32..5,
    ) {
        let text = format!("{offset}:{}", counts.len());
        let deltas = buckets::differences(&counts);
        let mut histogram = integer(4, &text, &deltas);
        compact(&mut histogram, gap_max).expect("sound");
        prop_assert_eq!(validate(&histogram), Ok(()));
        reduce(&mut histogram, 4 - steps).expect("sound");
        prop_assert_eq!(validate(&histogram), Ok(()));
    }

    #[test]
    fn spans_that_do_not_fit_are_refused_without_a_panic(
        spans in vec((-3i32..1000, 0u32..5), 0..6),
        deltas in vec(any::<i64>(), 0..8),
        shift in 0u32..20,
    ) {
        let mut histogram = integer(5, "", &[]);
        let span = |(offset, length): (i32, u32)| Span { offset: offset << shift, length };
        histogram.positive_spans = spans.into_iter().map(span).collect();
        histogram.counts = Counts::Integer {
            count: 1, zero_count: 0, positive_deltas: deltas, negative_deltas: Vec::new(),
        };
        let valid = validate(&histogram).is_ok();
        let compacted = compact(&mut histogram.clone(), 2).is_ok();
        let reduced = fit(&mut histogram, 1).is_ok();
        prop_assert!(!valid || (compacted && reduced));
    }
}
