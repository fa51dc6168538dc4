//! `Format`: Go's Sprintf over the values of OTTL.

use std::fmt::Write as _;

use super::call::{Args, Literals, Outcome, Prepared};
use super::{Definition, parameter, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::limits;
use crate::ottl::text::{exponent_form, go_float};
use crate::ottl::time::duration_text;
use crate::ottl::value::{ListKind, Value};

pub(super) const TABLE: &[Definition] = &[prepared(
    "Format",
    &[
        parameter("format", Kind::LiteralText),
        parameter("vals", Kind::AnyList),
    ],
    |literals: &Literals| {
        let text = literals.text(0).unwrap_or_default().to_owned();
        Ok(Box::new(Format(text)))
    },
)];

#[derive(Debug)]
struct Format(String);

impl Prepared for Format {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let out = sprintf(&self.0, args.items(1));
        match out.len() <= limits::RESULT_BYTES_MAX {
            true => Ok(Value::text(out)),
            false => Err(Error::new("the text is too long")),
        }
    }
}

/// Limit: the width and precision that a verb may ask for.
const WIDTH_MAX: usize = 10_000;

/// What `[n]` beyond the values leads to.
const BAD_INDEX: usize = usize::MAX;

/// Flags, width and precision of a verb.
#[derive(Debug, Default, Clone)]
struct Verb {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

fn sprintf(format: &str, values: &[Value<'static>]) -> String {
    let mut out = String::new();
    let mut next = 0;
    let mut reordered = false;
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let mut verb = Verb::default();
        rest = verb.read(after, values, &mut next, &mut reordered);
        let Some(letter) = rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        rest = &rest[letter.len_utf8()..];
        if letter == '%' {
            out.push('%');
            continue;
        }
        match values.get(next) {
            Some(value) => {
                next += 1;
                out.push_str(&verb.write(letter, value));
            }
            None if next == BAD_INDEX => {
                push(&mut out, format_args!("%!{letter}(BADINDEX)"));
            }
            None => push(&mut out, format_args!("%!{letter}(MISSING)")),
        }
        if out.len() > limits::RESULT_BYTES_MAX {
            return out;
        }
    }
    if !rest.contains('%') {
        out.push_str(rest);
    }
    if !reordered && next < values.len() {
        let extra = values[next..].iter().map(|value| match value {
            Value::Nil => "<nil>".to_owned(),
            value => format!("{}={}", go_type(value), plain(value)),
        });
        let extra: Vec<String> = extra.collect();
        push(&mut out, format_args!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to a string does not fail");
}

/// The digits at the start of a text as a number.
fn number(text: &str) -> (Option<usize>, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number = text[..end]
        .parse()
        .ok()
        .filter(|&number| number <= WIDTH_MAX);
    (number, &text[end..])
}

impl Verb {
    /// Reads up to the letter.
    fn read<'f>(
        &mut self,
        mut rest: &'f str,
        values: &[Value<'static>],
        next: &mut usize,
        reordered: &mut bool,
    ) -> &'f str {
        loop {
            match rest.as_bytes().first() {
                Some(b'+') => self.plus = true,
                Some(b'-') => self.minus = true,
                Some(b'#') => self.sharp = true,
                Some(b' ') => self.space = true,
                Some(b'0') => self.zero = true,
                _ => break,
            }
            rest = &rest[1..];
        }
        let mut star = |rest: &'f str| -> (Option<usize>, &'f str) {
            let rest = argument_index(rest, values.len(), next, reordered);
            match rest.strip_prefix('*') {
                Some(after) => {
                    let value = match values.get(*next) {
                        Some(Value::Int(value)) => usize::try_from(*value).ok(),
                        _ => None,
                    };
                    *next = next.saturating_add(1);
                    (value.filter(|&value| value <= WIDTH_MAX), after)
                }
                None => number(rest),
            }
        };
        (self.width, rest) = star(rest);
        if let Some(after) = rest.strip_prefix('.') {
            (self.precision, rest) = star(after);
            self.precision = self.precision.or(Some(0));
        }
        if self.minus {
            self.zero = false;
        }
        argument_index(rest, values.len(), next, reordered)
    }

    fn write(&self, letter: char, value: &Value<'_>) -> String {
        match (letter, value) {
            ('T', Value::Nil) => self.pad("<nil>".to_owned()),
            ('T', value) => self.pad(go_type(value).to_owned()),
            ('v', Value::Nil) => self.pad("<nil>".to_owned()),
            (_, Value::Nil) => format!("%!{letter}(<nil>)"),
            ('v', Value::Text(text)) if self.sharp => self.pad(quoted(text)),
            ('v', Value::Text(text)) | ('s', Value::Text(text)) => self.pad(self.cut(text)),
            ('t' | 'v', Value::Bool(value)) => self.pad(value.to_string()),
            (_, Value::Int(value)) => self.int(letter, *value),
            ('v' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Float(value)) => {
                self.float(letter, *value)
            }
            ('q', Value::Text(text)) => self.pad(quoted(text)),
            ('x' | 'X', Value::Text(text)) => self.pad(self.hex(letter, text.as_bytes())),
            ('d', Value::Bytes(_)) => self.pad(plain(value)),
            ('x' | 'X', Value::Bytes(bytes)) => self.pad(self.hex(letter, bytes)),
            ('s', Value::Bytes(bytes)) => self.pad(self.cut(&String::from_utf8_lossy(bytes))),
            (_, Value::List(list)) => {
                let items = list.items.iter().map(|item| self.write(letter, item));
                let items: Vec<String> = items.collect();
                format!("[{}]", items.join(" "))
            }
            ('v' | 's', Value::Duration(nanos)) => self.pad(duration_text(*nanos)),
            ('d', Value::Duration(nanos)) => self.int('d', *nanos),
            (
                'v' | 's',
                Value::Time(_)
                | Value::TraceId(_)
                | Value::SpanId(_)
                | Value::ProfileId(_)
                | Value::Map(_)
                | Value::Bytes(_),
            ) => self.pad(plain(value)),
            (letter, value) => format!("%!{letter}({}={})", go_type(value), plain(value)),
        }
    }

    fn int(&self, letter: char, value: i64) -> String {
        let size = value.unsigned_abs();
        let digits = match letter {
            'd' | 'v' => size.to_string(),
            'b' => format!("{size:b}"),
            'o' | 'O' => format!("{size:o}"),
            'x' => format!("{size:x}"),
            'X' => format!("{size:X}"),
            'c' | 'q' | 'U' => {
                let c = u32::try_from(value).ok().and_then(char::from_u32);
                let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
                return self.pad(match letter {
                    'c' => c.to_string(),
                    'q' => format!("'{c}'"),
                    _ => format!("U+{value:04X}"),
                });
            }
            _ => return format!("%!{letter}(int64={value})"),
        };
        let prefix = match letter {
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            'o' if self.sharp => "0",
            'O' => "0o",
            'b' if self.sharp => "0b",
            _ => "",
        };
        let digits = match self.precision {
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        };
        let sign = self.sign(value < 0);
        self.pad_number(&format!("{sign}{prefix}"), digits, self.precision.is_none())
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (.., true) => " ",
            _ => "",
        }
    }

