//! Durations and sizes as users write them.

use std::fmt;
use std::time::Duration;

/// Why a duration or a size was not understood. The text names what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitError(String);

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnitError {}

/// Nanoseconds per unit, as Go's `time.ParseDuration` knows them. Both micro signs are accepted.
const DURATION_UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// Parses Go's duration syntax: `1m30s`, `1.5h`, `300ms`, `0`. Negative durations are refused.
///
/// Limit: 2^63 - 1 nanoseconds (292 years), as in Go.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = |reason: &str| {
        UnitError(format!(
            "invalid duration {text:?}: {reason}, expected for example \"1m30s\""
        ))
    };
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.starts_with('-') {
        return Err(wrong("it is negative"));
    }
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong("it is empty"));
    }
    let mut total = 0u128;
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or_else(|| wrong("a number is missing"))?;
        let end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let scale = match DURATION_UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, scale)) => *scale,
            None if unit.is_empty() => return Err(wrong("a unit is missing")),
            None => return Err(wrong(&format!("unit {unit:?} is unknown"))),
        };
        total = scaled(number, scale)
            .and_then(|n| total.checked_add(n))
            .ok_or_else(|| wrong("it is too large"))?;
        rest = after;
    }
    match u64::try_from(total) {
        Ok(nanoseconds) if nanoseconds <= i64::MAX as u64 => Ok(Duration::from_nanos(nanoseconds)),
        _ => Err(wrong("it is too large")),
    }
}

/// Formats as Go does: `1m30s`, `1h0m0s`, `1.5s`, `100ms`, `0s`.
pub fn format_duration(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    for (unit, scale, limit) in [
        ("ns", 1, 1_000),
        ("µs", 1_000, 1_000_000),
        ("ms", 1_000_000, 1_000_000_000),
    ] {
        if nanoseconds < limit {
            return format!("{}{unit}", decimal(nanoseconds, scale));
        }
    }
    let minutes = nanoseconds / 60_000_000_000;
    let seconds = decimal(nanoseconds % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// Parses a size: `512KiB`, `1.5GiB`, `10MB`, `4096`, `4096B`. Case does not matter.
///
/// Compat: `KB` is 1024 bytes like `KiB`, as in the units of the reference configuration language.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let wrong = |reason: &str| {
        UnitError(format!(
            "invalid size {text:?}: {reason}, expected for example \"512KiB\""
        ))
    };
    let (number, unit) = split_number(text.trim()).ok_or_else(|| wrong("a number is missing"))?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let prefix = unit
        .strip_suffix("ib")
        .or_else(|| unit.strip_suffix('b'))
        .unwrap_or(&unit);
    let power = match prefix {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        "e" => 6,
        _ => return Err(wrong(&format!("unit {unit:?} is unknown"))),
    };
    scaled(number, 1u64 << (10 * power))
        .and_then(|bytes| u64::try_from(bytes).ok())
        .ok_or_else(|| wrong("it is too large"))
}

/// Formats a size with the largest unit that gives a whole number or, failing that, one decimal.
pub fn format_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut power = 0;
    while power + 1 < UNITS.len() && bytes >> (10 * (power + 1)) != 0 {
        power += 1;
    }
    let scale = 1u64 << (10 * power);
    if bytes.is_multiple_of(scale) {
        format!("{}{}", bytes / scale, UNITS[power])
    } else {
        format!("{:.1}{}", bytes as f64 / scale as f64, UNITS[power])
    }
}

/// Splits a decimal number (`12`, `1.5`, `.5`) off the start.
fn split_number(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| c != '.' && !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let has_digit = number.bytes().any(|byte| byte.is_ascii_digit());
    let one_point = number.bytes().filter(|&byte| byte == b'.').count() <= 1;
    (has_digit && one_point).then_some((number, rest))
}

/// `number * scale`, exact in the whole part, the fraction cut below one.
fn scaled(number: &str, scale: u64) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = if whole.is_empty() {
        0
    } else {
        whole.parse::<u64>().ok()?
    };
    let mut sum = u128::from(whole) * u128::from(scale);
    // 18 digits of fraction times the largest scale (2^60) stay within 128 bits.
    let digits = &fraction[..fraction.len().min(18)];
    if !digits.is_empty() {
        let numerator = u128::from(digits.parse::<u64>().ok()?) * u128::from(scale);
        sum += numerator / 10u128.pow(digits.len() as u32);
    }
    Some(sum)
}

/// `value / scale` as a decimal without trailing zeros.
fn decimal(value: u128, scale: u128) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_as_in_go() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("300ms", 300_000_000),
            ("2us", 2_000),
            ("2µs", 2_000),
            ("2μs", 2_000),
            ("7ns", 7),
            ("0.3333333333333333333h", 1_199_999_999_999),
            ("9223372036854775807ns", i64::MAX as u64),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_nanos(nanoseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn wrong_durations_say_what_is_wrong() {
        for (text, reason) in [
            ("", "it is empty"),
            ("3", "a unit is missing"),
            ("s", "a number is missing"),
            (".s", "a number is missing"),
            ("1..2s", "a number is missing"),
            ("-1s", "it is negative"),
            ("1d", "unit \"d\" is unknown"),
            ("9223372036854775808ns", "it is too large"),
            ("99999999999999999999h", "it is too large"),
        ] {
            let error = parse_duration(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn durations_print_as_in_go() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (100_000_000, "100ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (3_661_001_000_000, "1h1m1.001s"),
        ] {
            let duration = Duration::from_nanos(nanoseconds);
            assert_eq!(format_duration(duration), text);
            assert_eq!(parse_duration(text), Ok(duration), "{text}");
        }
    }

    #[test]
    fn sizes_parse_with_every_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("4096B", 4096),
            ("512KiB", 512 << 10),
            ("512KB", 512 << 10),
            ("512k", 512 << 10),
            ("1.5GiB", 3 << 29),
            ("10 MiB", 10 << 20),
            ("15EiB", 15 << 60),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "KiB", "1XiB", "16EiB", "-1", "1.2.3MiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_print_with_the_largest_fitting_unit() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (10 << 20, "10MiB"),
            (3 << 29, "1.5GiB"),
            (u64::MAX, "16.0EiB"),
        ] {
            assert_eq!(format_bytes(bytes), text);
        }
    }
}
