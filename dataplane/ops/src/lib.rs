//! Batch to batch, pure: relabelling, native histograms, OTTL, stages of logs, and what they share
//! with others: regular expressions, name rules, Go's templates and times.

#![forbid(unsafe_code)]

pub mod gotime;
pub mod histogram;
pub mod names;
pub mod ottl;
pub mod regex;
pub mod relabel;
pub mod stages;
pub mod stanza;
pub mod template;