    fn float(&self, letter: char, value: f64) -> String {
        if !value.is_finite() {
            let text = go_float(value);
            let text = match self.plus {
                true => text,
                false => text.trim_start_matches('+').to_owned(),
            };
            // Compat: an infinity always has its sign with %v.
            return self.pad(if letter == 'v' { go_float(value) } else { text });
        }
        let size = value.abs();
        let precision = self.precision;
        let digits = match letter {
            'f' | 'F' => format!("{size:.*}", precision.unwrap_or(6)),
            'e' | 'E' => exponent_form(format!("{size:.*e}", precision.unwrap_or(6))),
            _ => match precision {
                None => go_float(size),
                Some(precision) => rounded(size, precision.max(1)),
            },
        };
        let digits = match letter {
            'E' | 'G' => digits.to_uppercase(),
            _ => digits,
        };
        self.pad_number(self.sign(value.is_sign_negative()), digits, true)
    }

    fn hex(&self, letter: char, bytes: &[u8]) -> String {
        let bytes = &bytes[..self.precision.unwrap_or(bytes.len()).min(bytes.len())];
        let between = if self.space { " " } else { "" };
        let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let prefix = if self.sharp && !pairs.is_empty() {
            "0x"
        } else {
            ""
        };
        let text = format!("{prefix}{}", pairs.join(between));
        match letter {
            'X' => text.to_uppercase(),
            _ => text,
        }
    }

