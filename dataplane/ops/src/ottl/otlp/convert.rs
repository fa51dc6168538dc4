//! Values of OTTL and of OTLP into each other.

use std::borrow::Cow;

use batch::otlp::wire::Message;
use batch::otlp::{AnyValue, Attributes, KeyValue, Lazy, Text, VALUE_DEPTH_MAX};

use crate::ottl::error::Error;
use crate::ottl::text::from_hex;
use crate::ottl::time::Time;
use crate::ottl::value::{ListKind, Map, Part, PartKind, Value};

/// A value of OTLP as one of OTTL. Texts and bytes are borrowed, maps and lists copied.
pub(super) fn from_any<'v>(any: &'v AnyValue<'_>) -> Value<'v> {
    match any {
        AnyValue::Empty => Value::Nil,
        AnyValue::String(text) => Value::Text(text.to_str()),
        AnyValue::Bool(value) => Value::Bool(*value),
        AnyValue::Int(value) => Value::Int(*value),
        AnyValue::Double(value) => Value::Float(*value),
        AnyValue::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
        AnyValue::Array(items) => {
            let items = items.iter().map(|item| from_any(item).into_owned());
            Value::list(items.collect())
        }
        AnyValue::Map(attributes) => from_attributes(attributes),
    }
}

pub(super) fn from_attributes<'v>(attributes: &Attributes<'_>) -> Value<'v> {
    let mut map = Map::new();
    for KeyValue { key, value } in attributes {
        map.push(key.to_str().into_owned(), from_any(value).into_owned());
    }
    Value::map(map)
}

/// A value of OTTL as an attribute can hold it.
pub(super) fn to_any(value: &Value<'_>) -> Result<AnyValue<'static>, Error> {
    nested(value, VALUE_DEPTH_MAX)
}

fn nested(value: &Value<'_>, depth: usize) -> Result<AnyValue<'static>, Error> {
    let Some(depth) = depth.checked_sub(1) else {
        let message = format!("lists and maps are nested more than {VALUE_DEPTH_MAX} deep");
        return Err(Error::new(message));
    };
    Ok(match value {
        Value::Nil => AnyValue::Empty,
        Value::Bool(value) => AnyValue::Bool(*value),
        Value::Int(value) => AnyValue::Int(*value),
        Value::Float(value) => AnyValue::Double(*value),
        Value::Text(text) => AnyValue::from(text.to_string()),
        Value::Bytes(bytes) => AnyValue::Bytes(Cow::Owned(bytes.to_vec())),
        Value::List(list) if list.kind != ListKind::Unsigned => {
            // Compat: of the items that cannot be values only the last is an error; the others
            // are empty.
            let last = list.items.len().saturating_sub(1);
            let items = list.items.iter().enumerate();
            let items = items.map(|(index, item)| match nested(item, depth) {
                Err(_) if index < last => Ok(AnyValue::Empty),
                result => result,
            });
            AnyValue::Array(items.collect::<Result<_, Error>>()?)
        }
        Value::Map(map) => AnyValue::Map(pairs(map, depth)?),
        other => {
            return Err(Error::new(format!(
                "unsupported type {} for set operation",
                other.type_name()
            )));
        }
    })
}

pub(super) fn to_attributes(map: &Map) -> Result<Attributes<'static>, Error> {
    pairs(map, VALUE_DEPTH_MAX)
}

fn pairs(map: &Map, depth: usize) -> Result<Attributes<'static>, Error> {
    let attributes = map.iter().map(|(key, value)| {
        Ok(KeyValue {
            key: Text::from(key.to_owned()),
            value: nested(value, depth)?,
        })
    });
    Ok(attributes.collect::<Result<Vec<_>, Error>>()?.into())
}

/// Sets attributes as a whole.
pub(super) fn set_attributes(
    attributes: &mut Attributes<'_>,
    value: &Value<'_>,
) -> Result<(), Error> {
    match value {
        Value::Map(map) => *attributes = to_attributes(map)?,
        other => {
            return Err(Error::new(format!(
                "unsupported type provided for setting a map: {}",
                other.type_name()
            )));
        }
    }
    Ok(())
}

/// Sets one attribute.
///
/// Compat: what cannot be a value leaves an empty one where there was none.
pub(super) fn set_attribute(
    attributes: &mut Attributes<'_>,
    key: &str,
    value: &Value<'_>,
) -> Result<(), Error> {
    let any = to_any(value);
    match (attributes.get_mut(key), any) {
        (Some(old), Ok(any)) => *old = any,
        (Some(_), Err(error)) => return Err(error),
        (None, any) => {
            let (value, result) = match any {
                Ok(any) => (any, Ok(())),
                Err(error) => (AnyValue::Empty, Err(error)),
            };
            attributes.push(KeyValue {
                key: Text::from(key.to_owned()),
                value,
            });
            return result;
        }
    }
    Ok(())
}

