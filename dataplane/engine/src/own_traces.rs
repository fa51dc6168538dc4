//! The process's own spans as telemetry, for the ports that the `tracing` block names.
//!
//! Spans are no telemetry that anybody was promised: what finds the channel full, or no consumer in
//! time, is left out.

use std::rc::Rc;
use std::time::Duration;

use batch::otlp::{
    AnyValue, Lazy, OtlpBatch, Resource, ResourceGroup, Scope, ScopeGroup, Span, Text, Tree,
};
use runtime::metrics::Registry;
use schema::Port;

use crate::fanout::{Fanout, Slots};
use crate::flow::Batch;

/// Where spans go, and where they come from; ends when the other side of the channel is dropped.
pub struct OwnTraces {
    pub ports: Vec<Port>,
    pub spans: flume::Receiver<OwnSpan>,
    /// `service.version` of the resource.
    pub version: &'static str,
}

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnSpan {
    /// The part of the program that it is of: the name of the OTLP scope.
    pub scope: &'static str,
    pub name: String,
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    pub parent_id: Option<[u8; 8]>,
    pub kind: OwnKind,
    pub start_ns: u64,
    pub end_ns: u64,
    pub attributes: Vec<(&'static str, OwnValue)>,
    pub status: OwnStatus,
}

/// OTLP's numbers of the kinds that we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnKind {
    Internal = 1,
    Server = 2,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnValue {
    Text(String),
    Int(i64),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OwnStatus {
    #[default]
    Unset,
    Ok,
    Error(String),
}

/// Limit: spans of one batch, some 200 KiB.
const BATCH_SPANS_MAX: usize = 512;

/// How long a batch gathers: what a reload or a request consists of mostly travels as one.
const GATHER: Duration = Duration::from_secs(1);

/// How long a batch may be offered.
const OFFER_MAX: Duration = Duration::from_secs(10);

/// Compat: the name that Alloy gives its own spans, which dashboards ask for.
const SERVICE: &str = "alloy";

pub(crate) async fn forward(own: OwnTraces, slots: Rc<Slots>, registry: Registry) {
    let fanout = Fanout::new(&slots, &registry, &Rc::from("tracing"), &own.ports);
    // The slots are looked up once; holding them all would keep those of removed nodes.
    drop(slots);
    while let Ok(first) = own.spans.recv_async().await {
        runtime::sleep(GATHER).await;
        let more = own.spans.try_iter().take(BATCH_SPANS_MAX - 1);
        let spans: Vec<OwnSpan> = std::iter::once(first).chain(more).collect();
        let batch = Batch::Otlp(Rc::new(encode(&spans, own.version)));
        let until = runtime::now() + OFFER_MAX;
        // The books of the edge have what nobody took.
        drop(fanout.consume_until(batch, until).await);
    }
}

fn encode(spans: &[OwnSpan], version: &'static str) -> OtlpBatch {
    let mut resource = Resource::default();
    let attributes = [
        ("service.name", SERVICE),
        ("service.version", version),
        ("telemetry.sdk.language", "rust"),
        ("telemetry.sdk.name", "invar"),
    ];
    for (key, value) in attributes {
        resource.attributes.set(key, AnyValue::from(value));
    }
    let mut scopes: Vec<ScopeGroup<'_, Span<'_>>> = Vec::new();
    for span in spans {
        let name = Text::from(span.scope);
        let known = scopes.iter_mut().find(|it| it.scope.get().name == name);
        let item = Lazy::new(encode_span(span));
        match known {
            Some(group) => group.items.push(item),
            None => scopes.push(ScopeGroup {
                scope: Lazy::new(Scope {
                    name,
                    version: version.into(),
                    ..Scope::default()
                }),
                items: vec![item],
                schema_url: Text::default(),
            }),
        }
    }
    let group = ResourceGroup {
        resource: Lazy::new(resource),
        scopes,
        schema_url: Text::default(),
    };
    let tree = Tree {
        client: None,
        resources: vec![group],
    };
    tree.encode()
}

fn encode_span(own: &OwnSpan) -> Span<'_> {
    let mut span = Span {
        trace_id: own.trace_id.to_vec().into(),
        span_id: own.span_id.to_vec().into(),
        name: own.name.as_str().into(),
        kind: own.kind as i32,
        start_unix_nano: own.start_ns,
        end_unix_nano: own.end_ns,
        ..Span::default()
    };
    if let Some(parent) = own.parent_id {
        span.parent_span_id = parent.to_vec().into();
    }
    for (key, value) in &own.attributes {
        let value = match value {
            OwnValue::Text(text) => AnyValue::from(text.as_str()),
            OwnValue::Int(number) => AnyValue::Int(*number),
        };
        span.attributes.set(*key, value);
    }
    match &own.status {
        OwnStatus::Unset => {}
        OwnStatus::Ok => span.status.code = 1,
        OwnStatus::Error(message) => {
            span.status.code = 2;
            span.status.message = message.as_str().into();
        }
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(scope: &'static str, name: &str, status: OwnStatus) -> OwnSpan {
        OwnSpan {
            scope,
            name: name.to_owned(),
            trace_id: [7; 16],
            span_id: [1; 8],
            parent_id: (name == "child").then_some([2; 8]),
            kind: OwnKind::Internal,
            start_ns: 1,
            end_ns: 3,
            attributes: vec![
                ("node_id", OwnValue::Text("a.b".to_owned())),
                ("n", OwnValue::Int(-2)),
            ],
            status,
        }
    }

    #[test]
    fn spans_of_a_scope_stand_together_and_say_all_they_have() {
        let spans = [
            span("s", "root", OwnStatus::Ok),
            span("other", "x", OwnStatus::Unset),
            span("s", "child", OwnStatus::Error("why".to_owned())),
        ];
        let batch = encode(&spans, "v1");
        let again = OtlpBatch::from_request(batch.signal(), batch.to_request());
        let again = again.expect("what we encode is valid");
        let mut seen = Vec::new();
        again.spans().for_each(|resource, scope, span| {
            let service = resource.get().attributes.get("service.name");
            assert_eq!(service, Some(&AnyValue::from("alloy")));
            let span = span.get();
            assert_eq!(span.attributes.get("n"), Some(&AnyValue::Int(-2)));
            seen.push(format!(
                "{} {} {} {} {}",
                scope.get().name.to_str(),
                span.name.to_str(),
                span.parent_span_id.len(),
                span.status.code,
                span.status.message.to_str()
            ));
        });
        assert_eq!(seen, ["s root 0 1 ", "s child 8 2 why", "other x 0 0 "]);
    }
}
