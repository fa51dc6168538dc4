//! Values as text: what an action writes, and Go's `printf`.

use std::fmt::Write as _;

use crate::gotime::{self, Layout};

use super::value::Val;

/// What an action writes.
pub(super) fn write_value(value: &Val, out: &mut String) {
    match value {
        Val::Nil => out.push_str("<no value>"),
        value => write_plain(value, out),
    }
}

/// `%v`.
pub(super) fn write_plain(value: &Val, out: &mut String) {
    match value {
        Val::Nil => out.push_str("<nil>"),
        Val::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Val::Int(value) | Val::Int64(value) => push(out, format_args!("{value}")),
        Val::Float(value) => out.push_str(&float(*value, 'g', None)),
        Val::Text(text) => out.push_str(text),
        Val::List(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { " " } else { "" });
                write_plain(value, out);
            }
            out.push(']');
        }
        Val::Map(fields) => {
            out.push_str("map[");
            for (index, (name, value)) in fields.borrow().iter().enumerate() {
                out.push_str(if index > 0 { " " } else { "" });
                push(out, format_args!("{name}:"));
                write_plain(value, out);
            }
            out.push(']');
        }
        Val::Time(ns, zone) => {
            let layout = Layout::new("2006-01-02 15:04:05.999999999 -0700 MST");
            out.push_str(&layout.format(*ns, zone));
        }
        Val::Duration(ns) => out.push_str(&gotime::format_duration(*ns)),
        Val::Data => out.push_str("map[]"),
    }
}

pub(super) fn plain(value: &Val) -> String {
    let mut out = String::new();
    write_plain(value, &mut out);
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes any text");
}

/// `fmt.Sprint`: a blank between operands of which neither is a text.
pub(super) fn sprint(values: &[Val]) -> String {
    let mut out = String::new();
    let is_text = |value: &Val| matches!(value, Val::Text(_));
    for (index, value) in values.iter().enumerate() {
        if index > 0 && !is_text(value) && !is_text(&values[index - 1]) {
            out.push(' ');
        }
        write_plain(value, &mut out);
    }
    out
}

/// A float with an exponent or without.
pub(super) fn float(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match (verb, precision) {
        ('f' | 'F', precision) => format!("{value:.*}", precision.unwrap_or(6)),
        ('e' | 'E', precision) => exponent(&format!("{value:.*e}", precision.unwrap_or(6))),
        (_, Some(precision)) => general(value, precision.max(1)),
        (_, None) => {
            let text = format!("{value:e}");
            let power = power(&text);
            // Go decides as if there were six digits.
            match (-4..6).contains(&power) {
                true => format!("{value}"),
                false => exponent(&text),
            }
        }
    }
}

/// `%.3g`.
fn general(value: f64, precision: usize) -> String {
    let text = format!("{value:.*e}", precision - 1);
    let power = power(&text);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..precision as i32).contains(&power) {
        let decimals = (precision as i32 - 1 - power).max(0) as usize;
        return trimmed(&format!("{value:.decimals$}"));
    }
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    exponent(&format!("{}e{power}", trimmed(mantissa)))
}

fn power(text: &str) -> i32 {
    let power = text.split_once('e').map(|(_, power)| power);
    power.and_then(|power| power.parse().ok()).unwrap_or(0)
}

/// `1e6` as Go spells it, `1e+06`.
fn exponent(text: &str) -> String {
    let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, size) = match power.strip_prefix('-') {
        Some(size) => ('-', size),
        None => ('+', power),
    };
    format!("{mantissa}e{sign}{size:0>2}")
}

/// Flags, width and precision of a verb.
#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Limit: a width or precision; Go's is a million too.
const WIDTH_MAX: usize = 1_000_000;

/// `fmt.Sprintf`.
pub(super) fn sprintf(format: &str, values: &[Val]) -> String {
    let mut out = String::new();
    let mut values = values.iter();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (spec, after) = spec(after, &mut values);
        let Some(verb) = after.chars().next() else {
            out.push_str("%!(NOVERB)");
            rest = "";
            continue;
        };
        rest = &after[verb.len_utf8()..];
        if verb == '%' {
            out.push('%');
            continue;
        }
        match values.next() {
            None => push(&mut out, format_args!("%!{verb}(MISSING)")),
            Some(value) => {
                let text = verb_text(&spec, verb, value);
                pad(&spec, value, verb, &text, &mut out);
            }
        }
    }
    out.push_str(rest);
    let extra: Vec<&Val> = values.collect();
    if !extra.is_empty() {
        out.push_str("%!(EXTRA ");
        for (index, value) in extra.into_iter().enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            match value {
                Val::Nil => out.push_str("<nil>"),
                value => push(
                    &mut out,
                    format_args!("{}={}", value.type_name(), plain(value)),
                ),
            }
        }
        out.push(')');
    }
    out
}

