//! Go's own functions.

use std::cmp::Ordering;

use crate::template::print;
use crate::template::value::Val;

use super::{Call, Outcome, Table, owned};

pub(super) const TABLE: Table = &[
    // The interpreter takes these two apart itself.
    ("and", |call| call.any(0).cloned()),
    ("or", |call| call.any(0).cloned()),
    ("not", |call| {
        call.count(1)?;
        Ok(Val::Bool(!call.any(0)?.is_true()))
    }),
    ("eq", eq),
    ("ne", |call| {
        call.count(2)?;
        let equal = equal(call.any(0)?, call.any(1)?)?;
        Ok(Val::Bool(!equal))
    }),
    ("lt", |call| compare(call, |order| order.is_lt())),
    ("le", |call| compare(call, |order| order.is_le())),
    ("gt", |call| compare(call, |order| order.is_gt())),
    ("ge", |call| compare(call, |order| order.is_ge())),
    ("len", len),
    ("index", index),
    ("slice", slice),
    ("print", |call| owned(print::sprint(&call.values))),
    ("println", println),
    ("printf", |call| {
        owned(print::sprintf(call.text(0)?, &call.values[1..]))
    }),
    ("html", |call| escape(call, html)),
    ("js", |call| escape(call, js)),
    ("urlquery", |call| escape(call, super::paths::query_escape)),
];

fn eq(call: &mut Call<'_>) -> Outcome {
    call.at_least(2)?;
    let first = call.any(0)?;
    for other in &call.values[1..] {
        if equal(first, other)? {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}

fn equal(left: &Val, right: &Val) -> Result<bool, String> {
    match (left, right) {
        (Val::Nil, right) => Ok(matches!(right, Val::Nil)),
        (_, Val::Nil) => Ok(false),
        (Val::Bool(left), Val::Bool(right)) => Ok(left == right),
        (Val::Time(left, _), Val::Time(right, _)) => Ok(left == right),
        (Val::List(_) | Val::Map(_), _) | (_, Val::List(_) | Val::Map(_)) => {
            Err("non-comparable type".to_owned())
        }
        (left, right) => match left.order(right) {
            // A number that is none equals nothing.
            Ok(order) => Ok(order.is_eq() && left.same_or_whole(right)),
            Err(_) => Err("incompatible types for comparison".to_owned()),
        },
    }
}

impl Val {
    fn same_or_whole(&self, other: &Val) -> bool {
        self.whole().is_some() || self.same(other)
    }
}

fn compare(call: &mut Call<'_>, holds: fn(Ordering) -> bool) -> Outcome {
    call.count(2)?;
    let order = call.any(0)?.order(call.any(1)?)?;
    Ok(Val::Bool(holds(order)))
}

fn len(call: &mut Call<'_>) -> Outcome {
    call.count(1)?;
    let len = match call.any(0)? {
        Val::Text(text) => text.len(),
        Val::List(values) => values.len(),
        Val::Map(fields) => fields.borrow().len(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Val::Int(len as i64))
}

fn index(call: &mut Call<'_>) -> Outcome {
    let mut value = call.any(0)?.clone();
    for place in 1..call.values.len() {
        value = match &value {
            Val::Map(fields) => {
                let name = call.text(place)?;
                fields.borrow().get(name).cloned().unwrap_or(Val::Nil)
            }
            Val::List(values) => {
                let at = at(call.int(place)?, values.len())?;
                values[at].clone()
            }
            Val::Text(text) => {
                let at = at(call.int(place)?, text.len())?;
                Val::Int(i64::from(text.as_bytes()[at]))
            }
            Val::Nil => return Err("index of untyped nil".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

fn at(index: i64, len: usize) -> Result<usize, String> {
    let at = usize::try_from(index).ok().filter(|at| *at < len);
    at.ok_or_else(|| format!("index out of range: {index}"))
}

/// Of a text or list: from, to.
fn slice(call: &mut Call<'_>) -> Outcome {
    let len = match call.any(0)? {
        Val::Text(text) => text.len(),
        Val::List(values) => values.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let bound = |place: usize, default: usize| match place < call.values.len() {
        false => Ok(default),
        true => {
            let index = call.int(place)?;
            let bound = usize::try_from(index).ok().filter(|bound| *bound <= len);
            bound.ok_or_else(|| format!("index out of range: {index}"))
        }
    };
    let (from, to) = (bound(1, 0)?, bound(2, len)?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    match call.any(0)? {
        Val::Text(text) => owned(String::from_utf8_lossy(&text.as_bytes()[from..to]).into_owned()),
        _ => Ok(Val::list(call.list(0)?[from..to].to_vec())),
    }
}

fn println(call: &mut Call<'_>) -> Outcome {
    let texts: Vec<String> = call.values.iter().map(print::plain).collect();
    owned(texts.join(" ") + "\n")
}

fn escape(call: &mut Call<'_>, escape: fn(&str) -> String) -> Outcome {
    let text = match call.values.as_slice() {
        [Val::Nil] => "<no value>".to_owned(),
        values => print::sprint(values),
    };
    owned(escape(&text))
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' | '\0'..=' ' if c != ' ' => {
                out.push_str(&format!("\\u{:04X}", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}
