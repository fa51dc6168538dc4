//! What policies are written in a configuration.

use schema::Arguments;

/// A policy that takes others in, or one of its own.
#[derive(Arguments, Clone)]
pub struct PolicyBlock {
    /// What the policy looks at, if it takes in no others.
    #[arg(flatten)]
    pub simple: SimplePolicy,
    /// Samples what all of its policies sample.
    #[arg(block, name = "and")]
    pub and: Option<AndBlock>,
    /// Samples within a rate, which its policies share.
    #[arg(block)]
    pub composite: Option<CompositeBlock>,
    /// Drops what all of its policies sample, whatever other policies say.
    #[arg(block)]
    pub drop: Option<DropBlock>,
    /// Samples what its policy does not.
    #[arg(block)]
    pub not: Option<NotBlock>,
}

/// A policy that looks at the trace itself.
#[derive(Arguments, Clone)]
pub struct SimplePolicy {
    /// Name of the policy.
    #[arg(required)]
    pub name: String,
    /// What the policy looks at, such as `latency`; its settings are in the block of this name.
    #[arg(required, name = "type")]
    pub kind: String,
    /// Samples by an attribute that is true or false.
    #[arg(block)]
    pub boolean_attribute: Option<BooleanAttribute>,
    /// Samples so many bytes a second.
    #[arg(block)]
    pub bytes_limiting: Option<BytesLimiting>,
    /// Samples by the time from the first start to the last end.
    #[arg(block)]
    pub latency: Option<Latency>,
    /// Samples by a number in an attribute.
    #[arg(block)]
    pub numeric_attribute: Option<NumericAttribute>,
    /// Samples by conditions of OTTL.
    #[arg(block)]
    pub ottl_condition: Option<OttlCondition>,
    /// Samples a share of the traces.
    #[arg(block)]
    pub probabilistic: Option<Probabilistic>,
    /// Samples so many spans a second.
    #[arg(block)]
    pub rate_limiting: Option<RateLimiting>,
    /// Samples by the number of spans.
    #[arg(block)]
    pub span_count: Option<SpanCount>,
    /// Samples by the status of a span.
    #[arg(block)]
    pub status_code: Option<StatusCode>,
    /// Samples by text in an attribute.
    #[arg(block)]
    pub string_attribute: Option<StringAttribute>,
    /// Samples by a member of the trace state.
    #[arg(block)]
    pub trace_state: Option<TraceStateBlock>,
}

/// Samples by an attribute that is true or false.
#[derive(Arguments, Clone)]
pub struct BooleanAttribute {
    /// Attribute of a span or resource.
    #[arg(required)]
    pub key: String,
    /// The value to sample.
    #[arg(required)]
    pub value: bool,
    /// Taken for compatibility: Alloy does not look at it.
    #[arg(default = false)]
    pub invert_match: bool,
}

/// Samples so many bytes a second.
#[derive(Arguments, Clone)]
pub struct BytesLimiting {
    /// Bytes a second.
    #[arg(required)]
    pub bytes_per_second: i64,
    /// Bytes at once; twice those of a second if it is zero.
    #[arg(default = 0)]
    pub burst_capacity: i64,
}

/// Samples by the time from the first start to the last end.
#[derive(Arguments, Clone)]
pub struct Latency {
    /// The least time in milliseconds.
    #[arg(required)]
    pub threshold_ms: i64,
    /// The longest time in milliseconds; zero for no limit.
    #[arg(default = 0)]
    pub upper_threshold_ms: i64,
}

/// Samples by a number in an attribute.
#[derive(Arguments, Clone)]
pub struct NumericAttribute {
    /// Attribute of a span or resource.
    #[arg(required)]
    pub key: String,
    /// The greatest value; zero for no limit.
    #[arg(required)]
    pub max_value: i64,
    /// The least value; zero for no limit.
    #[arg(required)]
    pub min_value: i64,
    /// Sample traces in which no value is in the range.
    #[arg(default = false)]
    pub invert_match: bool,
}

