//! Calling a function: its arguments evaluated, coerced, and handed over by position.

use std::borrow::Cow;
use std::fmt;

use super::Parameter;
use crate::ottl::coerce::Kind;
use crate::ottl::context::Context;
use crate::ottl::error::Error;
use crate::ottl::program::{Argument, Expression};
use crate::ottl::value::{List, Map, Value};
use crate::regex::GoRegex;

pub(in crate::ottl) type Outcome<'c> = Result<Value<'c>, Error>;

/// Limit: parameters of a function; CommunityID has the most.
pub(in crate::ottl) const PARAMETERS_MAX: usize = 6;

/// A converter that was prepared from its literals.
pub(in crate::ottl) trait Prepared: fmt::Debug {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c>;
}

/// An editor that was prepared from its literals: the old value becomes a new one, or stays.
pub(in crate::ottl) trait Edit: fmt::Debug {
    fn edit(
        &self,
        old: Value<'static>,
        args: &mut Args<'_>,
    ) -> Result<Option<Value<'static>>, Error>;
}

/// An editor that reads and writes fields of its own choice.
pub(in crate::ottl) trait ItemEdit: fmt::Debug {
    fn run(&self, context: &mut dyn Context) -> Result<(), Error>;
}

/// What runs behind a converter's name.
pub(in crate::ottl) enum Function {
    Plain(for<'c> fn(&mut Args<'c>) -> Outcome<'c>),
    Prepared(Box<dyn Prepared>),
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Function::Plain(_) => f.write_str("Plain"),
            Function::Prepared(prepared) => prepared.fmt(f),
        }
    }
}

impl Function {
    pub(in crate::ottl) fn call<'c>(
        &'c self,
        arguments: &'c [Argument],
        context: &'c dyn Context,
    ) -> Outcome<'c> {
        let mut args = Args::evaluate(arguments, context)?;
        self.run(&mut args)
    }

    fn run<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        match self {
            Function::Plain(body) => body(args),
            Function::Prepared(prepared) => prepared.call(args),
        }
    }
}

/// The values of a call's arguments. Those that were not given are nil, and marked as such.
pub(in crate::ottl) struct Args<'c> {
    values: [Value<'c>; PARAMETERS_MAX],
    given: u8,
    pub context: &'c dyn Context,
}

impl<'c> Args<'c> {
    pub(in crate::ottl) fn evaluate(
        arguments: &'c [Argument],
        context: &'c dyn Context,
    ) -> Result<Args<'c>, Error> {
        let mut args = Args {
            values: [const { Value::Nil }; PARAMETERS_MAX],
            given: 0,
            context,
        };
        for (index, argument) in arguments.iter().enumerate() {
            if let Some(expression) = &argument.expression {
                args.values[index] = evaluate(argument.kind, expression, context)?;
                args.given |= 1 << index;
            }
        }
        Ok(args)
    }

    /// The arguments of a call with one value.
    fn of(value: Value<'c>, context: &'c dyn Context) -> Args<'c> {
        let mut values = [const { Value::Nil }; PARAMETERS_MAX];
        values[0] = value;
        Args {
            values,
            given: 1,
            context,
        }
    }

    pub(in crate::ottl) fn is_given(&self, index: usize) -> bool {
        self.given & (1 << index) != 0
    }

    /// A value; it is nil from then on.
    pub(in crate::ottl) fn take(&mut self, index: usize) -> Value<'c> {
        std::mem::take(&mut self.values[index])
    }

    pub(in crate::ottl) fn value(&self, index: usize) -> &Value<'c> {
        &self.values[index]
    }

    /// A text; the empty one where none is given.
    pub(in crate::ottl) fn text(&self, index: usize) -> &str {
        match &self.values[index] {
            Value::Text(text) => text,
            _ => "",
        }
    }

    pub(in crate::ottl) fn take_text(&mut self, index: usize) -> Cow<'c, str> {
        match self.take(index) {
            Value::Text(text) => text,
            _ => Cow::Borrowed(""),
        }
    }

    pub(in crate::ottl) fn text_or<'s>(&'s self, index: usize, default: &'s str) -> &'s str {
        match self.is_given(index) {
            true => self.text(index),
            false => default,
        }
    }

    pub(in crate::ottl) fn int(&self, index: usize) -> i64 {
        match self.values[index] {
            Value::Int(value) => value,
            _ => 0,
        }
    }

    pub(in crate::ottl) fn flag(&self, index: usize) -> bool {
        matches!(self.values[index], Value::Bool(true))
    }

    pub(in crate::ottl) fn bytes(&self, index: usize) -> &[u8] {
        match &self.values[index] {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    pub(in crate::ottl) fn items(&self, index: usize) -> &[Value<'static>] {
        match &self.values[index] {
            Value::List(list) => &list.items,
            _ => &[],
        }
    }

    pub(in crate::ottl) fn take_list(&mut self, index: usize) -> List {
        match self.take(index) {
            Value::List(list) => list.into_owned(),
            _ => List::default(),
        }
    }

    pub(in crate::ottl) fn take_map(&mut self, index: usize) -> Map {
        match self.take(index) {
            Value::Map(map) => map.into_owned(),
            _ => Map::new(),
        }
    }
}

fn evaluate<'c>(
    kind: Kind,
    expression: &'c Expression,
    context: &'c dyn Context,
) -> Result<Value<'c>, Error> {
    let Some(item_kind) = kind.item() else {
        return kind.coerce(expression.value(context)?);
    };
    let Expression::List(items) = expression else {
        // A list of literals, which was checked when it was compiled.
        return expression.value(context);
    };
    if kind == Kind::FirstOf {
        for item in items {
            let value = item.value(context)?;
            if !value.is_nil() {
                return Ok(value);
            }
        }
        return Ok(Value::Nil);
    }
    let items = items
        .iter()
        .map(|item| Ok(item_kind.coerce(item.value(context)?)?.into_owned()));
    Ok(Value::list(items.collect::<Result<_, Error>>()?))
}

