//! Durations such as `1h2m3.5s`, read and written as Go does.

use std::fmt::Write as _;

const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// `-1.5h3ms` as nanoseconds; None for what Go's ParseDuration refuses.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum: u64 = 0;
    while !rest.is_empty() {
        let number_end = rest
            .find(|c: char| c != '.' && !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_end);
        let unit_end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let whole: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        sum = sum.checked_add(whole.checked_mul(*scale as u64)?)?;
        if !fraction.is_empty() {
            let fraction: f64 = format!("0.{fraction}").parse().ok()?;
            sum = sum.checked_add((fraction * scale) as u64)?;
        }
        rest = after;
    }
    let value = i64::try_from(sum).ok()?;
    Some(if negative { -value } else { value })
}

/// As Go prints a duration: `1h2m3.5s`, `250ms`, `0s`.
#[must_use]
pub fn format_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.unsigned_abs();
    let mut out = sign.to_owned();
    let mut part = |value: u64, unit: u64, name: &str| {
        let fraction = value % unit;
        write!(out, "{}", value / unit).expect("a string takes any text");
        if fraction > 0 {
            let digits = unit.ilog10() as usize;
            let text = format!("{fraction:0digits$}");
            write!(out, ".{}", text.trim_end_matches('0')).expect("a string takes any text");
        }
        out.push_str(name);
    };
    const SECOND: u64 = 1_000_000_000;
    match size {
        0 => part(0, 1, "s"),
        1..1_000 => part(size, 1, "ns"),
        1_000..1_000_000 => part(size, 1_000, "µs"),
        1_000_000..SECOND => part(size, 1_000_000, "ms"),
        _ => {
            let minutes = size / SECOND / 60;
            if minutes >= 60 {
                part(minutes / 60, 1, "h");
            }
            if minutes > 0 {
                part(minutes % 60, 1, "m");
            }
            part(size - minutes * 60 * SECOND, SECOND, "s");
        }
    }
    out
}
