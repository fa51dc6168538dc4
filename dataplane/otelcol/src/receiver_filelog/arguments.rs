//! The settings of the receiver.

use std::collections::BTreeMap;
use std::time::Duration;

use ops::stanza::Pipeline;
use schema::{Arguments, Bytes, Check, Value};
use stdx::glob::Glob;

use crate::receiving::Trim;
use crate::settings::{DebugMetrics, Handler, Multiline, Outputs, RetryOnFailure, refuse_encoding};

#[derive(Arguments)]
#[arg(check = ReceiverFilelogArguments::check)]
pub struct ReceiverFilelogArguments {
    /// Patterns of the files to read.
    #[arg(required)]
    pub include: Vec<String>,
    /// Lock files while they are read: declared, and refused.
    #[arg(default = false)]
    pub acquire_fs_lock: bool,
    /// Attributes that every record gets.
    pub attributes: BTreeMap<String, String>,
    /// How files are compressed: declared, and refused.
    #[arg(default = "")]
    pub compression: String,
    /// Delete files when they were read: declared, and refused.
    #[arg(default = false)]
    pub delete_after_read: bool,
    /// Encoding of the files.
    #[arg(default = "utf-8")]
    pub encoding: String,
    /// Leave out files that were last changed longer ago than this.
    #[arg(default = Duration::ZERO)]
    pub exclude_older_than: Duration,
    /// Patterns of files to leave out.
    pub exclude: Vec<String>,
    /// Taken for compatibility: the system decides what it keeps of files.
    #[arg(default = false)]
    pub file_cache_advise: bool,
    /// Taken for compatibility: a file is known by its identity, not by its beginning.
    #[arg(default = Bytes(1 << 10))]
    pub fingerprint_size: Bytes,
    /// How long a line may wait for its end.
    #[arg(default = Duration::from_millis(500))]
    pub force_flush_period: Duration,
    /// Add the name of the file behind links, as `log.file.name_resolved`.
    #[arg(default = false)]
    pub include_file_name_resolved: bool,
    /// Add the name of the file, as `log.file.name`.
    #[arg(default = true)]
    pub include_file_name: bool,
    /// Add the name of the group of the file: declared, and refused.
    #[arg(default = false)]
    pub include_file_owner_group_name: bool,
    /// Add the name of the owner of the file: declared, and refused.
    #[arg(default = false)]
    pub include_file_owner_name: bool,
    /// Add the path of the file behind links, as `log.file.path_resolved`.
    #[arg(default = false)]
    pub include_file_path_resolved: bool,
    /// Add the path of the file, as `log.file.path`.
    #[arg(default = false)]
    pub include_file_path: bool,
    /// Add the permissions of the file: declared, and refused.
    #[arg(default = false)]
    pub include_file_permissions: bool,
    /// Add the number of the record in its file, as `log.file.record_number`.
    #[arg(default = false)]
    pub include_file_record_number: bool,
    /// Taken for compatibility: all files are looked at in each turn.
    #[arg(default = 10)]
    pub max_batches: i64,
    /// Most files to have open; further ones wait.
    #[arg(default = 1024)]
    pub max_concurrent_files: i64,
    /// Most bytes of a record; longer ones are cut.
    #[arg(default = Bytes(1 << 20))]
    pub max_log_size: Bytes,
    /// What to do with each record: objects with a `type` each.
    pub operators: Vec<BTreeMap<String, Value>>,
    /// How often to look at the files.
    #[arg(default = Duration::from_millis(200))]
    pub poll_interval: Duration,
    /// Keep blanks in front of records.
    #[arg(default = false)]
    pub preserve_leading_whitespaces: bool,
    /// Keep blanks behind records.
    #[arg(default = false)]
    pub preserve_trailing_whitespaces: bool,
    /// Attributes that the resource of every record gets.
    pub resource: BTreeMap<String, String>,
    /// Where to begin with files that are there already.
    #[arg(default = "end", one_of("beginning", "end"))]
    pub start_at: String,
    /// Keep offsets over restarts: a handler of `otelcol.storage`.
    pub storage: Option<Handler>,
    /// Attributes from the first lines of files: declared, and refused.
    #[arg(block)]
    pub header: Option<Header>,
    /// Records of several lines.
    #[arg(block)]
    pub multiline: Option<Multiline>,
    /// Which of the files are read: declared, and refused.
    #[arg(block)]
    pub ordering_criteria: Option<Ordering>,
    /// What is done about a refusal.
    #[arg(block)]
    pub retry_on_failure: Option<RetryOnFailure>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

/// Attributes from the first lines of files.
#[derive(Arguments, Clone)]
pub struct Header {
    /// What to do with each line.
    #[arg(required)]
    pub metadata_operators: Vec<BTreeMap<String, Value>>,
    /// Which lines these are.
    #[arg(required)]
    pub pattern: String,
}

/// Which of the files are read.
#[derive(Arguments, Clone)]
pub struct Ordering {
    /// Parts of names that are sorted by themselves.
    #[arg(default = "")]
    pub group_by: String,
    /// Pattern of what names are sorted by.
    #[arg(default = "")]
    pub regex: String,
    /// How many of the first are read.
    #[arg(default = 1)]
    pub top_n: i64,
    /// What names are sorted by.
    #[arg(block, required)]
    pub sort_by: Vec<SortBy>,
}

/// What names are sorted by.
#[derive(Arguments, Clone)]
pub struct SortBy {
    /// Numbers, letters, times, or the time of the last change.
    #[arg(required)]
    pub sort_type: String,
    /// The lowest first.
    #[arg(default = false)]
    pub ascending: bool,
    /// Layout of times.
    #[arg(default = "")]
    pub layout: String,
    /// Zone of times.
    #[arg(default = "UTC")]
    pub location: String,
    /// The group of the pattern.
    #[arg(default = "")]
    pub regex_key: String,
}

impl ReceiverFilelogArguments {
    fn check(&self, check: &mut Check<'_>) {
        for (field, patterns) in [("include", &self.include), ("exclude", &self.exclude)] {
            for pattern in patterns {
                if let Err(error) = Glob::new(pattern) {
                    check.attribute(field, format!("\"{pattern}\" is no pattern: {error}"));
                }
            }
        }
        if self.include.is_empty() {
            check.attribute("include", "name at least one file or pattern");
        }
        refuse_encoding(&self.encoding, check);
        let unsupported = [
            ("acquire_fs_lock", self.acquire_fs_lock),
            ("compression", !self.compression.is_empty()),
            ("delete_after_read", self.delete_after_read),
            (
                "include_file_owner_group_name",
                self.include_file_owner_group_name,
            ),
            ("include_file_owner_name", self.include_file_owner_name),
            ("include_file_permissions", self.include_file_permissions),
        ];
        for (field, used) in unsupported {
            if used {
                check.attribute(field, "this is not supported yet; leave it out");
            }
        }
        if self.header.is_some() || self.ordering_criteria.is_some() {
            check.body("header and ordering_criteria are not supported yet; leave them out");
        }
        if self.poll_interval.is_zero() {
            check.attribute("poll_interval", "it must be longer than 0s");
        }
        if let Err(error) = self.pipeline() {
            check.attribute("operators", error);
        }
    }

    /// The operators.
    pub fn pipeline(&self) -> Result<Pipeline, String> {
        let operators = self.operators.iter().map(|fields| {
            let fields = fields.iter().map(|(key, value)| (key.clone(), json(value)));
            serde_json::Value::Object(fields.collect())
        });
        Pipeline::new(&operators.collect::<Vec<_>>())
    }

    pub fn trim(&self) -> Trim {
        Trim {
            leading: !self.preserve_leading_whitespaces,
            trailing: !self.preserve_trailing_whitespaces,
        }
    }
}

/// A value of the configuration as JSON, which is what operators are written in.
fn json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(number) => {
            let float = number.as_f64();
            match float.fract() == 0.0 && float.abs() < 9e15 {
                true => Json::from(float as i64),
                false => Json::from(float),
            }
        }
        Value::String(text) => Json::String(text.to_string()),
        Value::Array(values) => Json::Array(values.iter().map(json).collect()),
        Value::Object(object) => {
            let fields = object
                .iter()
                .map(|(key, value)| (key.to_string(), json(value)));
            Json::Object(fields.collect())
        }
        Value::Null | Value::Targets(_) | Value::Function(_) | Value::Capsule(_) => Json::Null,
    }
}
