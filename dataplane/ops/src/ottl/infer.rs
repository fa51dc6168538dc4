//! Finding the context of a group of statements whose paths name theirs.

use super::error::SyntaxError;
use super::functions::{self, Set};
use super::parse;
use super::path::Owner;
use super::tree::{Call, Condition, Form, Key, Path, Segment, Written};

/// The context that a path names, and the rest of the path. A first segment with keys, or the
/// only one, is a field.
pub(super) fn split(path: &Path, context: Owner) -> (Option<Owner>, &[Segment]) {
    let (first, rest) = path.segments.split_first().expect("a path has a segment");
    if rest.is_empty() || !first.keys.is_empty() {
        return (None, &path.segments);
    }
    // A field of the context itself goes first: none is named as a context today.
    let field = context.rows().iter().any(|(name, ..)| *name == first.name);
    match Owner::named(&first.name) {
        Some(owner) if !field => (Some(owner), rest),
        _ => (None, &path.segments),
    }
}

/// A path as written, without its keys.
pub(super) fn text(segments: &[Segment]) -> String {
    let names: Vec<&str> = segments.iter().map(|segment| &*segment.name).collect();
    names.join(".")
}

/// The context of a group: the one of the highest priority that its paths name, or one below it,
/// that has all functions and enums which the group uses.
pub(super) fn infer(
    statements: &[String],
    conditions: &[String],
    set: Set,
    candidates: &[Owner],
) -> Result<Owner, (usize, SyntaxError)> {
    let mut uses = Uses::default();
    for (index, text) in statements.iter().enumerate() {
        let statement = parse::statement(text).map_err(|error| (index, error))?;
        uses.call(&statement.editor);
        if let Some(condition) = &statement.condition {
            uses.condition(condition);
        }
    }
    for (index, text) in conditions.iter().enumerate() {
        let condition = parse::condition(text);
        uses.condition(&condition.map_err(|error| (statements.len() + index, error))?);
    }
    let known = |owner: &Owner| uses.contexts.contains(owner) && candidates.contains(owner);
    let highest = Owner::PRIORITY.into_iter().find(known);
    let failed = |message: &str| (0, SyntaxError::new(0, message));
    let highest = match highest {
        Some(owner) => owner,
        None if uses.contexts.is_empty() || uses.contexts == [Owner::Collector] => {
            return Err(failed("unable to infer context: no path names one"));
        }
        None => return Err(failed("unable to infer context: no such context here")),
    };
    // Lower contexts reach the paths of higher ones too.
    let lower = Owner::PRIORITY
        .into_iter()
        .filter(|owner| owner.reach().contains(&highest) && candidates.contains(owner));
    let mut all: Vec<Owner> = vec![highest];
    all.extend(lower.filter(|&owner| owner != highest));
    all.into_iter()
        .find(|&owner| uses.fit(owner, set))
        .ok_or_else(|| {
            failed("unable to infer context: no context has all functions and enums that are used")
        })
}

/// What a group uses.
#[derive(Default)]
struct Uses {
    contexts: Vec<Owner>,
    functions: Vec<String>,
    symbols: Vec<String>,
}

impl Uses {
    fn fit(&self, owner: Owner, set: Set) -> bool {
        let functions = self
            .functions
            .iter()
            .all(|name| functions::find(name, owner, set).is_some());
        let reached = self
            .contexts
            .iter()
            .all(|context| owner.reach().contains(context));
        let symbols = self.symbols.iter().all(|name| {
            owner.symbol(name).is_some() || functions::find(name, owner, set).is_some()
        });
        functions && reached && symbols
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::Constant(_) => {}
            Condition::Call(call) => self.call(call),
            Condition::Compare(left, _, right) => {
                self.written(left);
                self.written(right);
            }
            Condition::Not(inner) => self.condition(inner),
            Condition::And(terms) | Condition::Or(terms) => {
                for term in terms {
                    self.condition(term);
                }
            }
        }
    }

    fn call(&mut self, call: &Call) {
        self.functions.push(call.name.clone());
        for argument in &call.arguments {
            self.written(&argument.value);
        }
        self.keys(&call.keys);
    }

    fn keys(&mut self, keys: &[Key]) {
        for key in keys {
            if let Key::Computed(written) = key {
                self.written(written);
            }
        }
    }

    fn written(&mut self, written: &Written) {
        match &written.form {
            Form::Path(path) => {
                // The context of a path without one is found out when it is compiled.
                if let (Some(owner), _) = split(path, Owner::Collector)
                    && !self.contexts.contains(&owner)
                {
                    self.contexts.push(owner);
                }
                for segment in &path.segments {
                    self.keys(&segment.keys);
                }
            }
            Form::Call(call) => self.call(call),
            Form::Symbol(name) => self.symbols.push(name.clone()),
            Form::List(items) => items.iter().for_each(|item| self.written(item)),
            Form::Map(items) => items.iter().for_each(|(_, item)| self.written(item)),
            Form::Math(left, _, right) => {
                self.written(left);
                self.written(right);
            }
            Form::Negate(inner) | Form::Group(inner) => self.written(inner),
            _ => {}
        }
    }
}
