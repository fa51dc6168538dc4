//! Texts, as sprig has them.

use crate::template::print;
use crate::template::value::Val;

use super::{Call, Outcome, Table, bounded, owned};

pub(super) const TABLE: Table = &[
    ("hello", |_| Ok(Val::text("Hello!"))),
    ("upper", |call| one(call, str::to_uppercase)),
    ("lower", |call| one(call, str::to_lowercase)),
    ("trim", |call| one(call, |text| text.trim().to_owned())),
    ("trimAll", trim_all),
    ("trimall", trim_all),
    ("trimPrefix", |call| {
        two(call, |part, text| {
            text.strip_prefix(part).unwrap_or(text).into()
        })
    }),
    ("trimSuffix", |call| {
        two(call, |part, text| {
            text.strip_suffix(part).unwrap_or(text).into()
        })
    }),
    ("contains", |call| {
        test(call, |part, text| text.contains(part))
    }),
    ("hasPrefix", |call| {
        test(call, |part, text| text.starts_with(part))
    }),
    ("hasSuffix", |call| {
        test(call, |part, text| text.ends_with(part))
    }),
    ("nospace", |call| {
        one(call, |text| {
            text.chars().filter(|c| !c.is_whitespace()).collect()
        })
    }),
    ("repeat", repeat),
    ("replace", replace),
    ("substr", substr),
    ("trunc", trunc),
    ("abbrev", abbrev),
    ("abbrevboth", abbrev_both),
    ("quote", |call| {
        joined(call, |value| stdx::quote(&print::plain(value)))
    }),
    ("squote", |call| {
        joined(call, |value| format!("'{}'", print::plain(value)))
    }),
    ("cat", |call| joined(call, print::plain)),
    ("indent", |call| indent(call, "")),
    ("nindent", |call| indent(call, "\n")),
    ("plural", plural),
    ("join", |call| owned(call.strings(1)?.join(call.text(0)?))),
    ("split", split),
    ("splitn", split_n),
    ("splitList", split_list),
    ("toString", |call| owned(call.printed(0)?)),
    ("toStrings", |call| {
        let texts = call.strings(0)?;
        Ok(Val::texts(texts.iter().map(String::as_str)))
    }),
    ("sortAlpha", |call| {
        let mut texts = call.strings(0)?;
        texts.sort();
        Ok(Val::texts(texts.iter().map(String::as_str)))
    }),
    ("fail", |call| Err(call.text(0)?.to_owned())),
];

fn one(call: &mut Call<'_>, change: fn(&str) -> String) -> Outcome {
    call.count(1)?;
    owned(change(call.text(0)?))
}

fn two(call: &mut Call<'_>, change: fn(&str, &str) -> String) -> Outcome {
    call.count(2)?;
    owned(change(call.text(0)?, call.text(1)?))
}

fn test(call: &mut Call<'_>, holds: fn(&str, &str) -> bool) -> Outcome {
    call.count(2)?;
    Ok(Val::Bool(holds(call.text(0)?, call.text(1)?)))
}

fn trim_all(call: &mut Call<'_>) -> Outcome {
    two(call, |set, text| {
        text.trim_matches(|c| set.contains(c)).to_owned()
    })
}

fn repeat(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let (count, text) = (call.int(0)?, call.text(1)?);
    let count = usize::try_from(count).map_err(|_| "negative Repeat count".to_owned())?;
    bounded(text.len().saturating_mul(count))?;
    owned(text.repeat(count))
}

fn replace(call: &mut Call<'_>) -> Outcome {
    call.count(3)?;
    let (old, new, text) = (call.text(0)?, call.text(1)?, call.text(2)?);
    owned(replace_n(text, old, new, -1)?)
}

/// Go's strings.Replace: at most `count` times, without a bound if negative; an empty text stands
/// before every character.
pub(super) fn replace_n(text: &str, old: &str, new: &str, count: i64) -> Result<String, String> {
    let places = if old.is_empty() {
        text.len() + 1
    } else {
        text.len() / old.len()
    };
    bounded(text.len() + places.saturating_mul(new.len()))?;
    Ok(match usize::try_from(count) {
        Ok(count) => text.replacen(old, new, count),
        Err(_) => text.replace(old, new),
    })
}

/// Cut at bytes, with replacement characters for halves.
fn cut(text: &str, from: usize, to: usize) -> String {
    String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()
}

