//! InfluxDB's line protocol as metrics, under the names that the Collector gives them.

mod line;
mod metrics;
#[cfg(test)]
mod tests;

use batch::otlp::OtlpBatch;

use metrics::Points;

/// How long one unit of a time is, by its name in requests.
#[must_use]
pub fn precision_ns(name: &str) -> Option<i64> {
    match name {
        "" | "ns" => Some(1),
        "us" | "µs" => Some(1_000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        _ => None,
    }
}

/// The metrics of a request. Lines without a time have `now_ns`. Bounded by the request.
pub fn decode(body: &[u8], precision_ns: i64, now_ns: i64) -> Result<OtlpBatch, String> {
    let mut points = Points::default();
    let mut number = 0;
    let mut rest = body;
    while let Some((line, after)) = line::next(rest, number)? {
        rest = after;
        let time = line.time.map_or(Ok(now_ns), |time| {
            let scaled = time.checked_mul(precision_ns);
            scaled.ok_or_else(|| format!("failed to parse timestamp on line {number}"))
        })?;
        points
            .add(line, time.max(0).cast_unsigned())
            .map_err(|reason| format!("failed to append to the batch: {reason}"))?;
        number += 1;
    }
    Ok(points.into_batch())
}
