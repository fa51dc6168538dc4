//! Numbers. Those of sprig take anything: what is no number counts as zero.

use crate::template::value::Val;

use super::{Call, Outcome, SIZE_MAX, Table, owned};

pub(super) const TABLE: Table = &[
    ("int", |call| Ok(Val::Int(whole(call.any(0)?)))),
    ("int64", |call| Ok(Val::Int64(whole(call.any(0)?)))),
    ("float64", |call| Ok(Val::Float(number(call.any(0)?)))),
    ("atoi", |call| {
        Ok(Val::Int(call.text(0)?.parse().unwrap_or(0)))
    }),
    ("toDecimal", |call| {
        let octal = call.printed(0)?;
        Ok(Val::Int64(i64::from_str_radix(&octal, 8).unwrap_or(0)))
    }),
    ("add1", |call| {
        Ok(Val::Int64(whole(call.any(0)?).wrapping_add(1)))
    }),
    ("add", |call| fold(call, 0, i64::wrapping_add)),
    ("sub", |call| {
        pair(call, |left, right| Some(left.wrapping_sub(right)))
    }),
    ("div", |call| pair(call, i64::checked_div)),
    ("mod", |call| pair(call, i64::checked_rem)),
    ("mul", |call| {
        call.at_least(1)?;
        fold(call, 1, i64::wrapping_mul)
    }),
    ("max", |call| extreme(call, i64::max)),
    ("biggest", |call| extreme(call, i64::max)),
    ("min", |call| extreme(call, i64::min)),
    ("add1f", |call| {
        Ok(Val::Float(tidy(number(call.any(0)?) + 1.0)))
    }),
    ("addf", |call| floats(call, |left, right| left + right)),
    ("subf", |call| floats(call, |left, right| left - right)),
    ("mulf", |call| floats(call, |left, right| left * right)),
    ("divf", |call| floats(call, |left, right| left / right)),
    ("maxf", |call| floats(call, f64::max)),
    ("minf", |call| floats(call, f64::min)),
    ("ceil", |call| Ok(Val::Float(number(call.any(0)?).ceil()))),
    ("floor", |call| Ok(Val::Float(number(call.any(0)?).floor()))),
    ("round", round),
    ("randInt", |call| {
        call.count(2)?;
        let (low, high) = (call.int(0)?, call.int(1)?);
        let width = high.checked_sub(low).filter(|width| *width > 0);
        let width = width.ok_or("invalid argument to Intn")?;
        Ok(Val::Int(
            low + call.environment.rng.below(width as u64) as i64,
        ))
    }),
    ("until", |call| {
        call.count(1)?;
        let end = call.int(0)?;
        steps(0, end, if end < 0 { -1 } else { 1 })
    }),
    ("untilStep", |call| {
        call.count(3)?;
        steps(call.int(0)?, call.int(1)?, call.int(2)?)
    }),
    ("seq", seq),
];

/// cast.ToInt64.
pub(super) fn whole(value: &Val) -> i64 {
    match value {
        Val::Bool(value) => i64::from(*value),
        Val::Float(value) => *value as i64,
        Val::Text(text) => whole_of(text).unwrap_or(0),
        other => other.whole().unwrap_or(0),
    }
}

/// A decimal, hexadecimal, octal or binary number; zeros behind a point are no harm.
fn whole_of(text: &str) -> Option<i64> {
    let text = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let radix = [("0x", 16), ("0b", 2), ("0o", 8)];
    let prefixed = radix
        .into_iter()
        .find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?.to_owned(), radix)));
    let size = match prefixed {
        Some((digits, radix)) => i64::from_str_radix(&digits, radix).ok()?,
        None if lower.len() > 1 && lower.starts_with('0') => i64::from_str_radix(&lower, 8).ok()?,
        None => lower.parse().ok()?,
    };
    Some(sign * size)
}

