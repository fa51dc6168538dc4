//! The component API's JSON of arguments, exports and debug information.
//!
//! Compat: the shape is Alloy's: a list of statements, each an attribute with a typed value or a
//! block (conformance cases `language/*`, which read everything through it).

use serde_json::{Value as Json, json};

use crate::body::{Block, Body};
use crate::declare::{BodySchema, Field};
use crate::types::Type;
use crate::value::{Capsule, Number, Value};

/// Arguments as statements. What equals its default is left out.
pub fn body_to_api_json(body: &Body, schema: &BodySchema) -> Json {
    let mut statements = Vec::new();
    if schema.open {
        for attribute in &body.attributes {
            statements.push(attribute_json(
                &attribute.name,
                value_to_api_json(&attribute.value),
            ));
        }
    }
    for field in &schema.fields {
        if let Some(value) = shown_value(field, body.value(field.name)) {
            statements.push(attribute_json(field.name, typed_json(&field.ty, &value)));
        }
    }
    for block in &body.blocks {
        statements.extend(block_json(block, schema));
    }
    Json::Array(statements)
}

/// The exports of a component, an object.
pub fn exports_to_api_json(exports: &Value) -> Json {
    let Value::Object(object) = exports else {
        return Json::Array(Vec::new());
    };
    let statements = object
        .iter()
        .map(|(name, value)| attribute_json(name, value_to_api_json(value)));
    Json::Array(statements.collect())
}

/// The debug information of a component, an object: fields that are objects or lists of objects are
/// blocks.
pub fn debug_to_api_json(information: &Value) -> Json {
    let Value::Object(object) = information else {
        return Json::Array(Vec::new());
    };
    let mut statements = Vec::new();
    for (name, value) in object.iter() {
        match value {
            Value::Object(_) => statements.push(debug_block(name, value)),
            Value::Array(values) if is_blocks(values) => {
                statements.extend(values.iter().map(|value| debug_block(name, value)));
            }
            _ => statements.push(attribute_json(name, value_to_api_json(value))),
        }
    }
    Json::Array(statements)
}

fn is_blocks(values: &[Value]) -> bool {
    !values.is_empty() && values.iter().all(|value| matches!(value, Value::Object(_)))
}

fn debug_block(name: &str, value: &Value) -> Json {
    json!({ "name": name, "type": "block", "body": debug_to_api_json(value) })
}

fn attribute_json(name: &str, value: Json) -> Json {
    json!({ "name": name, "type": "attr", "value": value })
}

fn block_json(block: &Block, schema: &BodySchema) -> Option<Json> {
    let declared = schema.block(&block.name)?;
    let body = body_to_api_json(&block.body, (declared.body)());
    if declared.by_value && body.as_array().is_some_and(Vec::is_empty) {
        return None;
    }
    Some(match &block.label {
        Some(label) => json!({ "name": block.name, "type": "block", "label": label, "body": body }),
        None => json!({ "name": block.name, "type": "block", "body": body }),
    })
}

/// The value of a field if the API lists it.
fn shown_value(field: &Field, given: Option<&Value>) -> Option<Value> {
    let coerced = given.map(|value| field.ty.coerce(value).unwrap_or_else(|_| value.clone()));
    let value = coerced
        .or_else(|| field.default.clone())
        .unwrap_or(Value::Null);
    if field.required || field.shown {
        return Some(value);
    }
    let hidden = match &field.default {
        None => is_zero(&value),
        Some(default) => field.ty.hides_default() && same(&field.ty, &value, default),
    };
    (!hidden).then_some(value)
}

/// Equal in meaning: `60s` is `1m`.
fn same(ty: &Type, a: &Value, b: &Value) -> bool {
    a == b || typed_json(ty, a) == typed_json(ty, b) && !a.has_secret()
}

/// Compat: an empty list that was given is not zero, an absent one is.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => *number == Number::Int(0),
        Value::String(text) => text.is_empty(),
        Value::Capsule(Capsule::Secret(secret)) => secret.is_empty(),
        Value::Capsule(Capsule::OptionalSecret(secret)) => secret.expose().is_empty(),
        _ => false,
    }
}

/// A value of a declared type, which says more about its form than the value alone.
fn typed_json(ty: &Type, value: &Value) -> Json {
    match (ty, value) {
        (Type::Duration, Value::String(text)) => match stdx::parse_duration(text) {
            Ok(duration) => text_json(&stdx::format_duration(duration)),
            Err(_) => text_json(text),
        },
        (Type::Size, Value::String(text)) => match stdx::parse_bytes(text) {
            Ok(bytes) => text_json(&stdx::format_bytes(bytes)),
            Err(_) => text_json(text),
        },
        (Type::Size, Value::Number(number)) => match number.as_u64() {
            Some(bytes) => text_json(&stdx::format_bytes(bytes)),
            None => value_to_api_json(value),
        },
        (Type::List(element), Value::Array(values)) => {
            let values: Vec<Json> = values
                .iter()
                .map(|value| typed_json(element, value))
                .collect();
            json!({ "type": "array", "value": values })
        }
        (Type::Map(element), Value::Object(object)) => {
            let fields = object
                .iter()
                .map(|(key, value)| (&**key, typed_json(element, value)));
            object_json(fields)
        }
        _ => value_to_api_json(value),
    }
}

fn text_json(text: &str) -> Json {
    json!({ "type": "string", "value": text })
}

fn object_json<'a>(fields: impl Iterator<Item = (&'a str, Json)>) -> Json {
    let fields: Vec<Json> = fields
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    json!({ "type": "object", "value": fields })
}

/// A value with its type. Secrets and other capsules show as text in place of their content.
pub fn value_to_api_json(value: &Value) -> Json {
    match value {
        Value::Null => json!({ "type": "null", "value": null }),
        Value::Bool(value) => json!({ "type": "bool", "value": value }),
        Value::Number(number) => json!({ "type": "number", "value": number_json(*number) }),
        Value::String(text) => text_json(text),
        Value::Array(values) => {
            let values: Vec<Json> = values.iter().map(value_to_api_json).collect();
            json!({ "type": "array", "value": values })
        }
        Value::Targets(targets) => {
            let labels = targets.iter().map(|target| {
                object_json(target.iter().map(|(name, value)| (name, text_json(value))))
            });
            json!({ "type": "array", "value": labels.collect::<Vec<Json>>() })
        }
        Value::Object(object) => object_json(
            object
                .iter()
                .map(|(key, value)| (&**key, value_to_api_json(value))),
        ),
        Value::Function(_) => json!({ "type": "function", "value": "function" }),
        Value::Capsule(capsule) => json!({ "type": "capsule", "value": capsule.shown() }),
    }
}

/// Compat: numbers are floats there, which costs digits past 2^53. A whole one has no fraction.
fn number_json(number: Number) -> Json {
    let value = number.as_f64();
    match Number::Float(value).as_i64() {
        Some(whole) => Json::from(whole),
        None => Json::from(value),
    }
}
