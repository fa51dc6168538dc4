//! Paths and URLs.

use std::collections::BTreeMap;

use crate::template::value::Val;

use super::{Call, Outcome, Table, owned};

pub(super) const TABLE: Table = &[
    ("base", |call| owned(base(call.text(0)?))),
    ("dir", |call| owned(dir(call.text(0)?))),
    ("clean", |call| owned(clean(call.text(0)?))),
    ("ext", |call| owned(ext(call.text(0)?))),
    ("isAbs", |call| {
        Ok(Val::Bool(call.text(0)?.starts_with('/')))
    }),
    ("osBase", |call| owned(base(call.text(0)?))),
    ("osDir", |call| owned(dir(call.text(0)?))),
    ("osClean", |call| owned(clean(call.text(0)?))),
    ("osExt", |call| owned(ext(call.text(0)?))),
    ("osIsAbs", |call| {
        Ok(Val::Bool(call.text(0)?.starts_with('/')))
    }),
    ("urlParse", url_parse),
    ("urlJoin", url_join),
];

fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some("") | None => "/".to_owned(),
        Some(name) => name.to_owned(),
    }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |slash| &path[..=slash]))
}

fn ext(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rfind('.')
        .map_or(String::new(), |dot| name[dot..].to_owned())
}

/// The shortest path to the same place.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".to_owned(),
        (false, path) => path,
    }
}

/// Escapes for a query, a plus for a blank.
pub(super) fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Splits behind the first `mark`, or leaves everything in front.
fn cut<'a>(text: &'a str, mark: &str) -> (&'a str, &'a str) {
    text.split_once(mark).unwrap_or((text, ""))
}

fn url_parse(call: &mut Call<'_>) -> Outcome {
    let (rest, fragment) = cut(call.text(0)?, "#");
    let (rest, query) = cut(rest, "?");
    let (scheme, rest) = match rest.split_once(':') {
        Some((scheme, rest)) if !scheme.contains('/') => (scheme, rest),
        _ => ("", rest),
    };
    let (user, host, path, opaque) = match rest.strip_prefix("//") {
        Some(rest) => {
            let slash = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(slash);
            let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
            (user, host, path, "")
        }
        None if !scheme.is_empty() && !rest.starts_with('/') => ("", "", "", rest),
        None => ("", "", rest, ""),
    };
    let bare = host.rsplit_once(':').map_or(host, |(name, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) {
            name
        } else {
            host
        }
    });
    let scheme = scheme.to_lowercase();
    let fields = [
        ("scheme", scheme.as_str()),
        ("host", host),
        (
            "hostname",
            bare.trim_start_matches('[').trim_end_matches(']'),
        ),
        ("path", path),
        ("query", query),
        ("opaque", opaque),
        ("fragment", fragment),
        ("userinfo", user),
    ];
    let pair = |(name, value): (&str, &str)| (name.to_owned(), Val::text(value));
    Ok(Val::map(
        fields.into_iter().map(pair).collect::<BTreeMap<_, _>>(),
    ))
}

fn url_join(call: &mut Call<'_>) -> Outcome {
    let Val::Map(fields) = call.any(0)? else {
        return call.wrong(0, "map[string]interface {}");
    };
    let fields = fields.borrow();
    let part = |name: &str| match fields.get(name) {
        Some(Val::Text(text)) => text.to_string(),
        _ => String::new(),
    };
    let (scheme, host, user) = (part("scheme"), part("host"), part("userinfo"));
    let mut out = String::new();
    if !scheme.is_empty() {
        out.push_str(&format!("{scheme}:"));
    }
    match part("opaque") {
        opaque if !opaque.is_empty() => out.push_str(&opaque),
        _ => {
            if !host.is_empty() || !user.is_empty() {
                let at = if user.is_empty() { "" } else { "@" };
                out.push_str(&format!("//{user}{at}{host}"));
            }
            let path = part("path");
            if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
                out.push('/');
            }
            out.push_str(&path);
        }
    }
    for (mark, name) in [("?", "query"), ("#", "fragment")] {
        let text = part(name);
        if !text.is_empty() {
            out.push_str(&format!("{mark}{text}"));
        }
    }
    owned(out)
}
