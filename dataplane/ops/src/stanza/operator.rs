//! Operators, one after the other.

use batch::otlp::AnyValue;
use serde_json::{Map, Value};

use super::Entry;
use super::field::Field;
use super::parsers::{Parser, json_value};
use super::when::{SeverityParser, TimeParser};

/// Operators as settings list them.
#[derive(Debug, Default)]
pub struct Pipeline {
    operators: Vec<Operator>,
}

#[derive(Debug)]
struct Operator {
    work: Work,
    /// What is done about an entry that it fails on: it goes on or is dropped.
    drop_failed: bool,
    quiet: bool,
}

#[derive(Debug)]
enum Work {
    Parse(Box<Parser>),
    Time(TimeParser),
    Severity(SeverityParser),
    Move(Field, Field),
    Copy(Field, Field),
    Add(Field, AnyValue<'static>),
    Remove(Field),
    Retain(Vec<Field>),
    Nothing,
}

/// The settings of an operator.
pub struct Config<'a>(pub &'a Map<String, Value>);

impl<'a> Config<'a> {
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        match self.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{key} is not a string")),
        }
    }

    pub fn flag(&self, key: &str) -> Result<bool, String> {
        match self.get(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("{key} is not a bool")),
        }
    }

    pub fn field(&self, key: &str) -> Result<Option<Field>, String> {
        self.text(key)?.map(Field::new).transpose()
    }

    fn need(&self, key: &str) -> Result<Field, String> {
        self.field(key)?
            .ok_or_else(|| format!("missing required field '{key}'"))
    }
}

impl Pipeline {
    /// The operators of settings, each an object with its `type`.
    pub fn new(settings: &[Value]) -> Result<Pipeline, String> {
        let mut operators = Vec::new();
        for (number, settings) in settings.iter().enumerate() {
            let operator = Operator::new(settings);
            operators.push(operator.map_err(|error| format!("operator {number}: {error}"))?);
        }
        Ok(Pipeline { operators })
    }

    /// Changes an entry; false when it is dropped.
    pub fn run(&self, entry: &mut Entry, now_ns: i64, mut failed: impl FnMut(&str)) -> bool {
        for operator in &self.operators {
            let Err(error) = operator.work.run(entry, now_ns) else {
                continue;
            };
            if !operator.quiet {
                failed(&error);
            }
            if operator.drop_failed {
                return false;
            }
        }
        true
    }
}

impl Operator {
    fn new(settings: &Value) -> Result<Operator, String> {
        let Value::Object(map) = settings else {
            return Err("it is not an object".to_owned());
        };
        let config = Config(map);
        for key in ["if", "output"] {
            if config.get(key).is_some() {
                return Err(format!("\"{key}\" is not supported yet"));
            }
        }
        let on_error = config.text("on_error")?.unwrap_or("send");
        if !["send", "send_quiet", "drop", "drop_quiet"].contains(&on_error) {
            return Err(format!("invalid on_error value \"{on_error}\""));
        }
        let kind = config
            .text("type")?
            .ok_or("missing required field 'type'")?;
        Ok(Operator {
            work: Work::new(kind, &config)?,
            drop_failed: on_error.starts_with("drop"),
            quiet: on_error.ends_with("quiet"),
        })
    }
}

impl Work {
    fn new(kind: &str, config: &Config<'_>) -> Result<Work, String> {
        Ok(match kind {
            "regex_parser" | "json_parser" | "key_value_parser" => {
                Work::Parse(Box::new(Parser::new(kind, config)?))
            }
            "time_parser" => Work::Time(TimeParser::new(config)?),
            "severity_parser" => Work::Severity(SeverityParser::new(config)?),
            "move" => Work::Move(config.need("from")?, config.need("to")?),
            "copy" => Work::Copy(config.need("from")?, config.need("to")?),
            "add" => {
                let value = config
                    .get("value")
                    .ok_or("missing required field 'value'")?;
                if value.as_str().is_some_and(|text| text.starts_with("EXPR(")) {
                    return Err("expressions are not supported yet".to_owned());
                }
                let value = match value.as_i64() {
                    Some(whole) => AnyValue::Int(whole),
                    None => json_value(value.clone()),
                };
                Work::Add(config.need("field")?, value)
            }
            "remove" => Work::Remove(config.need("field")?),
            "retain" => {
                let Some(Value::Array(fields)) = config.get("fields") else {
                    return Err("missing required field 'fields'".to_owned());
                };
                let field = |value: &Value| Field::new(value.as_str().unwrap_or_default());
                Work::Retain(fields.iter().map(field).collect::<Result<_, _>>()?)
            }
            "noop" => Work::Nothing,
            kind => {
                return Err(format!(
                    "operators of type \"{kind}\" are not supported yet"
                ));
            }
        })
    }

    fn run(&self, entry: &mut Entry, now_ns: i64) -> Result<(), String> {
        match self {
            Work::Parse(parser) => parser.run(entry, now_ns),
            Work::Time(parser) => parser.run(entry, now_ns),
            Work::Severity(parser) => parser.run(entry),
            Work::Move(from, to) => {
                let value = from.remove(entry).ok_or("the field to move is not there")?;
                to.set(entry, value)
            }
            Work::Copy(from, to) => {
                let value = from.get(entry).ok_or("the field to copy is not there")?;
                to.set(entry, value)
            }
            Work::Add(field, value) => field.set(entry, value.clone()),
            Work::Remove(field) => {
                let removed = field.remove(entry);
                removed
                    .map(drop)
                    .ok_or_else(|| "the field to remove is not there".to_owned())
            }
            Work::Retain(fields) => {
                let kept = fields
                    .iter()
                    .filter_map(|field| Some((field, field.get(entry)?)));
                let kept: Vec<_> = kept.collect();
                let roots = [Field::body(), Field::attributes(), Field::resource()];
                for root in &roots {
                    if fields.iter().any(|field| field.is_of(root)) {
                        root.remove(entry);
                    }
                }
                kept.into_iter()
                    .try_for_each(|(field, value)| field.set(entry, value))
            }
            Work::Nothing => Ok(()),
        }
    }
}

/// What a value is as text, if it is a simple one.
pub fn text_of(value: &AnyValue<'_>) -> Option<String> {
    match value {
        AnyValue::String(text) => Some(text.to_string()),
        AnyValue::Int(value) => Some(value.to_string()),
        AnyValue::Double(value) => Some(value.to_string()),
        AnyValue::Bool(value) => Some(value.to_string()),
        AnyValue::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        AnyValue::Empty | AnyValue::Array(_) | AnyValue::Map(_) => None,
    }
}