fn substr(call: &mut Call<'_>) -> Outcome {
    call.count(3)?;
    let (start, end, text) = (call.int(0)?, call.int(1)?, call.text(2)?);
    let len = text.len();
    let place = |index: i64| usize::try_from(index).ok().filter(|place| *place <= len);
    let out_of_range = || "slice bounds out of range".to_owned();
    let end = if start < 0 {
        place(end).ok_or_else(out_of_range)?
    } else {
        place(end).unwrap_or(len)
    };
    let start = if start < 0 {
        0
    } else {
        place(start).ok_or_else(out_of_range)?
    };
    if start > end {
        return Err(out_of_range());
    }
    owned(cut(text, start, end))
}

fn trunc(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let (count, text) = (call.int(0)?, call.text(1)?);
    let size = count.unsigned_abs() as usize;
    owned(match text.len() > size {
        true if count < 0 => cut(text, text.len() - size, text.len()),
        true => cut(text, 0, size),
        false => text.to_owned(),
    })
}

fn abbrev(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let (width, text) = (call.int(0)?, call.text(1)?);
    owned(abbreviated(text, 0, width))
}

fn abbrev_both(call: &mut Call<'_>) -> Outcome {
    call.count(3)?;
    let (left, right, text) = (call.int(0)?, call.int(1)?, call.text(2)?);
    if right < 4 || (left > 0 && right < 7) {
        return owned(text.to_owned());
    }
    owned(abbreviated(text, left, right))
}

/// goutils' AbbreviateFull: dots stand for what is cut.
fn abbreviated(text: &str, offset: i64, width: i64) -> String {
    let len = text.len() as i64;
    if width < 4 || len <= width {
        return text.to_owned();
    }
    let mut offset = offset.min(len);
    if len - offset < width - 3 {
        offset = len - (width - 3);
    }
    if offset <= 4 {
        return cut(text, 0, (width - 3) as usize) + "...";
    }
    if offset + width - 3 < len {
        let end = offset + width - 6;
        return "...".to_owned() + &cut(text, offset as usize, end.max(offset) as usize) + "...";
    }
    "...".to_owned() + &cut(text, (len - (width - 3)) as usize, len as usize)
}

fn joined(call: &mut Call<'_>, change: impl Fn(&Val) -> String) -> Outcome {
    let there = call
        .values
        .iter()
        .filter(|value| !matches!(value, Val::Nil));
    owned(there.map(change).collect::<Vec<_>>().join(" "))
}

fn indent(call: &mut Call<'_>, before: &str) -> Outcome {
    call.count(2)?;
    let (spaces, text) = (call.int(0)?, call.text(1)?);
    let spaces = usize::try_from(spaces).map_err(|_| "negative Repeat count".to_owned())?;
    let lines = text.matches('\n').count() + 1;
    bounded(text.len() + lines.saturating_mul(spaces))?;
    let pad = " ".repeat(spaces);
    owned(format!(
        "{before}{pad}{}",
        text.replace('\n', &format!("\n{pad}"))
    ))
}

fn plural(call: &mut Call<'_>) -> Outcome {
    call.count(3)?;
    let word = if call.int(2)? == 1 {
        call.text(0)?
    } else {
        call.text(1)?
    };
    owned(word.to_owned())
}

fn numbered<'a>(parts: impl Iterator<Item = &'a str>) -> Val {
    let field = |(index, part)| (format!("_{index}"), Val::text(part));
    Val::map(parts.enumerate().map(field).collect())
}

fn split(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let (separator, text) = (call.text(0)?, call.text(1)?);
    Ok(numbered(parts(text, separator, usize::MAX).into_iter()))
}

fn split_n(call: &mut Call<'_>) -> Outcome {
    call.count(3)?;
    let (separator, count, text) = (call.text(0)?, call.int(1)?, call.text(2)?);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    Ok(numbered(parts(text, separator, count).into_iter()))
}

fn split_list(call: &mut Call<'_>) -> Outcome {
    call.count(2)?;
    let (separator, text) = (call.text(0)?, call.text(1)?);
    Ok(Val::texts(parts(text, separator, usize::MAX)))
}

/// Go's strings.SplitN: an empty separator is between all characters.
fn parts<'a>(text: &'a str, separator: &str, most: usize) -> Vec<&'a str> {
    if most == 0 {
        return Vec::new();
    }
    if !separator.is_empty() {
        return text.splitn(most, separator).collect();
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if parts.len() + 1 == most {
            parts.push(rest);
            break;
        }
        let (first, after) = rest.split_at(c.len_utf8());
        parts.push(first);
        rest = after;
    }
    parts
}