fn spec<'a, 'v>(text: &'a str, values: &mut impl Iterator<Item = &'v Val>) -> (Spec, &'a str) {
    let mut spec = Spec::default();
    let mut rest = text;
    loop {
        match rest.as_bytes().first() {
            Some(b'-') => spec.minus = true,
            Some(b'+') => spec.plus = true,
            Some(b'#') => spec.sharp = true,
            Some(b' ') => spec.space = true,
            Some(b'0') => spec.zero = true,
            _ => break,
        }
        rest = &rest[1..];
    }
    let mut number = |rest: &mut &'a str| {
        if let Some(after) = rest.strip_prefix('*') {
            *rest = after;
            let width = values.next().and_then(Val::whole)?;
            return Some((width.unsigned_abs() as usize).min(WIDTH_MAX));
        }
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        *rest = after;
        digits
            .parse::<usize>()
            .ok()
            .map(|width| width.min(WIDTH_MAX))
    };
    spec.width = number(&mut rest);
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        spec.precision = Some(number(&mut rest).unwrap_or(0));
    }
    (spec, rest)
}

fn verb_text(spec: &Spec, verb: char, value: &Val) -> String {
    let signed = |text: String| match (spec.plus, spec.space) {
        (true, _) if !text.starts_with(['-', '+']) => format!("+{text}"),
        (false, true) if !text.starts_with('-') => format!(" {text}"),
        _ => text,
    };
    if verb == 'T' {
        return value.type_name().to_owned();
    }
    let text = match (value, verb) {
        (Val::Text(text), 'v') if spec.sharp => Some(stdx::quote(text)),
        (Val::Text(text), 's' | 'v') => Some(match spec.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_string(),
        }),
        (Val::Text(text), 'q') => Some(stdx::quote(text)),
        (Val::Text(text), 'x') => Some(text.bytes().map(|b| format!("{b:02x}")).collect()),
        (Val::Text(text), 'X') => Some(text.bytes().map(|b| format!("{b:02X}")).collect()),
        (Val::Bool(value), 't' | 'v') => Some(value.to_string()),
        (Val::Float(value), 'v') => Some(signed(float(*value, 'g', spec.precision))),
        (Val::Float(value), 'e' | 'f' | 'F' | 'g') => {
            Some(signed(float(*value, verb, spec.precision)))
        }
        (Val::Float(value), 'E' | 'G') => {
            let verb = verb.to_ascii_lowercase();
            Some(signed(float(*value, verb, spec.precision).to_uppercase()))
        }
        (Val::Duration(_) | Val::Time(..), 's' | 'v') => Some(plain(value)),
        (Val::List(values), verb) if verb != 'v' => {
            let each = values.iter().map(|value| verb_text(spec, verb, value));
            Some(format!("[{}]", each.collect::<Vec<_>>().join(" ")))
        }
        (Val::List(_) | Val::Map(_) | Val::Nil, 'v') => Some(plain(value)),
        _ => value
            .whole()
            .and_then(|whole| whole_text(spec, verb, whole))
            .map(|text| signed_unless_char(text, verb, &signed)),
    };
    text.unwrap_or_else(|| match value {
        Val::Nil => format!("%!{verb}(<nil>)"),
        value => format!("%!{verb}({}={})", value.type_name(), plain(value)),
    })
}

fn signed_unless_char(text: String, verb: char, signed: &impl Fn(String) -> String) -> String {
    match verb {
        'c' | 'q' | 'U' => text,
        _ => signed(text),
    }
}

fn whole_text(spec: &Spec, verb: char, value: i64) -> Option<String> {
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    let character = || u32::try_from(value).ok().and_then(char::from_u32);
    let text = match verb {
        'd' | 'v' => match spec.precision {
            Some(digits) => format!("{sign}{size:0digits$}"),
            None => format!("{value}"),
        },
        'x' if spec.sharp => format!("{sign}0x{size:x}"),
        'x' => format!("{sign}{size:x}"),
        'X' if spec.sharp => format!("{sign}0X{size:X}"),
        'X' => format!("{sign}{size:X}"),
        'o' if spec.sharp => format!("{sign}0{size:o}"),
        'o' => format!("{sign}{size:o}"),
        'O' => format!("{sign}0o{size:o}"),
        'b' => format!("{sign}{size:b}"),
        'c' => character()
            .unwrap_or(char::REPLACEMENT_CHARACTER)
            .to_string(),
        'q' => format!("'{}'", character().unwrap_or(char::REPLACEMENT_CHARACTER)),
        'U' => format!("U+{value:04X}"),
        _ => return None,
    };
    Some(text)
}

fn pad(spec: &Spec, value: &Val, verb: char, text: &str, out: &mut String) {
    let width = spec.width.unwrap_or(0);
    let missing = width.saturating_sub(text.chars().count());
    let number = value.whole().is_some() || matches!(value, Val::Float(_));
    if spec.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if spec.zero && (number && verb != 'c' || matches!(value, Val::Text(_))) {
        let signs = text.starts_with(['-', '+', ' ']) && number;
        let (sign, digits) = text.split_at(usize::from(signs));
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}
