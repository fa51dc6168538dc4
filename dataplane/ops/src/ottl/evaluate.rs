//! Running compiled statements on items.
//!
//! Cost: reading an attribute and comparing it with a literal allocates nothing; a call puts its
//! arguments on the stack. Nothing is looked up by name.

use std::borrow::Cow;

use super::coerce;
use super::compare::compare;
use super::context::Context;
use super::error::Error;
use super::index;
use super::math;
use super::program::{Call, Expression, Key, Reference, Test};
use super::trace_state;
use super::value::{ListKind, Value};
use super::{Field, Path};

impl Test {
    pub(super) fn holds(&self, context: &dyn Context) -> Result<bool, Error> {
        match self {
            Test::Constant(value) => Ok(*value),
            Test::Call(call) => match call.value(context)? {
                Value::Bool(value) => Ok(value),
                other => Err(Error::new(format!(
                    "value returned from condition is no bool but {}",
                    other.type_name()
                ))),
            },
            Test::Compare(left, comparison, right) => {
                let left = left.value(context)?;
                let right = right.value(context)?;
                Ok(compare(&left, *comparison, &right))
            }
            Test::Not(inner) => Ok(!inner.holds(context)?),
            Test::And(tests) => {
                for test in tests {
                    if !test.holds(context)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Or(tests) => {
                for test in tests {
                    if test.holds(context)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

impl Expression {
    pub(super) fn value<'c>(&'c self, context: &'c dyn Context) -> Result<Value<'c>, Error> {
        match self {
            Expression::Literal(value) => Ok(value.borrowed()),
            Expression::Path(reference) => reference.get(context),
            Expression::Call(call) => call.value(context),
            Expression::Math(left, operator, right) => {
                let left = left.value(context)?;
                let right = right.value(context)?;
                math::calculate(&left, *operator, &right)
            }
            Expression::Negate(inner) => math::negate(&inner.value(context)?),
            Expression::List(items) => {
                let items = items
                    .iter()
                    .map(|item| Ok(item.value(context)?.into_owned()));
                let items = items.collect::<Result<_, Error>>()?;
                Ok(Value::typed_list(ListKind::Written, items))
            }
            Expression::Map(items) => {
                let items = items.iter().map(|(key, item)| {
                    let value = item.value(context)?;
                    coerce::check_map_value(&value)?;
                    Ok((key.clone(), value.into_owned()))
                });
                Ok(Value::map(items.collect::<Result<_, Error>>()?))
            }
        }
    }
}

impl Call {
    fn value<'c>(&'c self, context: &'c dyn Context) -> Result<Value<'c>, Error> {
        let value = self.function.call(&self.arguments, context)?;
        if self.keys.is_empty() {
            return Ok(value);
        }
        let mut value = value.into_owned();
        for key in &self.keys {
            value = match key.resolve(context)? {
                Resolved::Text(key) => index::converter_key(value, &key)?,
                Resolved::Index(at) => index::converter_index(value, at)?,
            };
        }
        Ok(value)
    }
}

/// A key whose value is known.
pub(super) enum Resolved<'c> {
    Text(Cow<'c, str>),
    Index(i64),
}

impl Key {
    pub(super) fn resolve<'c>(&'c self, context: &'c dyn Context) -> Result<Resolved<'c>, Error> {
        match self {
            Key::Text(text) => Ok(Resolved::Text(Cow::Borrowed(text))),
            Key::Index(index) => Ok(Resolved::Index(*index)),
            Key::Computed(expression) => match expression.value(context)? {
                Value::Text(text) => Ok(Resolved::Text(text)),
                Value::Int(index) => Ok(Resolved::Index(index)),
                other => Err(Error::new(format!(
                    "a key must be a string or an int but is {}",
                    other.type_name()
                ))),
            },
        }
    }
}

impl Resolved<'_> {
    pub(super) fn text(&self) -> Result<&str, Error> {
        match self {
            Resolved::Text(text) => Ok(text),
            Resolved::Index(_) => Err(Error::new("cannot get map value: the key is no string")),
        }
    }
}

impl Reference {
    pub(super) fn get<'c>(&'c self, context: &'c dyn Context) -> Result<Value<'c>, Error> {
        let Some((first, rest)) = self.keys.split_first() else {
            return context.get(self.path);
        };
        let value = match self.path {
            Path {
                field: Field::TraceState,
                ..
            } => return self.trace_state(context, first),
            // A body may be a map, a list or neither.
            Path {
                field: Field::Body, ..
            } => return index::of_body(context.get(self.path)?, &self.keys, context),
            path => match first {
                Key::Text(key) => context.get_entry(path, key)?,
                key => {
                    let key = key.resolve(context)?;
                    context.get_entry(path, key.text()?)?
                }
            },
        };
        match (rest, &value) {
            ([], _) => Ok(value),
            // Compat: beyond an absent entry everything is absent.
            (_, Value::Nil) => Ok(Value::Nil),
            _ => index::within(value, rest, context),
        }
    }

    pub(super) fn set(&self, context: &mut dyn Context, value: &Value<'_>) -> Result<(), Error> {
        let Some((first, rest)) = self.keys.split_first() else {
            return context.set(self.path, value);
        };
        if self.path.field == Field::TraceState {
            return self.set_trace_state(context, first, value);
        }
        if self.path.field == Field::Body {
            let mut body = context.get(self.path)?.into_owned();
            index::set_in_body(&mut body, &self.keys, value, context)?;
            return context.set(self.path, &body);
        }
        let key = match first {
            Key::Text(key) if rest.is_empty() => {
                return context.set_entry(self.path, key, value);
            }
            key => key.resolve(context)?.text()?.to_owned(),
        };
        if rest.is_empty() {
            return context.set_entry(self.path, &key, value);
        }
        let mut entry = context.get_entry(self.path, &key)?.into_owned();
        index::set_within(&mut entry, rest, value, context)?;
        context.set_entry(self.path, &key, &entry)
    }

    fn trace_state<'c>(&self, context: &'c dyn Context, key: &Key) -> Result<Value<'c>, Error> {
        let state = context.get(self.path)?;
        let (Value::Text(state), Key::Text(key)) = (state, key) else {
            return Err(Error::new("trace_state indexing type must be a string"));
        };
        Ok(trace_state::get(&state, key).map_or(Value::Nil, |value| Value::text(value.to_owned())))
    }

    fn set_trace_state(
        &self,
        context: &mut dyn Context,
        key: &Key,
        value: &Value<'_>,
    ) -> Result<(), Error> {
        let Value::Text(value) = value else {
            return Err(Error::expected("string", value.type_name()));
        };
        let state = context.get(self.path)?.into_owned();
        let (Value::Text(state), Key::Text(key)) = (state, key) else {
            return Err(Error::new("trace_state indexing type must be a string"));
        };
        match trace_state::insert(&state, key, value) {
            Some(changed) => context.set(self.path, &Value::text(changed)),
            // Compat: what would make the state invalid is ignored.
            None => Ok(()),
        }
    }
}
