//! What can be named in each context: fields, enums, and the contexts above it.

/// What a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    Resource,
    Scope,
    Span,
    SpanEvent,
    Metric,
    DataPoint,
    Exemplar,
    Log,
    /// The request that brought the data.
    Collector,
}

/// A field that paths can name. Names are shared: `Name` is that of a span as of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    Cache,
    Attributes,
    DroppedAttributes,
    SchemaUrl,
    Name,
    Version,
    TraceId,
    TraceIdText,
    SpanId,
    SpanIdText,
    ParentSpanId,
    ParentSpanIdText,
    TraceState,
    Status,
    StatusCode,
    StatusMessage,
    Kind,
    KindText,
    KindDeprecatedText,
    StartNano,
    EndNano,
    Start,
    End,
    Events,
    DroppedEvents,
    Links,
    DroppedLinks,
    Flags,
    TimeNano,
    ObservedNano,
    Time,
    Observed,
    EventIndex,
    SeverityNumber,
    SeverityText,
    EventName,
    Body,
    BodyText,
    Description,
    Unit,
    MetricType,
    Temporality,
    Monotonic,
    DataPoints,
    Metadata,
    DoubleValue,
    IntValue,
    Exemplars,
    Count,
    Sum,
    BucketCounts,
    ExplicitBounds,
    Scale,
    ZeroCount,
    Positive,
    PositiveOffset,
    PositiveCounts,
    Negative,
    NegativeOffset,
    NegativeCounts,
    Quantiles,
    FilteredAttributes,
    ClientAddress,
    ClientMetadata,
    ClientAuth,
    GrpcMetadata,
}

/// A field of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    pub owner: Owner,
    pub field: Field,
}

/// How a field may be indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    None,
    Many,
    /// Exactly one, a literal text.
    One,
}

type Row = (&'static str, Field, Keys);

impl Owner {
    /// The name of the context, which is the prefix of its paths.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Owner::Resource => "resource",
            Owner::Scope => "scope",
            Owner::Span => "span",
            Owner::SpanEvent => "spanevent",
            Owner::Metric => "metric",
            Owner::DataPoint => "datapoint",
            Owner::Exemplar => "exemplar",
            Owner::Log => "log",
            Owner::Collector => "otelcol",
        }
    }

    /// The context of a name; `instrumentation_scope` is the scope's old one.
    #[must_use]
    pub fn named(name: &str) -> Option<Owner> {
        let all = [
            Owner::Resource,
            Owner::Scope,
            Owner::Span,
            Owner::SpanEvent,
            Owner::Metric,
            Owner::DataPoint,
            Owner::Exemplar,
            Owner::Log,
            Owner::Collector,
        ];
        match name {
            "instrumentation_scope" => Some(Owner::Scope),
            _ => all.into_iter().find(|owner| owner.name() == name),
        }
    }

    /// The owners whose paths a context reaches, itself first.
    #[must_use]
    pub fn reach(self) -> &'static [Owner] {
        use Owner::{
            Collector, DataPoint, Exemplar, Log, Metric, Resource, Scope, Span, SpanEvent,
        };
        match self {
            Resource => &[Resource, Collector],
            Scope => &[Scope, Resource, Collector],
            Span => &[Span, Scope, Resource, Collector],
            SpanEvent => &[SpanEvent, Span, Scope, Resource, Collector],
            Metric => &[Metric, Scope, Resource, Collector],
            DataPoint => &[DataPoint, Metric, Scope, Resource, Collector],
            Exemplar => &[Exemplar, DataPoint, Metric, Scope, Resource, Collector],
            Log => &[Log, Scope, Resource, Collector],
            Collector => &[Collector],
        }
    }

    /// The contexts in the order in which the highest one of a group is looked for.
    pub(super) const PRIORITY: [Owner; 8] = [
        Owner::Log,
        Owner::Exemplar,
        Owner::DataPoint,
        Owner::Metric,
        Owner::SpanEvent,
        Owner::Span,
        Owner::Scope,
        Owner::Resource,
    ];

    pub(super) fn rows(self) -> &'static [Row] {
        match self {
            Owner::Resource => RESOURCE,
            Owner::Scope => SCOPE,
            Owner::Span => SPAN,
            Owner::SpanEvent => SPAN_EVENT,
            Owner::Metric => METRIC,
            Owner::DataPoint => DATA_POINT,
            Owner::Exemplar => EXEMPLAR,
            Owner::Log => LOG,
            Owner::Collector => COLLECTOR,
        }
    }

    /// The number of an enum, if this context has it.
    pub(super) fn symbol(self, name: &str) -> Option<i64> {
        let find = |rows: &[(&str, i64)]| {
            rows.iter()
                .find(|(other, _)| *other == name)
                .map(|(_, number)| *number)
        };
        match self {
            Owner::Span | Owner::SpanEvent => find(SPAN_SYMBOLS),
            Owner::Metric | Owner::Exemplar => find(METRIC_SYMBOLS),
            Owner::DataPoint => find(METRIC_SYMBOLS).or_else(|| find(POINT_SYMBOLS)),
            Owner::Log => severity(name),
            Owner::Resource | Owner::Scope | Owner::Collector => None,
        }
    }
}

