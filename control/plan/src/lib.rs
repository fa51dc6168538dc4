//! From a configuration to Plans: the graph, its evaluation, its rollout, and what comes back.
//!
//! Owns: reading and building a configuration, evaluating its nodes in order, the life of
//! resolvers, the difference of a reload, sending Plans to shards and taking their Reports. Leaves
//! text to `syntax`, values and resolvers to `eval`, instances to `engine`, and HTTP to `admin`.
//!
//! ```text
//! source -> parse -> graph -> evaluate -> Plan ---> shards
//!                              ^   ^                  |
//!            exports of resolvers  +---- Reports -----+
//! ```
//!
//! Nouns: a *node* is a block that is evaluated; a *module* is the inside of a custom component; a
//! *load* takes a configuration, a *refresh* only follows changed exports.
//!
//! Invariant: a configuration that its text alone shows to be wrong changes nothing.

#![forbid(unsafe_code)]
// The control plane reads configuration files by itself.
#![allow(clippy::disallowed_methods)]

mod advice;
mod catalogue;
mod controller;
mod difference;
mod evaluate;
mod functions;
mod graph;
mod handle;
mod health;
mod knowledge;
mod learn;
mod limits;
mod listens;
mod live;
mod load;
mod metrics;
mod outcome;
mod outline;
mod reload;
mod rollout;
mod secrets;
mod settings;
mod source;
mod spans;
mod validate;
mod view;

#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, Kind};
pub use controller::{Controller, Options, Shards};
pub use difference::{Difference, difference};
pub use handle::{ComponentDetail, ComponentView, Gone, Handle, Readiness, Support};
pub use health::{Health, State};
pub use load::Rejected;
pub use outline::{BlockKind, Outline, OutlineBlock, OutlineEdge, outline};
pub use secrets::scrub;
pub use settings::Settings;
pub use source::{ConfigSource, is_test_file};
pub use spans::{OperationRate, RemoteParent, Sampler, Span, Strategy, Tracer, TracerSettings};
pub use validate::{Validated, validate};
