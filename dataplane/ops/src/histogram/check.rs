//! Whether a histogram is one that a receiver stores.

use batch::{Counts, Histogram, Span};

use super::buckets::{MISMATCH, absolute};
use super::{Invalid, SCHEMA_CUSTOM, SCHEMA_MAX, SCHEMA_MIN};

/// The first rule that a histogram breaks, if any.
pub fn validate(histogram: &Histogram) -> Result<(), Invalid> {
    match histogram.schema {
        SCHEMA_CUSTOM => custom(histogram)?,
        SCHEMA_MIN..=SCHEMA_MAX => {
            let (positive, negative) = lengths(histogram);
            spans(&histogram.positive_spans, positive)?;
            spans(&histogram.negative_spans, negative)?;
            if !histogram.custom_values.is_empty() {
                let text = "histogram with exponential schema must not have custom bounds";
                return Err(Invalid(text));
            }
        }
        _ => {
            let text = "histogram has an invalid schema, which must be between -4 and 8 for \
                        exponential buckets, or -53 for custom buckets";
            return Err(Invalid(text));
        }
    }
    counts(histogram)
}

fn lengths(histogram: &Histogram) -> (usize, usize) {
    match &histogram.counts {
        Counts::Integer {
            positive_deltas,
            negative_deltas,
            ..
        } => (positive_deltas.len(), negative_deltas.len()),
        Counts::Float {
            positive_counts,
            negative_counts,
            ..
        } => (positive_counts.len(), negative_counts.len()),
    }
}

fn spans(spans: &[Span], buckets: usize) -> Result<(), Invalid> {
    if spans.iter().skip(1).any(|span| span.offset < 0) {
        return Err(Invalid("histogram has a span whose offset is negative"));
    }
    let covered: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
    if covered == buckets as u64 {
        Ok(())
    } else {
        Err(MISMATCH)
    }
}

fn custom(histogram: &Histogram) -> Result<(), Invalid> {
    let bounds = &histogram.custom_values;
    if bounds.iter().any(|bound| bound.is_nan()) {
        return Err(Invalid("histogram custom bounds must not be NaN"));
    }
    if !bounds.is_sorted_by(|left, right| left < right) {
        let text = "histogram custom bounds must be in strictly increasing order";
        return Err(Invalid(text));
    }
    if bounds.last() == Some(&f64::INFINITY) {
        return Err(Invalid("histogram custom bounds must be finite"));
    }
    let (positive, negative) = lengths(histogram);
    if histogram.positive_spans.iter().any(|span| span.offset < 0) {
        return Err(Invalid("histogram has a span whose offset is negative"));
    }
    spans(&histogram.positive_spans, positive)?;
    let reach = |span: &Span| u64::from(span.length) + u64::from(span.offset.unsigned_abs());
    let reach: u64 = histogram.positive_spans.iter().map(reach).sum();
    if (bounds.len() as u64) + 1 < reach {
        return Err(Invalid("histogram custom bounds are too few"));
    }
    let empty_zero = match &histogram.counts {
        Counts::Integer { zero_count, .. } => *zero_count == 0,
        Counts::Float { zero_count, .. } => *zero_count == 0.0,
    };
    if !empty_zero || histogram.zero_threshold != 0.0 {
        let text = "custom buckets: must have zero count and zero threshold of 0";
        return Err(Invalid(text));
    }
    if negative > 0 || !histogram.negative_spans.is_empty() {
        return Err(Invalid("custom buckets: must not have negative buckets"));
    }
    Ok(())
}

const NEGATIVE_BUCKET: Invalid =
    Invalid("histogram has a bucket whose observation count is negative");

fn counts(histogram: &Histogram) -> Result<(), Invalid> {
    match &histogram.counts {
        Counts::Integer {
            count,
            zero_count,
            positive_deltas,
            negative_deltas,
        } => {
            let mut observed = *zero_count;
            for deltas in [positive_deltas, negative_deltas] {
                for bucket in absolute(deltas) {
                    let bucket = u64::try_from(bucket).map_err(|_| NEGATIVE_BUCKET)?;
                    observed = observed.wrapping_add(bucket);
                }
            }
            // Observations of NaN are counted and lie in no bucket.
            if histogram.sum.is_nan() && observed > *count {
                let text = "histogram's observation count should be at least the number of \
                            observations found in the buckets";
                return Err(Invalid(text));
            }
            if !histogram.sum.is_nan() && observed != *count {
                let text = "histogram's observation count should equal the number of \
                            observations found in the buckets (in absence of NaN)";
                return Err(Invalid(text));
            }
        }
        Counts::Float {
            count,
            zero_count,
            positive_counts,
            negative_counts,
        } => {
            let mut buckets = positive_counts.iter().chain(negative_counts);
            if *zero_count < 0.0 || buckets.any(|count| *count < 0.0) {
                return Err(NEGATIVE_BUCKET);
            }
            if *count < 0.0 {
                return Err(Invalid("histogram's observation count is negative"));
            }
        }
    }
    Ok(())
}
