//! Alloy's own functions, and those of sprig that look at words.

use sha2::Digest as _;

use crate::template::value::Val;

use super::{Call, Outcome, Table, bounded, owned};

pub(super) const ALLOY: Table = &[
    ("ToLower", |call| one(call, |text| text.to_lowercase())),
    ("ToUpper", |call| one(call, |text| text.to_uppercase())),
    ("Replace", |call| {
        call.count(4)?;
        let (text, old, new) = (call.text(0)?, call.text(1)?, call.text(2)?);
        owned(super::strings::replace_n(text, old, new, call.int(3)?)?)
    }),
    ("Trim", |call| {
        two(call, |text, set| {
            text.trim_matches(|c| set.contains(c)).into()
        })
    }),
    ("TrimLeft", |call| {
        two(call, |text, set| {
            text.trim_start_matches(|c| set.contains(c)).into()
        })
    }),
    ("TrimRight", |call| {
        two(call, |text, set| {
            text.trim_end_matches(|c| set.contains(c)).into()
        })
    }),
    ("TrimPrefix", |call| {
        two(call, |text, part| {
            text.strip_prefix(part).unwrap_or(text).into()
        })
    }),
    ("TrimSuffix", |call| {
        two(call, |text, part| {
            text.strip_suffix(part).unwrap_or(text).into()
        })
    }),
    ("TrimSpace", |call| one(call, |text| text.trim().to_owned())),
    ("Hash", |call| {
        two(call, |salt, text| {
            super::encoding::hex(&sha3::Sha3_256::digest(format!("{salt}{text}")))
        })
    }),
    ("Sha2Hash", |call| {
        two(call, |salt, text| {
            super::encoding::hex(&sha2::Sha256::digest(format!("{salt}{text}")))
        })
    }),
    ("regexReplaceAll", |call| {
        super::patterns::replace_all(call, false)
    }),
    ("regexReplaceAllLiteral", |call| {
        super::patterns::replace_all(call, true)
    }),
];

pub(super) const TABLE: Table = &[
    ("title", |call| one(call, title)),
    ("untitle", |call| one(call, untitle)),
    ("swapcase", |call| one(call, swap_case)),
    ("initials", |call| {
        one(call, |text| {
            text.split_whitespace()
                .filter_map(|word| word.chars().next())
                .collect()
        })
    }),
    ("snakecase", |call| {
        one(call, |text| joined_words(text, '_'))
    }),
    ("kebabcase", |call| {
        one(call, |text| joined_words(text, '-'))
    }),
    ("camelcase", |call| one(call, camel_case)),
    ("wrap", |call| wrap(call, 1, "\n")),
    ("wrapWith", |call| {
        let newline = call.text(1)?.to_owned();
        wrap(call, 2, &newline)
    }),
    ("shuffle", shuffle),
    ("randAlpha", |call| {
        random(call, |byte| byte.is_ascii_alphabetic())
    }),
    ("randNumeric", |call| {
        random(call, |byte| byte.is_ascii_digit())
    }),
    ("randAlphaNum", |call| {
        random(call, |byte| byte.is_ascii_alphanumeric())
    }),
    ("randAscii", |call| {
        random(call, |byte| (32..127).contains(byte))
    }),
];

fn one(call: &mut Call<'_>, change: fn(&str) -> String) -> Outcome {
    call.count(1)?;
    owned(change(call.text(0)?))
}

fn two(call: &mut Call<'_>, change: fn(&str, &str) -> String) -> Outcome {
    call.count(2)?;
    owned(change(call.text(0)?, call.text(1)?))
}

/// Go's strings.Title: a letter begins a word unless a letter, digit, underscore or apostrophe-less
/// mark stands before it.
fn title(text: &str) -> String {
    let in_word =
        |c: char| c.is_alphanumeric() || c == '_' || (!c.is_ascii() && !c.is_whitespace());
    let in_word = |c: char| in_word(c) || c == '\'';
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match in_word(before) {
            true => out.push(c),
            false => out.extend(c.to_uppercase()),
        }
        before = c;
    }
    out
}

fn untitle(text: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match before.is_whitespace() {
            true => out.extend(c.to_lowercase()),
            false => out.push(c),
        }
        before = c;
    }
    out
}

fn swap_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

/// `FirstName` and `first name` become `first_name`.
fn joined_words(text: &str, connector: char) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 4);
    for (index, c) in chars.iter().enumerate() {
        if matches!(c, ' ' | '-' | '_') {
            if !out.is_empty() && !out.ends_with(connector) {
                out.push(connector);
            }
            continue;
        }
        let before = index.checked_sub(1).map(|index| chars[index]);
        let after_lower = before.is_some_and(|c| c.is_lowercase() || c.is_ascii_digit());
        let last_of_upper = before.is_some_and(char::is_uppercase)
            && chars.get(index + 1).is_some_and(|c| c.is_lowercase());
        if c.is_uppercase() && (after_lower || last_of_upper) && !out.ends_with(connector) {
            out.push(connector);
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// `first_name` becomes `FirstName`.
fn camel_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut upper = true;
    for c in text.chars() {
        match c {
            '_' | '-' | ' ' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// Lines of so many characters, broken at spaces; longer words stay whole.
fn wrap(call: &mut Call<'_>, text: usize, newline: &str) -> Outcome {
    call.count(text + 1)?;
    let width = usize::try_from(call.int(0)?).unwrap_or(0).max(1);
    let text = call.text(text)?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if let Some(after) = rest.strip_prefix(' ') {
            rest = after;
            continue;
        }
        let near = rest.char_indices().take_while(|(at, _)| *at <= width);
        let last = near.filter(|(_, c)| *c == ' ').last().map(|(at, _)| at);
        let Some(space) = last.or_else(|| rest.find(' ')) else {
            break;
        };
        out.push_str(&rest[..space]);
        out.push_str(newline);
        bounded(out.len())?;
        rest = &rest[space + 1..];
    }
    out.push_str(rest);
    owned(out)
}

fn shuffle(call: &mut Call<'_>) -> Outcome {
    call.count(1)?;
    let mut chars: Vec<char> = call.text(0)?.chars().collect();
    for index in (1..chars.len()).rev() {
        let other = call.environment.rng.below(index as u64 + 1) as usize;
        chars.swap(index, other);
    }
    owned(chars.into_iter().collect())
}

fn random(call: &mut Call<'_>, wanted: fn(&u8) -> bool) -> Outcome {
    call.count(1)?;
    let count = bounded(usize::try_from(call.int(0)?).unwrap_or(0))?;
    let letters: Vec<u8> = (0..=127).filter(wanted).collect();
    let mut out = String::with_capacity(count);
    for _ in 0..count {
        let index = call.environment.rng.below(letters.len() as u64) as usize;
        out.push(char::from(letters[index]));
    }
    Ok(Val::Text(out.into()))
}
