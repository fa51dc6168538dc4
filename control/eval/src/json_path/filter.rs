//! Filter expressions: `?(@.price < 10 && @.name =~ /^a/)`.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value as Json;

use super::{Step, walk};

/// An expression that is true or not for an element.
#[derive(Debug)]
pub(super) enum Filter {
    Literal(Json),
    Pattern(Regex),
    List(Vec<Filter>),
    /// A path from the element, or from the root of the document.
    Path {
        from_root: bool,
        steps: Vec<Step>,
    },
    Not(Box<Filter>),
    Binary {
        op: Op,
        left: Box<Filter>,
        right: Box<Filter>,
    },
    Call {
        function: Call,
        arguments: Vec<Filter>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Matches,
    In,
    Empty,
    Has,
    Add,
    Sub,
    Mul,
    Div,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Length,
    Count,
    Match,
    Search,
}

/// What an expression comes to; None if a path leads nowhere or operands do not fit.
type Outcome<'j> = Option<Cow<'j, Json>>;

fn owned<'j>(json: impl Into<Json>) -> Outcome<'j> {
    Some(Cow::Owned(json.into()))
}

impl Filter {
    pub fn accepts(&self, root: &Json, at: &Json) -> bool {
        matches!(self.evaluate(root, at).as_deref(), Some(Json::Bool(true)))
    }

    fn evaluate<'j>(&'j self, root: &'j Json, at: &'j Json) -> Outcome<'j> {
        match self {
            Filter::Literal(json) => Some(Cow::Borrowed(json)),
            Filter::Pattern(_) => None,
            Filter::List(items) => {
                let values = items.iter().filter_map(|item| item.evaluate(root, at));
                owned(Json::Array(values.map(Cow::into_owned).collect()))
            }
            Filter::Path { .. } => self.nodes(root, at).into_iter().next().map(Cow::Borrowed),
            Filter::Not(inner) => owned(!inner.accepts(root, at)),
            Filter::Binary { op, left, right } => binary(*op, [left, right], root, at),
            Filter::Call {
                function,
                arguments,
            } => call(*function, arguments, root, at),
        }
    }

    /// All values that a path leads to.
    fn nodes<'j>(&self, root: &'j Json, at: &'j Json) -> Vec<&'j Json> {
        let mut found = Vec::new();
        if let Filter::Path { from_root, steps } = self {
            walk(steps, root, if *from_root { root } else { at }, &mut found);
        }
        found
    }
}

fn binary<'j>(op: Op, sides: [&'j Filter; 2], root: &'j Json, at: &'j Json) -> Outcome<'j> {
    let [left, right] = sides;
    match op {
        Op::Or => return owned(left.accepts(root, at) || right.accepts(root, at)),
        Op::And => return owned(left.accepts(root, at) && right.accepts(root, at)),
        _ => {}
    }
    let a = left.evaluate(root, at);
    if op == Op::Matches {
        let Filter::Pattern(pattern) = right else {
            return owned(false);
        };
        return owned(
            a.as_deref()
                .and_then(Json::as_str)
                .is_some_and(|text| pattern.is_match(text)),
        );
    }
    let b = right.evaluate(root, at);
    let (a, b) = (a.as_deref(), b.as_deref());
    match op {
        Op::Equal => owned(same(a, b)),
        Op::NotEqual => owned(!same(a, b)),
        Op::Less => owned(order(a, b).is_some_and(Ordering::is_lt)),
        Op::LessEqual => owned(order(a, b).is_some_and(Ordering::is_le)),
        Op::Greater => owned(order(a, b).is_some_and(Ordering::is_gt)),
        Op::GreaterEqual => owned(order(a, b).is_some_and(Ordering::is_ge)),
        Op::In => {
            let items = b.and_then(Json::as_array);
            owned(items.is_some_and(|items| items.iter().any(|item| same(a, Some(item)))))
        }
        Op::Has => owned(b == Some(&Json::Bool(a.is_some()))),
        Op::Empty => owned(
            a.and_then(length)
                .is_some_and(|len| b == Some(&Json::Bool(len == 0))),
        ),
        Op::Add | Op::Sub | Op::Mul | Op::Div => arithmetic(op, a?, b?),
        Op::Or | Op::And | Op::Matches => unreachable!("handled above"),
    }
}

fn same(a: Option<&Json>, b: Option<&Json>) -> bool {
    match (a, b) {
        (Some(Json::Number(a)), Some(Json::Number(b))) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

fn order(a: Option<&Json>, b: Option<&Json>) -> Option<Ordering> {
    match (a?, b?) {
        (Json::Number(a), Json::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Json::String(a), Json::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn arithmetic<'j>(op: Op, a: &Json, b: &Json) -> Outcome<'j> {
    if let (Op::Add, Json::String(a), Json::String(b)) = (op, a, b) {
        return owned(format!("{a}{b}"));
    }
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        let whole = match op {
            Op::Add => a.checked_add(b),
            Op::Sub => a.checked_sub(b),
            Op::Mul => a.checked_mul(b),
            _ => a.checked_div(b),
        };
        return whole.and_then(owned);
    }
    let (a, b) = (a.as_f64()?, b.as_f64()?);
    owned(match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        _ => a / b,
    })
}

fn length(json: &Json) -> Option<usize> {
    match json {
        Json::String(text) => Some(text.chars().count()),
        Json::Array(values) => Some(values.len()),
        Json::Object(fields) => Some(fields.len()),
        _ => None,
    }
}

fn call<'j>(function: Call, arguments: &'j [Filter], root: &'j Json, at: &'j Json) -> Outcome<'j> {
    let first = arguments.first()?;
    match function {
        Call::Length => owned(length(&*first.evaluate(root, at)?)?),
        Call::Count => owned(first.nodes(root, at).len()),
        Call::Match | Call::Search => {
            let text = first.evaluate(root, at)?;
            let pattern = arguments.get(1)?.evaluate(root, at)?;
            let pattern = match function {
                Call::Match => format!("^(?:{})$", pattern.as_str()?),
                _ => pattern.as_str()?.to_owned(),
            };
            owned(Regex::new(&pattern).ok()?.is_match(text.as_str()?))
        }
    }
}