const fn plain(name: &'static str, field: Field) -> Row {
    (name, field, Keys::None)
}

const fn keyed(name: &'static str, field: Field) -> Row {
    (name, field, Keys::Many)
}

const RESOURCE: &[Row] = &[
    keyed("cache", Field::Cache),
    keyed("attributes", Field::Attributes),
    plain("dropped_attributes_count", Field::DroppedAttributes),
    plain("schema_url", Field::SchemaUrl),
];

const SCOPE: &[Row] = &[
    keyed("cache", Field::Cache),
    plain("name", Field::Name),
    plain("version", Field::Version),
    keyed("attributes", Field::Attributes),
    plain("dropped_attributes_count", Field::DroppedAttributes),
    plain("schema_url", Field::SchemaUrl),
];

const SPAN: &[Row] = &[
    keyed("attributes", Field::Attributes),
    keyed("cache", Field::Cache),
    plain("trace_id", Field::TraceId),
    plain("trace_id.string", Field::TraceIdText),
    plain("span_id", Field::SpanId),
    plain("span_id.string", Field::SpanIdText),
    plain("parent_span_id", Field::ParentSpanId),
    plain("parent_span_id.string", Field::ParentSpanIdText),
    ("trace_state", Field::TraceState, Keys::One),
    plain("status", Field::Status),
    plain("status.code", Field::StatusCode),
    plain("status.message", Field::StatusMessage),
    plain("name", Field::Name),
    plain("kind", Field::Kind),
    plain("kind.string", Field::KindText),
    plain("kind.deprecated_string", Field::KindDeprecatedText),
    plain("start_time_unix_nano", Field::StartNano),
    plain("end_time_unix_nano", Field::EndNano),
    plain("start_time", Field::Start),
    plain("end_time", Field::End),
    plain("dropped_attributes_count", Field::DroppedAttributes),
    plain("events", Field::Events),
    plain("dropped_events_count", Field::DroppedEvents),
    plain("links", Field::Links),
    plain("dropped_links_count", Field::DroppedLinks),
    plain("flags", Field::Flags),
];

const SPAN_EVENT: &[Row] = &[
    keyed("cache", Field::Cache),
    plain("time_unix_nano", Field::TimeNano),
    plain("time", Field::Time),
    plain("name", Field::Name),
    keyed("attributes", Field::Attributes),
    plain("dropped_attributes_count", Field::DroppedAttributes),
    plain("event_index", Field::EventIndex),
];

const METRIC: &[Row] = &[
    keyed("cache", Field::Cache),
    plain("name", Field::Name),
    plain("description", Field::Description),
    plain("unit", Field::Unit),
    plain("type", Field::MetricType),
    plain("aggregation_temporality", Field::Temporality),
    plain("is_monotonic", Field::Monotonic),
    plain("data_points", Field::DataPoints),
    keyed("metadata", Field::Metadata),
];

