//! OTTL: the language in which processors say what to change and what to drop.
//!
//! A text is compiled once for a context ([`Dialect`]) into a tree in which paths, functions,
//! patterns and constants are resolved; the tree is then run on items through [`Context`].
//!
//! Nouns: a *statement* is an *editor* with its arguments and a *condition*; a *converter* gives a
//! value; a *path* names a field of an item or of what the item is in; a *key* reaches into a map
//! or list; an *owner* is what a field belongs to, and the name of a context.
//!
//! Reading order: `token`, `tree`, `cursor`, `parse`; `path`, `functions`, `program`, `bind`,
//! `compile`, `infer`;
//! `value`, `coerce`, `compare`, `math`, `index`, `evaluate`; then `context`, and `otlp`, which
//! runs statements on batches.
//!
//! Invariant: nothing here loops but over the items of a value: every statement ends.

mod bind;
mod coerce;
mod compare;
mod compile;
mod context;
mod cursor;
mod error;
mod evaluate;
mod functions;
mod index;
mod infer;
pub mod limits;
mod math;
pub mod otlp;
mod parse;
mod path;
mod program;
mod sequence;
mod text;
mod time;
mod token;
mod trace_state;
mod tree;
mod value;

pub use compile::Dialect;
pub use context::Context;
pub use error::{Error, SyntaxError};
pub use functions::{Aggregation, Distribution, MetricEdit, Set, SummaryPart, Target};
pub use path::{Field, Owner, Path};
pub use program::{Condition, Statement, ValueExpression};
pub use sequence::{Conditions, ErrorMode, Failure, Statements};
pub(crate) use text::go_float;
pub use time::{Time, Zone};
pub use value::{List, ListKind, Map, Part, PartKind, Value};
