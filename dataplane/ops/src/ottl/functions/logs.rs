//! Formats of security and web logs: CEF, LEEF, CLF, ELF.

use std::sync::LazyLock;

use super::call::{Args, Outcome, Prepared};
use super::{Body, Definition, Parameter, Set, optional, parameter};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::path::Owner;
use crate::ottl::text::from_hex;
use crate::ottl::value::{Map, Value};
use crate::regex::GoRegex;

const TARGET: &[Parameter] = &[parameter("target", Kind::Text)];

pub(super) const TABLE: &[Definition] = &[
    of_logs(
        "ParseCEF",
        TARGET,
        Body::Plain(|args| cef(filled(args, "CEF")?)),
    ),
    of_logs(
        "ParseLEEF",
        TARGET,
        Body::Plain(|args| leef(filled(args, "LEEF")?)),
    ),
    of_logs(
        "ParseELF",
        TARGET,
        Body::Plain(|args| elf(filled(args, "ELF")?)),
    ),
    of_logs(
        "ParseCLF",
        &[
            parameter("target", Kind::Text),
            optional("format", Kind::LiteralText),
        ],
        Body::Prepare(|literals| match literals.text(1).unwrap_or("clf") {
            "clf" => Ok(Box::new(Clf { combined: false })),
            "combined" => Ok(Box::new(Clf { combined: true })),
            other => Err(format!(
                "invalid format {other:?}: must be \"clf\" or \"combined\""
            )),
        }),
    ),
];

const fn of_logs(name: &'static str, parameters: &'static [Parameter], body: Body) -> Definition {
    Definition {
        name,
        parameters,
        body,
        contexts: &[Owner::Log],
        set: Set::Transform,
    }
}

fn filled<'a>(args: &'a Args<'_>, format: &str) -> Result<&'a str, Error> {
    match args.text(0) {
        "" => Err(Error::new(format!("cannot parse empty {format} message"))),
        text => Ok(text),
    }
}

fn put(map: &mut Map, key: &str, value: &str) {
    map.set(key, Value::text(value.to_owned()));
}

fn cef<'c>(message: &str) -> Outcome<'c> {
    let start = message
        .find("CEF:")
        .ok_or_else(|| Error::new("invalid CEF message: 'CEF:' not found"))?;
    let (fields, extension) = cef_header(&message[start..]);
    let [
        version,
        vendor,
        product,
        product_version,
        class,
        name,
        severity,
    ] = &fields[..]
    else {
        return Err(Error::new(format!(
            "invalid CEF header: expected at least 7 pipe-delimited fields, got {}",
            fields.len()
        )));
    };
    let version = version.trim_start_matches("CEF:");
    if version.is_empty() {
        return Err(Error::new("invalid CEF message: missing version"));
    }
    let mut map = Map::new();
    put(&mut map, "cef.version", version);
    put(&mut map, "cef.device_vendor", vendor);
    put(&mut map, "cef.device_product", product);
    put(&mut map, "cef.device_version", product_version);
    put(&mut map, "cef.device_event_class_id", class);
    put(&mut map, "cef.name", name);
    put(&mut map, "cef.severity", severity);
    map.set("cef.extensions", Value::map(cef_extensions(extension)));
    Ok(Value::map(map))
}

/// The fields of a header, escapes undone, and what follows the seventh.
fn cef_header(text: &str) -> (Vec<String>, &str) {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        let next = text[index + c.len_utf8()..].chars().next();
        match (c, next) {
            ('\\', Some(escaped @ ('|' | '\\'))) => {
                field.push(escaped);
                chars.next();
            }
            ('|', _) => {
                fields.push(std::mem::take(&mut field));
                if fields.len() == 7 {
                    return (fields, &text[index + 1..]);
                }
            }
            (c, _) => field.push(c),
        }
    }
    fields.push(field);
    (fields, "")
}

/// `key=value` pairs; a value goes on to the blank before the next key.
fn cef_extensions(text: &str) -> Map {
    let mut map = Map::new();
    let mut open: Option<(&str, usize)> = None;
    let mut at = 0;
    while at < text.len() {
        let starts = at == 0 || text.as_bytes()[at - 1] == b' ';
        let key = if starts { cef_key(&text[at..]) } else { None };
        let Some(key) = key else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        if let Some((key, start)) = open {
            put(
                &mut map,
                key,
                &cef_value(text[start..at].trim_end_matches(' ')),
            );
        }
        at += key.len() + 1;
        open = Some((key, at));
    }
    if let Some((key, start)) = open {
        put(
            &mut map,
            key,
            &cef_value(text[start..].trim_end_matches(' ')),
        );
    }
    map
}

