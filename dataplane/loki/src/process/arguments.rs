//! The settings of the stages.

use std::collections::BTreeMap;
use std::time::Duration;

use schema::{Argument, Arguments, Bytes, Check, Choice, Type, Value};

use super::limit_arguments::LimitStage;
use super::metric_arguments::MetricsStage;
use super::write_arguments::{TemplateStage, TenantStage, TimestampStage, TruncateStage};

/// Names of values, each with where it comes from; null and empty mean the name itself.
pub(super) type Names = BTreeMap<String, Option<String>>;

/// A stage.
#[derive(Arguments, Debug, PartialEq)]
pub enum Stage {
    /// Takes lines of container runtimes apart and joins partial ones.
    #[arg(name = "stage.cri")]
    Cri(CriStage),
    /// Removes the escape sequences of terminals from the line.
    #[arg(name = "stage.decolorize")]
    Decolorize(NoSettings),
    /// Takes lines of Docker's json-file driver apart.
    #[arg(name = "stage.docker")]
    Docker(NoSettings),
    /// Drops entries for which all given conditions hold.
    #[arg(name = "stage.drop")]
    Drop(DropStage),
    /// Extracts the lines of a Windows event's message.
    #[arg(name = "stage.eventlogmessage")]
    EventLogMessage(EventStage),
    /// Extracts what a database knows about an address.
    #[arg(name = "stage.geoip")]
    GeoIp(GeoIpStage),
    /// Extracts values of a JSON object.
    #[arg(name = "stage.json")]
    Json(JsonStage),
    /// Removes labels.
    #[arg(name = "stage.label_drop")]
    LabelDrop(NamesStage),
    /// Removes all labels but these.
    #[arg(name = "stage.label_keep")]
    LabelKeep(NamesStage),
    /// Makes labels of values.
    #[arg(name = "stage.labels")]
    Labels(LabelsStage),
    /// Lets so many entries pass in a second.
    #[arg(name = "stage.limit")]
    Limit(LimitStage),
    /// Extracts values of `key=value` pairs.
    #[arg(name = "stage.logfmt")]
    Logfmt(LogfmtStage),
    /// Hides numbers that pass the Luhn check, as those of cards do.
    #[arg(name = "stage.luhn")]
    Luhn(LuhnStage),
    /// Runs stages on the entries that a selector matches, or drops these.
    #[arg(name = "stage.match")]
    Match(MatchStage),
    /// Counts entries and measures values.
    #[arg(name = "stage.metrics")]
    Metrics(MetricsStage),
    /// Joins lines up to the next first line.
    #[arg(name = "stage.multiline")]
    Multiline(MultilineStage),
    /// Makes a value the line.
    #[arg(name = "stage.output")]
    Output(OutputStage),
    /// Puts values and the line into a JSON object, which becomes the line.
    #[arg(name = "stage.pack")]
    Pack(PackStage),
    /// Extracts values by a pattern of LogQL.
    #[arg(name = "stage.pattern")]
    Pattern(PatternStage),
    /// Extracts the named groups of a regular expression.
    #[arg(name = "stage.regex")]
    Regex(RegexStage),
    /// Replaces what the groups of a regular expression have captured.
    #[arg(name = "stage.replace")]
    Replace(ReplaceStage),
    /// Keeps a share of the entries.
    #[arg(name = "stage.sampling")]
    Sampling(SamplingStage),
    /// Makes an entry of each element of a JSON array.
    #[arg(name = "stage.split_json")]
    SplitJson(SplitJsonStage),
    /// Sets labels.
    #[arg(name = "stage.static_labels")]
    StaticLabels(StaticLabelsStage),
    /// Moves values and labels to structured metadata.
    #[arg(name = "stage.structured_metadata")]
    StructuredMetadata(MetadataStage),
    /// Removes structured metadata.
    #[arg(name = "stage.structured_metadata_drop")]
    StructuredMetadataDrop(NamesStage),
    /// Sets a value to what a template writes.
    #[arg(name = "stage.template")]
    Template(TemplateStage),
    /// Names the tenant of the entry.
    #[arg(name = "stage.tenant")]
    Tenant(TenantStage),
    /// Makes a value the time of the entry.
    #[arg(name = "stage.timestamp")]
    Timestamp(TimestampStage),
    /// Cuts what is too long.
    #[arg(name = "stage.truncate")]
    Truncate(TruncateStage),
    /// Extracts the fields of a Windows event's text.
    #[arg(name = "stage.windowsevent")]
    WindowsEvent(EventStage),
}

