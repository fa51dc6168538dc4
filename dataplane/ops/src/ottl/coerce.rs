//! What functions ask of their arguments, and what becomes of values that are nearly that.

use std::borrow::Cow;

use super::error::Error;
use super::text::text_like;
use super::value::{List, ListKind, Value};

/// What an argument must be. `Like` takes what can be converted, and leaves nil alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Text,
    TextLike,
    Int,
    IntLike,
    FloatLike,
    BoolLike,
    BytesLike,
    Map,
    List,
    Time,
    Duration,
    /// Literals are read when the statement is compiled.
    LiteralText,
    LiteralInt,
    LiteralFloat,
    LiteralBool,
    /// Lists that are written as such, of items of a kind.
    AnyList,
    TextList,
    TextLikeList,
    LiteralTextList,
    LiteralFloatList,
    /// A list of which the first item that is not nil counts.
    FirstOf,
    /// The name of a converter.
    Function,
    /// Paths that are written to.
    Target,
    TargetMap,
    TargetList,
}

impl Kind {
    /// What the items of a list must be, for lists that are written as such.
    pub(super) fn item(self) -> Option<Kind> {
        match self {
            Kind::AnyList | Kind::FirstOf => Some(Kind::Any),
            Kind::TextList => Some(Kind::Text),
            Kind::TextLikeList => Some(Kind::TextLike),
            Kind::LiteralTextList => Some(Kind::LiteralText),
            Kind::LiteralFloatList => Some(Kind::LiteralFloat),
            _ => None,
        }
    }

    pub(super) fn is_target(self) -> bool {
        matches!(self, Kind::Target | Kind::TargetMap | Kind::TargetList)
    }

    /// Brings a value into the form that is asked for.
    pub(super) fn coerce(self, value: Value<'_>) -> Result<Value<'_>, Error> {
        match (self, value) {
            (Kind::Any | Kind::Target, value) => Ok(value),
            (Kind::Text | Kind::LiteralText, value @ Value::Text(_))
            | (Kind::Int | Kind::LiteralInt | Kind::IntLike, value @ Value::Int(_))
            | (Kind::LiteralFloat | Kind::FloatLike, value @ Value::Float(_))
            | (Kind::LiteralBool | Kind::BoolLike, value @ Value::Bool(_))
            | (Kind::Map | Kind::TargetMap, value @ Value::Map(_))
            | (Kind::Time, value @ Value::Time(_))
            | (Kind::Duration, value @ Value::Duration(_)) => Ok(value),
            (Kind::List | Kind::TargetList, Value::List(list)) => Ok(Value::List(untyped(list)?)),
            (
                Kind::TextLike | Kind::IntLike | Kind::FloatLike | Kind::BoolLike | Kind::BytesLike,
                Value::Nil,
            ) => Ok(Value::Nil),
            (Kind::TextLike, value) => Ok(text_like(value)?.map_or(Value::Nil, Value::Text)),
            (Kind::IntLike, value) => int_like(value),
            (Kind::FloatLike, value) => float_like(value),
            (Kind::BoolLike, value) => bool_like(value),
            (Kind::BytesLike, value) => bytes_like(value),
            (kind, value) => Err(Error::expected(kind.name(), value.type_name())),
        }
    }

    /// The name of the kind, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Any => "any value",
            Kind::Text | Kind::LiteralText | Kind::TextLike => "string",
            Kind::Int | Kind::LiteralInt | Kind::IntLike => "int",
            Kind::FloatLike | Kind::LiteralFloat => "float",
            Kind::BoolLike | Kind::LiteralBool => "bool",
            Kind::BytesLike => "bytes",
            Kind::Map | Kind::TargetMap => "map",
            Kind::List | Kind::TargetList => "list",
            Kind::Time => "time",
            Kind::Duration => "duration",
            Kind::AnyList | Kind::FirstOf => "list of values",
            Kind::TextList | Kind::TextLikeList | Kind::LiteralTextList => "list of strings",
            Kind::LiteralFloatList => "list of floats",
            Kind::Function => "name of a converter",
            Kind::Target => "path",
        }
    }
}

