//! The text of a series: `name{label="value",...}`, or with its name quoted inside the braces.

use std::borrow::Cow;

use batch::{LabelsBuf, MetricKind};

use super::number::{open_metrics_float, parse_float};

/// Whose rules the inside of a pair of braces follows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Blanks anywhere, commas optional, newlines in strings.
    Text,
    /// No blanks, commas required; newlines in quoted names only.
    OpenMetrics,
    /// As OpenMetrics, without a metric name.
    Exemplar,
}

/// One piece of a series text, still escaped.
pub(super) enum Part<'a> {
    Name(&'a [u8]),
    Label(&'a [u8], &'a [u8]),
}

/// Where a text is wrong, and what should stand there.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// Decodes the text of a series that `Parser` gave. The kind decides whether `le` or `quantile` is
/// a number, which is brought into one form, so that a series is the same in every format. Labels
/// with an empty value are kept: a scraper that honours labels has to know of them.
///
/// The error says what is wrong with the text.
pub fn read_series(text: &[u8], kind: MetricKind, labels: &mut LabelsBuf) -> Result<(), String> {
    labels.clear();
    let mut problem = None;
    let mut number = String::new();
    let mut visit = |part: Part<'_>| {
        let result = match part {
            Part::Name(name) => add_label(labels, b"__name__", name),
            Part::Label(name, value) if is_number(kind, name) && parse_float(value).is_some() => {
                open_metrics_float(parse_float(value).unwrap_or_default(), &mut number);
                add_label(labels, name, number.as_bytes())
            }
            Part::Label(name, value) => add_label(labels, name, value),
        };
        if let Err(text) = result {
            problem.get_or_insert(text);
        }
    };
    let end = scan_series(text, 0, Dialect::Text, &mut visit);
    match (end, problem) {
        (Err(expected), _) => Err(format!("expected {} in a series", expected.what)),
        (Ok(_), Some(problem)) => Err(problem),
        (Ok(_), None) => Ok(()),
    }
}

/// Decodes the labels of an exemplar that `Parser` gave.
///
/// Compat: Prometheus leaves escapes in an exemplar's values as they are.
pub fn read_exemplar(text: &[u8], labels: &mut LabelsBuf) -> Result<(), String> {
    labels.clear();
    let mut problem = None;
    let mut visit = |part: Part<'_>| {
        if let Part::Label(name, value) = part {
            match (std::str::from_utf8(name), std::str::from_utf8(value)) {
                (Ok(name), Ok(value)) => labels.set(name, value),
                _ => problem = Some("an exemplar's label is not UTF-8"),
            }
        }
    };
    scan_braces(text, 1, Dialect::Exemplar, true, &mut visit)
        .map_err(|expected| format!("expected {} in an exemplar", expected.what))?;
    problem.map_or(Ok(()), |problem| Err(problem.to_owned()))
}

/// Walks a series from `at`, where its name or brace starts; gives where it ends.
#[inline]
pub(super) fn scan_series<'a>(
    body: &'a [u8],
    at: usize,
    dialect: Dialect,
    visit: &mut impl FnMut(Part<'a>),
) -> Result<usize, Expected> {
    // Compat: Prometheus counts blanks before a bare name as part of the name, so that it is
    // refused as invalid later. Held by the case metrics/text_leading_space.
    let first = skip_blanks(body, at, dialect);
    let end = name_end(body, first);
    let brace = skip_blanks(body, end, dialect);
    let named = end > first;
    if named {
        visit(Part::Name(&body[at..end]));
    }
    match body.get(brace) {
        Some(b'{') => scan_braces(body, brace + 1, dialect, named, visit),
        _ if named => Ok(end),
        _ => Err(Expected {
            at: first,
            what: "a metric name",
        }),
    }
}

/// Walks what follows an opening brace; gives where the closing one ends.
pub(super) fn scan_braces<'a>(
    body: &'a [u8],
    mut at: usize,
    dialect: Dialect,
    mut named: bool,
    visit: &mut impl FnMut(Part<'a>),
) -> Result<usize, Expected> {
    loop {
        at = skip_blanks(body, at, dialect);
        let start = at;
        let name = match body.get(at) {
            Some(b'}') if named => return Ok(at + 1),
            Some(b'}') => {
                return Err(Expected {
                    at,
                    what: "a metric name before the end",
                });
            }
            Some(b'"') => {
                at = quoted_end(body, at, dialect != Dialect::Exemplar, false)?;
                &body[start + 1..at - 1]
            }
            Some(byte) if byte.is_ascii_alphabetic() || *byte == b'_' => {
                at = label_end(body, at);
                &body[start..at]
            }
            _ => {
                return Err(Expected {
                    at,
                    what: "a label name or a closing brace",
                });
            }
        };
        at = skip_blanks(body, at, dialect);
        if body[start] == b'"' && matches!(body.get(at), Some(b',' | b'}')) {
            if named {
                return Err(Expected {
                    at: start,
                    what: "no metric name here",
                });
            }
            named = true;
            visit(Part::Name(name));
            at += usize::from(body[at] == b',');
            continue;
        }
        at = scan_value(body, at, dialect, name, visit)?;
    }
}

