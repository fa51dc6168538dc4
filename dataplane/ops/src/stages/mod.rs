//! The stages of `loki.process`: each reads and changes one entry.
//!
//! ```text
//! Program: [step, step, match -> n, step, step, end] <- entry
//! ```
//!
//! A [`Program`] is a flat list of steps; a `match` that does not hold jumps over the steps inside
//! it. Most steps change the entry in place. Some hold entries back (multiline, partial lines),
//! some make several of one (split_json): a [`Run`] is what is on its way through a program for
//! one batch. Time is given in, what has to be waited for is told; nothing here does I/O.
//!
//! Compatible with the stages of Alloy; where those differ from what one would expect, `Compat:`
//! says so.

mod cri;
mod decolorize;
mod docker;
mod drop;
mod entry;
mod eventlog;
mod geoip;
pub(crate) mod go_json;
mod jmes;
mod json;
mod json_scan;
mod labels;
mod limit;
pub(crate) mod logfmt;
mod luhn;
mod metrics;
mod multiline;
mod pack;
mod pattern;
mod program;
mod recent;
mod regex;
mod replace;
mod sampling;
mod selector;
mod split_json;
mod structured;
mod template;
mod timestamp;
mod truncate;

pub use cri::{Cri, parse_cri};
pub use decolorize::Decolorize;
pub use docker::Docker;
pub use drop::Drop;
pub use entry::{Entry, Extracted, Labels, Pairs, Source, Value};
pub use eventlog::{EventLog, WindowsEvent};
pub use geoip::{Database, GeoIp};
pub use json::Json;
pub use labels::{LabelDrop, LabelKeep, LabelSource, MakeLabels, Output, StaticLabels, Tenant};
pub use limit::{Bucket, Buckets, Limit};
pub use logfmt::Logfmt;
pub use luhn::Luhn;
pub use metrics::{Action, CustomMetric, CustomSeries, Metrics, Reading};
pub use multiline::Multiline;
pub use pack::Pack;
pub use pattern::Pattern;
pub use program::{Counters, Program, ProgramBuilder, Run, Status};
pub use regex::Extract;
pub use replace::Replace;
pub use sampling::Sampling;
pub use selector::Selector;
pub use split_json::SplitJson;
pub use structured::{MakeMetadata, MetadataDrop};
pub use template::SetTemplate;
pub use timestamp::{Timestamp, TimestampOptions};
pub use truncate::{Truncate, TruncateRule, TruncateWhat};

#[cfg(test)]
mod tests;
