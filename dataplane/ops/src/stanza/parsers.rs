//! Operators that take a text apart.

use batch::otlp::{AnyValue, Attributes, KeyValue, VALUE_DEPTH_MAX};
use serde_json::Value;

use super::Entry;
use super::field::Field;
use super::operator::{Config, text_of};
use super::when::{SeverityParser, TimeParser};
use crate::regex::GoRegex;

/// An operator that takes a text apart.
#[derive(Debug)]
pub struct Parser {
    form: Form,
    from: Field,
    to: Field,
    /// What the parsed values say of the entry.
    time: Option<TimeParser>,
    severity: Option<SeverityParser>,
    body: Option<Field>,
}

enum Form {
    Regex(GoRegex),
    Json,
    KeyValue { delimiter: String, pair: String },
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Form::Regex(_) => "Regex",
            Form::Json => "Json",
            Form::KeyValue { .. } => "KeyValue",
        })
    }
}

impl Parser {
    pub fn new(kind: &str, config: &Config<'_>) -> Result<Parser, String> {
        let form = match kind {
            "regex_parser" => {
                let pattern = config
                    .text("regex")?
                    .ok_or("missing required field 'regex'")?;
                let regex = GoRegex::new(pattern)?;
                if regex.names().iter().all(String::is_empty) {
                    return Err("no named capture groups in regex pattern".to_owned());
                }
                Form::Regex(regex)
            }
            "json_parser" => Form::Json,
            _ => Form::KeyValue {
                delimiter: config.text("delimiter")?.unwrap_or("=").to_owned(),
                pair: config
                    .text("pair_delimiter")?
                    .unwrap_or_default()
                    .to_owned(),
            },
        };
        let nested = |key: &'static str| -> Result<Option<Config<'_>>, String> {
            match config.get(key) {
                None | Some(Value::Null) => Ok(None),
                Some(Value::Object(map)) => Ok(Some(Config(map))),
                Some(_) => Err(format!("{key} is not an object")),
            }
        };
        Ok(Parser {
            form,
            from: config.field("parse_from")?.unwrap_or_else(Field::body),
            to: config.field("parse_to")?.unwrap_or_else(Field::attributes),
            time: nested("timestamp")?
                .map(|it| TimeParser::new(&it))
                .transpose()?,
            severity: nested("severity")?
                .map(|it| SeverityParser::new(&it))
                .transpose()?,
            body: config.field("body")?,
        })
    }

    pub fn run(&self, entry: &mut Entry, now_ns: i64) -> Result<(), String> {
        let value = self.from.get(entry);
        let value = value.ok_or("the field to parse is not there")?;
        let text = text_of(&value).ok_or("the field to parse is no text")?;
        let parsed = match &self.form {
            Form::Regex(regex) => groups(regex, &text)?,
            Form::Json => match serde_json::from_str(&text) {
                Ok(Value::Object(map)) => json_map(map, VALUE_DEPTH_MAX),
                Ok(_) => return Err("the text is no object of JSON".to_owned()),
                Err(error) => return Err(error.to_string()),
            },
            Form::KeyValue { delimiter, pair } => pairs(&text, delimiter, pair)?,
        };
        self.to.set(entry, AnyValue::Map(parsed))?;
        if let Some(body) = &self.body
            && let Some(value) = body.get(entry)
        {
            entry.record.body = value;
        }
        if let Some(time) = &self.time {
            time.run(entry, now_ns)?;
        }
        if let Some(severity) = &self.severity {
            severity.run(entry)?;
        }
        Ok(())
    }
}

fn groups(regex: &GoRegex, text: &str) -> Result<Attributes<'static>, String> {
    let captures = regex.captures(text).ok_or("regex pattern does not match")?;
    let mut groups = Attributes::default();
    for (at, name) in regex.names().iter().enumerate() {
        if !name.is_empty() {
            let found = captures.get(at).map_or("", |group| group.as_str());
            groups.set(name.clone(), found.to_owned().into());
        }
    }
    Ok(groups)
}

fn pairs(text: &str, delimiter: &str, pair: &str) -> Result<Attributes<'static>, String> {
    let mut found = Attributes::default();
    for part in split_quoted(text, pair) {
        let (key, value) = part
            .split_once(delimiter)
            .ok_or_else(|| format!("cannot split \"{part}\" into two items"))?;
        let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
        found.set(unquoted(key), unquoted(value).into());
    }
    Ok(found)
}

/// Parts between the delimiter, or blanks when it is empty; not within quotes.
fn split_quoted<'t>(text: &'t str, delimiter: &str) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    let mut skip = 0;
    for (at, character) in text.char_indices() {
        if at < skip {
            continue;
        }
        let rest = &text[at..];
        let len = match delimiter {
            "" if character.is_whitespace() => character.len_utf8(),
            "" => 0,
            delimiter if rest.starts_with(delimiter) => delimiter.len(),
            _ => 0,
        };
        match quote {
            Some(open) if open == character => quote = None,
            Some(_) => {}
            None if len > 0 => {
                parts.push(&text[start..at]);
                start = at + len;
                skip = start;
            }
            None if ['"', '\''].contains(&character) => quote = Some(character),
            None => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// A value of JSON; numbers are floats, as the reference's decoder has them. What is nested deeper
/// than OTLP can be stays JSON.
pub fn json_value(value: Value) -> AnyValue<'static> {
    nested(value, VALUE_DEPTH_MAX)
}

fn nested(value: Value, depth: usize) -> AnyValue<'static> {
    let Some(depth) = depth.checked_sub(1) else {
        return value.to_string().into();
    };
    match value {
        Value::Null => AnyValue::Empty,
        Value::Bool(value) => AnyValue::Bool(value),
        Value::Number(number) => AnyValue::Double(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => text.into(),
        Value::Array(values) => {
            let values = values.into_iter().map(|value| nested(value, depth));
            AnyValue::Array(values.collect())
        }
        Value::Object(map) => AnyValue::Map(json_map(map, depth)),
    }
}

fn json_map(map: serde_json::Map<String, Value>, depth: usize) -> Attributes<'static> {
    let list = map.into_iter().map(|(key, value)| KeyValue {
        key: key.into(),
        value: nested(value, depth),
    });
    list.collect::<Vec<_>>().into()
}
