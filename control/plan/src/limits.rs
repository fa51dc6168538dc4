//! Limits of one configuration.

/// Limit: nodes of a graph, those inside of custom components counted each time. A node takes some
/// 1 KiB with its body, so this is 100 MiB; above it the configuration is refused. It is what ends
/// custom components that double each other. Under a sanitizer a node costs fifty times as much,
/// and a fuzzer finds such components at once.
pub const NODES_MAX: usize = if cfg!(fuzzing) { 2_000 } else { 100_000 };

/// Limit: how deep custom components stand in each other; the expansion recurses this far.
pub const MODULE_DEPTH_MAX: usize = 32;

/// Limit: how deep imported texts import others; a chain of them is a file after the other.
pub const IMPORT_DEPTH_MAX: usize = 16;

/// Limit: files of one import. A folder of modules has tens; each is bounded by
/// `syntax::SOURCE_BYTES_MAX`.
pub const IMPORT_FILES_MAX: usize = 1_000;

/// Limit: elements of one `foreach`. Each makes at least two nodes, so that more would not fit.
pub const FOREACH_ITEMS_MAX: usize = NODES_MAX / 2;

/// Limit: rounds of evaluation after one change, each of which may bring imports and elements that
/// the next one evaluates. Nested imports need one a level, nested `foreach` blocks too.
pub const ROUNDS_MAX: usize = 64;

/// How long changed exports are gathered before what depends on them is evaluated again, counted
/// from the first change: many sources that refresh together cost one evaluation. The first change
/// after a quiet time does not wait.
pub const CHANGE_GATHER_MS: u64 = 100;

/// Limit: how long a question to a shard may take before its answer is left out. A shard answers
/// between two of its tasks, so this is far above what a healthy one needs.
pub const SHARD_ANSWER_MS: u64 = 1_000;

/// Limit: events of live debugging that wait for one reader, as in Alloy; those above it are left
/// out. Each is a line of text, a few hundred bytes.
pub const TAP_EVENTS_MAX: usize = 1_000;