/// A list of one type of Go's, or one that is written, becomes one of data where lists are asked
/// for.
fn untyped(list: Cow<'_, List>) -> Result<Cow<'_, List>, Error> {
    match list.kind {
        ListKind::Any => Ok(list),
        kind => {
            let items = list.into_owned().items;
            if kind == ListKind::Written {
                items.iter().try_for_each(check_raw)?;
            }
            let kind = ListKind::Any;
            Ok(Cow::Owned(List { kind, items }))
        }
    }
}

/// Checks that a value can become an item of a list of data.
///
/// Compat: maps and lists of data cannot, if they stand in a list that is written.
pub(super) fn check_raw(value: &Value<'_>) -> Result<(), Error> {
    match value {
        Value::Nil
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::Text(_)
        | Value::Bytes(_) => Ok(()),
        Value::List(list) if list.kind == ListKind::Written => {
            list.items.iter().try_for_each(check_raw)
        }
        other => Err(Error::new(format!(
            "invalid value type {}",
            other.type_name()
        ))),
    }
}

/// Checks that a value can be the value of a map that is written: a map may be, also in a list.
pub(super) fn check_map_value(value: &Value<'_>) -> Result<(), Error> {
    match value {
        Value::Map(_) => Ok(()),
        Value::List(list) if list.kind == ListKind::Written => {
            let others = list
                .items
                .iter()
                .filter(|item| !matches!(item, Value::Map(_)));
            others.into_iter().try_for_each(check_raw)
        }
        other => check_raw(other),
    }
}

fn int_like(value: Value<'_>) -> Result<Value<'_>, Error> {
    Ok(match value {
        Value::Float(value) => Value::Int(truncated(value)),
        Value::Bool(value) => Value::Int(i64::from(value)),
        // Compat: a text that is no integer is nil, not an error.
        Value::Text(text) => text.parse().map_or(Value::Nil, Value::Int),
        other => return Err(unsupported(&other)),
    })
}

/// A float without its fraction, as amd64 converts in Go: what does not fit is the smallest int.
pub(super) fn truncated(value: f64) -> i64 {
    match (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value) {
        true => value as i64,
        false => i64::MIN,
    }
}

fn float_like(value: Value<'_>) -> Result<Value<'_>, Error> {
    Ok(match value {
        Value::Int(value) => Value::Float(value as f64),
        Value::Bool(value) => Value::Float(f64::from(u8::from(value))),
        Value::Text(text) => Value::Float(parse_float(&text)?),
        other => return Err(unsupported(&other)),
    })
}

/// A float as Go's ParseFloat reads it.
pub(super) fn parse_float(text: &str) -> Result<f64, Error> {
    let invalid = || Error::new(format!("parsing {text:?} as a float: invalid syntax"));
    if text.contains('_') {
        let between = |pair: &[u8]| pair[0] != b'_' || pair[1].is_ascii_alphanumeric();
        let inside = !text.starts_with('_') && !text.ends_with('_');
        if !inside || !text.as_bytes().windows(2).all(between) {
            return Err(invalid());
        }
        return parse_float(&text.replace('_', ""));
    }
    let unsigned = text.trim_start_matches(['+', '-']);
    let word = unsigned.to_ascii_lowercase();
    if let Some(digits) = word.strip_prefix("0x") {
        let value = hexadecimal_float(digits).ok_or_else(invalid)?;
        return Ok(if text.starts_with('-') { -value } else { value });
    }
    let named = matches!(&*word, "inf" | "infinity" | "nan");
    if !named && !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Err(invalid());
    }
    let value: f64 = text.parse().map_err(|_| invalid())?;
    if value.is_infinite() && !named {
        let message = format!("parsing {text:?} as a float: value out of range");
        return Err(Error::new(message));
    }
    Ok(value)
}

/// Hexadecimal digits with an exponent of two, which has to be there.
fn hexadecimal_float(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = digits.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    let shift = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(value * 2f64.powi(exponent.checked_sub(shift)?))
}

fn bool_like(value: Value<'_>) -> Result<Value<'_>, Error> {
    Ok(match value {
        Value::Int(value) => Value::Bool(value != 0),
        Value::Float(value) => Value::Bool(value != 0.0),
        Value::Text(text) => match &*text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Value::Bool(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Value::Bool(false),
            _ => {
                let message = format!("parsing {text:?} as a bool: invalid syntax");
                return Err(Error::new(message));
            }
        },
        other => return Err(unsupported(&other)),
    })
}

fn bytes_like(value: Value<'_>) -> Result<Value<'_>, Error> {
    let bytes = match value {
        Value::Bytes(bytes) => bytes,
        Value::Text(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        Value::Text(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
        Value::Int(value) => Cow::Owned(value.to_be_bytes().to_vec()),
        Value::Float(value) => Cow::Owned(value.to_be_bytes().to_vec()),
        Value::Bool(value) => Cow::Owned(vec![u8::from(value)]),
        other => return Err(unsupported(&other)),
    };
    Ok(Value::Bytes(bytes))
}

fn unsupported(value: &Value<'_>) -> Error {
    Error::new(format!("unsupported type: {}", value.type_name()))
}
