//! Percentiles of histograms as gauges.

use batch::otlp::{
    Buckets, ExponentialPoint, Gauge, HistogramPoint, Lazy, MetricData, Number, Text,
};

use super::super::item::Metrics;
use super::extract::{Source, named, source};
use crate::ottl::error::Error;
use crate::ottl::text::go_float;

pub(super) fn extract(
    it: &mut Metrics<'_, '_>,
    percentile: f64,
    suffix: &str,
) -> Result<(), Error> {
    let metric = it.metric.get();
    let mut points = Vec::new();
    match &metric.data {
        MetricData::Histogram(histogram) => {
            for point in histogram.points.iter().map(Lazy::get) {
                if let Some(value) = of_histogram(point, percentile)? {
                    points.push(Lazy::new(source!(point).point(Number::Double(value))));
                }
            }
        }
        MetricData::ExponentialHistogram(histogram) => {
            for point in histogram.points.iter().map(Lazy::get) {
                if let Some(value) = of_exponential(point, percentile)? {
                    points.push(Lazy::new(source!(point).point(Number::Double(value))));
                }
            }
        }
        _ => {}
    }
    if points.is_empty() {
        return Ok(());
    }
    let mut made = named(metric, suffix, MetricData::Gauge(Gauge { points }));
    let name = format!("p{}", go_float(percentile));
    made.description = Text::from(match metric.description.is_empty() {
        true => name,
        false => format!("{} ({name})", metric.description),
    });
    it.made.push(Lazy::new(made));
    Ok(())
}

/// How many observations are at or below the percentile.
fn target(count: u64, percentile: f64) -> u64 {
    (count as f64 * (percentile / 100.0)).ceil() as u64
}

fn linear(low: f64, high: f64, ratio: f64) -> Result<f64, Error> {
    match (0.0..=1.0).contains(&ratio) {
        true => Ok(low + ratio * (high - low)),
        false => Err(Error::new(format!(
            "linear interpolation: invalid ratio {ratio:.6}"
        ))),
    }
}

fn unreached() -> Error {
    Error::new("malformed data: the counts of the buckets are below that of the point")
}

/// The percentile of a histogram; nothing of one without observations.
fn of_histogram(point: &HistogramPoint<'_>, percentile: f64) -> Result<Option<f64>, Error> {
    let counts = &point.bucket_counts;
    let bounds = &point.explicit_bounds;
    if point.count == 0 || counts.is_empty() {
        return Ok(None);
    }
    if counts.len() != bounds.len() + 1 {
        return Err(Error::new(format!(
            "malformed data: bucketCounts length ({}) != explicitBounds length ({}) + 1",
            counts.len(),
            bounds.len()
        )));
    }
    let target = target(point.count, percentile);
    if bounds.is_empty() {
        let (Some(min), Some(max)) = (point.min, point.max) else {
            return Ok(None);
        };
        return linear(min, max, target as f64 / counts[0] as f64).map(Some);
    }
    let mut below = 0;
    for (index, &count) in counts.iter().enumerate() {
        if below + count < target {
            below += count;
            continue;
        }
        let (low, high) = match index {
            0 => match point.min {
                Some(min) if min < bounds[0] => (min, bounds[0]),
                _ if bounds[0] < 0.0 => return Ok(Some(bounds[0])),
                _ => (0.0, bounds[0]),
            },
            _ if index < bounds.len() => (bounds[index - 1], bounds[index]),
            _ => match point.max {
                Some(max) if max > bounds[index - 1] => (bounds[index - 1], max),
                _ => return Ok(Some(bounds[index - 1])),
            },
        };
        return linear(low, high, (target - below) as f64 / count as f64).map(Some);
    }
    Err(unreached())
}

fn of_exponential(point: &ExponentialPoint<'_>, percentile: f64) -> Result<Option<f64>, Error> {
    let (negative, positive) = (&point.negative, &point.positive);
    let no_buckets = negative.bucket_counts.is_empty() && positive.bucket_counts.is_empty();
    if point.count == 0 || (no_buckets && point.zero_count == 0) {
        return Ok(None);
    }
    let target = target(point.count, percentile);
    let mut below = 0;
    for (index, &count) in negative.bucket_counts.iter().enumerate().rev() {
        if below + count >= target {
            let ratio = 1.0 - (target - below) as f64 / count as f64;
            let value = logarithmic(negative, index, point.scale, ratio)?;
            return Ok(Some(-value));
        }
        below += count;
    }
    if below + point.zero_count >= target {
        let (mut low, mut high) = (-point.zero_threshold, point.zero_threshold);
        if negative.bucket_counts.is_empty() && !positive.bucket_counts.is_empty() {
            low = 0.0;
        } else if positive.bucket_counts.is_empty() && !negative.bucket_counts.is_empty() {
            high = 0.0;
        }
        let ratio = (target - below) as f64 / point.zero_count as f64;
        return linear(low, high, ratio).map(Some);
    }
    below += point.zero_count;
    for (index, &count) in positive.bucket_counts.iter().enumerate() {
        if below + count >= target {
            let ratio = (target - below) as f64 / count as f64;
            return logarithmic(positive, index, point.scale, ratio).map(Some);
        }
        below += count;
    }
    Err(unreached())
}

/// A place inside a bucket, by the logarithms of its bounds.
fn logarithmic(buckets: &Buckets<'_>, index: usize, scale: i32, ratio: f64) -> Result<f64, Error> {
    if !(0.0..=1.0).contains(&ratio) {
        let message = format!("logarithmic interpolation: invalid ratio {ratio:.6}");
        return Err(Error::new(message));
    }
    let index = i64::from(buckets.offset) + index as i64;
    let (low, high) = (bound(index, scale), bound(index + 1, scale));
    if !(low > 0.0 && high > 0.0) {
        let message = "logarithmic interpolation: bounds must be positive";
        return Err(Error::new(message));
    }
    let (low, high) = (low.log2(), high.log2());
    Ok((low + (high - low) * ratio).exp2())
}

/// The lower bound of an exponential bucket.
pub(super) fn bound(index: i64, scale: i32) -> f64 {
    // 2^(index / 2^scale), as Go computes it on either side of zero.
    if scale <= 0 {
        let exponent = index as f64 * f64::from(-scale).exp2();
        return exponent.exp2();
    }
    (index as f64 * (std::f64::consts::LN_2 * f64::from(-scale).exp2())).exp()
}
