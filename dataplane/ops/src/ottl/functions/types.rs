//! Converting between types, and asking for them.

use super::call::{Args, Outcome};
use super::{Definition, Parameter, parameter, plain};
use crate::ottl::coerce::Kind;
use crate::ottl::error::Error;
use crate::ottl::value::{ListKind, Value};

const ANY: &[Parameter] = &[parameter("target", Kind::Any)];

pub(super) const TABLE: &[Definition] = &[
    plain("Bool", &[parameter("target", Kind::BoolLike)], first),
    plain("Double", &[parameter("target", Kind::FloatLike)], first),
    plain("Int", &[parameter("target", Kind::IntLike)], first),
    plain("String", &[parameter("target", Kind::TextLike)], first),
    plain("IsBool", ANY, |args| {
        Ok(Value::Bool(matches!(args.value(0), Value::Bool(_))))
    }),
    plain("IsDouble", ANY, |args| {
        Ok(Value::Bool(matches!(args.value(0), Value::Float(_))))
    }),
    plain("IsInt", ANY, |args| {
        Ok(Value::Bool(matches!(args.value(0), Value::Int(_))))
    }),
    plain("IsString", ANY, |args| {
        Ok(Value::Bool(matches!(args.value(0), Value::Text(_))))
    }),
    plain("IsMap", ANY, |args| {
        Ok(Value::Bool(matches!(args.value(0), Value::Map(_))))
    }),
    plain("IsList", ANY, is_list),
    plain("IsEmpty", ANY, is_empty),
    plain("Coalesce", &[parameter("values", Kind::FirstOf)], first),
    plain("Log", &[parameter("target", Kind::FloatLike)], log),
];

fn first<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    Ok(args.take(0))
}

fn is_list<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    Ok(Value::Bool(match args.value(0) {
        // Compat: counts of buckets are no list here.
        Value::List(list) => list.kind != ListKind::Unsigned,
        Value::Part(part) => part.kind.is_list(),
        _ => false,
    }))
}

fn is_empty<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    Ok(Value::Bool(match args.value(0) {
        Value::Nil => true,
        Value::Bool(value) => !value,
        Value::Int(value) | Value::Duration(value) => *value == 0,
        Value::Float(value) => *value == 0.0 && value.is_sign_positive(),
        Value::Text(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::List(list) => list.items.is_empty(),
        Value::TraceId(id) | Value::ProfileId(id) => *id == [0; 16],
        Value::SpanId(id) => *id == [0; 8],
        Value::Time(_) | Value::Part(_) => false,
    }))
}

fn log<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    match args.value(0) {
        Value::Float(value) if *value <= 0.0 => Err(Error::new(format!(
            "invalid input: expected number greater than zero but got {value}"
        ))),
        Value::Float(value) => Ok(Value::Float(value.ln())),
        _ => Err(Error::new("invalid input: nil")),
    }
}
