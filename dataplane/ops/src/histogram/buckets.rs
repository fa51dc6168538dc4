//! Runs of buckets to (index, count) pairs and back.

use batch::{Counts, Histogram, Span};

use super::Invalid;

/// How the buckets of a histogram are written anew.
#[derive(Clone, Copy)]
pub(super) enum Rewrite {
    Compact {
        gap_max: u32,
    },
    /// Each step joins two neighbours.
    Halve {
        steps: u32,
    },
}

/// Writes both sides of a histogram anew. An error leaves it as it was.
pub(super) fn rewrite(histogram: &mut Histogram, how: Rewrite) -> Result<(), Invalid> {
    let positive = &histogram.positive_spans;
    let negative = &histogram.negative_spans;
    let (positive_spans, negative_spans) = match &mut histogram.counts {
        Counts::Integer {
            positive_deltas,
            negative_deltas,
            ..
        } => {
            let (positive, deltas) = side(positive, &absolute(positive_deltas), how)?;
            let (negative, negative_new) = side(negative, &absolute(negative_deltas), how)?;
            *positive_deltas = differences(&deltas);
            *negative_deltas = differences(&negative_new);
            (positive, negative)
        }
        Counts::Float {
            positive_counts,
            negative_counts,
            ..
        } => {
            let (positive, counts) = side(positive, positive_counts, how)?;
            let (negative, negative_new) = side(negative, negative_counts, how)?;
            *positive_counts = counts;
            *negative_counts = negative_new;
            (positive, negative)
        }
    };
    histogram.positive_spans = positive_spans;
    histogram.negative_spans = negative_spans;
    Ok(())
}

/// A count of either kind.
trait Count: Copy + Default + PartialEq {
    fn add(&mut self, other: Self);
}

impl Count for i64 {
    fn add(&mut self, other: i64) {
        *self = self.wrapping_add(other);
    }
}

impl Count for f64 {
    fn add(&mut self, other: f64) {
        *self += other;
    }
}

fn side<T: Count>(
    spans: &[Span],
    counts: &[T],
    how: Rewrite,
) -> Result<(Vec<Span>, Vec<T>), Invalid> {
    let mut pairs = expand(spans, counts)?;
    match how {
        Rewrite::Compact { gap_max } => {
            pairs.retain(|(_, count)| *count != T::default());
            pairs = fill(&pairs, gap_max);
        }
        Rewrite::Halve { steps } => halve(&mut pairs, steps),
    }
    collapse(&pairs)
}

/// The buckets with their indexes, ascending.
fn expand<T: Count>(spans: &[Span], counts: &[T]) -> Result<Vec<(i64, T)>, Invalid> {
    let mut pairs = Vec::with_capacity(counts.len());
    let mut rest = counts;
    let mut index = 0;
    for (number, span) in spans.iter().enumerate() {
        if number > 0 && span.offset < 0 {
            return Err(Invalid("histogram has a span whose offset is negative"));
        }
        index += i64::from(span.offset);
        let len = span.length as usize;
        let (here, after) = rest.split_at_checked(len).ok_or(MISMATCH)?;
        rest = after;
        pairs.extend((index..).zip(here.iter().copied()));
        index += i64::from(span.length);
    }
    if rest.is_empty() {
        Ok(pairs)
    } else {
        Err(MISMATCH)
    }
}

pub(super) const MISMATCH: Invalid =
    Invalid("histogram spans specify different number of buckets than provided");

fn fill<T: Count>(pairs: &[(i64, T)], gap_max: u32) -> Vec<(i64, T)> {
    let mut filled = Vec::with_capacity(pairs.len());
    let mut next = None;
    for (index, count) in pairs {
        if let Some(next) = next
            && index - next <= i64::from(gap_max)
        {
            filled.extend((next..*index).map(|empty| (empty, T::default())));
        }
        filled.push((*index, *count));
        next = Some(index + 1);
    }
    filled
}

/// Bucket `i` of schema `s` lies in bucket `ceil(i / 2)` of schema `s - 1`.
fn halve<T: Count>(pairs: &mut Vec<(i64, T)>, steps: u32) {
    for (index, _) in &mut *pairs {
        *index = ((*index - 1) >> steps) + 1;
    }
    pairs.dedup_by(|(index, count), (kept, sum)| {
        let same = index == kept;
        if same {
            sum.add(*count);
        }
        same
    });
}

fn collapse<T: Count>(pairs: &[(i64, T)]) -> Result<(Vec<Span>, Vec<T>), Invalid> {
    let mut spans: Vec<Span> = Vec::new();
    let mut next = 0;
    for (index, _) in pairs {
        match spans.last_mut() {
            Some(span) if *index == next => span.length += 1,
            _ => {
                let offset = i32::try_from(*index - next);
                let offset = offset.map_err(|_| Invalid("histogram bucket is out of range"))?;
                spans.push(Span { offset, length: 1 });
            }
        }
        next = *index + 1;
    }
    Ok((spans, pairs.iter().map(|(_, count)| *count).collect()))
}

/// Differences between neighbours to counts. Hostile ones may wrap; `validate` refuses what comes
/// of it.
pub(super) fn absolute(deltas: &[i64]) -> Vec<i64> {
    let mut count = 0i64;
    let add = |delta: &i64| {
        count = count.wrapping_add(*delta);
        count
    };
    deltas.iter().map(add).collect()
}

pub(super) fn differences(counts: &[i64]) -> Vec<i64> {
    let mut before = 0i64;
    let subtract = |count: &i64| {
        let delta = count.wrapping_sub(before);
        before = *count;
        delta
    };
    counts.iter().map(subtract).collect()
}
