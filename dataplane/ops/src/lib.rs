//! Batch to batch, pure: relabelling, native histograms, OTTL, streams of data points, stages of
//! logs, signals from one model to another, and what they share with others: regular expressions,
//! name rules, Go's templates and times.

#![forbid(unsafe_code)]

pub mod gotime;
pub mod histogram;
pub mod log_lines;
pub mod names;
pub mod ottl;
pub mod points;
pub mod prom_otlp;
pub mod regex;
pub mod relabel;
pub mod secrets;
pub mod stages;
pub mod stanza;
pub mod template;
