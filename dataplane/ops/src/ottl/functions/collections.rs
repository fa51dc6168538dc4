//! Maps and lists.

use super::call::{Args, Literals, Outcome, Prepared};
use super::{Definition, Parameter, optional, parameter, plain, prepared};
use crate::ottl::coerce::Kind;
use crate::ottl::compare;
use crate::ottl::error::Error;
use crate::ottl::text::attribute_text;
use crate::ottl::value::{Map, Value};

const MAP: &[Parameter] = &[parameter("target", Kind::Map)];

pub(super) const TABLE: &[Definition] = &[
    plain("Keys", MAP, |args| {
        let keys = args
            .take_map(0)
            .into_iter()
            .map(|(key, _)| Value::text(key));
        Ok(Value::list(keys.collect()))
    }),
    plain("Values", MAP, |args| {
        let values = args.take_map(0).into_iter().map(|(_, value)| value);
        Ok(Value::list(values.collect()))
    }),
    plain("Len", &[parameter("target", Kind::Any)], len),
    plain(
        "ContainsValue",
        &[
            parameter("target", Kind::List),
            parameter("item", Kind::Any),
        ],
        |args| {
            let mut items = args.items(0).iter();
            Ok(Value::Bool(
                items.any(|item| compare::equal(item, args.value(1))),
            ))
        },
    ),
    plain(
        "Index",
        &[
            parameter("target", Kind::Any),
            parameter("value", Kind::Any),
        ],
        index,
    ),
    prepared(
        "SliceToMap",
        &[
            parameter("target", Kind::List),
            optional("key_path", Kind::LiteralTextList),
            optional("value_path", Kind::LiteralTextList),
        ],
        SliceToMap::prepare,
    ),
    prepared(
        "ToKeyValueString",
        &[
            parameter("target", Kind::Map),
            optional("delimiter", Kind::LiteralText),
            optional("pair_delimiter", Kind::LiteralText),
            optional("sort_output", Kind::LiteralBool),
        ],
        KeyValueText::prepare,
    ),
];

fn len<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let length = match args.value(0) {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Map(map) => map.len(),
        Value::List(list) => list.items.len(),
        Value::Part(part) if part.kind.is_list() => part.messages.len(),
        other => {
            let name = other.type_name();
            return Err(Error::new(format!("Len: unsupported target type {name}")));
        }
    };
    Ok(Value::Int(length as i64))
}

fn index<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    if let Value::List(_) = args.value(0) {
        let Value::List(list) = Kind::List.coerce(args.take(0))? else {
            return Ok(Value::Nil);
        };
        let mut items = list.items.iter();
        let found = items.position(|item| compare::equal(item, args.value(1)));
        return Ok(Value::Int(found.map_or(-1, |index| index as i64)));
    }
    let found = match (args.value(0), args.value(1)) {
        (Value::Text(text), Value::Text(part)) => text.find(&**part),
        (Value::Text(_), _) => {
            return Err(Error::new(
                "invalid value type for Index function, value must be a string",
            ));
        }
        (other, _) => return Err(Error::expected("list", other.type_name())),
    };
    Ok(Value::Int(found.map_or(-1, |index| index as i64)))
}

#[derive(Debug)]
struct SliceToMap {
    key: Option<Vec<String>>,
    value: Option<Vec<String>>,
}

impl SliceToMap {
    fn prepare(literals: &Literals) -> Result<Box<dyn Prepared>, String> {
        Ok(Box::new(SliceToMap {
            key: literals.texts(1),
            value: literals.texts(2),
        }))
    }
}

impl Prepared for SliceToMap {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let items = args.take_list(0).items;
        let mut map = Map::new();
        for (index, item) in items.into_iter().enumerate() {
            let at = |error: Error| Error::new(format!("element {index}: {error}"));
            if (self.key.is_some() || self.value.is_some()) && !matches!(item, Value::Map(_)) {
                return Err(at(Error::new(format!(
                    "slice elements must be maps when using `key_path` or `value_path`, \
                     but could not cast element of type `{}` to a map",
                    item.type_name()
                ))));
            }
            let key = match &self.key {
                None => index.to_string(),
                Some(path) => match extract(&item, path).map_err(at)? {
                    Value::Text(text) => text.to_string(),
                    other => {
                        let message = format!(
                            "extracted key attribute is not of type string, got {:?}",
                            other.type_name()
                        );
                        return Err(at(Error::new(message)));
                    }
                },
            };
            let value = match &self.value {
                None => item,
                Some(path) => extract(&item, path).map_err(at)?.clone(),
            };
            map.set(key, value);
        }
        Ok(Value::map(map))
    }
}

fn extract<'v>(value: &'v Value<'static>, path: &[String]) -> Result<&'v Value<'static>, Error> {
    if path.is_empty() {
        return Err(Error::new("must provide at least one path item"));
    }
    let mut current = value;
    for key in path {
        let next = match current {
            Value::Map(map) => map.get(key),
            _ => None,
        };
        current = next.ok_or_else(|| {
            Error::new(format!(
                "provided object does not contain the path {path:?}"
            ))
        })?;
    }
    Ok(current)
}

#[derive(Debug)]
struct KeyValueText {
    delimiter: String,
    pair_delimiter: String,
    sorted: bool,
}

/// The delimiters of keys and of pairs, which must be there and differ.
pub(super) fn delimiters(literals: &Literals) -> Result<(String, String), String> {
    let delimiter = literals.text(1).unwrap_or("=");
    let pair_delimiter = literals.text(2).unwrap_or(" ");
    if delimiter.is_empty() {
        return Err("delimiter cannot be set to an empty string".to_owned());
    }
    if pair_delimiter.is_empty() {
        return Err("pair delimiter cannot be set to an empty string".to_owned());
    }
    if delimiter == pair_delimiter {
        return Err(format!(
            "pair delimiter {pair_delimiter:?} cannot be equal to delimiter {delimiter:?}"
        ));
    }
    Ok((delimiter.to_owned(), pair_delimiter.to_owned()))
}

impl KeyValueText {
    fn prepare(literals: &Literals) -> Result<Box<dyn Prepared>, String> {
        let (delimiter, pair_delimiter) = delimiters(literals)?;
        Ok(Box::new(KeyValueText {
            delimiter,
            pair_delimiter,
            sorted: literals.flag(3).unwrap_or_default(),
        }))
    }

    fn quoted(&self, text: &str) -> String {
        let text = text.replace('"', "\\\"");
        match text.contains(&self.pair_delimiter) || text.contains(&self.delimiter) {
            true => format!("\"{text}\""),
            false => text,
        }
    }
}

impl Prepared for KeyValueText {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let Value::Map(map) = args.value(0) else {
            return Ok(Value::text(""));
        };
        let mut entries: Vec<_> = map.iter().collect();
        if self.sorted {
            entries.sort_by_key(|(key, _)| *key);
        }
        let pairs: Vec<String> = entries
            .into_iter()
            .map(|(key, value)| {
                let key = self.quoted(key);
                let value = self.quoted(&attribute_text(value));
                format!("{key}{}{value}", self.delimiter)
            })
            .collect();
        Ok(Value::text(pairs.join(&self.pair_delimiter)))
    }
}