/// What is known of a call when it is compiled: literals, and converters given by name.
pub(in crate::ottl) struct Literals {
    pub(in crate::ottl) parameters: &'static [Parameter],
    pub(in crate::ottl) values: Vec<Option<Value<'static>>>,
    pub(in crate::ottl) given: Vec<bool>,
    /// Taken by the function that it is for.
    pub(in crate::ottl) function: std::cell::Cell<Option<Replacement>>,
}

impl Literals {
    /// A text, if it is given and a literal.
    pub(in crate::ottl) fn text(&self, index: usize) -> Option<&str> {
        match self.values.get(index)? {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(in crate::ottl) fn int(&self, index: usize) -> Option<i64> {
        match self.values.get(index)? {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub(in crate::ottl) fn float(&self, index: usize) -> Option<f64> {
        match self.values.get(index)? {
            Some(Value::Float(value)) => Some(*value),
            _ => None,
        }
    }

    pub(in crate::ottl) fn flag(&self, index: usize) -> Option<bool> {
        match self.values.get(index)? {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    pub(in crate::ottl) fn value(&self, index: usize) -> Option<&Value<'static>> {
        self.values.get(index)?.as_ref()
    }

    /// The texts of a list of literals.
    pub(in crate::ottl) fn texts(&self, index: usize) -> Option<Vec<String>> {
        let Some(Value::List(list)) = self.values.get(index)? else {
            return None;
        };
        let texts = list.items.iter().map(|item| match item {
            Value::Text(text) => Some(text.to_string()),
            _ => None,
        });
        texts.collect()
    }

    pub(in crate::ottl) fn floats(&self, index: usize) -> Option<Vec<f64>> {
        let Some(Value::List(list)) = self.values.get(index)? else {
            return None;
        };
        let floats = list.items.iter().map(|item| match item {
            Value::Float(value) => Some(*value),
            _ => None,
        });
        floats.collect()
    }

    /// The pattern at a place: compiled now if it is a literal.
    pub(in crate::ottl) fn pattern(&self, index: usize) -> Result<Pattern, String> {
        match self.text(index) {
            None => Ok(Pattern::Dynamic(index)),
            Some(text) => compile(text).map(Pattern::Fixed).map_err(|error| {
                format!(
                    "the regex pattern supplied as {:?} '{text}' is not a valid pattern: {error}",
                    self.parameters[index].name
                )
            }),
        }
    }
}

/// A regular expression that was compiled with the statement, or is with each call.
#[derive(Debug)]
pub(in crate::ottl) enum Pattern {
    Fixed(GoRegex),
    /// The argument that holds it.
    Dynamic(usize),
}

impl Pattern {
    pub(in crate::ottl) fn get(&self, args: &Args<'_>) -> Result<Cow<'_, GoRegex>, Error> {
        match self {
            Pattern::Fixed(regex) => Ok(Cow::Borrowed(regex)),
            Pattern::Dynamic(index) => compile(args.text(*index))
                .map(Cow::Owned)
                .map_err(|error| Error::new(format!("not a valid pattern: {error}"))),
        }
    }
}

fn compile(pattern: &str) -> Result<GoRegex, String> {
    let most = crate::ottl::limits::PATTERN_BYTES_MAX;
    if pattern.len() > most {
        return Err(format!("longer than {most} bytes"));
    }
    GoRegex::new(pattern)
}

/// A converter given by name, that replacements pass through.
#[derive(Debug)]
pub(in crate::ottl) struct Replacement {
    /// Nothing for one that cannot be called with one text.
    pub(in crate::ottl) function: Option<Function>,
    pub(in crate::ottl) kind: Kind,
}

impl Replacement {
    pub(in crate::ottl) fn apply(
        &self,
        text: &str,
        context: &dyn Context,
    ) -> Result<String, Error> {
        let function = self
            .function
            .as_ref()
            .ok_or_else(|| Error::new("the function takes another number of arguments"))?;
        let value = self.kind.coerce(Value::text(text))?;
        let mut args = Args::of(value, context);
        match function.run(&mut args)? {
            Value::Text(text) => Ok(text.into_owned()),
            _ => Err(Error::new("the replacement value must be a string")),
        }
    }
}