/// Samples by conditions of OTTL.
#[derive(Arguments, Clone)]
pub struct OttlCondition {
    /// What happens when a condition fails: `ignore`, `silent` or `propagate`.
    #[arg(required)]
    pub error_mode: String,
    /// Conditions on spans.
    pub span: Vec<String>,
    /// Conditions on events of spans.
    pub spanevent: Vec<String>,
}

/// Samples a share of the traces.
#[derive(Arguments, Clone)]
pub struct Probabilistic {
    /// Percentage of traces.
    #[arg(required)]
    pub sampling_percentage: f64,
    /// Makes the choice another than that of samplers before or behind.
    #[arg(default = "")]
    pub hash_salt: String,
}

/// Samples so many spans a second.
#[derive(Arguments, Clone)]
pub struct RateLimiting {
    /// Spans a second.
    #[arg(required)]
    pub spans_per_second: i64,
    /// Spans at once; twice those of a second if it is zero.
    #[arg(default = 0)]
    pub burst_capacity: i64,
}

/// Samples by the number of spans.
#[derive(Arguments, Clone)]
pub struct SpanCount {
    /// The least number.
    #[arg(required)]
    pub min_spans: i64,
    /// The greatest number; zero for no limit.
    #[arg(default = 0)]
    pub max_spans: i64,
}

/// Samples by the status of a span.
#[derive(Arguments, Clone)]
pub struct StatusCode {
    /// `OK`, `ERROR` or `UNSET`.
    #[arg(required)]
    pub status_codes: Vec<String>,
}

/// Samples by text in an attribute.
#[derive(Arguments, Clone)]
pub struct StringAttribute {
    /// Attribute of a span or resource.
    #[arg(required)]
    pub key: String,
    /// Texts or regular expressions.
    #[arg(required)]
    pub values: Vec<String>,
    /// Taken for compatibility: outcomes are not kept.
    #[arg(default = 0)]
    pub cache_max_size: i64,
    /// Take values as regular expressions.
    #[arg(default = false)]
    pub enabled_regex_matching: bool,
    /// Sample traces in which nothing matches.
    #[arg(default = false)]
    pub invert_match: bool,
}

/// Samples by a member of the trace state.
#[derive(Arguments, Clone)]
pub struct TraceStateBlock {
    /// Key of the member.
    #[arg(required)]
    pub key: String,
    /// Its values.
    #[arg(required)]
    pub values: Vec<String>,
}

/// Samples what all of its policies sample.
#[derive(Arguments, Clone)]
pub struct AndBlock {
    /// The policies.
    #[arg(block, name = "and_sub_policy", required)]
    pub policies: Vec<SimplePolicy>,
}

/// Drops what all of its policies sample.
#[derive(Arguments, Clone)]
pub struct DropBlock {
    /// The policies.
    #[arg(block, name = "drop_sub_policy", required)]
    pub policies: Vec<SimplePolicy>,
}

/// Samples what its policy does not.
#[derive(Arguments, Clone)]
pub struct NotBlock {
    /// The policy.
    #[arg(block, name = "not_sub_policy", required)]
    pub policy: SimplePolicy,
}

/// Samples within a rate, which its policies share.
#[derive(Arguments, Clone)]
pub struct CompositeBlock {
    /// Spans a second of all policies.
    #[arg(required)]
    pub max_total_spans_per_second: i64,
    /// Taken for compatibility: policies are asked as they are written, as in Alloy.
    #[arg(required)]
    pub policy_order: Vec<String>,
    /// The policies.
    #[arg(block, name = "composite_sub_policy")]
    pub policies: Vec<CompositeSubPolicy>,
    /// Shares of the rate.
    #[arg(block, name = "rate_allocation")]
    pub allocations: Vec<RateAllocation>,
}

/// A policy of a composite one.
#[derive(Arguments, Clone)]
pub struct CompositeSubPolicy {
    /// What the policy looks at, if it takes in no others.
    #[arg(flatten)]
    pub simple: SimplePolicy,
    /// Samples what all of its policies sample.
    #[arg(block, name = "and")]
    pub and: Option<AndBlock>,
}

/// The share of one policy.
#[derive(Arguments, Clone)]
pub struct RateAllocation {
    /// Name of the policy.
    #[arg(required)]
    pub policy: String,
    /// Percentage of the rate.
    #[arg(required)]
    pub percent: i64,
}
