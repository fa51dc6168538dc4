//! Schemas of the export requests of the three signals, and of their answers.

use super::OtlpSignal;
use super::logs::LogRecord;
use super::metrics::Metric;
use super::origin::{Resource, Scope};
use super::schema::{Field, FieldKind, Schema};
use super::trace::Span;
use super::wire::Message;

impl OtlpSignal {
    /// The message of an export request.
    #[must_use]
    pub fn request(self) -> &'static Schema {
        match self {
            OtlpSignal::Traces => &TRACES,
            OtlpSignal::Metrics => &METRICS,
            OtlpSignal::Logs => &LOGS,
        }
    }
}

macro_rules! request {
    ($request:ident $name:literal $json:literal,
     $group:ident $group_name:literal $group_json:literal,
     $scope:ident $scope_name:literal $scope_json:literal, $item:ident) => {
        static $request: Schema = message($name, &[list(1, $json, &$group)]);
        static $group: Schema = message(
            $group_name,
            &[
                one(1, "resource", Resource::SCHEMA),
                list(2, $group_json, &$scope),
                SCHEMA_URL,
            ],
        );
        static $scope: Schema = message(
            $scope_name,
            &[
                one(1, "scope", Scope::SCHEMA),
                list(2, $scope_json, $item::SCHEMA),
                SCHEMA_URL,
            ],
        );
    };
}

request!(
    TRACES "ExportTraceServiceRequest" "resourceSpans",
    RESOURCE_SPANS "ResourceSpans" "scopeSpans",
    SCOPE_SPANS "ScopeSpans" "spans", Span
);
request!(
    METRICS "ExportMetricsServiceRequest" "resourceMetrics",
    RESOURCE_METRICS "ResourceMetrics" "scopeMetrics",
    SCOPE_METRICS "ScopeMetrics" "metrics", Metric
);
request!(
    LOGS "ExportLogsServiceRequest" "resourceLogs",
    RESOURCE_LOGS "ResourceLogs" "scopeLogs",
    SCOPE_LOGS "ScopeLogs" "logRecords", LogRecord
);

const SCHEMA_URL: Field = Field {
    number: 3,
    json: "schemaUrl",
    kind: FieldKind::Str,
    repeated: false,
};

const fn message(name: &'static str, fields: &'static [Field]) -> Schema {
    Schema::new(name, fields, &[])
}

const fn one(number: u32, json: &'static str, schema: &'static Schema) -> Field {
    Field {
        number,
        json,
        kind: FieldKind::Message(schema),
        repeated: false,
    }
}

const fn list(number: u32, json: &'static str, schema: &'static Schema) -> Field {
    Field {
        repeated: true,
        ..one(number, json, schema)
    }
}
