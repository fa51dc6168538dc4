//! Texts: cases, parts, joining.

use super::call::{Args, Literals, Outcome, Prepared};
use super::{Definition, Parameter, optional, parameter, plain, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::limits;
use crate::ottl::value::{ListKind, Value};

const TARGET: &[Parameter] = &[parameter("target", Kind::Text)];

pub(super) const TABLE: &[Definition] = &[
    plain("ToLowerCase", TARGET, |args| {
        Ok(Value::text(args.text(0).to_lowercase()))
    }),
    plain("ToUpperCase", TARGET, |args| {
        Ok(Value::text(to_upper(args.text(0))))
    }),
    plain("ToCamelCase", TARGET, |args| {
        Ok(Value::text(to_camel(args.text(0))))
    }),
    plain("ToSnakeCase", TARGET, |args| {
        Ok(Value::text(to_snake(args.text(0))))
    }),
    prepared(
        "ConvertCase",
        &[
            parameter("target", Kind::Text),
            parameter("to_case", Kind::LiteralText),
        ],
        Case::prepare,
    ),
    plain(
        "Concat",
        &[
            parameter("vals", Kind::TextLikeList),
            parameter("delimiter", Kind::Text),
        ],
        concat,
    ),
    plain(
        "HasPrefix",
        &[
            parameter("target", Kind::Text),
            parameter("prefix", Kind::Text),
        ],
        |args| Ok(Value::Bool(args.text(0).starts_with(args.text(1)))),
    ),
    plain(
        "HasSuffix",
        &[
            parameter("target", Kind::Text),
            parameter("suffix", Kind::Text),
        ],
        |args| Ok(Value::Bool(args.text(0).ends_with(args.text(1)))),
    ),
    plain(
        "TrimPrefix",
        &[
            parameter("target", Kind::Text),
            parameter("prefix", Kind::Text),
        ],
        |args| {
            let text = args.text(0);
            Ok(Value::text(
                text.strip_prefix(args.text(1)).unwrap_or(text).to_owned(),
            ))
        },
    ),
    plain(
        "TrimSuffix",
        &[
            parameter("target", Kind::Text),
            parameter("suffix", Kind::Text),
        ],
        |args| {
            let text = args.text(0);
            Ok(Value::text(
                text.strip_suffix(args.text(1)).unwrap_or(text).to_owned(),
            ))
        },
    ),
    plain(
        "Trim",
        &[
            parameter("target", Kind::Text),
            optional("replacement", Kind::LiteralText),
        ],
        |args| {
            let cut = args.text_or(1, " ");
            let trimmed = args.text(0).trim_matches(|c| cut.contains(c));
            Ok(Value::text(trimmed.to_owned()))
        },
    ),
    plain(
        "Split",
        &[
            parameter("target", Kind::Text),
            parameter("delimiter", Kind::Text),
        ],
        split,
    ),
    plain(
        "Substring",
        &[
            parameter("target", Kind::Text),
            parameter("start", Kind::Int),
            parameter("length", Kind::Int),
            optional("utf8_safe", Kind::LiteralBool),
        ],
        substring,
    ),
    plain(
        "IsValidLuhn",
        &[parameter("target", Kind::TextLike)],
        is_valid_luhn,
    ),
];

/// As Go: character by character, so that `ß` stays.
fn to_upper(text: &str) -> String {
    let upper = |c: char| {
        let mut upper = c.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(one), None) => one,
            _ => c,
        }
    };
    text.chars().map(upper).collect()
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'_' | b'-' | b'.')
}

/// Upper camel case: letters behind separators and digits are raised, those behind capitals
/// lowered; what is neither letter nor digit is dropped.
fn to_camel(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut raise = true;
    let mut behind_capital = false;
    for byte in text.trim().bytes() {
        let changed = match byte {
            b'a'..=b'z' if raise => byte.to_ascii_uppercase(),
            b'A'..=b'Z' if !raise && behind_capital => byte.to_ascii_lowercase(),
            _ => byte,
        };
        behind_capital = byte.is_ascii_uppercase();
        if byte.is_ascii_alphabetic() {
            out.push(char::from(changed));
            raise = false;
        } else if byte.is_ascii_digit() {
            out.push(char::from(byte));
            raise = true;
        } else {
            raise = is_separator(byte);
        }
    }
    out
}