fn cef_key(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    (end > 0 && text[end..].starts_with('=')).then(|| &text[..end])
}

fn cef_value(text: &str) -> String {
    unescape(text, |c| match c {
        '\\' | '=' => Some(c),
        'n' => Some('\n'),
        'r' => Some('\r'),
        _ => None,
    })
}

/// Undoes the escapes that are known; others stay.
fn unescape(text: &str, known: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied().and_then(&known)) {
            ('\\', Some(meant)) => {
                out.push(meant);
                chars.next();
            }
            (c, _) => out.push(c),
        }
    }
    out
}

fn leef<'c>(message: &str) -> Outcome<'c> {
    let start = message
        .find("LEEF:")
        .ok_or_else(|| Error::new("invalid LEEF message: 'LEEF:' not found"))?;
    let (version, rest) = message[start + 5..]
        .split_once('|')
        .ok_or_else(|| Error::new("invalid LEEF message: missing pipe delimiter in header"))?;
    let parts = match version {
        "1.0" => 5,
        "2.0" => 6,
        _ => return Err(Error::new(format!("unsupported LEEF version: {version}"))),
    };
    let mut fields: Vec<&str> = rest.splitn(parts, '|').collect();
    if fields.len() < 4 {
        return Err(Error::new(format!(
            "invalid LEEF {version} header: expected at least 4 fields, got {}",
            fields.len()
        )));
    }
    let mut delimiter = "\t".to_owned();
    if version == "2.0" && fields.len() > 4 {
        if fields[4].contains('=') {
            // The delimiter was left out: what stands there is the first attribute.
            fields = rest.splitn(5, '|').collect();
        } else {
            delimiter = leef_delimiter(fields.remove(4))?;
        }
    }
    let mut attributes = Map::new();
    for pair in fields.get(4).unwrap_or(&"").split(&delimiter) {
        if let Some((key, value)) = pair.split_once('=').filter(|(key, _)| !key.is_empty()) {
            put(&mut attributes, key, value);
        }
    }
    let mut map = Map::new();
    put(&mut map, "leef.version", version);
    put(&mut map, "leef.vendor", fields[0]);
    put(&mut map, "leef.product.name", fields[1]);
    put(&mut map, "leef.product.version", fields[2]);
    put(&mut map, "leef.event.id", fields[3]);
    map.set("leef.attributes", Value::map(attributes));
    Ok(Value::map(map))
}

fn leef_delimiter(text: &str) -> Result<String, Error> {
    let invalid = || Error::new(format!("invalid LEEF 2.0 delimiter: {text:?}"));
    if text.is_empty() {
        return Ok("\t".to_owned());
    }
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return match from_hex(hex.as_bytes()).as_deref() {
            Some([byte]) => Ok(char::from(*byte).to_string()),
            _ => Err(invalid()),
        };
    }
    match text.len() {
        1 => Ok(text.to_owned()),
        _ => Err(invalid()),
    }
}

fn elf<'c>(text: &str) -> Outcome<'c> {
    let mut map = Map::new();
    let mut entries = Vec::new();
    let mut fields: Vec<&str> = Vec::new();
    let lines = text.split(['\n', '\r']).map(str::trim);
    for line in lines.filter(|line| !line.is_empty()) {
        let Some(directive) = line.strip_prefix('#') else {
            if fields.is_empty() {
                return Err(Error::new(
                    "invalid ELF: data entry found before #Fields directive",
                ));
            }
            let values = elf_values(line)?;
            let entry = fields.iter().enumerate().map(|(index, field)| {
                let value = values.get(index).map_or("-", String::as_str);
                (*field, Value::text(value.to_owned()))
            });
            let mut row = Map::new();
            for (field, value) in entry {
                row.set(field, value);
            }
            entries.push(Value::map(row));
            continue;
        };
        let Some((key, value)) = directive.split_once(':') else {
            let name = directive.trim().to_ascii_lowercase();
            if name.starts_with("fields") {
                return Err(Error::new(format!(
                    "invalid ELF: malformed #Fields directive {line:?}"
                )));
            }
            continue;
        };
        let value = value.trim();
        match &*key.trim().to_ascii_lowercase() {
            "version" => put(&mut map, "elf.version", value),
            "fields" => fields = value.split_whitespace().collect(),
            "software" => put(&mut map, "elf.software", value),
            "date" => put(&mut map, "elf.date", value),
            "start-date" => put(&mut map, "elf.start_date", value),
            "end-date" => put(&mut map, "elf.end_date", value),
            "remark" => put(&mut map, "elf.remark", value),
            _ => {}
        }
    }
    if map.get("elf.version").is_none() {
        return Err(Error::new("invalid ELF: missing #Version directive"));
    }
    map.set("elf.entries", Value::list(entries));
    let fields = fields
        .into_iter()
        .map(|field| Value::text(field.to_owned()));
    map.set("elf.fields", Value::list(fields.collect()));
    Ok(Value::map(map))
}

