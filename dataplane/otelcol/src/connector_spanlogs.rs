//! otelcol.connector.spanlogs: a log line for each span, root span, process or event.
//!
//! Lines are logfmt and carry what settings name. Resource and scope of the records are empty. The
//! answer is that of the components behind.
//! Compatible with otelcol.connector.spanlogs of Alloy.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{
    AnyValue, Attributes, Lazy, LogRecord, OtlpBatch, OtlpSignal, Resource, ResourceGroup, Scope,
    ScopeGroup, Span, Text, Tree,
};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use ops::log_lines::{Unwritable, logfmt};
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Stability};

use crate::settings::{Forward, Outputs};

pub static COMPONENT: Component = Component::of::<SpanLogs>();

/// The component.
pub struct SpanLogs;

#[derive(Arguments)]
pub struct SpanLogsArguments {
    /// Attributes of events that are written.
    pub event_attributes: Vec<String>,
    /// A line for each event of a span.
    #[arg(default = false)]
    pub events: bool,
    /// Keys of a line that become attributes of the record too.
    pub labels: Vec<String>,
    /// Attributes of the resource that are written.
    pub process_attributes: Vec<String>,
    /// A line for each process of a trace.
    #[arg(default = false)]
    pub processes: bool,
    /// A line for each span without a parent.
    #[arg(default = false)]
    pub roots: bool,
    /// Attributes of spans that are written.
    pub span_attributes: Vec<String>,
    /// A line for each span.
    #[arg(default = false)]
    pub spans: bool,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// Other names for the keys of a line.
    #[arg(block)]
    pub overrides: Option<Overrides>,
}

/// The keys of a line.
#[derive(Arguments, Clone)]
pub struct Overrides {
    /// Key of the span's duration.
    #[arg(default = "dur")]
    pub duration_key: String,
    /// Attribute that says what the line is of: `span`, `root`, `process` or `event`.
    #[arg(default = "traces")]
    pub logs_instance_tag: String,
    /// Key of the service's name.
    #[arg(default = "svc")]
    pub service_key: String,
    /// Key of the span's name.
    #[arg(default = "span")]
    pub span_name_key: String,
    /// Key of the span's status.
    #[arg(default = "status")]
    pub status_key: String,
    /// Key of the trace id.
    #[arg(default = "tid")]
    pub trace_id_key: String,
}

impl Overrides {
    fn none() -> Overrides {
        Overrides {
            duration_key: "dur".to_owned(),
            logs_instance_tag: "traces".to_owned(),
            service_key: "svc".to_owned(),
            span_name_key: "span".to_owned(),
            status_key: "status".to_owned(),
            trace_id_key: "tid".to_owned(),
        }
    }
}

impl DataComponent for SpanLogs {
    type Arguments = SpanLogsArguments;
    const NAME: &'static str = "otelcol.connector.spanlogs";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<SpanLogsArguments>, cx: &Build) -> Result<Built, BuildError> {
        let writer = Writer {
            forward: arguments.output.forward(cx),
            keys: arguments.overrides.clone().unwrap_or_else(Overrides::none),
            arguments,
        };
        Ok(Built::new().port("input", Rc::new(writer)))
    }
}

struct Writer {
    arguments: Arc<SpanLogsArguments>,
    keys: Overrides,
    forward: Forward,
}

impl Consume for Writer {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            if batch.signal() != OtlpSignal::Traces {
                return Ok(());
            }
            let lines = self.lines(&batch).map_err(|error| {
                let message = format!("unable to marshal keyvals due to error: {}", error.0);
                Nack::permanent("invalid", message)
            })?;
            drop(batch);
            self.forward.consume(lines).await
        })
    }
}

/// Keys and values of a line; a key is there once.
type Pairs<'a> = Attributes<'a>;

impl Writer {
    fn lines(&self, batch: &OtlpBatch) -> Result<OtlpBatch, Unwritable> {
        let spans = batch.spans();
        let mut tree = Tree::default();
        for group in &spans.resources {
            let resource = group.resource.get();
            let mut scopes = Vec::new();
            for scope in &group.scopes {
                let mut records = Vec::new();
                self.scope(resource, &scope.items, &mut records)?;
                scopes.push(ScopeGroup {
                    scope: Lazy::new(Scope::default()),
                    items: records,
                    schema_url: Text::default(),
                });
            }
            tree.resources.push(ResourceGroup {
                resource: Lazy::new(Resource::default()),
                scopes,
                schema_url: Text::default(),
            });
        }
        tree.prune();
        Ok(tree.encode())
    }

