//! Batch to batch, pure: relabelling, native histograms, OTTL, and the regular expressions and name
//! rules that they share with others.

#![forbid(unsafe_code)]

pub mod histogram;
pub mod names;
pub mod ottl;
pub mod regex;
pub mod relabel;
