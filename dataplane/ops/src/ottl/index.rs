//! Keys into maps and lists: reading, and writing through what is absent.

use super::context::Context;
use super::error::Error;
use super::evaluate::Resolved;
use super::limits;
use super::program::Key;
use super::value::{List, Map, Value};

/// The value of a map's key in the result of a converter: an absent one is an error there.
pub(super) fn converter_key(value: Value<'static>, key: &str) -> Result<Value<'static>, Error> {
    match value {
        Value::Map(map) => match map.get(key) {
            Some(value) => Ok(value.clone()),
            None => Err(Error::new("key not found in map")),
        },
        other => Err(Error::new(format!(
            "type {} does not support string indexing",
            other.type_name()
        ))),
    }
}

/// The item of a list in the result of a converter.
pub(super) fn converter_index(value: Value<'static>, at: i64) -> Result<Value<'static>, Error> {
    match value {
        Value::List(list) => Ok(list.items[in_bounds(at, list.items.len())?].clone()),
        Value::Bytes(bytes) => {
            let byte = bytes[in_bounds(at, bytes.len())?];
            Ok(Value::Int(i64::from(byte)))
        }
        other => Err(Error::new(format!(
            "type {} does not support int indexing",
            other.type_name()
        ))),
    }
}

fn in_bounds(at: i64, length: usize) -> Result<usize, Error> {
    let index = usize::try_from(at).ok().filter(|&index| index < length);
    index.ok_or_else(|| Error::new(format!("index {at} out of bounds")))
}

/// The value at the end of some keys; nil if a map on the way has no such key.
pub(super) fn within<'c>(
    value: Value<'c>,
    keys: &'c [Key],
    context: &'c dyn Context,
) -> Result<Value<'c>, Error> {
    let owned = value.into_owned();
    let mut current = &owned;
    for key in keys {
        let key = key.resolve(context)?;
        current = match current {
            Value::Map(map) => match map.get(key.text()?) {
                Some(value) => value,
                None => return Ok(Value::Nil),
            },
            Value::List(list) => &list.items[in_bounds(list_index(&key)?, list.items.len())?],
            other => return Err(not_indexable(other)),
        };
    }
    Ok(current.clone())
}

fn list_index(key: &Resolved<'_>) -> Result<i64, Error> {
    match key {
        Resolved::Index(index) => Ok(*index),
        Resolved::Text(_) => Err(Error::new("unable to resolve an integer index in slice")),
    }
}

fn not_indexable(value: &Value<'_>) -> Error {
    let name = value.type_name();
    Error::new(format!("type {name} does not support string indexing"))
}

/// As `within`, for the body of a log record.
pub(super) fn of_body<'c>(
    body: Value<'c>,
    keys: &'c [Key],
    context: &'c dyn Context,
) -> Result<Value<'c>, Error> {
    check_body(&body)?;
    within(body, keys, context)
}

fn check_body(body: &Value<'_>) -> Result<(), Error> {
    match body {
        Value::Map(_) | Value::List(_) => Ok(()),
        other => Err(Error::new(format!(
            "log bodies of type {} cannot be indexed",
            other.type_name()
        ))),
    }
}

/// As `set_within`, for the body of a log record.
pub(super) fn set_in_body(
    body: &mut Value<'static>,
    keys: &[Key],
    value: &Value<'_>,
    context: &dyn Context,
) -> Result<(), Error> {
    check_body(body)?;
    set_within(body, keys, value, context)
}

/// Sets what some keys lead to; maps and lists are made on the way where there is nothing.
pub(super) fn set_within(
    target: &mut Value<'static>,
    keys: &[Key],
    value: &Value<'_>,
    context: &dyn Context,
) -> Result<(), Error> {
    let mut current = target;
    for key in keys {
        let key = key.resolve(context)?;
        if current.is_nil() {
            *current = made_for(&key)?;
        }
        current = match current {
            Value::Map(map) => map.to_mut().entry(key.text()?),
            Value::List(list) => {
                let list = list.to_mut();
                let index = in_bounds(list_index(&key)?, list.items.len())?;
                &mut list.items[index]
            }
            other => return Err(not_indexable(other)),
        };
    }
    *current = value.clone().into_owned();
    Ok(())
}

/// An empty map for a text, a list of nils up to an index.
fn made_for(key: &Resolved<'_>) -> Result<Value<'static>, Error> {
    match key {
        Resolved::Text(_) => Ok(Value::map(Map::new())),
        Resolved::Index(index) => {
            let last = in_bounds(*index, limits::LIST_ITEMS_MAX)?;
            let list = List {
                items: vec![Value::Nil; last + 1],
                ..List::default()
            };
            Ok(Value::List(std::borrow::Cow::Owned(list)))
        }
    }
}
