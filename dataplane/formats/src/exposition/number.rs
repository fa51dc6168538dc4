//! Numbers of expositions: what Go's ParseFloat accepts, with a short way for what targets mostly
//! send.

/// The NaN that Prometheus stores for a measured NaN, whatever way it was written.
pub(super) const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// Digits that are exact in a double whatever they are.
const DIGITS_MAX: usize = 15;

/// Powers of ten up to the longest short decimal.
const TEN: [u64; DIGITS_MAX + 1] = {
    let mut powers = [1; DIGITS_MAX + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Reads an integer or short decimal that starts at `at`; gives it and where it ends.
///
/// Both the digits (below 2^53) and the power of ten are exact doubles, so one division rounds
/// correctly. None for all that is longer or written otherwise; `parse_float` knows that.
#[inline]
pub(super) fn short_decimal(bytes: &[u8], at: usize) -> Option<(f64, usize)> {
    let negative = bytes.get(at) == Some(&b'-');
    let start = at + usize::from(negative);
    let (mut mantissa, mut end) = digits(bytes, start);
    let mut count = end - start;
    if count == 0 {
        return None;
    }
    let mut divisor = 1.0;
    if bytes.get(end) == Some(&b'.') {
        let point = end + 1;
        let fraction;
        (fraction, end) = digits(bytes, point);
        let places = end - point;
        count += places;
        // 15 digits are below 2^53. Wrapped sums of longer ones are not looked at.
        let scale = *TEN.get(places).filter(|_| count <= DIGITS_MAX)?;
        mantissa = mantissa.wrapping_mul(scale).wrapping_add(fraction);
        divisor = scale as f64;
    }
    if count > DIGITS_MAX || matches!(bytes.get(end), Some(b'e' | b'E' | b'x' | b'X')) {
        return None;
    }
    let value = mantissa as f64 / divisor;
    Some((if negative { -value } else { value }, end))
}

/// Reads up to 16 digits, eight at a time: a loop over digits mispredicts its end for every number,
/// and that costs as much as all the rest of a known line's parsing.
#[inline]
fn digits(bytes: &[u8], at: usize) -> (u64, usize) {
    let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
        return digits_one_by_one(bytes, at);
    };
    let (sum, count) = leading_digits(*eight);
    if count < 8 {
        return (sum, at + count);
    }
    let (rest, end) = digits_one_by_one(bytes, at + 8);
    let scale = TEN.get(end - at - 8).copied().unwrap_or(0);
    (sum.wrapping_mul(scale).wrapping_add(rest), end)
}

/// The digits that eight bytes start with, as a number, and how many they are.
#[inline]
fn leading_digits(bytes: [u8; 8]) -> (u64, usize) {
    // Digits become 0 to 9; adding 0x76 lifts anything above 9 past 0x7f.
    let flipped = u64::from_le_bytes(bytes) ^ 0x3030_3030_3030_3030;
    let lifted = (flipped & 0x7f7f_7f7f_7f7f_7f7f) + 0x7676_7676_7676_7676;
    let others = (lifted | flipped) & 0x8080_8080_8080_8080;
    let count = others.trailing_zeros() as usize / 8;
    if count == 0 {
        return (0, 0);
    }
    // Zeros in front make eight digits of any number; they are added in pairs, fours and eights.
    let mut sum = flipped << (64 - 8 * count);
    sum = sum.wrapping_mul(10).wrapping_add(sum >> 8);
    let low = (sum & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let high = ((sum >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    (low.wrapping_add(high) >> 32, count)
}

fn digits_one_by_one(bytes: &[u8], mut at: usize) -> (u64, usize) {
    let mut sum = 0u64;
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        sum = sum.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (sum, at)
}

/// Reads a whole token as Go's `strconv.ParseFloat` does, without its hexadecimal and underscored
/// forms, which Prometheus refuses.
pub(super) fn parse_float(token: &[u8]) -> Option<f64> {
    let unsigned = token
        .strip_prefix(b"+")
        .or_else(|| token.strip_prefix(b"-"))
        .unwrap_or(token);
    if token.eq_ignore_ascii_case(b"nan") {
        return Some(NORMAL_NAN);
    }
    if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
        return Some(if token[0] == b'-' {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    let plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    if !token.iter().all(plain) {
        return None;
    }
    let value: f64 = std::str::from_utf8(token).ok()?.parse().ok()?;
    // Go calls a number that is too large an error, not an infinity.
    value.is_finite().then_some(value)
}

/// Reads a timestamp of the Prometheus text format: milliseconds, digits only.
pub(super) fn parse_milliseconds(token: &[u8]) -> Option<i64> {
    if !token.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(token).ok()?.parse().ok()
}

/// Reads a timestamp of OpenMetrics: seconds, as a float.
pub(super) fn parse_seconds(token: &[u8]) -> Option<i64> {
    let seconds = parse_float(token).filter(|seconds| seconds.is_finite())?;
    Some((seconds * 1000.0) as i64)
}

/// Writes a float as OpenMetrics wants `le` and `quantile`: like Go's `%g`, with `.0` on whole
/// numbers.
pub(super) fn open_metrics_float(value: f64, out: &mut String) {
    use std::fmt::Write;
    out.clear();
    if value == 0.0 {
        out.push_str("0.0");
        return;
    }
    if value.is_nan() {
        out.push_str("NaN");
        return;
    }
    if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        return;
    }
    // The shortest digits that read back as the same number, as `d.ddde-7`.
    let shortest = format!("{value:e}");
    let (digits, exponent) = shortest
        .split_once('e')
        .expect("LowerExp writes an exponent");
    let exponent: i32 = exponent.parse().expect("LowerExp writes a number");
    let written = if (-4..6).contains(&exponent) {
        write!(out, "{value}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02}", exponent.abs())
    };
    written.expect("a String takes any text");
    if !out.contains(['.', 'e']) {
        out.push_str(".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_decimals_equal_the_slow_reading_bit_for_bit() {
        let mut rng = stdx::Rng::new(3);
        for _ in 0..20_000 {
            let whole = rng.next_u64() >> rng.below(64);
            let text = match rng.below(4) {
                0 => format!("{whole}"),
                1 => format!("-{}.{:03}", whole % 1_000_000, rng.below(1000)),
                2 => format!("{}", (whole % 1_000_000_000) as f64 / 1e7),
                _ => format!("{}.", whole % 1000),
            };
            if let Some((value, end)) = short_decimal(text.as_bytes(), 0) {
                assert_eq!(end, text.len(), "{text}");
                let expected: f64 = text.parse().expect("a float");
                assert_eq!(value.to_bits(), expected.to_bits(), "{text}");
            } else {
                assert!(text.len() > 15, "{text}");
            }
        }
    }

    #[test]
    fn digits_are_counted_and_summed_whatever_follows() {
        for count in 0..=16 {
            let text = &"9081726354098123"[..count];
            let expected = text.parse().unwrap_or(0);
            for tail in [
                "",
                "\n",
                " 1\n",
                "/........",
                ":........",
                "\u{80}.......",
                "x123456789",
            ] {
                let bytes = format!("{text}{tail}");
                assert_eq!(digits(bytes.as_bytes(), 0), (expected, count), "{bytes:?}");
            }
        }
        for byte in (0..=255u8).filter(|byte| !byte.is_ascii_digit()) {
            let bytes = [b'1', b'2', byte, b'9', b'9', b'9', b'9', b'9'];
            assert_eq!(leading_digits(bytes), (12, 2), "{byte}");
        }
    }

    #[test]
    fn short_decimal_leaves_other_forms_alone() {
        for text in [
            "",
            "-",
            ".5",
            "1e5",
            "1.5E3",
            "+1",
            "NaN",
            "0x1F",
            "1234567890123456",
            "- 1",
        ] {
            assert_eq!(short_decimal(text.as_bytes(), 0), None, "{text}");
        }
        assert_eq!(short_decimal(b"7 12\n", 0), Some((7.0, 1)));
        assert_eq!(
            short_decimal(b"-0", 0).map(|(v, _)| v.to_bits()),
            Some((-0.0f64).to_bits())
        );
    }

    #[test]
    fn floats_are_read_as_go_reads_them() {
        let good: [(&str, f64); 16] = [
            ("1027", 1027.0),
            ("-12.5", -12.5),
            ("4e3", 4000.0),
            ("+1", 1.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("-3.25E-5", -3.25e-5),
            ("Inf", f64::INFINITY),
            ("+iNF", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
            ("1.7976931348623157e+308", f64::MAX),
            ("5e-324", 5e-324),
            ("1e-999", 0.0),
            ("9007199254740993", 9007199254740992.0),
            ("00012", 12.0),
            ("0e0", 0.0),
        ];
        for (text, value) in good {
            assert_eq!(parse_float(text.as_bytes()), Some(value), "{text}");
        }
        for text in ["nan", "NaN", "NAN"] {
            let bits = parse_float(text.as_bytes()).map(f64::to_bits);
            assert_eq!(bits, Some(NORMAL_NAN.to_bits()), "{text}");
        }
        let bad = [
            "", "+", "-", ".", "e5", "1e", "1e+", "0x1F", "0x1p-2", "1_000", "+nan", "-nan",
            "1.2.3", "1 ", "1e400", "-1e400", "in", "infin", "--1", "1\r", "1,5", "٣",
        ];
        for text in bad {
            assert_eq!(parse_float(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn bucket_bounds_are_written_as_open_metrics_wants_them() {
        let cases = [
            (1.0, "1.0"),
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (-1.0, "-1.0"),
            (0.5, "0.5"),
            (10.0, "10.0"),
            (100000.0, "100000.0"),
            (1000000.0, "1e+06"),
            (1234567.0, "1.234567e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        let mut out = String::new();
        for (value, text) in cases {
            open_metrics_float(value, &mut out);
            assert_eq!(out, text);
        }
    }
}
