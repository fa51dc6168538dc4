//! Buckets of histograms: fewer of them, and explicit ones of exponential ones.

use batch::otlp::{ExponentialPoint, Histogram, HistogramPoint, Lazy, Metric, MetricData};

use crate::ottl::error::Error;
use crate::ottl::functions::{Distribution, most_buckets};
use crate::ottl::value::Value;

type Target<'t, 'a> = &'t mut Lazy<'a, Metric<'a>>;

/// The histogram point at a place, if it is one whose buckets fit its bounds.
fn histogram<'p, 'a>(
    metric: &'p mut Lazy<'a, Metric<'a>>,
    at: usize,
) -> Option<&'p mut HistogramPoint<'a>> {
    match &metric.get().data {
        MetricData::Histogram(it) => {
            let point = it.points.get(at)?.get();
            if point.explicit_bounds.len() + 1 != point.bucket_counts.len() {
                return None;
            }
        }
        _ => return None,
    }
    match &mut metric.get_mut().data {
        MetricData::Histogram(it) => Some(it.points.get_mut(at)?.get_mut()),
        _ => None,
    }
}

fn number(value: &Value<'_>) -> Result<f64, Error> {
    match value {
        Value::Float(value) => Ok(*value),
        _ => Err(Error::new("target_value must not be nil")),
    }
}

/// Merges the buckets on both sides of a bound.
pub(super) fn remove_bound(
    metric: Target<'_, '_>,
    at: usize,
    value: &Value<'_>,
) -> Result<(), Error> {
    const SAME: f64 = 1e-12;
    let bound = number(value)?;
    let Some(point) = histogram(metric, at) else {
        return Ok(());
    };
    let bounds = &mut point.explicit_bounds;
    let found = bounds.iter().position(|other| (other - bound).abs() < SAME);
    if let Some(index) = found {
        bounds.remove(index);
        let count = point.bucket_counts.remove(index);
        point.bucket_counts[index] += count;
    }
    Ok(())
}

/// Merges as many neighbours each as it takes to have no more buckets than that.
pub(super) fn limit(metric: Target<'_, '_>, at: usize, value: &Value<'_>) -> Result<(), Error> {
    let most = most_buckets(number(value)?).map_err(Error::new)?;
    let Some(point) = histogram(metric, at) else {
        return Ok(());
    };
    let counts = &point.bucket_counts;
    let rising = point
        .explicit_bounds
        .windows(2)
        .all(|pair| pair[0] < pair[1]);
    if counts.len() <= most || !rising {
        return Ok(());
    }
    let step = counts.len().div_ceil(most);
    let merged = counts
        .chunks(step)
        .map(|chunk| chunk.iter().sum())
        .collect();
    let bounds = point.explicit_bounds.iter().copied();
    point.explicit_bounds = bounds.skip(step - 1).step_by(step).collect();
    point.bucket_counts = merged;
    Ok(())
}

/// Makes a histogram with given bounds of an exponential one.
pub(super) fn to_histogram(
    metric: Target<'_, '_>,
    distribution: Distribution,
    bounds: &[f64],
    random: &dyn Fn() -> u128,
) {
    if !matches!(metric.get().data, MetricData::ExponentialHistogram(_)) {
        return;
    }
    let metric = metric.get_mut();
    let MetricData::ExponentialHistogram(old) = std::mem::take(&mut metric.data) else {
        return;
    };
    let points = old.points.into_iter().map(|point| {
        let point = point.into_inner();
        let bucket_counts = counts(&point, distribution, bounds, random);
        Lazy::new(HistogramPoint {
            attributes: point.attributes,
            start_unix_nano: point.start_unix_nano,
            time_unix_nano: point.time_unix_nano,
            count: point.count,
            // Compat: what is absent becomes zero.
            sum: Some(point.sum.unwrap_or_default()),
            min: Some(point.min.unwrap_or_default()),
            max: Some(point.max.unwrap_or_default()),
            exemplars: point.exemplars,
            explicit_bounds: bounds.to_vec(),
            bucket_counts,
            ..HistogramPoint::default()
        })
    });
    metric.data = MetricData::Histogram(Histogram {
        points: points.collect(),
        temporality: old.temporality,
    });
    // Compat: the new metric has a name, a description and a unit only.
    metric.metadata.clear();
}

/// Compat: as many buckets as bounds, the last takes what is above.
fn counts(
    point: &ExponentialPoint<'_>,
    distribution: Distribution,
    bounds: &[f64],
    random: &dyn Fn() -> u128,
) -> Vec<u64> {
    let mut counts = vec![0; bounds.len()];
    let last = bounds.len() - 1;
    if bounds[0] == 0.0 {
        counts[0] += point.zero_count;
    }
    let factor = std::f64::consts::LN_2 * f64::from(-point.scale).exp2();
    for (position, &count) in point.positive.bucket_counts.iter().enumerate() {
        let index = i64::from(point.positive.offset) + position as i64;
        let low = (index as f64 * factor).exp();
        let high = ((index + 1) as f64 * factor).exp();
        if low > bounds[last] {
            counts[last] += count;
            continue;
        }
        let inside = (1..bounds.len()).find(|&at| low > bounds[at - 1] && high <= bounds[at]);
        match (inside, distribution) {
            (Some(at), _) => counts[at - 1] += count,
            (None, Distribution::Upper) => {
                let at = bounds.iter().position(|&bound| high <= bound);
                counts[at.unwrap_or(last)] += count;
            }
            (None, Distribution::Midpoint) => {
                let middle = (high + low) / 2.0;
                let at = bounds.iter().position(|&bound| middle <= bound);
                let at = at.map_or(last, |at| at.saturating_sub(1));
                counts[at] += count;
            }
            (None, Distribution::Uniform) => {
                let (start, end) = crossed(bounds, low, high);
                deal(&mut counts[start..=end.max(start)], count);
            }
            (None, Distribution::Random) => {
                let (start, end) = crossed(bounds, low, high);
                deal_randomly(&mut counts[start..=end.max(start)], count, random);
            }
        }
    }
    counts
}

/// The first and last bound that a bucket reaches into.
fn crossed(bounds: &[f64], low: f64, high: f64) -> (usize, usize) {
    let last = bounds.len() - 1;
    let start = bounds
        .iter()
        .position(|&bound| low <= bound)
        .unwrap_or(last);
    let end = bounds
        .iter()
        .position(|&bound| high <= bound)
        .unwrap_or(last);
    (start, end)
}

fn deal(counts: &mut [u64], count: u64) {
    let parts = counts.len() as u64;
    let (each, rest) = (count / parts, count % parts);
    for (index, slot) in counts.iter_mut().enumerate() {
        *slot += each + u64::from((index as u64) < rest);
    }
}

/// Deals random shares; the total is kept.
fn deal_randomly(counts: &mut [u64], count: u64, random: &dyn Fn() -> u128) {
    let parts = counts.len();
    let mut left = count;
    for slot in &mut counts[..parts - 1] {
        let share = match left {
            0 => 0,
            left => (random() % (u128::from(left) + 1)) as u64,
        };
        *slot += share;
        left -= share;
    }
    counts[parts - 1] += left;
}
