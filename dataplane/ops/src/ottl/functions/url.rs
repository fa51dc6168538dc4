//! `URL`: the parts of a URL by their names in the semantic conventions, read as Go reads them.

use super::call::{Args, Outcome};
use super::{Definition, parameter, plain};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::value::{Map, Value};

pub(super) const TABLE: &[Definition] = &[plain(
    "URL",
    // Compat: the name of the reference's field can never be written.
    &[parameter("URI", Kind::Text)],
    url,
)];

/// A URL, taken apart.
struct Url<'t> {
    scheme: String,
    user: Option<(&'t str, Option<&'t str>)>,
    host: String,
    opaque: bool,
    path: &'t str,
    query: Option<&'t str>,
    fragment: Option<&'t str>,
}

fn url<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let text = args.text(0);
    if text.is_empty() {
        return Err(Error::new("url cannot be empty"));
    }
    if let Some(query) = text.strip_prefix('?') {
        return Ok(Value::map(query_only(query)?));
    }
    let parsed = parse(text)?;
    let path = match parsed.opaque {
        true => String::new(),
        false => unescape(parsed.path, false)?,
    };
    let (host, port) = split_port(&parsed.host);
    let mut map = Map::new();
    let mut put = |key: &str, value: &str| map.set(key, Value::text(value.to_owned()));
    put("url.original", &whole(&parsed, text));
    put("url.domain", host);
    put("url.scheme", &parsed.scheme);
    put("url.path", &path);
    if let Some(fragment) = parsed.fragment.filter(|fragment| !fragment.is_empty()) {
        put("url.fragment", &unescape(fragment, false)?);
    }
    if let Some((name, password)) = parsed.user {
        let text = match password {
            Some(password) => format!("{name}:{password}"),
            None => name.to_owned(),
        };
        put("url.user_info", &text);
        if !name.is_empty() {
            put("url.username", &unescape(name, false)?);
        }
        if let Some(password) = password {
            put("url.password", &unescape(password, false)?);
        }
    }
    if let Some(query) = parsed.query.filter(|query| !query.is_empty()) {
        put("url.query", query);
    }
    if let Some((_, extension)) = path.rsplit_once('.').filter(|(_, after)| !after.is_empty()) {
        put("url.extension", extension);
    }
    if !port.is_empty() {
        let number: i64 = port
            .parse()
            .map_err(|_| Error::new(format!("invalid port {port:?}")))?;
        map.set("url.port", Value::Int(number));
    }
    Ok(Value::map(map))
}

fn parse(text: &str) -> Result<Url<'_>, Error> {
    let failed = |reason: &str| Error::new(format!("parse {text:?}: {reason}"));
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err(failed("net/url: invalid control character in URL"));
    }
    let (rest, fragment) = match text.split_once('#') {
        Some((rest, fragment)) => (rest, Some(fragment)),
        None => (text, None),
    };
    let (scheme, rest) = split_scheme(rest).ok_or_else(|| failed("missing protocol scheme"))?;
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let mut url = Url {
        scheme: scheme.to_ascii_lowercase(),
        user: None,
        host: String::new(),
        opaque: false,
        path: rest,
        query,
        fragment,
    };
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            url.opaque = true;
            return Ok(url);
        }
        if rest
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            return Err(failed("first path segment in URL cannot contain colon"));
        }
    }
    let Some(authority) = rest.strip_prefix("//") else {
        return Ok(url);
    };
    let end = authority.find('/').unwrap_or(authority.len());
    let (authority, path) = authority.split_at(end);
    url.path = path;
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    url.user = user.map(|user| match user.split_once(':') {
        Some((name, password)) => (name, Some(password)),
        None => (user, None),
    });
    let (_, port) = split_port(host);
    let colon = host.rfind(':').filter(|_| !host.ends_with(']'));
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    if colon.is_some() && !digits {
        return Err(failed(&format!(
            "invalid port {:?} after host",
            format!(":{port}")
        )));
    }
    if host.contains(' ') {
        return Err(failed("invalid character \" \" in host name"));
    }
    url.host = unescape(host, false)?;
    unescape(path, false)?;
    Ok(url)
}

/// The scheme and what follows; an empty one if there is none, nothing if it is broken.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    for (index, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if index > 0 => {}
            ':' if index == 0 => return None,
            ':' => return Some((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Some(("", text))
}

/// The host without brackets, and the port.
fn split_port(host: &str) -> (&str, &str) {
    let colon = host.rfind(':').filter(|_| !host.ends_with(']'));
    let (host, port) = match colon {
        Some(colon) => (&host[..colon], &host[colon + 1..]),
        None => (host, ""),
    };
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    (inner.unwrap_or(host), port)
}

/// The URL put together again; its scheme is lowered.
fn whole(url: &Url<'_>, text: &str) -> String {
    match text.get(url.scheme.len()..) {
        Some(rest) => format!("{}{}", url.scheme, rest.trim_end_matches('#')),
        None => text.to_owned(),
    }
}

/// Percent escapes undone.
pub(super) fn unescape(text: &str, plus_is_space: bool) -> Result<String, Error> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let pair = digit(bytes.next()).zip(digit(bytes.next()));
                let (high, low) =
                    pair.ok_or_else(|| Error::new(format!("invalid URL escape in {text:?}")))?;
                out.push((high << 4 | low) as u8);
            }
            b'+' if plus_is_space => out.push(b' '),
            byte => out.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Compat: of a text that is a query alone, the parameters are given.
fn query_only(query: &str) -> Result<Map, Error> {
    let mut parameters = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if pair.contains(';') {
            return Err(Error::new("invalid semicolon separator in query"));
        }
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Value::text(unescape(value, true)?);
        let values = parameters.entry(&unescape(key, true)?);
        match values {
            Value::List(list) => list.to_mut().items.push(value),
            values => *values = Value::list(vec![value]),
        }
    }
    let mut map = Map::new();
    if !parameters.is_empty() {
        map.set("query", Value::map(parameters));
    }
    Ok(map)
}
