//! Buckets of OTLP, which are dense, as spans of Prometheus, which leave gaps out.

use batch::otlp::{Buckets, ExponentialPoint, HistogramPoint};
use batch::{Counts, Histogram, ResetHint, STALE_NAN, STALE_NAN_BITS, Span};

use crate::histogram::{SCHEMA_CUSTOM, SCHEMA_MAX, SCHEMA_MIN};
use crate::points::NO_VALUE;

/// What counts as zero: OTLP's threshold is not used, as in the reference.
const ZERO_THRESHOLD: f64 = 1e-128;

/// Empty buckets that are written out rather than begin a new span.
const GAP_MAX: i64 = 2;

/// The native histogram of an exponential one; none if its scale is below what there is.
pub(super) fn native(point: &ExponentialPoint<'_>) -> Option<Histogram> {
    if point.scale < SCHEMA_MIN {
        return None;
    }
    let steps = (point.scale - SCHEMA_MAX).clamp(0, 63);
    let dense = |buckets: &Buckets<'_>| -> Vec<(i64, u64)> {
        let counts = buckets.bucket_counts.iter().enumerate();
        // Bucket 0 of OTLP is bucket 1 of Prometheus: one counts by lower ends, one by upper ends.
        let place = |index: usize| ((i64::from(buckets.offset) + index as i64) >> steps) + 1;
        counts
            .map(|(index, count)| (place(index), *count))
            .collect()
    };
    let (positive_spans, positive_deltas) = spans(&dense(&point.positive));
    let (negative_spans, negative_deltas) = spans(&dense(&point.negative));
    let stale = point.flags & NO_VALUE != 0;
    Some(Histogram {
        schema: point.scale.min(SCHEMA_MAX),
        sum: if stale {
            STALE_NAN
        } else {
            point.sum.unwrap_or(0.0)
        },
        zero_threshold: ZERO_THRESHOLD,
        reset_hint: ResetHint::Unknown,
        positive_spans,
        negative_spans,
        counts: Counts::Integer {
            count: if stale { STALE_NAN_BITS } else { point.count },
            zero_count: point.zero_count,
            positive_deltas,
            negative_deltas,
        },
        custom_values: Vec::new(),
    })
}

/// The native histogram with custom buckets of one with explicit bounds; none if there are not as
/// many buckets as bounds ask for.
pub(super) fn custom(point: &HistogramPoint<'_>) -> Option<Histogram> {
    if point.explicit_bounds.len() + 1 != point.bucket_counts.len() {
        return None;
    }
    let counts = point.bucket_counts.iter().enumerate();
    let dense: Vec<(i64, u64)> = counts
        .map(|(index, count)| (index as i64, *count))
        .skip_while(|(_, count)| *count == 0)
        .collect();
    let (positive_spans, positive_deltas) = spans(&dense);
    let stale = point.flags & NO_VALUE != 0;
    Some(Histogram {
        schema: SCHEMA_CUSTOM,
        sum: if stale {
            STALE_NAN
        } else {
            point.sum.unwrap_or(0.0)
        },
        zero_threshold: 0.0,
        reset_hint: ResetHint::Unknown,
        positive_spans,
        negative_spans: Vec::new(),
        counts: Counts::Integer {
            count: if stale { STALE_NAN_BITS } else { point.count },
            zero_count: 0,
            positive_deltas,
            negative_deltas: Vec::new(),
        },
        custom_values: point.explicit_bounds.clone(),
    })
}

/// Spans and deltas of buckets in ascending order; those of equal place are one. Empty buckets are
/// gaps, but for one at the end.
fn spans(buckets: &[(i64, u64)]) -> (Vec<Span>, Vec<i64>) {
    let (Some((first, _)), Some((last, _))) = (buckets.first(), buckets.last()) else {
        return (Vec::new(), Vec::new());
    };
    let mut layout = Layout {
        spans: vec![Span {
            offset: *first as i32,
            length: 0,
        }],
        deltas: Vec::new(),
        before: 0,
        next: *first,
    };
    let (mut place, mut count) = (*first, 0u64);
    for (next, more) in buckets {
        if *next != place && count > 0 {
            layout.push(place, count);
            count = 0;
        }
        place = *next;
        count = count.saturating_add(*more);
    }
    layout.push(*last, count);
    (layout.spans, layout.deltas)
}

struct Layout {
    spans: Vec<Span>,
    deltas: Vec<i64>,
    before: i64,
    /// The place behind the last bucket.
    next: i64,
}

impl Layout {
    fn push(&mut self, place: i64, count: u64) {
        let gap = place - self.next;
        if gap > GAP_MAX {
            self.spans.push(Span {
                offset: gap as i32,
                length: 0,
            });
        } else {
            for _ in 0..gap {
                self.append(0);
            }
        }
        self.append(count as i64);
        self.next = place + 1;
    }

    fn append(&mut self, count: i64) {
        let span = self.spans.last_mut().expect("there is a first span");
        span.length += 1;
        self.deltas.push(count.wrapping_sub(self.before));
        self.before = count;
    }
}
