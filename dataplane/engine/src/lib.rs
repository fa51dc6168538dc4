//! engine: the contract of components and the machine that runs them on a shard.
//!
//! It owns: what a component is (`Component`, `DataComponent`), how batches move between nodes
//! (`Consume`, `Fanout`), the books of every edge (`Ledger`), the plan that control hands down
//! (`Plan`, `Command`, `Report`), its rollout by diff (`shard_main`) and the log with senders that
//! every exporter uses (`outbox`).
//!
//! It leaves to others: what a batch holds (`batch`), how settings are decoded (`schema`), bytes on
//! disk (`wal`), sockets and timers (`runtime`), every protocol (the families).
//!
//! Nouns: a *component* is a kind, in code; a *node* is one of them in a plan; an *instance* is a
//! node's copy on a shard; a *port* is where a node takes batches; an *edge* leads from a node to
//! another node's port, or from an exporter to one destination.

#![forbid(unsafe_code)]

mod build;
mod component;
mod fanout;
mod flow;
mod guard;
mod handover;
mod health;
mod instance;
mod join;
mod lanes;
mod ledger;
pub mod limits;
pub mod outbox;
mod own_logs;
mod own_traces;
mod plan;
mod shard;
mod taps;
mod tasks;
#[doc(hidden)]
pub mod testing;
#[cfg(test)]
mod tests;
mod throttle;

pub use build::{Build, BuildError, Globals, LaneDefaults};
pub use component::{Built, Component, DataComponent, Leave, Role, Spread, Update, port_exports};
pub use fanout::Fanout;
pub use flow::{Batch, Consume, Nack, worse};
pub use handover::Peers;
pub use health::{Health, HealthHandle};
pub use join::join;
pub use ledger::{Balance, DROPPED_ITEMS, Held, Ledger};
pub use own_logs::{OwnLine, OwnLogs};
pub use own_traces::{OwnKind, OwnSpan, OwnStatus, OwnTraces, OwnValue};
pub use plan::{Command, NodeError, Plan, PlanNode, Report};
pub use shard::{ShardOptions, shard_main};
pub use taps::Tap;
pub use tasks::TaskSet;
pub use throttle::Throttle;

/// Declares the modules of a family, one per component, and lists their `COMPONENT`s.
#[macro_export]
macro_rules! components {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*
        /// The components of this family.
        pub static COMPONENTS: &[&$crate::Component] = &[$(&$module::COMPONENT),*];
    };
}