/// Walks `="value"` and the comma behind it.
fn scan_value<'a>(
    body: &'a [u8],
    mut at: usize,
    dialect: Dialect,
    name: &'a [u8],
    visit: &mut impl FnMut(Part<'a>),
) -> Result<usize, Expected> {
    if body.get(at) != Some(&b'=') {
        return Err(Expected {
            at,
            what: "an equals sign",
        });
    }
    let start = skip_blanks(body, at + 1, dialect);
    if body.get(start) != Some(&b'"') {
        return Err(Expected {
            at: start,
            what: "a quoted label value",
        });
    }
    at = quoted_end(
        body,
        start,
        dialect == Dialect::Text,
        dialect != Dialect::Exemplar,
    )?;
    visit(Part::Label(name, &body[start + 1..at - 1]));
    at = skip_blanks(body, at, dialect);
    match body.get(at) {
        Some(b',') => Ok(at + 1),
        Some(b'}') => Ok(at),
        // Compat: the Prometheus text parser takes labels without a comma between them.
        _ if dialect == Dialect::Text => Ok(at),
        _ => Err(Expected {
            at,
            what: "a comma or a closing brace",
        }),
    }
}

/// Where a quoted string that starts at `at` ends.
pub(super) fn quoted_end(
    body: &[u8],
    at: usize,
    newlines: bool,
    zeros: bool,
) -> Result<usize, Expected> {
    let mut end = at + 1;
    loop {
        match body.get(end) {
            Some(b'"') => return Ok(end + 1),
            Some(b'\\') if body.get(end + 1).is_some_and(|next| *next != b'\n') => end += 2,
            Some(b'\n') if newlines => end += 1,
            Some(0) if zeros => end += 1,
            None | Some(b'\\' | b'\n' | 0) => {
                return Err(Expected {
                    at,
                    what: "a closing quote",
                });
            }
            Some(_) => end += 1,
        }
    }
}

/// Where a bare metric name that starts at `at` ends; `at` itself if none does.
#[inline]
pub(super) fn name_end(body: &[u8], at: usize) -> usize {
    if body.get(at).is_some_and(u8::is_ascii_digit) {
        return at;
    }
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    at + body[at.min(body.len())..]
        .iter()
        .take_while(|byte| name(byte))
        .count()
}

fn label_end(body: &[u8], at: usize) -> usize {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    at + body[at..].iter().take_while(|byte| name(byte)).count()
}

#[inline]
fn skip_blanks(body: &[u8], mut at: usize, dialect: Dialect) -> usize {
    if dialect == Dialect::Text {
        while matches!(body.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
    }
    at
}

fn is_number(kind: MetricKind, name: &[u8]) -> bool {
    match kind {
        MetricKind::Histogram => name == b"le",
        MetricKind::Summary => name == b"quantile",
        _ => false,
    }
}

fn add_label(labels: &mut LabelsBuf, name: &[u8], value: &[u8]) -> Result<(), String> {
    let Ok(name) = std::str::from_utf8(name) else {
        return Err("a label name is not UTF-8".to_owned());
    };
    let Ok(value) = std::str::from_utf8(value) else {
        return Err(format!("the value of label {name:?} is not UTF-8"));
    };
    let name = unescape(name, true);
    if labels.put_new(&name, &unescape(value, true)) {
        return Ok(());
    }
    Err(format!("label {name:?} is given twice"))
}

/// Resolves `\\`, `\n` and, where quotes are escaped, `\"`; any other backslash stands for itself.
pub(super) fn unescape(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let plain = match rest.as_bytes().get(at + 1) {
            Some(b'\\') => '\\',
            Some(b'n') => '\n',
            Some(b'"') if quotes => '"',
            _ => {
                out.push('\\');
                rest = &rest[at + 1..];
                continue;
            }
        };
        out.push(plain);
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}
