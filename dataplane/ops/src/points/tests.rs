//! Sums and differences of points, identities of streams, and taking back what a batch changed.

use batch::otlp::{
    AnyValue, Attributes, Buckets, ExponentialPoint, HistogramPoint, Number, NumberPoint,
};

use super::*;

fn int(value: i64) -> NumberPoint<'static> {
    NumberPoint {
        value: Number::Int(value),
        ..NumberPoint::default()
    }
}

fn exponential(scale: i32, offset: i32, counts: &[u64]) -> ExponentialPoint<'static> {
    ExponentialPoint {
        scale,
        count: counts.iter().sum(),
        sum: Some(1.0),
        positive: Buckets {
            offset,
            bucket_counts: counts.to_vec(),
        },
        ..ExponentialPoint::default()
    }
}

#[test]
fn sums_of_numbers_keep_their_type_and_a_smaller_one_is_a_reset() {
    let mut sum = int(5);
    sum.add(&int(7));
    assert_eq!(sum.value, Number::Int(12));
    assert_eq!(sum.since(&int(10)), Since::Delta(int(2)));
    assert_eq!(int(3).since(&sum), Since::Reset);
}

#[test]
fn histograms_add_by_bucket_and_take_new_bounds_over() {
    let point = |bounds: &[f64], counts: &[u64]| HistogramPoint {
        count: counts.iter().sum(),
        sum: Some(2.0),
        explicit_bounds: bounds.to_vec(),
        bucket_counts: counts.to_vec(),
        ..HistogramPoint::default()
    };
    let mut sum = point(&[1.0], &[1, 2]);
    sum.add(&point(&[1.0], &[3, 4]));
    assert_eq!((sum.count, &*sum.bucket_counts), (10, &[4, 6][..]));
    assert_eq!(sum.sum, Some(4.0));
    let Since::Delta(delta) = sum.since(&point(&[1.0], &[1, 2])) else {
        panic!("no reset");
    };
    assert_eq!((delta.count, &*delta.bucket_counts), (7, &[3, 4][..]));
    let other = point(&[9.0], &[1, 0]);
    assert_eq!(other.since(&sum), Since::Mismatch);
    sum.add(&other);
    assert_eq!(sum.explicit_bounds, [9.0]);
}

#[test]
fn exponential_histograms_add_at_the_lower_scale() {
    let mut sum = exponential(1, 0, &[1, 1, 1, 1]);
    sum.add(&exponential(0, 1, &[5]));
    assert_eq!((sum.scale, sum.positive.offset), (0, 0));
    assert_eq!(sum.positive.bucket_counts, [2, 7]);
    assert_eq!(sum.count, 9);
}

#[test]
fn far_buckets_cost_scale_and_not_memory() {
    let mut sum = exponential(20, i32::MIN, &[1]);
    sum.add(&exponential(20, i32::MAX - 1, &[1]));
    assert!(sum.positive.bucket_counts.len() <= super::exponential::BUCKETS_MAX);
    assert_eq!(sum.positive.bucket_counts.iter().sum::<u64>(), 2);
    let mut sum = exponential(i32::MIN, i32::MIN, &[1]);
    sum.add(&exponential(i32::MAX, i32::MAX - 1, &[1, 1]));
    assert_eq!(sum.positive.bucket_counts.iter().sum::<u64>(), 3);
}

#[test]
fn differences_of_exponential_histograms_coarsen_the_earlier_one() {
    let before = exponential(1, 0, &[1, 1]);
    let now = exponential(0, 0, &[4, 1]);
    let Since::Delta(delta) = now.since(&before) else {
        panic!("no reset");
    };
    assert_eq!(delta.positive.bucket_counts, [2, 1]);
    assert_eq!(before.since(&now), Since::Reset);
}

#[test]
fn values_fall_into_buckets_with_closed_upper_ends() {
    assert_eq!(index_of(1.0, 0), -1);
    assert_eq!(index_of(1.5, 0), 0);
    assert_eq!(index_of(2.0, 0), 0);
    assert_eq!(index_of(4.0, 3), 15);
    assert_eq!(index_of(4.0, -1), 0);
    let mut point = ExponentialPoint {
        scale: 20,
        ..ExponentialPoint::default()
    };
    for value in [0.0, 1.0, 1000.0, 0.001] {
        observe(&mut point, value, 1, 160);
    }
    assert_eq!((point.count, point.zero_count), (4, 1));
    assert!(point.positive.bucket_counts.len() <= 160);
    assert_eq!(point.positive.bucket_counts.iter().sum::<u64>(), 3);
    assert_eq!((point.min, point.max), (Some(0.0), Some(1000.0)));
}

#[test]
fn identities_do_not_depend_on_the_order_of_attributes() {
    let attributes = |pairs: &[(&'static str, &'static str)]| {
        let mut attributes = Attributes::default();
        for (key, value) in pairs {
            attributes.set(*key, AnyValue::from(*value));
        }
        attributes
    };
    let mut identity = Identity::default();
    let left = identity
        .point(&attributes(&[("a", "1"), ("b", "2")]))
        .to_vec();
    let right = identity
        .point(&attributes(&[("b", "2"), ("a", "1")]))
        .to_vec();
    assert_eq!(left, right);
    let other = identity.point(&attributes(&[("a", "1b2")])).to_vec();
    assert_ne!(left, other);
}

#[test]
fn an_undone_batch_leaves_streams_as_they_were() {
    let mut streams = Streams::default();
    streams.set(b"a", 1, 10, &mut Undo::default());
    let mut undo = Undo::default();
    streams.set(b"a", 2, 20, &mut undo);
    streams.set(b"b", 3, 20, &mut undo);
    streams.set(b"a", 4, 20, &mut undo);
    streams.undo(undo);
    assert_eq!((streams.get(b"a"), streams.get(b"b")), (Some(&1), None));
    streams.forget_before(30);
    assert!(streams.is_empty());
}
