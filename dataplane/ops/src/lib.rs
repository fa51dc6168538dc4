//! Batch to batch, pure: relabelling, and the regular expressions and name rules that it shares with others.

#![forbid(unsafe_code)]

pub mod names;
pub mod regex;
pub mod relabel;
