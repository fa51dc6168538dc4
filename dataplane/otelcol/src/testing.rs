//! What tests of this family have around them: a sink for OTLP, requests, a server that answers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{
    AnyValue, Lazy, OtlpBatch, OtlpSignal, Resource, ResourceGroup, Scope, ScopeGroup, Span, Text,
    Tree,
};
use engine::testing::body;
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{Arguments, Body, ExportField, Port, PortKind, Stability, Value};

/// Keeps what it gets; see `sink`.
pub static SINK: Component = Component::of::<SinkComponent>();

pub const SINK_NODE: &str = "test.otlp_sink.out";

pub struct SinkComponent;

#[derive(Arguments)]
pub struct SinkArguments {}

impl DataComponent for SinkComponent {
    type Arguments = SinkArguments;
    const NAME: &'static str = "test.otlp_sink";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(_arguments: Arc<SinkArguments>, _cx: &Build) -> Result<Built, BuildError> {
        Ok(Built::new().port("input", Rc::new(SinkPort(sink()))))
    }
}

thread_local! {
    static SINKED: Rc<Sink> = Rc::default();
    static FEEDS: RefCell<HashMap<String, Offer>> = RefCell::default();
}

type Answer = Result<(), Nack>;
type Offer = Rc<dyn Fn(Batch) -> LocalBoxFuture<'static, Answer>>;

/// The sink of this thread.
pub fn sink() -> Rc<Sink> {
    SINKED.with(Rc::clone)
}

/// What the sink got, and what it answers.
#[derive(Default)]
pub struct Sink {
    pub batches: RefCell<Vec<OtlpBatch>>,
    /// The reason of a refusal that may be tried again.
    pub refuses: Cell<Option<&'static str>>,
}

impl Sink {
    /// Names of the spans of each batch.
    pub fn take_spans(&self) -> Vec<Vec<String>> {
        self.batches.take().iter().map(span_names).collect()
    }
}

struct SinkPort(Rc<Sink>);

impl Consume for SinkPort {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Answer> {
        Box::pin(async move {
            if let Some(reason) = self.0.refuses.get() {
                return Err(Nack::retry(reason, "told to refuse"));
            }
            let batch = batch.into_otlp();
            self.0.batches.borrow_mut().push((*batch).clone());
            Ok(())
        })
    }
}

/// A source that offers batches to one node: `feed` reaches it.
pub static SOURCE: Component = Component::of::<SourceComponent>();

pub struct SourceComponent;

#[derive(Arguments)]
pub struct SourceArguments {
    /// Where batches go.
    #[arg(required, port = Otlp)]
    pub forward_to: Vec<Port>,
}

impl DataComponent for SourceComponent {
    type Arguments = SourceArguments;
    const NAME: &'static str = "test.otlp_source";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::All;

    async fn build(arguments: Arc<SourceArguments>, cx: &Build) -> Result<Built, BuildError> {
        let fanout = cx.fanout(&arguments.forward_to);
        let offer = move |batch| -> LocalBoxFuture<'static, Answer> {
            let fanout = fanout.clone();
            Box::pin(async move { fanout.consume(batch).await })
        };
        FEEDS.with_borrow_mut(|feeds| feeds.insert(cx.node.to_string(), Rc::new(offer)));
        Ok(Built::new())
    }
}

/// A source in front of `node`.
pub fn source(node: &str) -> Arc<engine::PlanNode> {
    let arguments = body([("forward_to", Value::array([port(node)]))]);
    engine::testing::node(&SOURCE, "test.otlp_source.in", arguments)
}

/// The sink's node.
pub fn sink_node() -> Arc<engine::PlanNode> {
    engine::testing::node(&SINK, SINK_NODE, body([]))
}

/// Offers a batch through `source`.
pub async fn feed(batch: OtlpBatch) -> Answer {
    let offer = FEEDS.with_borrow(|feeds| feeds["test.otlp_source.in"].clone());
    offer(Batch::Otlp(Rc::new(batch))).await
}

pub fn port(node: &str) -> Value {
    Value::port(Port {
        node: node.to_owned(),
        name: "input".to_owned(),
        kind: PortKind::Otlp,
    })
}

/// An `output` block that leads to the sink.
pub fn to_sink() -> Body {
    let ports = || Value::array([port(SINK_NODE)]);
    body([("traces", ports()), ("metrics", ports()), ("logs", ports())])
}

/// A batch of spans with these names.
pub fn spans(names: &[&'static str]) -> OtlpBatch {
    let spans = names.iter().map(|name| Span {
        trace_id: vec![7; 16].into(),
        span_id: vec![1; 8].into(),
        name: Text::from(*name),
        ..Span::default()
    });
    traces(spans.collect())
}

/// A batch of these spans.
pub fn traces(spans: Vec<Span<'_>>) -> OtlpBatch {
    let mut resource = Resource::default();
    let service = AnyValue::from("shop");
    resource.attributes.set("service.name", service);
    let tree = Tree {
        client: None,
        resources: vec![ResourceGroup {
            resource: Lazy::new(resource),
            scopes: vec![ScopeGroup {
                scope: Lazy::new(Scope::default()),
                items: spans.into_iter().map(Lazy::new).collect(),
                schema_url: Text::default(),
            }],
            schema_url: Text::default(),
        }],
    };
    tree.encode()
}

pub fn span_names(batch: &OtlpBatch) -> Vec<String> {
    assert_eq!(batch.signal(), OtlpSignal::Traces);
    let mut names = Vec::new();
    batch
        .spans()
        .for_each(|_, _, span| names.push(span.get().name.to_string()));
    names
}

/// Where a test's server listens.
pub fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// As long as nothing is amiss, nothing in a test takes longer.
pub const PATIENCE: Duration = Duration::from_secs(30);
