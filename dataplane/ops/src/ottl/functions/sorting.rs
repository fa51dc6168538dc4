//! `Sort`: lists of numbers, or of what can be compared as text.

use std::cmp::Ordering;

use super::call::{Args, Outcome};
use super::{Definition, optional, parameter, prepared};
use crate::ottl::coerce::{Kind, check_raw};
use crate::ottl::error::Error;
use crate::ottl::text::attribute_text;
use crate::ottl::value::{List, ListKind, Value};

pub(super) const TABLE: &[Definition] = &[prepared(
    "Sort",
    &[
        parameter("target", Kind::Any),
        optional("order", Kind::LiteralText),
    ],
    |literals| match literals.text(1).unwrap_or("asc") {
        "asc" => Ok(Box::new(Sort { descending: false })),
        "desc" => Ok(Box::new(Sort { descending: true })),
        other => Err(format!(
            "invalid arguments: {other}. Sort order should be either \"asc\" or \"desc\""
        )),
    },
)];

#[derive(Debug)]
struct Sort {
    descending: bool,
}

/// How all items of a list are compared.
enum By {
    Ints,
    Floats,
    Texts,
}

impl super::Prepared for Sort {
    fn call<'c>(&'c self, args: &mut Args<'c>) -> Outcome<'c> {
        let list = match args.take(0) {
            Value::List(list) => {
                if list.kind == ListKind::Written {
                    list.items.iter().try_for_each(check_raw)?;
                }
                list.into_owned()
            }
            other => {
                return Err(Error::new(format!(
                    "sort with unsupported type: '{}'. Target is not a list",
                    other.type_name()
                )));
            }
        };
        let Some(by) = by(&list) else {
            return Ok(Value::List(std::borrow::Cow::Owned(list)));
        };
        let mut items = list.items;
        items.sort_by(|left, right| {
            let ordering = compare(&by, left, right);
            match self.descending {
                true => ordering.reverse(),
                false => ordering,
            }
        });
        Ok(Value::typed_list(list.kind, items))
    }
}

/// Nothing for lists that hold maps or lists, which stay as they are.
fn by(list: &List) -> Option<By> {
    let mut by = match list.items.first()? {
        Value::Int(_) => By::Ints,
        _ => By::Floats,
    };
    for item in &list.items {
        match item {
            Value::Int(_) => {}
            Value::Float(_) => {
                if matches!(by, By::Ints) {
                    by = By::Floats;
                }
            }
            Value::Text(_) | Value::Bool(_) | Value::Nil => by = By::Texts,
            _ => return None,
        }
    }
    Some(by)
}

fn compare(by: &By, left: &Value<'_>, right: &Value<'_>) -> Ordering {
    let float = |value: &Value<'_>| match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        _ => 0.0,
    };
    match (by, left, right) {
        (By::Ints, Value::Int(left), Value::Int(right)) => left.cmp(right),
        (By::Texts, left, right) => attribute_text(left).cmp(&attribute_text(right)),
        // As in Go, a NaN is less than any number.
        (_, left, right) => {
            let (left, right) = (float(left), float(right));
            left.partial_cmp(&right)
                .unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
        }
    }
}