pub(super) fn attribute<'v>(attributes: &'v Attributes<'_>, key: &str) -> Value<'v> {
    attributes.get(key).map_or(Value::Nil, from_any)
}

pub(super) fn text<'v>(text: &'v Text<'_>) -> Value<'v> {
    Value::Text(text.to_str())
}

pub(super) fn nanos<'v>(nanos: u64) -> Value<'v> {
    Value::Int(nanos as i64)
}

pub(super) fn time<'v>(nanos: u64) -> Value<'v> {
    Value::Time(Time::from_unix_nano(nanos))
}

pub(super) fn as_int(value: &Value<'_>) -> Result<i64, Error> {
    match value {
        Value::Int(value) => Ok(*value),
        other => Err(Error::expected("int", other.type_name())),
    }
}

pub(super) fn as_float(value: &Value<'_>) -> Result<f64, Error> {
    match value {
        Value::Float(value) => Ok(*value),
        other => Err(Error::expected("float", other.type_name())),
    }
}

pub(super) fn as_bool(value: &Value<'_>) -> Result<bool, Error> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => Err(Error::expected("bool", other.type_name())),
    }
}

pub(super) fn as_str<'v>(value: &'v Value<'_>) -> Result<&'v str, Error> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(Error::expected("string", other.type_name())),
    }
}

pub(super) fn as_text(value: &Value<'_>) -> Result<Text<'static>, Error> {
    as_str(value).map(|text| Text::from(text.to_owned()))
}

pub(super) fn as_nanos(value: &Value<'_>) -> Result<u64, Error> {
    as_int(value).map(|nanos| nanos as u64)
}

pub(super) fn as_time(value: &Value<'_>) -> Result<u64, Error> {
    match value {
        Value::Time(time) => Ok(time.unix_nano() as u64),
        other => Err(Error::expected("time", other.type_name())),
    }
}

/// An id of a message, all zeros if it has none.
pub(super) fn id<const LENGTH: usize>(bytes: &[u8]) -> [u8; LENGTH] {
    bytes.try_into().unwrap_or([0; LENGTH])
}

/// The bytes of an id for a message: none for all zeros.
fn id_bytes<'a>(id: &[u8]) -> Cow<'a, [u8]> {
    match id.iter().all(|&byte| byte == 0) {
        true => Cow::Borrowed(&[]),
        false => Cow::Owned(id.to_vec()),
    }
}

pub(super) fn as_trace_id<'a>(value: &Value<'_>) -> Result<Cow<'a, [u8]>, Error> {
    match value {
        Value::TraceId(id) => Ok(id_bytes(id)),
        other => Err(Error::expected("trace id", other.type_name())),
    }
}

pub(super) fn as_span_id<'a>(value: &Value<'_>) -> Result<Cow<'a, [u8]>, Error> {
    match value {
        Value::SpanId(id) => Ok(id_bytes(id)),
        other => Err(Error::expected("span id", other.type_name())),
    }
}

/// An id from its hexadecimal digits.
pub(super) fn as_hex_id<'a, const LENGTH: usize>(
    value: &Value<'_>,
) -> Result<Cow<'a, [u8]>, Error> {
    let decoded = from_hex(as_str(value)?.as_bytes()).filter(|id| id.len() == LENGTH);
    let decoded = decoded.ok_or_else(|| {
        let digits = LENGTH * 2;
        Error::new(format!("ids must be {digits} hex characters"))
    })?;
    Ok(id_bytes(&decoded))
}

/// Messages of an item as a part of it.
pub(super) fn part<'v, 'a, T: Message<'a> + 'v>(
    kind: PartKind,
    messages: impl Iterator<Item = &'v T>,
) -> Value<'static> {
    let messages = messages.map(|message| {
        let mut out = Vec::new();
        message.write(&mut out);
        out
    });
    Value::Part(Box::new(Part {
        kind,
        messages: messages.collect(),
    }))
}

pub(super) fn lazy_part<'a, T: Message<'a>>(
    kind: PartKind,
    messages: &[Lazy<'a, T>],
) -> Value<'static> {
    part(kind, messages.iter().map(Lazy::get))
}

/// The messages of a part of a kind.
pub(super) fn as_part<'v>(kind: PartKind, value: &'v Value<'_>) -> Result<&'v Part, Error> {
    match value {
        Value::Part(part) if part.kind == kind => Ok(part),
        other => Err(Error::expected("a part of an item", other.type_name())),
    }
}
