//! Statements and conditions on batches of OTLP.
//!
//! Only what a statement asks for is decoded, and only what it changes is encoded again: the tree
//! of a batch keeps the bytes of all else.

mod convert;
mod edit;
mod exemplar;
mod item;
mod log;
mod metric;
mod origin;
mod point;
mod span;
#[cfg(test)]
mod tests;
mod visit;
mod walk;

pub use item::Environment;
pub use visit::{See, Visited, see_log_records, see_metrics, see_spans};
pub use walk::{
    Pass, keep_log_records, keep_metrics, keep_spans, run_on_logs, run_on_metrics, run_on_spans,
};