    fn cut(&self, text: &str) -> String {
        match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_owned(),
        }
    }

    fn pad(&self, text: String) -> String {
        let width = self.width.unwrap_or_default();
        match (self.minus, self.zero) {
            (true, _) => format!("{text:<width$}"),
            (_, true) => format!("{text:0>width$}"),
            _ => format!("{text:>width$}"),
        }
    }

    /// Zeros stand between the sign and the digits.
    fn pad_number(&self, sign: &str, digits: String, zeros: bool) -> String {
        match (self.zero && zeros, self.width) {
            (true, Some(width)) => {
                let width = width.saturating_sub(sign.len());
                format!("{sign}{digits:0>width$}")
            }
            _ => {
                let verb = Verb {
                    zero: false,
                    ..self.clone()
                };
                verb.pad(format!("{sign}{digits}"))
            }
        }
    }
}

/// `[2]`: which value comes next.
fn argument_index<'f>(
    rest: &'f str,
    count: usize,
    next: &mut usize,
    reordered: &mut bool,
) -> &'f str {
    let inner = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match inner {
        Some((index, after)) => {
            *reordered = true;
            *next = match index.parse::<usize>() {
                Ok(index @ 1..) if index <= count => index - 1,
                _ => BAD_INDEX,
            };
            after
        }
        None => rest,
    }
}

/// So many significant digits, without zeros at the end.
fn rounded(size: f64, digits: usize) -> String {
    let text = format!("{size:.*e}", digits - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if exponent < -4 || exponent >= digits as i32 {
        let mantissa = trimmed(mantissa);
        return exponent_form(format!("{mantissa}e{exponent}"));
    }
    let after = (digits as i32 - 1 - exponent).max(0) as usize;
    trimmed(&format!("{size:.after$}")).to_owned()
}

fn trimmed(digits: &str) -> &str {
    match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.'),
        false => digits,
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                push(&mut out, format_args!("\\x{:02x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value as `%v` writes it.
fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => go_float(*value),
        Value::Text(text) => text.to_string(),
        Value::Bytes(bytes) => {
            let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
            format!("[{}]", bytes.join(" "))
        }
        Value::List(list) => {
            let items: Vec<String> = list.items.iter().map(plain).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| format!("{key}:{}", plain(value)))
                .collect();
            format!("map[{}]", entries.join(" "))
        }
        Value::Time(time) => time.go_text(),
        Value::Duration(nanos) => duration_text(*nanos),
        Value::TraceId(id) | Value::ProfileId(id) => crate::ottl::text::to_hex(id),
        Value::SpanId(id) => crate::ottl::text::to_hex(id),
        Value::Part(_) => "{}".to_owned(),
    }
}

/// The name of a value's type in Go.
fn go_type(value: &Value<'_>) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Float(_) => "float64",
        Value::Text(_) => "string",
        Value::Bytes(_) => "[]uint8",
        Value::Map(_) => "pcommon.Map",
        Value::List(list) => match list.kind {
            ListKind::Any | ListKind::Written => "[]interface {}",
            ListKind::Texts => "[]string",
            ListKind::Ints => "[]int64",
            ListKind::Floats => "[]float64",
            ListKind::Bools => "[]bool",
            ListKind::Unsigned => "[]uint64",
        },
        Value::Time(_) => "time.Time",
        Value::Duration(_) => "time.Duration",
        Value::TraceId(_) => "pcommon.TraceID",
        Value::SpanId(_) => "pcommon.SpanID",
        Value::ProfileId(_) => "pprofile.ProfileID",
        Value::Part(_) => "struct {}",
    }
}
