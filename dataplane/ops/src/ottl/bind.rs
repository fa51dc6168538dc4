//! Arguments to parameters, and constants folded.

use super::error::SyntaxError;
use super::functions::Parameter;
use super::program::Expression;
use super::tree::{self, Written};
use super::value::{ListKind, Map, Value};

type Compiled<T> = Result<T, SyntaxError>;

/// The argument of each parameter: those without a name by position, then those with one.
pub(super) fn places<'w>(
    parameters: &[Parameter],
    call: &'w tree::Call,
) -> Compiled<Vec<Option<&'w Written>>> {
    let failed = |offset: usize, message: String| {
        let name = &call.name;
        let message = format!("error while parsing arguments for call to {name:?}: {message}");
        SyntaxError::new(offset, message)
    };
    let required = parameters
        .iter()
        .filter(|parameter| !parameter.optional)
        .count();
    let found = call.arguments.len();
    if found < required || found > parameters.len() {
        let expected = parameters.len();
        let message =
            format!("incorrect number of arguments. Expected: {expected} Received: {found}");
        return Err(failed(call.offset, message));
    }
    let mut places = vec![None; parameters.len()];
    let mut named = false;
    for (position, argument) in call.arguments.iter().enumerate() {
        let offset = argument.value.offset;
        let index = match &argument.name {
            None if named => {
                let message = "unnamed argument used after named argument".to_owned();
                return Err(failed(offset, message));
            }
            None => position,
            Some(name) => {
                named = true;
                let found = parameters
                    .iter()
                    .position(|parameter| parameter.name == name);
                found.ok_or_else(|| failed(offset, format!("no such parameter: {name}")))?
            }
        };
        places[index] = Some(&argument.value);
    }
    let missing = parameters
        .iter()
        .zip(&places)
        .find(|(parameter, place)| !parameter.optional && place.is_none());
    match missing {
        None => Ok(places),
        Some((parameter, _)) => {
            let message = format!("missing argument {:?}", parameter.name);
            Err(failed(call.offset, message))
        }
    }
}

pub(super) fn fold_list(items: Vec<Expression>) -> Expression {
    let literals = items.iter().map(|item| match item {
        Expression::Literal(value) => Some(value.clone()),
        _ => None,
    });
    match literals.collect::<Option<Vec<_>>>() {
        Some(values) => Expression::Literal(Value::typed_list(ListKind::Written, values)),
        None => Expression::List(items),
    }
}

pub(super) fn fold_map(items: Vec<(String, Expression)>) -> Expression {
    let literals = items.iter().map(|(key, item)| match item {
        Expression::Literal(value) => Some((key.clone(), value.clone())),
        _ => None,
    });
    match literals.collect::<Option<Map>>() {
        Some(map) => Expression::Literal(Value::map(map)),
        None => Expression::Map(items),
    }
}
