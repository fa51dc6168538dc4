//! Numbers as Go writes them.

use schema::Number;

/// The decimal digits of a float and its exponent: 0.d1d2d3... times ten to the exponent.
struct Decimal {
    digits: String,
    exponent: i32,
}

impl Decimal {
    /// The shortest digits that read as the same float.
    fn shortest(value: f64) -> Decimal {
        Decimal::of(&format!("{:e}", value.abs()))
    }

    /// `count` digits, rounded.
    fn rounded(value: f64, count: usize) -> Decimal {
        Decimal::of(&format!("{:.*e}", count.max(1) - 1, value.abs()))
    }

    fn of(scientific: &str) -> Decimal {
        let (mantissa, exponent) = scientific.split_once('e').expect("Rust writes an exponent");
        let exponent: i32 = exponent.parse().expect("Rust writes a number");
        Decimal {
            digits: mantissa.replace('.', ""),
            exponent: exponent + 1,
        }
    }
}

/// `%e`, `%f` and `%g` of the absolute value; no precision means as many digits as it takes.
pub(super) fn float(value: f64, verb: char, precision: Option<usize>, sharp: bool) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return "Inf".to_owned();
    }
    match (verb, precision) {
        ('f', Some(precision)) => format!("{:.*}", precision, value.abs()),
        ('f', None) => format!("{}", value.abs()),
        ('e', Some(precision)) => scientific(&Decimal::rounded(value, precision + 1)),
        ('e', None) => scientific(&Decimal::shortest(value)),
        (_, precision) => general(value, precision, sharp),
    }
}

fn scientific(decimal: &Decimal) -> String {
    let (first, rest) = decimal.digits.split_at(1);
    let exponent = if decimal.digits.bytes().all(|d| d == b'0') {
        0
    } else {
        decimal.exponent - 1
    };
    let point = if rest.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{first}{point}{rest}e{sign}{:02}", exponent.abs())
}

/// `%g`: an exponent for what is small or large. Without a precision large begins at 7 digits.
fn general(value: f64, precision: Option<usize>, sharp: bool) -> String {
    let mut decimal = match precision {
        Some(precision) => Decimal::rounded(value, precision),
        None => Decimal::shortest(value),
    };
    if !sharp {
        let kept = decimal.digits.trim_end_matches('0').len().max(1);
        decimal.digits.truncate(kept);
    }
    let exponent = decimal.exponent - 1;
    let digits = decimal.digits.len();
    let large = match precision {
        None => 6,
        // Go does not write zeros that are no digits of the number.
        Some(precision) if precision > digits && digits as i32 >= decimal.exponent => digits as i32,
        Some(precision) => precision.max(1) as i32,
    };
    if value != 0.0 && (exponent < -4 || exponent >= large) {
        return scientific(&decimal);
    }
    positional(&decimal, value == 0.0)
}

fn positional(decimal: &Decimal, zero: bool) -> String {
    let digits = &decimal.digits;
    if zero {
        let rest = &digits[1..];
        return if rest.is_empty() {
            "0".to_owned()
        } else {
            format!("0.{rest}")
        };
    }
    match usize::try_from(decimal.exponent) {
        Ok(whole) if whole >= digits.len() => {
            format!("{digits}{}", "0".repeat(whole - digits.len()))
        }
        Ok(whole) if whole > 0 => format!("{}.{}", &digits[..whole], &digits[whole..]),
        _ => format!(
            "0.{}{digits}",
            "0".repeat(decimal.exponent.unsigned_abs() as usize)
        ),
    }
}

/// A number in JSON as Go writes it: floats from 1e21 and below 1e-6 with an exponent.
pub(crate) fn json_number(number: Number) -> Result<String, String> {
    let value = match number {
        Number::Float(value) => value,
        whole => return Ok(whole.to_string()),
    };
    if !value.is_finite() {
        return Err(format!("{value} cannot be written as JSON"));
    }
    let absolute = value.abs();
    let sign = if value.is_sign_negative() { "-" } else { "" };
    if value == 0.0 || (1e-6..1e21).contains(&absolute) {
        return Ok(format!("{sign}{absolute}"));
    }
    // Compat: Go takes the zero off exponents of one digit, but only off negative ones.
    Ok(format!(
        "{sign}{}",
        float(absolute, 'e', None, false).replace("e-0", "e-")
    ))
}
