//! `json_path`: JSONPath over a JSON document.
//!
//! Compat: the dialect is that of the library that Alloy uses (ojg): the leading `$` may be
//! missing, `..` finds the deepest first, a filter keeps elements for which its expression is true
//! and knows arithmetic, `in`, `has`, `empty`, `=~` and the functions of RFC 9535.

mod filter;
mod parse;

use serde_json::Value as Json;

use filter::Filter;
pub(crate) use parse::parse;

/// A parsed path.
#[derive(Debug)]
pub(crate) struct Path {
    /// None for the empty text, which finds nothing; no steps find the document itself.
    steps: Option<Vec<Step>>,
}

#[derive(Debug)]
enum Step {
    Child(String),
    Index(i64),
    Wildcard,
    /// Everything below and the value itself.
    Descent,
    Union(Vec<Step>),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
    },
    Filter(Filter),
}

impl Path {
    /// All values that the path leads to.
    pub fn select<'j>(&self, json: &'j Json) -> Vec<&'j Json> {
        let mut found = Vec::new();
        if let Some(steps) = &self.steps {
            walk(steps, json, json, &mut found);
        }
        found
    }
}

/// Takes the first step from `at` and the others from wherever it leads; `root` is what `$` means
/// in filters.
fn walk<'j>(steps: &[Step], root: &'j Json, at: &'j Json, found: &mut Vec<&'j Json>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(at);
        return;
    };
    match step {
        Step::Descent => {
            for child in children(at) {
                walk(steps, root, child, found);
            }
            walk(rest, root, at, found);
        }
        other => {
            for next in other.targets(root, at) {
                walk(rest, root, next, found);
            }
        }
    }
}

impl Step {
    fn targets<'j>(&self, root: &'j Json, at: &'j Json) -> Vec<&'j Json> {
        match self {
            Step::Child(name) => at
                .as_object()
                .and_then(|object| object.get(name))
                .into_iter()
                .collect(),
            Step::Index(index) => element(at, *index).into_iter().collect(),
            Step::Wildcard => children(at),
            Step::Descent => unreachable!("a descent is walked, and stands in no union"),
            Step::Union(steps) => steps
                .iter()
                .flat_map(|step| step.targets(root, at))
                .collect(),
            Step::Slice { start, end, step } => slice(at, *start, *end, *step),
            Step::Filter(filter) => children(at)
                .into_iter()
                .filter(|child| filter.accepts(root, child))
                .collect(),
        }
    }
}

fn children(json: &Json) -> Vec<&Json> {
    match json {
        Json::Array(values) => values.iter().collect(),
        Json::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

/// A negative index counts from the end.
fn element(json: &Json, index: i64) -> Option<&Json> {
    let values = json.as_array()?;
    values.get(usize::try_from(from_end(index, values.len())).ok()?)
}

fn from_end(index: i64, len: usize) -> i64 {
    if index < 0 {
        index.saturating_add(len as i64)
    } else {
        index
    }
}

/// Compat: without a start it begins at the first element even when it steps backwards.
fn slice(json: &Json, start: Option<i64>, end: Option<i64>, step: i64) -> Vec<&Json> {
    let Some(values) = json.as_array() else {
        return Vec::new();
    };
    let len = values.len();
    let start = from_end(start.unwrap_or(0), len);
    let mut picked = Vec::new();
    if step > 0 {
        let end = end
            .map_or(len as i64, |end| from_end(end, len))
            .min(len as i64);
        let mut at = start.max(0);
        while at < end {
            picked.push(&values[at as usize]);
            at = at.saturating_add(step);
        }
    } else if step < 0 {
        let end = end.map_or(i64::MAX, |end| from_end(end, len)).max(-1);
        let mut at = start.min(len as i64 - 1);
        while at > end {
            picked.push(&values[at as usize]);
            at = at.saturating_add(step);
        }
    }
    picked
}

#[cfg(test)]
mod tests;
