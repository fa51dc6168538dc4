//! The values of templates.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::gotime::Zone;

/// A value. Lists and maps are shared: `set` changes a map for all who have it.
#[derive(Debug, Clone)]
pub enum Val {
    /// Nothing, or a key that is not there.
    Nil,
    Bool(bool),
    Int(i64),
    /// An int64 of Go, which differs from an int only by its name.
    Int64(i64),
    Float(f64),
    Text(Rc<str>),
    List(Rc<Vec<Val>>),
    Map(Rc<RefCell<BTreeMap<String, Val>>>),
    /// Nanoseconds since 1970, and where they are shown.
    Time(i64, Rc<Zone>),
    /// Nanoseconds.
    Duration(i64),
    /// All data of the template.
    Data,
}

impl Val {
    #[must_use]
    pub fn text(text: &str) -> Val {
        Val::Text(text.into())
    }

    #[must_use]
    pub fn list(values: Vec<Val>) -> Val {
        Val::List(Rc::new(values))
    }

    #[must_use]
    pub fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Val {
        Val::list(texts.into_iter().map(Val::text).collect())
    }

    #[must_use]
    pub fn map(fields: BTreeMap<String, Val>) -> Val {
        Val::Map(Rc::new(RefCell::new(fields)))
    }

    /// Whether `if` takes it for true.
    #[must_use]
    pub fn is_true(&self) -> bool {
        match self {
            Val::Nil => false,
            Val::Bool(value) => *value,
            Val::Int(value) | Val::Int64(value) | Val::Duration(value) => *value != 0,
            Val::Float(value) => *value != 0.0,
            Val::Text(text) => !text.is_empty(),
            Val::List(values) => !values.is_empty(),
            Val::Map(fields) => !fields.borrow().is_empty(),
            Val::Time(..) | Val::Data => true,
        }
    }

    /// The name of the Go type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Val::Nil => "<nil>",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int",
            Val::Int64(_) => "int64",
            Val::Float(_) => "float64",
            Val::Text(_) => "string",
            Val::List(_) => "[]interface {}",
            Val::Map(_) | Val::Data => "map[string]interface {}",
            Val::Time(..) => "time.Time",
            Val::Duration(_) => "time.Duration",
        }
    }

    /// The name of Go's kind.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Val::Nil => "invalid",
            Val::List(_) => "slice",
            Val::Map(_) | Val::Data => "map",
            Val::Time(..) => "struct",
            Val::Duration(_) => "int64",
            other => other.type_name(),
        }
    }

    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Val::Int(value) | Val::Int64(value) | Val::Duration(value) => Some(*value),
            _ => None,
        }
    }

    /// Equal in all depth.
    #[must_use]
    pub fn same(&self, other: &Val) -> bool {
        match (self, other) {
            (Val::Nil, Val::Nil) | (Val::Data, Val::Data) => true,
            (Val::Bool(left), Val::Bool(right)) => left == right,
            (Val::Float(left), Val::Float(right)) => left == right,
            (Val::Text(left), Val::Text(right)) => left == right,
            (Val::Time(left, _), Val::Time(right, _)) => left == right,
            (Val::List(left), Val::List(right)) => {
                let mut pairs = left.iter().zip(right.iter());
                left.len() == right.len() && pairs.all(|(left, right)| left.same(right))
            }
            (Val::Map(left), Val::Map(right)) => {
                if Rc::ptr_eq(left, right) {
                    return true;
                }
                let (left, right) = (left.borrow(), right.borrow());
                let mut pairs = left.iter().zip(right.iter());
                let equal =
                    |((name, value), (other_name, other)): ((&String, &Val), (&String, &Val))| {
                        name == other_name && value.same(other)
                    };
                left.len() == right.len() && pairs.all(equal)
            }
            (left, right) => {
                left.type_name() == right.type_name()
                    && left.whole().is_some()
                    && left.whole() == right.whole()
            }
        }
    }

    /// The order of two values of one kind; the error is Go's.
    pub(super) fn order(&self, other: &Val) -> Result<Ordering, String> {
        match (self, other) {
            (Val::Text(left), Val::Text(right)) => Ok(left.cmp(right)),
            (Val::Float(left), Val::Float(right)) => {
                Ok(left.partial_cmp(right).unwrap_or(Ordering::Less))
            }
            (left, right) => match (left.whole(), right.whole()) {
                (Some(left), Some(right)) => Ok(left.cmp(&right)),
                _ if matches!(left, Val::Text(_) | Val::Float(_)) || left.whole().is_some() => {
                    Err("incompatible types for comparison".to_owned())
                }
                _ => Err("invalid type for comparison".to_owned()),
            },
        }
    }
}