    fn scope<'a>(
        &self,
        resource: &Resource<'a>,
        spans: &[Lazy<'a, Span<'a>>],
        records: &mut Vec<Lazy<'a, LogRecord<'a>>>,
    ) -> Result<(), Unwritable> {
        let arguments = &self.arguments;
        let mut last_trace: Cow<'_, [u8]> = Cow::Borrowed(b"");
        for span in spans {
            let span = span.get();
            let process = arguments.processes && last_trace != span.trace_id;
            let root = arguments.roots && span.parent_span_id.iter().all(|byte| *byte == 0);
            let trace = hex(&span.trace_id);
            if process {
                let mut pairs = Pairs::default();
                self.put_process(resource, &mut pairs);
                pairs.set(self.keys.trace_id_key.clone(), trace.clone().into());
                last_trace = span.trace_id.clone();
                records.push(self.record("process", &pairs)?);
            }
            if !arguments.spans && !root && !arguments.events {
                continue;
            }
            let mut pairs = Pairs::default();
            self.put_span(span, &mut pairs);
            self.put_process(resource, &mut pairs);
            pairs.set(self.keys.trace_id_key.clone(), trace.into());
            if arguments.spans {
                records.push(self.record("span", &pairs)?);
            }
            if root {
                records.push(self.record("root", &pairs)?);
            }
            if arguments.events {
                for event in &span.events {
                    let mut pairs = pairs.clone();
                    copy(
                        &event.get().attributes,
                        &arguments.event_attributes,
                        &mut pairs,
                    );
                    records.push(self.record("event", &pairs)?);
                }
            }
        }
        Ok(())
    }

    fn put_span<'a>(&self, span: &Span<'a>, pairs: &mut Pairs<'a>) {
        let name = AnyValue::String(span.name.clone());
        pairs.set(self.keys.span_name_key.clone(), name);
        let duration = span.end_unix_nano.wrapping_sub(span.start_unix_nano) as i64;
        let duration = format!("{duration}ns");
        pairs.set(self.keys.duration_key.clone(), duration.into());
        let status = match span.status.code {
            0 => None,
            1 => Some("Ok"),
            2 => Some("Error"),
            _ => Some(""),
        };
        if let Some(status) = status {
            pairs.set(self.keys.status_key.clone(), status.into());
        }
        copy(&span.attributes, &self.arguments.span_attributes, pairs);
    }

    fn put_process<'a>(&self, resource: &Resource<'a>, pairs: &mut Pairs<'a>) {
        let service = match resource.attributes.get("service.name") {
            Some(AnyValue::String(name)) => name.clone(),
            _ => Text::default(),
        };
        let service = AnyValue::String(service);
        pairs.set(self.keys.service_key.clone(), service);
        copy(
            &resource.attributes,
            &self.arguments.process_attributes,
            pairs,
        );
    }

    fn record<'a>(
        &self,
        kind: &'static str,
        pairs: &Pairs<'a>,
    ) -> Result<Lazy<'a, LogRecord<'a>>, Unwritable> {
        let mut line = String::new();
        let mut attributes = Attributes::default();
        attributes.set(self.keys.logs_instance_tag.clone(), kind.into());
        for pair in pairs {
            let key = pair.key.to_str();
            logfmt::write_pair(&key, &pair.value, &mut line)?;
            if self.arguments.labels.iter().any(|label| *label == *key) {
                attributes.set(pair.key.clone(), pair.value.clone());
            }
        }
        Ok(Lazy::new(LogRecord {
            body: line.into(),
            attributes,
            ..LogRecord::default()
        }))
    }
}

/// Copies those attributes that there are.
fn copy<'a>(attributes: &Attributes<'a>, names: &[String], pairs: &mut Pairs<'a>) {
    for name in names {
        if let Some(value) = attributes.get(name) {
            pairs.set(name.clone(), value.clone());
        }
    }
}

/// In hexadecimal; an id of zeros is empty.
fn hex(id: &[u8]) -> String {
    let mut text = String::new();
    if id.iter().any(|byte| *byte != 0) {
        for byte in id {
            write!(text, "{byte:02x}").expect("a string takes any text");
        }
    }
    text
}
