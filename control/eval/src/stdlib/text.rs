//! Functions on texts and paths, `sys.env` and `convert.nonsensitive`.

use schema::{Capsule, Type, Value};

use super::call::{Call, Result, fail};
use crate::limits::check_text;

pub(super) fn format(call: &Call<'_>) -> Result {
    call.expect_at_least(1)?;
    let template = call.text(0)?;
    let arguments = &call.all()[1..];
    if let Some(at) = arguments.iter().position(Value::has_secret) {
        return call.blame(at + 1, "secrets may not be converted into strings");
    }
    Ok(Value::string(crate::format::format(&template, arguments)))
}

pub(super) fn join(call: &Call<'_>) -> Result {
    call.expect(2)?;
    let list = call.coerce(0, &Type::list(Type::String))?;
    let separator = call.text(1)?;
    let elements = list.elements().unwrap_or_default();
    let texts: Vec<&str> = elements
        .iter()
        .map(|value| value.as_str().unwrap_or_default())
        .collect();
    let bytes = texts.iter().map(|text| text.len() + separator.len()).sum();
    check_text(bytes).or_else(fail)?;
    Ok(Value::string(texts.join(&separator)))
}

/// Compat: an empty text to replace is found between all characters, as in Go and Rust alike.
pub(super) fn replace(call: &Call<'_>) -> Result {
    call.expect(3)?;
    let (text, from, to) = (call.text(0)?, call.text(1)?, call.text(2)?);
    if to.len() > from.len() {
        let found = text.matches(&*from).count();
        let grown = found.saturating_mul(to.len() - from.len());
        check_text(grown.saturating_add(text.len())).or_else(fail)?;
    }
    Ok(Value::string(text.replace(&*from, &to)))
}

pub(super) fn split(call: &Call<'_>) -> Result {
    call.expect(2)?;
    let (text, separator) = (call.text(0)?, call.text(1)?);
    if separator.is_empty() {
        // Compat: without a separator a text splits into its characters.
        return Ok(Value::array(
            text.chars().map(|c| Value::string(c.to_string())),
        ));
    }
    Ok(Value::array(text.split(&*separator).map(Value::from)))
}

pub(super) fn to_lower(call: &Call<'_>) -> Result {
    call.expect(1)?;
    Ok(Value::string(call.text(0)?.to_lowercase()))
}

pub(super) fn to_upper(call: &Call<'_>) -> Result {
    call.expect(1)?;
    // Compat: Go maps character by character, so that one of several letters, such as ß, stays.
    let upper = |c: char| {
        let mut letters = c.to_uppercase();
        match (letters.next(), letters.next()) {
            (Some(upper), None) => upper,
            _ => c,
        }
    };
    Ok(Value::string(
        call.text(0)?.chars().map(upper).collect::<String>(),
    ))
}

pub(super) fn trim(call: &Call<'_>) -> Result {
    call.expect(2)?;
    let (text, characters) = (call.text(0)?, call.text(1)?);
    Ok(Value::string(text.trim_matches(|c| characters.contains(c))))
}

pub(super) fn trim_prefix(call: &Call<'_>) -> Result {
    call.expect(2)?;
    let (text, prefix) = (call.text(0)?, call.text(1)?);
    Ok(Value::string(text.strip_prefix(&*prefix).unwrap_or(&text)))
}

pub(super) fn trim_suffix(call: &Call<'_>) -> Result {
    call.expect(2)?;
    let (text, suffix) = (call.text(0)?, call.text(1)?);
    Ok(Value::string(text.strip_suffix(&*suffix).unwrap_or(&text)))
}

pub(super) fn trim_space(call: &Call<'_>) -> Result {
    call.expect(1)?;
    Ok(Value::string(call.text(0)?.trim()))
}

/// Compat: a variable that is not set is the empty text.
pub(super) fn env(call: &Call<'_>) -> Result {
    call.expect(1)?;
    let value = std::env::var_os(&*call.text(0)?).unwrap_or_default();
    Ok(Value::string(value.to_string_lossy()))
}

pub(super) fn nonsensitive(call: &Call<'_>) -> Result {
    call.expect(1)?;
    match call.coerce(0, &Type::Secret)? {
        Value::Capsule(Capsule::Secret(secret)) => Ok(Value::string(secret.expose())),
        _ => Ok(Value::string("")),
    }
}

/// Joins with one separator and removes what is superfluous, as Go's `filepath.Join`.
pub(super) fn path_join(call: &Call<'_>) -> Result {
    let parts = call.texts(0)?;
    let filled: Vec<&str> = parts
        .iter()
        .map(|part| &**part)
        .filter(|part| !part.is_empty())
        .collect();
    if filled.is_empty() {
        return Ok(Value::string(""));
    }
    Ok(Value::string(clean(&filled.join("/"))))
}

fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if rooted => {}
            other => kept.push(other),
        }
    }
    match (rooted, kept.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".to_owned(),
        (false, path) => path,
    }
}
