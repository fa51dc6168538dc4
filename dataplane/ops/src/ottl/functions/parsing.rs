//! Texts that hold data: JSON, CSV, pairs of keys and values, integers.

use super::call::{Args, Literals, Outcome, Prepared};
use super::collections::delimiters;
use super::{Definition, optional, parameter, plain, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::value::{Map, Value};

pub(super) const TABLE: &[Definition] = &[
    plain(
        "ParseInt",
        &[
            parameter("target", Kind::Text),
            parameter("base", Kind::Int),
        ],
        |args| parse_int(args.text(0), args.int(1)).map(Value::Int),
    ),
    plain(
        "ParseJSON",
        &[parameter("target", Kind::Text)],
        |args| match serde_json::from_str(args.text(0)) {
            Ok(json @ (serde_json::Value::Object(_) | serde_json::Value::Array(_))) => {
                Ok(from_json(json))
            }
            Ok(_) => Err(Error::new("could not convert parsed value to JSON object")),
            Err(error) => Err(Error::new(format!("invalid JSON: {error}"))),
        },
    ),
    prepared(
        "ParseCSV",
        &[
            parameter("target", Kind::Text),
            parameter("header", Kind::Text),
            optional("delimiter", Kind::LiteralText),
            optional("header_delimiter", Kind::LiteralText),
            optional("mode", Kind::LiteralText),
        ],
        Csv::prepare,
    ),
    prepared(
        "ParseKeyValue",
        &[
            parameter("target", Kind::Text),
            optional("delimiter", Kind::LiteralText),
            optional("pair_delimiter", Kind::LiteralText),
        ],
        |literals| {
            let (delimiter, pair_delimiter) = delimiters(literals)?;
            Ok(Box::new(KeyValues {
                delimiter,
                pair_delimiter,
            }))
        },
    ),
];

/// An integer as Go's ParseInt reads it; base 0 is told by the prefix.
fn parse_int(text: &str, base: i64) -> Result<i64, Error> {
    let failed = |reason: &str| Error::new(format!("parsing {text:?} as an int: {reason}"));
    if text.is_empty() {
        return Err(Error::new(
            "invalid target value for ParseInt function, target cannot be empty",
        ));
    }
    if base < 0 {
        return Err(Error::new(format!(
            "invalid base value: {base} for ParseInt function, base cannot be negative"
        )));
    }
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match (base, &*lower) {
        (0, _) if lower.starts_with("0x") => (16, clean(&lower[2..], true)),
        (0, _) if lower.starts_with("0b") => (2, clean(&lower[2..], true)),
        (0, _) if lower.starts_with("0o") => (8, clean(&lower[2..], true)),
        (0, _) if lower.len() > 1 && lower.starts_with('0') => (8, clean(&lower[1..], true)),
        (0, _) => (10, clean(&lower, false)),
        (2..=36, _) => (base as u32, Some(lower.clone())),
        _ => return Err(failed(&format!("invalid base {base}"))),
    };
    let digits = digits.ok_or_else(|| failed("invalid syntax"))?;
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(failed("invalid syntax"));
    }
    let sign = if negative { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{digits}"), radix).map_err(|_| failed("value out of range"))
}

/// Digits without the underscores between them; one may stand behind a prefix.
fn clean(digits: &str, behind_prefix: bool) -> Option<String> {
    let wrong = digits.ends_with('_')
        || digits.contains("__")
        || (!behind_prefix && digits.starts_with('_'));
    (!wrong).then(|| digits.replace('_', ""))
}

/// Numbers become floats.
fn from_json(json: serde_json::Value) -> Value<'static> {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Value::text(text),
        serde_json::Value::Array(items) => Value::list(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, item)| (key, from_json(item)));
            Value::map(entries.collect())
        }
    }
}

#[derive(Debug)]
struct KeyValues {
    delimiter: String,
    pair_delimiter: String,
}

impl Prepared for KeyValues {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let text = args.text(0);
        if text.is_empty() {
            return Err(Error::new("cannot parse from empty target"));
        }
        let mut map = Map::new();
        for pair in split_quoted(text, &self.pair_delimiter)? {
            let Some((key, value)) = pair.split_once(&self.delimiter) else {
                return Err(Error::new(format!(
                    "cannot split {pair:?} into 2 items, got 1 item(s)"
                )));
            };
            map.set(key.trim(), Value::text(value.trim().to_owned()));
        }
        Ok(Value::map(map))
    }
}

/// Splits where no quote is open; quotes themselves are dropped, empty parts too.
pub(super) fn split_quoted(text: &str, delimiter: &str) -> Result<Vec<String>, Error> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quote = None;
    let mut escaped = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if quote.is_none()
            && let Some(after) = rest.strip_prefix(delimiter)
        {
            if !part.is_empty() {
                parts.push(std::mem::take(&mut part));
            }
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if escaped {
            escaped = false;
        } else if quote.is_none() && matches!(c, '"' | '\'') {
            quote = Some(c);
            continue;
        } else if quote == Some(c) {
            quote = None;
            continue;
        } else {
            escaped = c == '\\';
        }
        part.push(c);
    }
    if quote.is_some() {
        return Err(Error::new("never reached the end of a quoted value"));
    }
    if !part.is_empty() {
        parts.push(part);
    }
    Ok(parts)
}