const DATA_POINT: &[Row] = &[
    keyed("cache", Field::Cache),
    keyed("attributes", Field::Attributes),
    plain("start_time_unix_nano", Field::StartNano),
    plain("time_unix_nano", Field::TimeNano),
    plain("start_time", Field::Start),
    plain("time", Field::Time),
    plain("value_double", Field::DoubleValue),
    plain("value_int", Field::IntValue),
    plain("exemplars", Field::Exemplars),
    plain("flags", Field::Flags),
    plain("count", Field::Count),
    plain("sum", Field::Sum),
    plain("bucket_counts", Field::BucketCounts),
    plain("explicit_bounds", Field::ExplicitBounds),
    plain("scale", Field::Scale),
    plain("zero_count", Field::ZeroCount),
    plain("positive", Field::Positive),
    plain("positive.offset", Field::PositiveOffset),
    plain("positive.bucket_counts", Field::PositiveCounts),
    plain("negative", Field::Negative),
    plain("negative.offset", Field::NegativeOffset),
    plain("negative.bucket_counts", Field::NegativeCounts),
    plain("quantile_values", Field::Quantiles),
];

const EXEMPLAR: &[Row] = &[
    keyed("cache", Field::Cache),
    plain("time_unix_nano", Field::TimeNano),
    plain("time", Field::Time),
    plain("double_value", Field::DoubleValue),
    plain("int_value", Field::IntValue),
    plain("trace_id", Field::TraceId),
    plain("trace_id.string", Field::TraceIdText),
    plain("span_id", Field::SpanId),
    plain("span_id.string", Field::SpanIdText),
    keyed("filtered_attributes", Field::FilteredAttributes),
];

const LOG: &[Row] = &[
    keyed("attributes", Field::Attributes),
    keyed("body", Field::Body),
    plain("body.string", Field::BodyText),
    keyed("cache", Field::Cache),
    plain("time_unix_nano", Field::TimeNano),
    plain("observed_time_unix_nano", Field::ObservedNano),
    plain("time", Field::Time),
    plain("observed_time", Field::Observed),
    plain("severity_number", Field::SeverityNumber),
    plain("severity_text", Field::SeverityText),
    plain("event_name", Field::EventName),
    plain("dropped_attributes_count", Field::DroppedAttributes),
    plain("flags", Field::Flags),
    plain("trace_id", Field::TraceId),
    plain("trace_id.string", Field::TraceIdText),
    plain("span_id", Field::SpanId),
    plain("span_id.string", Field::SpanIdText),
];

const COLLECTOR: &[Row] = &[
    plain("client.addr", Field::ClientAddress),
    keyed("client.metadata", Field::ClientMetadata),
    keyed("client.auth.attributes", Field::ClientAuth),
    keyed("grpc.metadata", Field::GrpcMetadata),
];

const SPAN_SYMBOLS: &[(&str, i64)] = &[
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
    ("STATUS_CODE_UNSET", 0),
    ("STATUS_CODE_OK", 1),
    ("STATUS_CODE_ERROR", 2),
];

const METRIC_SYMBOLS: &[(&str, i64)] = &[
    ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0),
    ("AGGREGATION_TEMPORALITY_DELTA", 1),
    ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2),
    ("METRIC_DATA_TYPE_NONE", 0),
    ("METRIC_DATA_TYPE_GAUGE", 1),
    ("METRIC_DATA_TYPE_SUM", 2),
    ("METRIC_DATA_TYPE_HISTOGRAM", 3),
    ("METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM", 4),
    ("METRIC_DATA_TYPE_SUMMARY", 5),
];

const POINT_SYMBOLS: &[(&str, i64)] = &[("FLAG_NONE", 0), ("FLAG_NO_RECORDED_VALUE", 1)];

/// `SEVERITY_NUMBER_WARN3` and the like: six levels of four.
fn severity(name: &str) -> Option<i64> {
    let name = name.strip_prefix("SEVERITY_NUMBER_")?;
    if name == "UNSPECIFIED" {
        return Some(0);
    }
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    levels.iter().zip(0..).find_map(|(level, index)| {
        let step = match name.strip_prefix(level)? {
            "" => 1,
            "2" => 2,
            "3" => 3,
            "4" => 4,
            _ => return None,
        };
        Some(index * 4 + step)
    })
}
