//! Functions on lists, and `coalesce`.

use std::collections::BTreeMap;
use std::sync::Arc;

use schema::{Capsule, Number, Object, Targets, Value};

use super::call::{Call, Result, fail};
use crate::limits::ELEMENTS_MAX;
use crate::operators::equal;

/// The elements of all arrays. Lists of targets stay lists of targets, without copying labels.
pub(super) fn concat(call: &Call<'_>) -> Result {
    let arguments = call.all();
    for (at, argument) in arguments.iter().enumerate() {
        if !matches!(argument, Value::Array(_) | Value::Targets(_)) {
            return Err(call.mismatch(at, "array"));
        }
    }
    if let [only] = arguments {
        return Ok(only.clone());
    }
    let count: usize = arguments.iter().map(count_of).sum();
    if count > ELEMENTS_MAX {
        return fail(format!(
            "the list would have more than {ELEMENTS_MAX} elements"
        ));
    }
    if let Some(targets) = concat_targets(arguments) {
        return Ok(targets);
    }
    let mut values = Vec::new();
    for argument in arguments {
        values.extend(argument.elements().unwrap_or_default().iter().cloned());
    }
    Ok(Value::Array(Arc::new(values)))
}

fn count_of(list: &Value) -> usize {
    match list {
        Value::Array(values) => values.len(),
        Value::Targets(targets) => targets.len(),
        _ => 0,
    }
}

fn concat_targets(arguments: &[Value]) -> Option<Value> {
    let mut lists = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match argument {
            Value::Targets(targets) => lists.push(targets),
            Value::Array(values) if values.is_empty() => {}
            _ => return None,
        }
    }
    if lists.is_empty() {
        return None;
    }
    let all = lists
        .into_iter()
        .flat_map(|targets| targets.iter().cloned());
    Some(Value::Targets(all.collect::<Targets>()))
}

/// The first argument that is neither null, zero nor empty; the last if there is none.
pub(super) fn coalesce(call: &Call<'_>) -> Result {
    let filled = |value: &&Value| match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => *number != Number::Int(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Targets(targets) => !targets.is_empty(),
        Value::Object(object) => !object.is_empty(),
        Value::Capsule(Capsule::Secret(secret)) => !secret.is_empty(),
        Value::Capsule(Capsule::OptionalSecret(secret)) => {
            secret.is_secret() || !secret.expose().is_empty()
        }
        Value::Function(_) | Value::Capsule(_) => true,
    };
    let arguments = call.all();
    Ok(arguments
        .iter()
        .find(filled)
        .or(arguments.last())
        .cloned()
        .unwrap_or(Value::Null))
}

/// Objects of one array joined with those of another that have equal values under all given keys.
///
/// Compat: with the fourth argument, an object of the first array is kept once for each object of
/// the second that it does not match, as Alloy does.
pub(super) fn combine_maps(call: &Call<'_>) -> Result {
    if !(3..=4).contains(&call.all().len()) {
        return fail(format!("expected 3 or 4 args, got {}", call.all().len()));
    }
    let (left, right) = (objects(call, 0)?, objects(call, 1)?);
    let mut keys = Vec::new();
    for key in call.array(2)?.iter() {
        match key {
            Value::String(key) => keys.push(key.clone()),
            _ => return call.blame(2, "merge conditions should be strings"),
        }
    }
    if keys.is_empty() {
        return call.blame(2, "merge conditions must not be empty");
    }
    let keep_unmatched = call.all().len() == 4 && call.bool(3)?;
    let mut combined = Vec::new();
    for a in &left {
        for b in &right {
            if matches(a, b, &keys) {
                combined.push(Value::Object(Arc::new(merged(a, b))));
            } else if keep_unmatched {
                combined.push(Value::Object(a.clone()));
            }
        }
    }
    Ok(Value::Array(Arc::new(combined)))
}

fn objects(call: &Call<'_>, at: usize) -> Result<Vec<Arc<Object>>> {
    let mut objects = Vec::new();
    for value in call.array(at)?.iter() {
        match value {
            Value::Object(object) => objects.push(object.clone()),
            other => {
                let found = other.type_name();
                return call.blame(at, format!("elements should be objects, got {found}"));
            }
        }
    }
    Ok(objects)
}

fn matches(a: &Object, b: &Object, keys: &[Arc<str>]) -> bool {
    keys.iter().all(|key| match (a.get(key), b.get(key)) {
        (Some(a), Some(b)) => equal(a, b),
        _ => false,
    })
}

fn merged(a: &Object, b: &Object) -> Object {
    // Of equal keys the last wins, which is the second object's.
    a.iter()
        .chain(b.iter())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Objects gathered by the text under a key: `[{ key = text, items = [...] }]`, sorted by the text.
pub(super) fn group_by(call: &Call<'_>) -> Result {
    call.expect(3)?;
    let items = objects(call, 0)?;
    let Value::String(key) = &call.all()[1] else {
        return Err(call.mismatch(1, "string"));
    };
    let drop_missing = call.bool(2)?;
    let mut groups: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for item in items {
        let group = match item.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => {
                let found = other.type_name();
                return call.blame(
                    0,
                    format!("{key:?} should be string in each object, got {found}"),
                );
            }
            None if drop_missing => continue,
            None => "".into(),
        };
        groups.entry(group).or_default().push(Value::Object(item));
    }
    Ok(Value::array(groups.into_iter().map(|(group, items)| {
        Value::object([
            (key.clone(), Value::String(group)),
            ("items".into(), Value::array(items)),
        ])
    })))
}
