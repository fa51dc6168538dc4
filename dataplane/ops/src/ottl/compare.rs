//! Comparing values: numbers with numbers, else like with like. What cannot be compared is
//! unequal, and never an error.

use std::cmp::Ordering;

use super::tree::Comparison;
use super::value::{List, ListKind, Map, Value};

/// Compares two values.
pub(super) fn compare(left: &Value<'_>, comparison: Comparison, right: &Value<'_>) -> bool {
    let ordering = match (left, right) {
        // Compat: nil is as much as nil, for <= and >= too.
        (Value::Nil, Value::Nil) => Some(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Float(b)) => (*a as f64).partial_cmp(b),
        (Value::Float(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Time(a), Value::Time(b)) => Some(a.instant().cmp(&b.instant())),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        _ => return unordered(left, comparison, right),
    };
    match comparison {
        Comparison::Equal => ordering == Some(Ordering::Equal),
        Comparison::NotEqual => ordering != Some(Ordering::Equal),
        Comparison::Less => ordering == Some(Ordering::Less),
        Comparison::Greater => ordering == Some(Ordering::Greater),
        Comparison::LessEqual => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        Comparison::GreaterEqual => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// Equality by the rules of OTTL, as functions need it.
pub(super) fn equal(left: &Value<'_>, right: &Value<'_>) -> bool {
    compare(left, Comparison::Equal, right)
}

fn unordered(left: &Value<'_>, comparison: Comparison, right: &Value<'_>) -> bool {
    match comparison {
        Comparison::Equal => same(left, right),
        Comparison::NotEqual => !same(left, right),
        _ => false,
    }
}

/// Same in type and content: an int is no float here, as inside maps and lists.
fn same(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Map(a), Value::Map(b)) => same_maps(a, b),
        (Value::List(a), Value::List(b)) => same_lists(a, b),
        (Value::Time(a), Value::Time(b)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::TraceId(a), Value::TraceId(b)) => a == b,
        (Value::SpanId(a), Value::SpanId(b)) => a == b,
        (Value::ProfileId(a), Value::ProfileId(b)) => a == b,
        (Value::Part(a), Value::Part(b)) => a == b,
        _ => false,
    }
}

fn same_maps(left: &Map, right: &Map) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
}

fn same_lists(left: &List, right: &List) -> bool {
    // Compat: a list that a function made of one type (Split) equals no list of any type.
    let plain = |list: &List| matches!(list.kind, ListKind::Any | ListKind::Written);
    (left.kind == right.kind || (plain(left) && plain(right)))
        && left.items.len() == right.items.len()
        && left
            .items
            .iter()
            .zip(&right.items)
            .all(|(left, right)| same(left, right))
}
