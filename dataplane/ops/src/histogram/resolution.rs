//! Fewer and wider buckets.

use batch::Histogram;

use super::buckets::{Rewrite, rewrite};
use super::{
    Invalid, SCHEMA_MAX, SCHEMA_MIN, SCHEMA_RESERVED_MAX, bucket_count, has_custom_buckets,
};

/// Lowers the schema of a histogram with exponential buckets.
pub fn reduce(histogram: &mut Histogram, schema: i32) -> Result<(), Invalid> {
    assert!(
        schema < histogram.schema && !has_custom_buckets(histogram),
        "only exponential buckets become wider"
    );
    let steps = histogram.schema.abs_diff(schema);
    rewrite(histogram, Rewrite::Halve { steps })?;
    histogram.schema = schema;
    Ok(())
}

/// Lowers the schema to `schema` if it is above.
pub fn limit_schema(histogram: &mut Histogram, schema: i32) -> Result<(), Invalid> {
    if schema < histogram.schema && histogram.schema <= SCHEMA_RESERVED_MAX {
        reduce(histogram, schema)?;
    }
    Ok(())
}

/// Lowers the schema until there are at most `buckets_max` buckets; false when that cannot be.
pub fn fit(histogram: &mut Histogram, buckets_max: usize) -> Result<bool, Invalid> {
    while bucket_count(histogram) > buckets_max {
        if histogram.schema <= SCHEMA_MIN || histogram.schema > SCHEMA_MAX {
            return Ok(false);
        }
        let coarser = histogram.schema - 1;
        reduce(histogram, coarser)?;
    }
    Ok(true)
}

/// The finest schema whose buckets grow at least by this factor.
#[must_use]
pub fn schema_max(bucket_factor: f64) -> i32 {
    if bucket_factor.is_nan() || bucket_factor <= 1.0 {
        return SCHEMA_MAX;
    }
    let schema = (-bucket_factor.log2().log2()).floor();
    schema.clamp(f64::from(SCHEMA_MIN), f64::from(SCHEMA_MAX)) as i32
}