#[derive(Arguments, Debug, PartialEq)]
pub struct NoSettings {}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct CriStage {
    /// How many streams may have partial lines waiting for their rest; beyond, all are let go.
    #[arg(default = 100)]
    pub max_partial_lines: i64,
    /// Most bytes of joined partial lines, if they are to be cut.
    #[arg(default = 0)]
    pub max_partial_line_size: u64,
    /// Cuts joined partial lines at `max_partial_line_size`.
    #[arg(default = false)]
    pub max_partial_line_size_truncate: bool,
}

impl CriStage {
    fn validate(&self, check: &mut Check<'_>) {
        if self.max_partial_lines <= 0 {
            check.body("max_partial_lines must be greater than 0");
        }
    }
}

#[derive(Arguments, Debug, PartialEq)]
pub struct DropStage {
    /// The label `reason` of the counter of dropped entries.
    #[arg(default = "drop_stage")]
    pub drop_counter_reason: String,
    /// Names of values, with commas between them. They have to be there, or match together.
    pub source: String,
    /// What the joined values of `source` have to be.
    pub value: String,
    /// Stands between the values of `source`.
    #[arg(default = ";")]
    pub separator: String,
    /// A regular expression for the values of `source`, or for the line.
    pub expression: String,
    /// The entry has to be older.
    pub older_than: Duration,
    /// The line has to be longer.
    pub longer_than: Bytes,
}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct EventStage {
    /// The value that holds the message.
    #[arg(default = "message")]
    pub source: String,
    /// Drops fields whose names are no label names, instead of cleaning these.
    #[arg(default = false)]
    pub drop_invalid_labels: bool,
    /// Replaces values that are there, instead of adding `_extracted` to the name.
    #[arg(default = false)]
    pub overwrite_existing: bool,
}

impl EventStage {
    fn validate(&self, check: &mut Check<'_>) {
        if !ops::names::NameScheme::Legacy.is_label_name(&self.source) {
            check.body(format!("invalid label name: {}", self.source));
        }
    }
}

