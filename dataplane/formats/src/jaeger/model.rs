//! What both forms of Jaeger's spans mean, and what of it is OTLP.

use std::borrow::Cow;

use batch::otlp::{
    AnyValue, Attributes, KeyValue, Lazy, OtlpBatch, Span as OtlpSpan, SpanEvent, SpanLink, Status,
};

use crate::grouped::Grouped;

/// Spans and who made those that do not say so themselves.
#[derive(Debug, Default)]
pub struct Batch {
    pub process: Option<Process>,
    pub spans: Vec<Span>,
}

#[derive(Debug, Default)]
pub struct Process {
    pub service: String,
    pub tags: Vec<KeyValue<'static>>,
}

#[derive(Debug, Default)]
pub struct Span {
    pub trace_id: [u8; 16],
    pub id: [u8; 8],
    pub name: String,
    pub references: Vec<Reference>,
    pub start_ns: u64,
    pub duration_ns: u64,
    pub tags: Vec<KeyValue<'static>>,
    pub logs: Vec<(u64, Vec<KeyValue<'static>>)>,
    pub process: Option<Process>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reference {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub follows: bool,
}

/// The name of a service that has none.
const NO_SERVICE: &str = "OTLPResourceNoServiceName";

/// Spans by process and library.
pub fn to_otlp(batch: Batch) -> OtlpBatch {
    let mut grouped = Grouped::new();
    let common = resource(batch.process);
    for mut span in batch.spans {
        let own = span.process.take().map(|process| resource(Some(process)));
        let (name, version) = take_scope(&mut span.tags);
        let resource = own.as_ref().unwrap_or(&common);
        let items = grouped.items(resource, &name, &version);
        items.push(Lazy::new(span.into_otlp()));
    }
    grouped.encode()
}

fn resource(process: Option<Process>) -> Attributes<'static> {
    let mut attributes = Attributes::default();
    let Some(process) = process.filter(|process| process.service != NO_SERVICE) else {
        return attributes;
    };
    if !process.service.is_empty() {
        attributes.set("service.name", process.service.into());
    }
    for tag in process.tags {
        attributes.set(tag.key, tag.value);
    }
    if !attributes.contains("host.name")
        && let Some(name) = attributes.remove("hostname")
    {
        attributes.set("host.name", name);
    }
    if !attributes.contains("opencensus.exporterversion")
        && let Some(version) = attributes.remove("jaeger.version")
    {
        let version = format!("Jaeger-{}", text_of(version));
        attributes.set("opencensus.exporterversion", version.into());
    }
    attributes
}

/// The library, which is in tags.
fn take_scope(tags: &mut Vec<KeyValue<'static>>) -> (String, String) {
    let mut take = |key: &str| {
        let at = tags.iter().position(|tag| tag.key == key)?;
        Some(text_of(tags.remove(at).value))
    };
    let Some(name) = take("otel.scope.name") else {
        return (String::new(), String::new());
    };
    (name, take("otel.scope.version").unwrap_or_default())
}

fn text_of(value: AnyValue<'_>) -> String {
    match value {
        AnyValue::String(text) => text.to_string(),
        _ => String::new(),
    }
}

impl Span {
    /// The span that it is a child of: of its own trace if there is one, else the first mentioned.
    fn parent(&self) -> Option<[u8; 8]> {
        let children = || {
            self.references
                .iter()
                .filter(|reference| !reference.follows)
        };
        let own = |reference: &&Reference| reference.trace_id == self.trace_id;
        let follows = || self.references.iter().find(own);
        let found = children().find(own).or_else(follows);
        found
            .map(|reference| reference.span_id)
            .filter(|id| *id != [0; 8])
    }

    fn into_otlp(self) -> OtlpSpan<'static> {
        let parent = self.parent();
        let mut span = OtlpSpan {
            trace_id: Cow::Owned(self.trace_id.to_vec()),
            span_id: Cow::Owned(self.id.to_vec()),
            name: self.name.into(),
            start_unix_nano: self.start_ns,
            end_unix_nano: self.start_ns.saturating_add(self.duration_ns),
            ..OtlpSpan::default()
        };
        if let Some(parent) = parent {
            span.parent_span_id = Cow::Owned(parent.to_vec());
        }
        for tag in self.tags {
            span.attributes.set(tag.key, tag.value);
        }
        let attributes = &mut span.attributes;
        if let Some(kind) = attributes.remove("span.kind") {
            span.kind = match &*text_of(kind) {
                "internal" => 1,
                "server" => 2,
                "client" => 3,
                "producer" => 4,
                "consumer" => 5,
                _ => 0,
            };
        }
        span.status = take_status(attributes, span.kind);
        if let Some(state) = attributes.remove("w3c.tracestate") {
            span.trace_state = text_of(state).into();
        }
        let events = self.logs.into_iter().map(|(at, fields)| event(at, fields));
        span.events = events.map(Lazy::new).collect();
        for reference in self.references {
            let is_parent = !reference.follows && Some(reference.span_id) == parent;
            if !is_parent {
                span.links.push(Lazy::new(link(&reference)));
            }
        }
        span
    }
}

fn event(at: u64, fields: Vec<KeyValue<'static>>) -> SpanEvent<'static> {
    let mut event = SpanEvent {
        time_unix_nano: at,
        ..SpanEvent::default()
    };
    for field in fields {
        event.attributes.set(field.key, field.value);
    }
    if let Some(name) = event.attributes.remove("event") {
        event.name = text_of(name).into();
    }
    event
}

fn link(reference: &Reference) -> SpanLink<'static> {
    let kind = match reference.follows {
        true => "follows_from",
        false => "child_of",
    };
    let mut link = SpanLink {
        trace_id: Cow::Owned(reference.trace_id.to_vec()),
        span_id: Cow::Owned(reference.span_id.to_vec()),
        ..SpanLink::default()
    };
    link.attributes.set("opentracing.ref_type", kind.into());
    link
}

/// The tag of errors is above that of the status, which is above the code of HTTP.
fn take_status(attributes: &mut Attributes<'static>, kind: i32) -> Status<'static> {
    let mut status = Status::default();
    let mut message = None;
    let failed = attributes.get("error") == Some(&AnyValue::Bool(true));
    if failed {
        attributes.remove("error");
        status.code = 2;
        let described = attributes.remove("otel.status_description");
        message = described.or_else(|| attributes.get("http.status_message").cloned());
    }
    if let Some(code) = attributes.remove("otel.status_code") {
        if !failed {
            status.code = match &*text_of(code).to_ascii_uppercase() {
                "OK" => 1,
                "ERROR" => 2,
                _ => 0,
            };
            message = attributes.remove("otel.status_description");
        }
    } else if !failed && let Some(code) = attributes.get("http.status_code") {
        let code = match code {
            AnyValue::Int(code) => Some(*code),
            AnyValue::String(text) => text.to_str().parse().ok(),
            _ => None,
        };
        // A server is not at fault for what its clients ask.
        let fine = |code: i64| (100..400).contains(&code) || (code < 500 && kind == 2);
        if code.is_some_and(|code| !(fine(code) && 100 <= code)) {
            status.code = 2;
            message = attributes.get("http.status_message").cloned();
        }
    }
    status.message = message.map(text_of).unwrap_or_default().into();
    status
}
