//! From expressions to values, and the components that only compute values.
//!
//! Owns evaluation of expressions and bodies in a scope, the standard library, and the contract of
//! resolvers: components that live on the control thread and hand exports to whoever refers to
//! them. Leaves the graph, its order and modules to `plan`, types of arguments to `schema`.
//! Evaluation is pure but for `sys.env`; resolvers do their own I/O.
//!
//! Nouns: a *scope* is what names mean at one place; a *built-in* is a name of the standard
//! library; a *resolver* is an instance of a control-only component, its *exports* an object of
//! values.

#![forbid(unsafe_code)]

mod body;
mod expression;
mod format;
mod json_path;
mod limits;
mod number;
mod operators;
mod page;
mod resolver;
#[doc(hidden)]
pub mod rig;
mod scope;
mod stdlib;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod yaml;

pub use body::{decode_diagnostics, evaluate_body, evaluate_body_without, span_of, value_span};
pub use expression::evaluate;
pub use page::{Page, PageAnswer, PageRequest};
pub use resolver::{
    Component, Environment, Health, HealthState, Instance, ResolverComponent, ResolverCx,
    ResolverError,
};
pub use scope::Scope;
pub use stdlib::{constants, function, functions, is_builtin};
pub use yaml::parse_texts as yaml_texts;
