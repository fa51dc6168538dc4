//! Points of exponential histograms: bucket `i` at a scale holds what is above `base^i` up to
//! `base^(i+1)`, where `base` is `2^(2^-scale)`. One step of scale down joins buckets in pairs.

use batch::otlp::{Attributes, Buckets, ExponentialPoint};

use super::histogram::both;
use super::{Point, Since, State, times};

/// Limit: buckets of each sign that a sum may have; beyond, the scale goes down. The same as in the
/// SDKs, and what keeps two points with far buckets from taking all memory.
pub const BUCKETS_MAX: usize = 160;

/// The finest scale, at which SDKs begin.
pub const SCALE_MAX: i32 = 20;

/// Scales of OTLP SDKs end here; below, every value is in one of two buckets.
const SCALE_MIN: i32 = -10;

impl<'a> Point<'a> for ExponentialPoint<'a> {
    type State = ExponentialPoint<'static>;

    fn attributes(&self) -> &Attributes<'a> {
        &self.attributes
    }

    fn state(&self) -> ExponentialPoint<'static> {
        ExponentialPoint {
            start_unix_nano: self.start_unix_nano,
            time_unix_nano: self.time_unix_nano,
            count: self.count,
            sum: self.sum,
            scale: self.scale,
            zero_count: self.zero_count,
            positive: own(&self.positive),
            negative: own(&self.negative),
            min: self.min,
            max: self.max,
            zero_threshold: self.zero_threshold,
            ..ExponentialPoint::default()
        }
    }

    fn set_state(&mut self, state: &ExponentialPoint<'static>) {
        self.start_unix_nano = state.start_unix_nano;
        self.time_unix_nano = state.time_unix_nano;
        self.count = state.count;
        self.sum = state.sum;
        self.scale = state.scale;
        self.zero_count = state.zero_count;
        self.positive = own(&state.positive);
        self.negative = own(&state.negative);
        self.min = state.min;
        self.max = state.max;
        self.zero_threshold = state.zero_threshold;
    }
}

fn own<'a>(buckets: &Buckets<'_>) -> Buckets<'a> {
    Buckets {
        offset: buckets.offset,
        bucket_counts: buckets.bucket_counts.clone(),
    }
}

impl State for ExponentialPoint<'static> {
    times!();

    fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        let threshold = self.zero_threshold.max(other.zero_threshold);
        widen_zero(self, threshold);
        widen_zero(&mut other, threshold);
        let mut scale = self.scale.min(other.scale);
        while scale > SCALE_MIN && !fits(self, &other, scale) {
            scale -= 1;
        }
        rescale(self, scale);
        rescale(&mut other, scale);
        merge(&mut self.positive, &other.positive);
        merge(&mut self.negative, &other.negative);
        self.count = self.count.saturating_add(other.count);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        self.sum = both(self.sum, other.sum, |left, right| left + right);
        self.min = both(self.min, other.min, f64::min);
        self.max = both(self.max, other.max, f64::max);
    }

    fn since(&self, before: &Self) -> Since<Self> {
        // Over time, zero thresholds only grow and scales only shrink.
        if self.count < before.count
            || self.zero_threshold < before.zero_threshold
            || self.scale > before.scale
        {
            return Since::Reset;
        }
        let mut before = before.clone();
        widen_zero(&mut before, self.zero_threshold);
        rescale(&mut before, self.scale);
        Since::Delta(ExponentialPoint {
            count: self.count - before.count,
            sum: both(self.sum, before.sum, |now, before| now - before),
            zero_count: self.zero_count.saturating_sub(before.zero_count),
            positive: subtract(&self.positive, &before.positive),
            negative: subtract(&self.negative, &before.negative),
            min: None,
            max: None,
            ..self.clone()
        })
    }
}

/// The bucket of a value above zero.
#[must_use]
pub fn index_of(value: f64, scale: i32) -> i32 {
    let exponent = value.log2();
    if scale <= 0 {
        // The bucket's upper bound belongs to it: a power of two is in the bucket below.
        return (exponent.ceil() as i32 - 1) >> (-scale).min(31);
    }
    (exponent * f64::from(scale).exp2()).ceil() as i32 - 1
}

/// Counts a value, `times` times; the scale goes down as far as `buckets_max` asks for.
pub fn observe(point: &mut ExponentialPoint<'static>, value: f64, times: u64, buckets_max: usize) {
    point.count = point.count.saturating_add(times);
    point.sum = Some(point.sum.unwrap_or(0.0) + value * times as f64);
    point.min = Some(point.min.map_or(value, |min| min.min(value)));
    point.max = Some(point.max.map_or(value, |max| max.max(value)));
    if value == 0.0 || !value.is_finite() {
        point.zero_count = point.zero_count.saturating_add(times);
        return;
    }
    let mut index = index_of(value.abs(), point.scale);
    let mut scale = point.scale;
    let buckets = if value > 0.0 {
        &point.positive
    } else {
        &point.negative
    };
    while scale > SCALE_MIN && !reaches(buckets, point.scale - scale, index, buckets_max) {
        scale -= 1;
        index = index_of(value.abs(), scale);
    }
    rescale(point, scale);
    let buckets = match value > 0.0 {
        true => &mut point.positive,
        false => &mut point.negative,
    };
    let one = Buckets {
        offset: index,
        bucket_counts: vec![times],
    };
    merge(buckets, &one);
}

