//! A request of spans as an agent in front of several services sends it: four resources, ten
//! attributes a span, some 500 bytes each.

use batch::otlp::{AnyValue, Lazy, Resource, ResourceGroup, Scope, ScopeGroup, Span, Text, Tree};
use bytes::Bytes;

/// Spans of a request.
pub const SPANS: usize = 1000;
const RESOURCES: usize = 4;

/// The protobuf of a request.
pub fn request() -> Bytes {
    let tree = Tree {
        resources: (0..RESOURCES).map(group).collect(),
        client: None,
    };
    tree.encode().to_request()
}

fn group(index: usize) -> ResourceGroup<'static, Span<'static>> {
    let mut resource = Resource::default();
    for (key, value) in [
        ("service.name", format!("service-{index}")),
        ("service.namespace", "shop".to_owned()),
        ("service.version", "1.14.2".to_owned()),
        ("service.instance.id", format!("{index:032x}")),
        ("host.name", format!("ip-10-0-12-{index}.internal")),
        ("k8s.pod.name", format!("service-{index}-5d8f7c9b4-x2x7z")),
    ] {
        resource.attributes.set(key, AnyValue::from(value));
    }
    let scope = Scope {
        name: Text::from("go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"),
        version: Text::from("0.52.0"),
        ..Scope::default()
    };
    let spans = (0..SPANS / RESOURCES).map(|at| Lazy::new(span(index * SPANS / RESOURCES + at)));
    ResourceGroup {
        resource: Lazy::new(resource),
        scopes: vec![ScopeGroup {
            scope: Lazy::new(scope),
            items: spans.collect(),
            schema_url: Text::from("https://opentelemetry.io/schemas/1.26.0"),
        }],
        schema_url: Text::default(),
    }
}

fn span(number: usize) -> Span<'static> {
    let start = 1_790_000_000_000_000_000 + number as u64 * 1_000;
    let mut span = Span {
        trace_id: (number as u128)
            .wrapping_mul(u128::MAX / 7)
            .to_be_bytes()
            .to_vec()
            .into(),
        span_id: (number as u64 + 1).to_be_bytes().to_vec().into(),
        parent_span_id: (number as u64).to_be_bytes().to_vec().into(),
        name: Text::from("GET /api/products/{id}"),
        kind: 2,
        start_unix_nano: start,
        end_unix_nano: start + 250_000_000,
        ..Span::default()
    };
    let url = format!("https://shop.example.com/api/products/7?id={number}&page=12");
    let texts = [
        ("http.request.method", "GET".to_owned()),
        ("url.full", url),
        ("user_agent.original", AGENT.to_owned()),
        ("http.route", "/api/products/{id}".to_owned()),
        ("server.address", "shop.example.com".to_owned()),
        ("client.address", format!("203.0.113.{}", number % 250)),
        ("enduser.id", format!("user-{number}")),
        ("network.protocol.version", "1.1".to_owned()),
    ];
    for (key, value) in texts {
        span.attributes.set(key, AnyValue::from(value));
    }
    // One of twenty is an error: a filter that keeps those drops 95 %.
    let status = if number.is_multiple_of(20) { 500 } else { 200 };
    span.attributes
        .set("http.response.status_code", AnyValue::Int(status));
    let size = AnyValue::Int(number as i64 * 37);
    span.attributes.set("http.response.body.size", size);
    span
}

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
