//! `ParseSeverity`: levels by texts and ranges.

use super::call::{Args, Literals, Outcome, Prepared};
use super::{Definition, parameter, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::value::{List, Map, Value};

pub(super) const TABLE: &[Definition] = &[prepared(
    "ParseSeverity",
    &[
        parameter("target", Kind::Any),
        parameter("mapping", Kind::Map),
    ],
    Severity::prepare,
)];

/// The levels with what leads to them.
///
/// Compat: a mapping that is broken is an error of each call, not of the statement.
#[derive(Debug)]
struct Severity(Result<Vec<(String, Vec<Criterion>)>, String>);

#[derive(Debug, Default)]
struct Criterion {
    equals: Vec<String>,
    range: Option<(i64, i64)>,
}

impl Severity {
    fn prepare(literals: &Literals) -> Result<Box<dyn Prepared>, String> {
        let levels = match literals.value(1) {
            Some(Value::Map(map)) => levels(map),
            _ => Err("severity mapping must be a literal PMap".to_owned()),
        };
        Ok(Box::new(Severity(levels)))
    }
}

fn levels(map: &Map) -> Result<Vec<(String, Vec<Criterion>)>, String> {
    let levels = map.iter().map(|(level, value)| {
        let Value::List(list) = value else {
            return Err("severity mapping criteria must be []any".to_owned());
        };
        Ok((level.to_owned(), criteria(list)?))
    });
    levels.collect()
}

fn criteria(list: &List) -> Result<Vec<Criterion>, String> {
    let criteria = list.items.iter().map(|item| match item {
        Value::Map(map) => criterion(map)
            .map_err(|message| format!("invalid severity mapping criteria: {message}")),
        _ => Err("severity mapping criteria items must be map[string]any".to_owned()),
    });
    criteria.collect()
}

fn criterion(map: &Map) -> Result<Criterion, String> {
    let mut criterion = Criterion::default();
    match map.get("equals") {
        None => {}
        Some(Value::List(list)) => {
            for item in &list.items {
                let Value::Text(text) = item else {
                    return Err("equals values must be strings".to_owned());
                };
                criterion.equals.push(text.to_string());
            }
        }
        Some(_) => return Err("equals must be a list".to_owned()),
    }
    criterion.range = match map.get("range") {
        None => None,
        Some(Value::Map(range)) => Some((bound(range, "min")?, bound(range, "max")?)),
        Some(Value::Text(text)) => match &**text {
            "2xx" => Some((200, 299)),
            "3xx" => Some((300, 399)),
            "4xx" => Some((400, 499)),
            "5xx" => Some((500, 599)),
            other => return Err(format!("unknown range placeholder: {other}")),
        },
        Some(_) => {
            return Err("range must be a map or a known placeholder string".to_owned());
        }
    };
    Ok(criterion)
}

fn bound(range: &Map, name: &str) -> Result<i64, String> {
    match range.get(name) {
        Some(Value::Int(value)) => Ok(*value),
        Some(_) => Err(format!("{name} must be an int64")),
        None => Err(format!("range must have a {name} value")),
    }
}

impl Criterion {
    fn holds(&self, value: &Value<'_>) -> Result<bool, Error> {
        match value {
            Value::Text(text) => Ok(self.equals.iter().any(|other| **other == **text)),
            Value::Int(value) => Ok(self
                .range
                .is_some_and(|(min, max)| min <= *value && *value <= max)),
            other => Err(Error::new(format!(
                "could not map log level: unsupported value type: {}",
                other.type_name()
            ))),
        }
    }
}

impl Prepared for Severity {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let levels = self
            .0
            .as_ref()
            .map_err(|message| Error::new(message.clone()))?;
        for (level, criteria) in levels {
            for criterion in criteria {
                if criterion.holds(args.value(0))? {
                    return Ok(Value::text(&**level));
                }
            }
        }
        Err(Error::new(
            "could not map log level: no matching log level found",
        ))
    }
}