/// Whether buckets, after so many steps of scale down, and one more bucket are few enough.
fn reaches(buckets: &Buckets<'_>, steps: i32, index: i32, buckets_max: usize) -> bool {
    let Some((low, high)) = range(buckets, steps) else {
        return true;
    };
    let index = i64::from(index);
    high.max(index) - low.min(index) < buckets_max as i64
}

/// The lowest and the highest bucket after so many steps of scale down.
fn range(buckets: &Buckets<'_>, steps: i32) -> Option<(i64, i64)> {
    let last = buckets.bucket_counts.len().checked_sub(1)?;
    let low = i64::from(buckets.offset);
    let high = low + last as i64;
    let steps = steps.clamp(0, 63);
    Some((low >> steps, high >> steps))
}

fn fits(left: &ExponentialPoint<'_>, right: &ExponentialPoint<'_>, scale: i32) -> bool {
    let of = |left: &Buckets<'_>, left_steps, right: &Buckets<'_>, right_steps| match (
        range(left, left_steps),
        range(right, right_steps),
    ) {
        (Some((low, high)), Some((other_low, other_high))) => {
            high.max(other_high) - low.min(other_low) < BUCKETS_MAX as i64
        }
        _ => true,
    };
    let (left_steps, right_steps) = (
        left.scale.saturating_sub(scale),
        right.scale.saturating_sub(scale),
    );
    of(&left.positive, left_steps, &right.positive, right_steps)
        && of(&left.negative, left_steps, &right.negative, right_steps)
}

/// Goes down to a scale.
fn rescale(point: &mut ExponentialPoint<'_>, scale: i32) {
    let steps = point.scale.saturating_sub(scale);
    if steps <= 0 {
        return;
    }
    join(&mut point.positive, steps);
    join(&mut point.negative, steps);
    point.scale = scale;
}

fn join(buckets: &mut Buckets<'_>, steps: i32) {
    let Some((low, high)) = range(buckets, steps) else {
        return;
    };
    let mut counts = vec![0u64; (high - low + 1) as usize];
    for (index, count) in buckets.bucket_counts.iter().enumerate() {
        let at = (i64::from(buckets.offset) + index as i64) >> steps.clamp(0, 63);
        let count_there = &mut counts[(at - low) as usize];
        *count_there = count_there.saturating_add(*count);
    }
    buckets.offset = low as i32;
    buckets.bucket_counts = counts;
}

/// Adds buckets of the same scale. What is too far apart even at the lowest scale cannot be: it
/// joins the nearest end.
fn merge(into: &mut Buckets<'_>, other: &Buckets<'_>) {
    let Some((other_low, other_high)) = range(other, 0) else {
        return;
    };
    let Some((low, high)) = range(into, 0) else {
        into.offset = other.offset;
        into.bucket_counts.clone_from(&other.bucket_counts);
        return;
    };
    let (low, high) = match high.max(other_high) - low.min(other_low) < RANGE_MAX {
        true => (low.min(other_low), high.max(other_high)),
        false => (low, high),
    };
    let mut counts = vec![0u64; (high - low + 1) as usize];
    for (offset, list) in [
        (into.offset, &into.bucket_counts),
        (other.offset, &other.bucket_counts),
    ] {
        for (index, count) in list.iter().enumerate() {
            let at = (i64::from(offset) + index as i64).clamp(low, high);
            let count_there = &mut counts[(at - low) as usize];
            *count_there = count_there.saturating_add(*count);
        }
    }
    into.offset = low as i32;
    into.bucket_counts = counts;
}

/// Limit: buckets of a sum whose parts came with far offsets at the lowest scale, which no finite
/// number has.
const RANGE_MAX: i64 = 1 << 16;

/// The counts that are not in `before`. Both have one scale.
fn subtract(now: &Buckets<'_>, before: &Buckets<'_>) -> Buckets<'static> {
    let shift = i64::from(now.offset) - i64::from(before.offset);
    let counts = now.bucket_counts.iter().enumerate().map(|(index, count)| {
        let at = usize::try_from(index as i64 + shift).ok();
        let there = at.and_then(|at| before.bucket_counts.get(at));
        count.saturating_sub(there.copied().unwrap_or(0))
    });
    Buckets {
        offset: now.offset,
        bucket_counts: counts.collect(),
    }
}

/// Counts what is below the threshold as zero.
fn widen_zero(point: &mut ExponentialPoint<'_>, threshold: f64) {
    if threshold <= point.zero_threshold {
        return;
    }
    let last = i64::from(index_of(threshold, point.scale));
    for buckets in [&mut point.positive, &mut point.negative] {
        let below = (last + 1 - i64::from(buckets.offset)).max(0) as usize;
        let below = below.min(buckets.bucket_counts.len());
        let counts = buckets.bucket_counts.drain(..below);
        let zero = counts.fold(0, u64::saturating_add);
        point.zero_count = point.zero_count.saturating_add(zero);
        buckets.offset = buckets.offset.saturating_add(below as i32);
    }
    point.zero_threshold = threshold;
}
