//! The functions: editors, which change an item, and converters, which give a value.
//!
//! A function is a row: its name, what it takes, and a plain function over the values of its
//! arguments. What can be prepared from literals (patterns, layouts, networks) is prepared when a
//! statement is compiled.

mod call;
mod collections;
mod editors;
mod encoding;
mod flatten;
mod format;
mod glob;
mod grok;
mod grok_patterns;
mod hashing;
mod identity;
mod logs;
mod maps;
mod metrics;
mod network;
mod parsing;
mod patterns;
mod replace;
mod semconv;
mod severity;
mod sorting;
mod strings;
mod times;
mod types;
mod url;
mod user_agent;
mod xml;

use super::coerce::Kind;
use super::path::Owner;

pub(super) use call::{Args, Edit, Function, ItemEdit, Literals, Outcome, Prepared, Replacement};
pub(super) use editors::{Editor, Retain};
pub(super) use metrics::most_buckets;
pub use metrics::{Aggregation, Distribution, MetricEdit, SummaryPart, Target};

/// A function as statements can name it.
pub(super) struct Definition {
    pub name: &'static str,
    pub parameters: &'static [Parameter],
    pub body: Body,
    /// The contexts that have it; all, if none is named.
    pub contexts: &'static [Owner],
    pub set: Set,
}

/// A parameter: what statements call it, and what it takes.
pub(super) struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
    pub optional: bool,
}

/// How a call becomes something that runs.
pub(super) enum Body {
    /// A converter that needs nothing prepared.
    Plain(for<'c> fn(&mut Args<'c>) -> Outcome<'c>),
    /// A converter that prepares from its literals.
    Prepare(fn(&Literals) -> Result<Box<dyn Prepared>, String>),
    /// The editor `set`.
    Set,
    /// An editor that makes a new value of the old one.
    Edit(fn(&Literals) -> Result<Box<dyn Edit>, String>),
    /// An editor that removes entries of a map.
    Retain(Retain),
    /// An editor that has no target.
    Item(fn(&Literals) -> Result<Box<dyn ItemEdit>, String>),
    /// An editor of whole metrics.
    Metric(fn(&Literals) -> Result<MetricEdit, String>),
}

impl Body {
    pub(super) fn is_editor(&self) -> bool {
        !matches!(self, Body::Plain(_) | Body::Prepare(_))
    }
}

/// Which components have a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// Every component with OTTL has its converters.
    Standard,
    Transform,
    Filter,
    SignalToMetrics,
}

const fn parameter(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        optional: false,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        optional: true,
    }
}

const fn plain(
    name: &'static str,
    parameters: &'static [Parameter],
    body: for<'c> fn(&mut Args<'c>) -> Outcome<'c>,
) -> Definition {
    Definition {
        name,
        parameters,
        body: Body::Plain(body),
        contexts: &[],
        set: Set::Standard,
    }
}

const fn prepared(
    name: &'static str,
    parameters: &'static [Parameter],
    body: fn(&Literals) -> Result<Box<dyn Prepared>, String>,
) -> Definition {
    Definition {
        name,
        parameters,
        body: Body::Prepare(body),
        contexts: &[],
        set: Set::Standard,
    }
}

/// The function of a name, if a context in a component has it.
pub(super) fn find(name: &str, context: Owner, component: Set) -> Option<&'static Definition> {
    let tables: [&[Definition]; 19] = [
        editors::TABLE,
        types::TABLE,
        strings::TABLE,
        collections::TABLE,
        times::TABLE,
        encoding::TABLE,
        hashing::TABLE,
        patterns::TABLE,
        parsing::TABLE,
        network::TABLE,
        url::TABLE,
        identity::TABLE,
        sorting::TABLE,
        format::TABLE,
        severity::TABLE,
        grok::TABLE,
        xml::TABLE,
        logs::TABLE,
        metrics::TABLE,
    ];
    let more: [&[Definition]; 2] = [user_agent::TABLE, semconv::TABLE];
    tables
        .into_iter()
        .chain(more)
        .flatten()
        .find(|definition| definition.name == name)
        .filter(|definition| {
            let known = definition.contexts.is_empty() || definition.contexts.contains(&context);
            let editor = definition.body.is_editor() && component != Set::Transform;
            known && !editor && (definition.set == Set::Standard || definition.set == component)
        })
}

/// Functions that exist in the reference behind a gate that is off.
pub(super) const GATED: [&str; 8] = [
    "All", "Any", "Filter", "Find", "MapEach", "MapKeys", "Reduce", "When",
];