/// Values between blanks; those in quotes may hold blanks, and quotes written twice.
fn elf_values(line: &str) -> Result<Vec<String>, Error> {
    let mut values = Vec::new();
    let mut rest = line.trim_start_matches([' ', '\t']);
    while !rest.is_empty() {
        match rest.strip_prefix('"') {
            None => {
                let end = rest.find([' ', '\t']).unwrap_or(rest.len());
                values.push(rest[..end].to_owned());
                rest = &rest[end..];
            }
            Some(mut inner) => {
                let mut value = String::new();
                loop {
                    let (before, after) = inner.split_once('"').ok_or_else(|| {
                        Error::new(format!(
                            "invalid ELF: unterminated quoted value in data line: {line:?}"
                        ))
                    })?;
                    value.push_str(before);
                    match after.strip_prefix('"') {
                        Some(after) => {
                            value.push('"');
                            inner = after;
                        }
                        None => {
                            rest = after;
                            break;
                        }
                    }
                }
                values.push(value);
            }
        }
        rest = rest.trim_start_matches([' ', '\t']);
    }
    Ok(values)
}

#[derive(Debug)]
struct Clf {
    combined: bool,
}

/// What both formats begin with, and a field in quotes.
const CLF: &str = r#"^(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\S+) (\S+)"#;
const CLF_QUOTED: &str = r#" "((?:[^"\\]|\\.)*)""#;

static COMMON: LazyLock<GoRegex> =
    LazyLock::new(|| GoRegex::new(&format!("{CLF}$")).expect("a valid pattern"));
static COMBINED: LazyLock<GoRegex> = LazyLock::new(|| {
    GoRegex::new(&format!("{CLF}{CLF_QUOTED}{CLF_QUOTED}$")).expect("a valid pattern")
});

impl Prepared for Clf {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let regex = if self.combined { &COMBINED } else { &COMMON };
        let message = filled(args, "CLF")?.trim();
        let captures = regex
            .captures(message)
            .ok_or_else(|| Error::new("invalid CLF message: does not match expected format"))?;
        let group = |index: usize| captures.get(index).map_or("", |group| group.as_str());
        let number = |name: &str, text: &str| {
            let invalid = || Error::new(format!("invalid {name} {text:?}"));
            text.parse().map(Value::Int).map_err(|_| invalid())
        };
        let mut map = Map::new();
        put(&mut map, "clf.remote_host", group(1));
        put(&mut map, "clf.rfc931", group(2));
        put(&mut map, "clf.auth_user", group(3));
        put(&mut map, "clf.timestamp", group(4));
        let request = clf_text(group(5));
        put(&mut map, "clf.request", &request);
        if let [method, uri, protocol] = request.splitn(3, ' ').collect::<Vec<_>>()[..] {
            put(&mut map, "clf.method", method);
            put(&mut map, "clf.request_uri", uri);
            put(&mut map, "clf.protocol", protocol);
        }
        map.set("clf.status", number("status code", group(6))?);
        if group(7) != "-" {
            map.set("clf.bytes", number("bytes value", group(7))?);
        }
        if self.combined {
            put(&mut map, "clf.referer", &clf_text(group(8)));
            put(&mut map, "clf.user_agent", &clf_text(group(9)));
        }
        Ok(Value::map(map))
    }
}

fn clf_text(text: &str) -> String {
    let text = unescape(text, |c| match c {
        '\\' | '"' => Some(c),
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'v' => Some('\u{b}'),
        _ => None,
    });
    let mut parts = text.split("\\x");
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).and_then(|digits| from_hex(digits.as_bytes()));
        match digits {
            Some(byte) => {
                out.extend(byte);
                out.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                out.extend_from_slice(b"\\x");
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