/// Snake case: an underscore where letters change their case or meet digits; a run of capitals is
/// one word.
fn to_snake(text: &str) -> String {
    let bytes = text.trim().as_bytes();
    let mut out = Vec::with_capacity(bytes.len() + 4);
    for (index, &byte) in bytes.iter().enumerate() {
        let lower = byte.to_ascii_lowercase();
        let next = bytes.get(index + 1).copied().unwrap_or_default();
        let upper = byte.is_ascii_uppercase();
        let small = byte.is_ascii_lowercase();
        let digit = byte.is_ascii_digit();
        let changes = (upper && (next.is_ascii_lowercase() || next.is_ascii_digit()))
            || (small && (next.is_ascii_uppercase() || next.is_ascii_digit()))
            || (digit && next.is_ascii_alphabetic());
        if changes {
            let in_capitals = index > 0 && bytes[index - 1].is_ascii_uppercase();
            if upper && next.is_ascii_lowercase() && in_capitals {
                out.push(b'_');
            }
            out.push(lower);
            if small || digit || next.is_ascii_digit() {
                out.push(b'_');
            }
        } else if is_separator(byte) {
            out.push(b'_');
        } else {
            out.push(lower);
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

#[derive(Debug)]
enum Case {
    Lower,
    Upper,
    Snake,
    Camel,
}

impl Case {
    fn prepare(literals: &Literals) -> Result<Box<dyn Prepared>, String> {
        Ok(Box::new(match literals.text(1) {
            Some("lower") => Case::Lower,
            Some("upper") => Case::Upper,
            Some("snake") => Case::Snake,
            Some("camel") => Case::Camel,
            other => {
                return Err(format!(
                    "invalid case: {}, allowed cases are: lower, upper, snake, camel",
                    other.unwrap_or_default()
                ));
            }
        }))
    }
}

impl Prepared for Case {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let text = args.text(0);
        Ok(Value::text(match self {
            Case::Lower => text.to_lowercase(),
            Case::Upper => to_upper(text),
            Case::Snake => to_snake(text),
            Case::Camel => to_camel(text),
        }))
    }
}

fn concat<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let delimiter = args.text(1);
    let mut out = String::new();
    for (index, item) in args.items(0).iter().enumerate() {
        if index > 0 {
            out.push_str(delimiter);
        }
        match item {
            Value::Text(text) => out.push_str(text),
            _ => out.push_str("<nil>"),
        }
        if out.len() > limits::RESULT_BYTES_MAX {
            return Err(Error::new("the text is too long"));
        }
    }
    Ok(Value::text(out))
}

fn split<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let text = args.text(0);
    let part = |part: &str| Value::text(part.to_owned());
    let parts = match args.text(1) {
        "" => text.chars().map(|c| Value::text(c.to_string())).collect(),
        delimiter => text.split(delimiter).map(part).collect(),
    };
    Ok(Value::typed_list(ListKind::Texts, parts))
}

fn substring<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let (start, length) = (args.int(1), args.int(2));
    let text = args.text(0);
    if start < 0 {
        return Err(Error::new(format!(
            "invalid start for substring function, {start} cannot be negative"
        )));
    }
    if length <= 0 {
        return Err(Error::new(format!(
            "invalid length for substring function, {length} cannot be negative or zero"
        )));
    }
    let total = text.len() as i64;
    if start > total || length > total - start {
        return Err(Error::new(format!(
            "invalid range for substring function, start({start})+length({length}) cannot be \
             greater than the length of target string({total})"
        )));
    }
    let (start, end) = (start as usize, (start + length) as usize);
    if args.flag(3) {
        let start = text.ceil_char_boundary(start);
        let end = text.floor_char_boundary(end).max(start);
        return Ok(Value::text(text[start..end].to_owned()));
    }
    // Halves of characters are replaced, as texts here are UTF-8.
    let part = String::from_utf8_lossy(&text.as_bytes()[start..end]);
    Ok(Value::text(part.into_owned()))
}

fn is_valid_luhn<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    if args.value(0).is_nil() {
        return Err(Error::new("invalid input: nil"));
    }
    let mut sum = 0;
    let mut digits = 0;
    for c in args.text(0).chars().rev().filter(|&c| c != ' ') {
        let digit = c.to_digit(10);
        let digit = digit.ok_or_else(|| Error::new(format!("{c:?} is no digit")))?;
        sum += match digits % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        };
        digits += 1;
    }
    Ok(Value::Bool(digits > 0 && sum % 10 == 0))
}