#[derive(Debug)]
struct Csv {
    delimiter: char,
    header_delimiter: String,
    mode: CsvMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CsvMode {
    Strict,
    LazyQuotes,
    IgnoreQuotes,
}

impl Csv {
    fn prepare(literals: &Literals) -> Result<Box<dyn Prepared>, String> {
        let single = |index: usize, name: &str| match literals.text(index) {
            None => Ok(None),
            Some(text) => {
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Ok(Some(c)),
                    _ => Err(format!(
                        "invalid arguments: {name} must be a single character"
                    )),
                }
            }
        };
        let delimiter = single(2, "delimiter")?.unwrap_or(',');
        let header_delimiter = single(3, "header_delimiter")?.unwrap_or(delimiter);
        let mode = match literals.text(4).unwrap_or("strict") {
            "strict" => CsvMode::Strict,
            "lazyQuotes" => CsvMode::LazyQuotes,
            "ignoreQuotes" => CsvMode::IgnoreQuotes,
            other => return Err(format!("unknown mode: {other}")),
        };
        Ok(Box::new(Csv {
            delimiter,
            header_delimiter: header_delimiter.to_string(),
            mode,
        }))
    }
}

impl Prepared for Csv {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let header = args.text(1);
        if header.is_empty() {
            return Err(Error::new("headers must not be an empty string"));
        }
        let headers: Vec<&str> = header.split(&*self.header_delimiter).collect();
        let row = args.text(0);
        let fields = match self.mode {
            CsvMode::IgnoreQuotes => row.split(self.delimiter).map(str::to_owned).collect(),
            mode => read_row(row, self.delimiter, mode == CsvMode::LazyQuotes)?,
        };
        if fields.len() != headers.len() {
            return Err(Error::new(format!(
                "map csv headers: wrong number of fields: expected {}, found {}",
                headers.len(),
                fields.len()
            )));
        }
        let mut map = Map::new();
        for (header, field) in headers.into_iter().zip(fields) {
            map.set(header, Value::text(field));
        }
        Ok(Value::map(map))
    }
}

/// One row, whose fields may hold newlines.
///
/// Compat: where quotes are broken, what was read of the line counts, and reading goes on with the
/// next line.
fn read_row(row: &str, delimiter: char, lazy: bool) -> Result<Vec<String>, Error> {
    let mut joined: Vec<String> = Vec::new();
    let mut any = false;
    let mut rest = row;
    while !rest.is_empty() {
        let (line, after, broken) = read_line(rest, delimiter, lazy);
        rest = after;
        if broken && line.is_empty() {
            return Err(Error::new(
                "read csv line: parse error: bare \" in non-quoted field",
            ));
        }
        let Some(line) = (!line.is_empty()).then_some(line) else {
            continue;
        };
        let mut fields = line.into_iter();
        if any && let (Some(last), Some(first)) = (joined.last_mut(), fields.next()) {
            last.push('\n');
            last.push_str(&first);
        }
        joined.extend(fields);
        any = true;
    }
    match any {
        true => Ok(joined),
        false => Err(Error::new("no csv lines found")),
    }
}

/// The fields of a line, what follows it, and whether its quotes were broken. Empty lines have no
/// fields.
fn read_line(text: &str, delimiter: char, lazy: bool) -> (Vec<String>, &str, bool) {
    let line_end = |text: &str| text.find('\n').map_or(text.len(), |newline| newline + 1);
    if let Some(after) = text
        .strip_prefix('\n')
        .or_else(|| text.strip_prefix("\r\n"))
    {
        return (Vec::new(), after, false);
    }
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => match quoted_field(quoted, delimiter, lazy) {
                Ok(found) => found,
                Err(after) => return (fields, &after[line_end(after)..], true),
            },
            None => {
                let end = rest.find([delimiter, '\n']).unwrap_or(rest.len());
                let field = &rest[..end];
                if !lazy && field.contains('"') {
                    return (fields, &rest[line_end(rest)..], true);
                }
                (field.trim_end_matches('\r').to_owned(), &rest[end..])
            }
        };
        fields.push(field);
        match after.strip_prefix(delimiter) {
            Some(after) => rest = after,
            None => return (fields, after.strip_prefix('\n').unwrap_or(after), false),
        }
    }
}

/// A field behind its opening quote, up to the delimiter; or where its quotes are broken.
fn quoted_field(text: &str, delimiter: char, lazy: bool) -> Result<(String, &str), &str> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some(quote) = rest.find('"') else {
            field.push_str(rest);
            return if lazy { Ok((field, "")) } else { Err("") };
        };
        field.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        let behind = rest.strip_prefix('\r').unwrap_or(rest);
        if let Some(after) = rest.strip_prefix('"') {
            field.push('"');
            rest = after;
        } else if rest.is_empty() || rest.starts_with(delimiter) {
            return Ok((field, rest));
        } else if behind.is_empty() || behind.starts_with('\n') {
            return Ok((field, behind));
        } else if lazy {
            field.push('"');
        } else {
            return Err(rest);
        }
    }
}