#[derive(Arguments, Debug, PartialEq)]
pub struct GeoIpStage {
    /// Path of a database of MaxMind's format.
    #[arg(required)]
    pub db: String,
    /// The value that holds the address.
    #[arg(required)]
    pub source: Option<String>,
    /// What is extracted under fixed names: city, country or asn.
    pub db_type: String,
    /// Names of values, each with a JMESPath expression into the record.
    pub custom_lookups: Option<BTreeMap<String, String>>,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct JsonStage {
    /// Names of values, each with a JMESPath expression; an empty one is the name.
    pub expressions: BTreeMap<String, String>,
    /// Keys of the object to take under their own name.
    pub regex: String,
    /// The value to read instead of the line.
    pub source: Option<String>,
    /// Drops entries whose text is no JSON object.
    #[arg(default = false)]
    pub drop_malformed: bool,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct NamesStage {
    /// The names.
    #[arg(required)]
    pub values: Vec<String>,
}

/// A place where entries have values.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceType {
    Line,
    Label,
    StructuredMetadata,
    Extracted,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct LabelsStage {
    /// Names of labels, each with the name of its value; an empty one is the label's.
    #[arg(required)]
    pub values: Names,
    /// Where the values are, `extracted` or `structured_metadata`.
    #[arg(default = SourceType::Extracted)]
    pub source_type: SourceType,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct LogfmtStage {
    /// Names of values, each with its key; an empty one is the name.
    pub mapping: BTreeMap<String, String>,
    /// The value to read instead of the line.
    pub source: String,
    /// Keys to take under their own name.
    pub regex: String,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct LuhnStage {
    /// What stands in place of a number.
    #[arg(default = "**REDACTED**")]
    pub replacement: String,
    /// The value to read instead of the line.
    pub source: Option<String>,
    /// Fewer digits are left alone.
    #[arg(default = 13)]
    pub min_length: i64,
    /// Characters that may stand between digits.
    pub delimiters: String,
    /// Numbers inside a match are left alone.
    pub skip_regex: String,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct MatchStage {
    /// Label matchers and line filters of LogQL.
    #[arg(required)]
    pub selector: String,
    /// For the entries that match.
    #[arg(variants)]
    pub stages: Vec<Stage>,
    /// What to do with them, `keep` or `drop`.
    #[arg(default = "keep")]
    pub action: String,
    /// Of no effect.
    pub pipeline_name: String,
    /// The label `reason` of the counter of dropped entries.
    #[arg(default = "match_stage")]
    pub drop_counter_reason: String,
}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct MultilineStage {
    /// A regular expression for the first line of a block.
    #[arg(required)]
    pub firstline: String,
    /// Most lines of a block.
    #[arg(default = 128)]
    pub max_lines: u64,
    /// A block goes out so long after its last line.
    #[arg(default = Duration::from_secs(3))]
    pub max_wait_time: Duration,
    /// Cuts line ends off lines.
    #[arg(default = true)]
    pub trim_newlines: bool,
}

impl MultilineStage {
    fn validate(&self, check: &mut Check<'_>) {
        if self.max_wait_time.is_zero() {
            check.body("max_wait_time must be greater than 0");
        }
    }
}

#[derive(Arguments, Debug, PartialEq)]
pub struct OutputStage {
    /// The value that becomes the line.
    #[arg(required)]
    pub source: String,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct PackStage {
    /// Names of values and labels to pack.
    #[arg(required)]
    pub labels: Vec<String>,
    /// Gives the entry the time of its packing.
    #[arg(default = true)]
    pub ingest_timestamp: bool,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct PatternStage {
    /// Literals, and captures such as `<name>` and `<_>`.
    #[arg(required)]
    pub pattern: String,
    /// The value to read instead of the line.
    pub source: Option<String>,
    /// Makes labels of the captures, too.
    #[arg(default = false)]
    pub labels_from_groups: bool,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct RegexStage {
    /// A regular expression with named groups.
    #[arg(required)]
    pub expression: String,
    /// The value to read instead of the line.
    pub source: Option<String>,
    /// Makes labels of the groups, too.
    #[arg(default = false)]
    pub labels_from_groups: bool,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct ReplaceStage {
    /// A regular expression with groups.
    #[arg(required)]
    pub expression: String,
    /// The value to change instead of the line.
    pub source: String,
    /// A template that writes what stands in place of a group.
    pub replace: String,
}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct SamplingStage {
    /// The label `reason` of the counter of dropped entries.
    #[arg(default = "sampling_stage")]
    pub drop_counter_reason: String,
    /// The share that is kept, 0 to 1.
    #[arg(required)]
    pub rate: f64,
}

impl SamplingStage {
    fn validate(&self, check: &mut Check<'_>) {
        if !(0.0..=1.0).contains(&self.rate) {
            let rate = self.rate;
            check.body(format!("rate must be between 0.0 and 1.0, got {rate}"));
        }
    }
}

/// A text that may not be empty.
#[derive(Debug, PartialEq)]
pub struct Name(pub String);

impl Argument for Name {
    fn ty() -> Type {
        Type::String
    }

    fn from_value(value: &Value) -> Result<Name, String> {
        match String::from_value(value)? {
            name if name.is_empty() => Err("source cannot be empty".to_owned()),
            name => Ok(Name(name)),
        }
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

#[derive(Arguments, Debug, PartialEq)]
pub struct SplitJsonStage {
    /// The value to read instead of the line.
    pub source: Option<Name>,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct StaticLabelsStage {
    /// Labels with their values; empty ones are not set.
    #[arg(required)]
    pub values: Names,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct MetadataStage {
    /// Names of metadata, each with the name of its value or label; an empty one is its own.
    pub values: Names,
    /// Values and labels to take under their own name.
    pub regex: String,
}
