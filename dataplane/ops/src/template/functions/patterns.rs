//! Regular expressions. Patterns that a thread has compiled are found again by `GoRegex`.

use crate::regex::{GoRegex, Template};
use crate::template::value::Val;

use super::{Call, Outcome, Table, bounded, owned};

pub(super) const TABLE: Table = &[
    ("regexMatch", |call| {
        Ok(Val::Bool(pattern(call, 0)?.is_match(call.text(1)?)))
    }),
    ("mustRegexMatch", |call| {
        Ok(Val::Bool(pattern(call, 0)?.is_match(call.text(1)?)))
    }),
    ("regexFind", find),
    ("mustRegexFind", find),
    ("regexFindAll", find_all),
    ("mustRegexFindAll", find_all),
    ("mustRegexReplaceAll", |call| replace_all(call, false)),
    ("mustRegexReplaceAllLiteral", |call| replace_all(call, true)),
    ("regexSplit", split),
    ("mustRegexSplit", split),
    ("regexQuoteMeta", |call| owned(quote(call.text(0)?))),
];

fn pattern(call: &Call<'_>, index: usize) -> Result<GoRegex, String> {
    GoRegex::new(call.text(index)?)
}

fn find(call: &mut Call<'_>) -> Outcome {
    let text = call.text(1)?;
    let found = pattern(call, 0)?.find_all(text).next();
    owned(found.map_or(String::new(), |range| text[range].to_owned()))
}

fn most(call: &Call<'_>, index: usize) -> Result<usize, String> {
    Ok(usize::try_from(call.int(index)?).unwrap_or(usize::MAX))
}

fn find_all(call: &mut Call<'_>) -> Outcome {
    call.count(3)?;
    let (text, most) = (call.text(1)?, most(call, 2)?);
    let regex = pattern(call, 0)?;
    Ok(Val::texts(
        regex.find_all(text).take(most).map(|range| &text[range]),
    ))
}

pub(super) fn replace_all(call: &mut Call<'_>, literal: bool) -> Outcome {
    call.count(3)?;
    let (text, with) = (call.text(1)?, call.text(2)?);
    let regex = pattern(call, 0)?;
    bounded(text.len().saturating_add(1).saturating_mul(with.len()))?;
    let mut out = String::new();
    match literal {
        true => regex.replace_all_literal(text, with, &mut out),
        false => regex.replace_all(text, &Template::new(with, &regex), &mut out),
    }
    owned(out)
}

fn split(call: &mut Call<'_>) -> Outcome {
    call.count(3)?;
    let (text, most) = (call.text(1)?, most(call, 2)?);
    if most == 0 {
        return Ok(Val::list(Vec::new()));
    }
    let regex = pattern(call, 0)?;
    let mut parts = Vec::new();
    let mut from = 0;
    for found in regex.find_all(text) {
        // Go does not split off an empty text at the start.
        if parts.len() + 1 == most || found.end == 0 {
            continue;
        }
        parts.push(&text[from..found.start]);
        from = found.end;
    }
    if from < text.len() || parts.is_empty() || !text.is_empty() {
        parts.push(&text[from..]);
    }
    Ok(Val::texts(parts))
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if "\\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
