//! The loki family: sources of logs, their processing, the way to Loki.
//!
//! Entries move grouped by stream, as ranges of the text that arrived (`batch::LogsBatch`).

#![forbid(unsafe_code)]

engine::components![];