/// cast.ToFloat64.
fn number(value: &Val) -> f64 {
    match value {
        Val::Float(value) => *value,
        Val::Text(text) => text.parse().unwrap_or(0.0),
        other => whole(other) as f64,
    }
}

fn fold(call: &mut Call<'_>, start: i64, add: fn(i64, i64) -> i64) -> Outcome {
    let sum = call.values.iter().map(whole).fold(start, add);
    Ok(Val::Int64(sum))
}

fn pair(call: &mut Call<'_>, compute: fn(i64, i64) -> Option<i64>) -> Outcome {
    call.count(2)?;
    let result = compute(whole(call.any(0)?), whole(call.any(1)?));
    result
        .map(Val::Int64)
        .ok_or_else(|| "integer divide by zero".to_owned())
}

fn extreme(call: &mut Call<'_>, better: fn(i64, i64) -> i64) -> Outcome {
    let first = whole(call.any(0)?);
    let best = call.values[1..].iter().map(whole).fold(first, better);
    Ok(Val::Int64(best))
}

/// Sprig computes in decimals, so that 0.1 and 0.2 are 0.3: fifteen digits are what a float has.
fn tidy(value: f64) -> f64 {
    format!("{value:.15e}")
        .parse::<f64>()
        .map_or(value, |exact| {
            let rounded: f64 = format!("{exact:.14e}").parse().unwrap_or(exact);
            if (rounded - exact).abs() <= exact.abs() * 1e-15 {
                rounded
            } else {
                exact
            }
        })
}

fn floats(call: &mut Call<'_>, compute: fn(f64, f64) -> f64) -> Outcome {
    let first = number(call.any(0)?);
    let all = call.values[1..].iter().map(number);
    Ok(Val::Float(tidy(all.fold(first, compute))))
}

/// To so many places; halves go up, or from another share on.
fn round(call: &mut Call<'_>) -> Outcome {
    call.at_least(2)?;
    let (value, places) = (number(call.any(0)?), call.int(1)?);
    let on = call.values.get(2).map_or(0.5, number);
    let power = 10_f64.powi(places.clamp(-300, 300) as i32);
    let scaled = value * power;
    let part = scaled.fract();
    let up = part.abs() >= on;
    let rounded = match (up, scaled < 0.0) {
        (true, false) => scaled.ceil(),
        (true, true) => scaled.floor(),
        (false, _) => scaled.trunc(),
    };
    Ok(Val::Float(rounded / power))
}

fn counted(start: i64, end: i64, step: i64) -> Result<Vec<i64>, String> {
    let mut numbers = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        if numbers.len() == SIZE_MAX {
            return Err(format!("the result would be larger than {SIZE_MAX}"));
        }
        numbers.push(at);
        at = match at.checked_add(step) {
            Some(next) => next,
            None => break,
        };
    }
    Ok(numbers)
}

fn steps(start: i64, end: i64, step: i64) -> Outcome {
    let numbers = counted(start, end, step)?;
    Ok(Val::list(numbers.into_iter().map(Val::Int).collect()))
}

/// Like the command: `seq LAST`, `seq FIRST LAST`, `seq FIRST STEP LAST`.
fn seq(call: &mut Call<'_>) -> Outcome {
    let toward = |first: i64, last: i64| if last < first { -1 } else { 1 };
    let (first, step, last) = match call.values.len() {
        0 => return owned(String::new()),
        1 => (1, toward(1, call.int(0)?), call.int(0)?),
        2 => (
            call.int(0)?,
            toward(call.int(0)?, call.int(1)?),
            call.int(1)?,
        ),
        3 => (call.int(0)?, call.int(1)?, call.int(2)?),
        _ => return owned(String::new()),
    };
    if step == 0 || toward(first, last) != step.signum() {
        return owned(String::new());
    }
    let numbers = counted(first, last.saturating_add(step.signum()), step)?;
    owned(
        numbers
            .iter()
            .map(i64::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    )
}
