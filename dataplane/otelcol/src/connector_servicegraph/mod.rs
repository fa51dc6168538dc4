//! otelcol.connector.servicegraph: counts requests between services by pairing spans.
//!
//! ```text
//! client span -> edge (trace id, span id)        <- server span (trace id, its parent's id)
//!                  both there, or a database: counted     not within the ttl: a virtual node
//! every interval: all series -> output
//! ```
//!
//! Traces are acknowledged when they are taken in; edges and series live in memory and begin again
//! after a restart. Spans of one trace come from many senders: the node lives on one shard, and
//! others hand over. Compatible with otelcol.connector.servicegraph of Alloy.

mod series;

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{AnyValue, OtlpBatch, OtlpSignal, Resource, Span};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use ops::log_lines::as_text;
use ops::points::BUCKETS_MAX;
use runtime::{Instant, LocalBoxFuture};
use schema::{Arguments, Check, ExportField, Stability};

use self::series::{Latency, Series, SeriesKey};
use crate::flush::{Gather, flushed, one_scope};
use crate::settings::{DebugMetrics, Forward, Outputs};
use crate::streams::now_ns;

pub static COMPONENT: Component = Component::of::<ServiceGraph>();

/// The component.
pub struct ServiceGraph;

#[derive(Arguments)]
#[arg(check = ServiceGraphArguments::check)]
pub struct ServiceGraphArguments {
    /// How often series without requests are looked for.
    #[arg(default = "1m")]
    pub cache_loop: Duration,
    /// Attributes that name a database, the first that is there.
    #[arg(default = vec!["db.name".to_owned()])]
    pub database_name_attributes: Vec<String>,
    /// Attributes of spans and resources that become labels, with `client_` or `server_` before.
    pub dimensions: Vec<String>,
    /// Most buckets of exponential histograms; given, latencies become such.
    pub exponential_histogram_max_size: Option<i64>,
    /// Upper bounds of the buckets of latencies.
    #[arg(default = default_buckets())]
    pub latency_histogram_buckets: Vec<Duration>,
    /// How often series are sent; 0 sends them after each batch.
    #[arg(default = "60s")]
    pub metrics_flush_interval: Duration,
    /// How often edges are looked at for their ttl.
    #[arg(default = "2s")]
    pub store_expiration_loop: Duration,
    /// Whether a label tells which side is a virtual node.
    #[arg(default = false)]
    pub virtual_node_extra_label: bool,
    /// Attributes that name the other side when it has no span, the first that is there.
    #[arg(default = peer_attributes())]
    pub virtual_node_peer_attributes: Vec<String>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// Edges that wait for their other side.
    #[arg(block)]
    pub store: Option<Store>,
}

/// Edges that wait for their other side.
#[derive(Arguments, Clone, Copy)]
pub struct Store {
    /// Most edges; spans of further ones are dropped.
    #[arg(default = 1000)]
    pub max_items: i64,
    /// How long an edge waits.
    #[arg(default = "2s")]
    pub ttl: Duration,
}

const MILLISECONDS: [u64; 16] = [
    2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000,
];

fn default_buckets() -> Vec<Duration> {
    MILLISECONDS.map(Duration::from_millis).to_vec()
}

fn peer_attributes() -> Vec<String> {
    ["peer.service", "db.name", "db.system"]
        .map(str::to_owned)
        .to_vec()
}

impl ServiceGraphArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.cache_loop.is_zero() {
            check.attribute("cache_loop", "cache_loop must be greater than 0");
        }
        if self.store_expiration_loop.is_zero() {
            let message = "store_expiration_loop must be greater than 0";
            check.attribute("store_expiration_loop", message);
        }
        if let Some(store) = &self.store {
            if store.max_items <= 0 {
                check.body("store.max_items must be greater than 0");
            }
            if store.ttl.is_zero() {
                check.body("store.ttl must be greater than 0");
            }
        }
    }
}

/// Series without requests for so long are forgotten.
const STALE: Duration = Duration::from_secs(15 * 60);

impl DataComponent for ServiceGraph {
    type Arguments = ServiceGraphArguments;
    const NAME: &'static str = "otelcol.connector.servicegraph";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<ServiceGraphArguments>, cx: &Build) -> Result<Built, BuildError> {
        let forward = arguments.output.forward(cx);
        let interval = arguments.metrics_flush_interval;
        let store = arguments.store.unwrap_or(Store {
            max_items: 1000,
            ttl: Duration::from_secs(2),
        });
        let bounds = arguments
            .latency_histogram_buckets
            .iter()
            .map(Duration::as_secs_f64);
        let pairer = Rc::new(Pairer {
            graph: RefCell::new(Graph {
                bounds: bounds.collect(),
                arguments: arguments.clone(),
                store,
                began_ns: now_ns(),
                edges: HashMap::new(),
                order: VecDeque::new(),
                series: HashMap::new(),
            }),
            immediate: interval.is_zero().then(|| forward.clone()),
            ledger: cx.ledger("edges"),
        });
        tick(arguments.store_expiration_loop, &pairer, |graph| {
            graph.expire()
        });
        tick(arguments.cache_loop, &pairer, |graph| graph.forget());
        let built = Built::new().port("input", Rc::new(Input(pairer.clone())));
        let way = (forward, cx.ledger("series"));
        let interval = match interval {
            Duration::ZERO => Duration::from_secs(60),
            interval => interval,
        };
        Ok(flushed(built, pairer, interval, way))
    }
}

/// Looks after the graph for as long as the instance lives.
fn tick(period: Duration, pairer: &Rc<Pairer>, run: fn(&mut Graph)) {
    let pairer = Rc::downgrade(pairer);
    runtime::spawn(async move {
        loop {
            runtime::sleep(period).await;
            let Some(pairer) = pairer.upgrade() else {
                return;
            };
            run(&mut pairer.graph.borrow_mut());
        }
    });
}

struct Input(Rc<Pairer>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let taken = batch.items() as u64;
            let ledger = &self.0.ledger;
            ledger.take(taken);
            if batch.signal() != OtlpSignal::Traces {
                ledger.drop("not_traces", taken);
                return Ok(());
            }
            let dropped = self.0.graph.borrow_mut().take(&batch);
            ledger.pass(taken - dropped);
            ledger.drop("store_full", dropped);
            if let Some(forward) = &self.0.immediate {
                let series = self.0.gather();
                // Traces are taken whatever becomes of the metrics.
                if let Err(nack) = forward.consume(series).await {
                    tracing::error!("failed to flush metrics: {}", nack.message);
                }
            }
            Ok(())
        })
    }
}

struct Pairer {
    graph: RefCell<Graph>,
    /// Where series go after each batch, if they are to.
    immediate: Option<Forward>,
    ledger: Ledger,
}

struct Graph {
    arguments: Arc<ServiceGraphArguments>,
    bounds: Vec<f64>,
    store: Store,
    began_ns: u64,
    edges: HashMap<EdgeKey, Edge>,
    /// Keys of edges, oldest first; some may have gone.
    order: VecDeque<(Instant, EdgeKey)>,
    series: HashMap<SeriesKey, Series>,
}

/// The ids of a trace and of the client's span.
type EdgeKey = (Box<[u8]>, Box<[u8]>);

#[derive(Default)]
struct Edge {
    client: String,
    server: String,
    connection: &'static str,
    failed: bool,
    client_seconds: f64,
    server_seconds: f64,
    /// Labels of dimensions, sorted.
    dimensions: Vec<(String, String)>,
    peer: Option<String>,
    virtual_node: &'static str,
}

impl Graph {
    /// Takes the spans of a batch; gives how many found no room.
    fn take(&mut self, batch: &OtlpBatch) -> u64 {
        let mut dropped = 0;
        let tree = batch.spans();
        for group in &tree.resources {
            let resource = group.resource.get();
            let Some(AnyValue::String(service)) = resource.attributes.get("service.name") else {
                continue;
            };
            let service = service.to_str();
            for scope in &group.scopes {
                for span in &scope.items {
                    dropped += u64::from(!self.span(&service, resource, span.get()));
                }
            }
        }
        dropped
    }

    /// Takes a span; false if it is of a new edge that finds no room.
    fn span(&mut self, service: &str, resource: &Resource<'_>, span: &Span<'_>) -> bool {
        const SERVER: i32 = 2;
        const CLIENT: i32 = 3;
        const PRODUCER: i32 = 4;
        const CONSUMER: i32 = 5;
        let (is_client, id) = match span.kind {
            CLIENT | PRODUCER => (true, &span.span_id),
            SERVER | CONSUMER => (false, &span.parent_span_id),
            _ => return true,
        };
        // No id and an id of zeros are the same.
        let id: &[u8] = if id.iter().all(|byte| *byte == 0) {
            &[]
        } else {
            id
        };
        let key: EdgeKey = ((*span.trace_id).into(), id.into());
        if !self.edges.contains_key(&key) {
            if self.edges.len() as i64 >= self.store.max_items {
                return false;
            }
            self.order.push_back((runtime::now(), key.clone()));
        }
        let edge = self.edges.entry(key.clone()).or_default();
        edge.connection = match span.kind {
            PRODUCER | CONSUMER => "messaging_system",
            _ => "",
        };
        edge.failed |= span.status.code == 2;
        let nanos = span.end_unix_nano.saturating_sub(span.start_unix_nano);
        let seconds = nanos as f64 / 1e9;
        let find = |name: &String| {
            let own = [&resource.attributes, &span.attributes];
            own.into_iter().find_map(|it| it.get(name)).map(as_text)
        };
        let side = if is_client { "client" } else { "server" };
        for name in &self.arguments.dimensions {
            if let Some(value) = find(name) {
                let label = format!("{side}_{name}");
                edge.dimensions.retain(|(known, _)| *known != label);
                edge.dimensions.push((label, value.into_owned()));
            }
        }
        if is_client {
            edge.client = service.to_owned();
            edge.client_seconds = seconds;
            let mut peers = self.arguments.virtual_node_peer_attributes.iter();
            let peer = peers.find_map(|name| span.attributes.get(name));
            edge.peer = peer.map(|it| as_text(it).into_owned());
            // A database has no span of its own.
            let mut names = self.arguments.database_name_attributes.iter();
            if let Some(database) = names.find_map(find) {
                edge.connection = "database";
                edge.server = database.into_owned();
                edge.server_seconds = seconds;
            }
        } else {
            edge.server = service.to_owned();
            edge.server_seconds = seconds;
        }
        if !edge.client.is_empty()
            && !edge.server.is_empty()
            && let Some(edge) = self.edges.remove(&key)
        {
            self.count(edge);
        }
        true
    }

    fn count(&mut self, mut edge: Edge) {
        edge.dimensions.sort();
        let key = SeriesKey {
            client: edge.client,
            server: edge.server,
            connection: edge.connection,
            failed: edge.failed,
            virtual_node: edge.virtual_node,
            dimensions: edge.dimensions,
        };
        let exponential = self.arguments.exponential_histogram_max_size.unwrap_or(0) > 0;
        let buckets = self.bounds.len() + 1;
        let series = self.series.entry(key).or_insert_with(|| Series {
            touched: runtime::now(),
            requests: 0,
            client: Latency::new(exponential, buckets),
            server: Latency::new(exponential, buckets),
        });
        series.touched = runtime::now();
        series.requests += 1;
        let most = self.arguments.exponential_histogram_max_size.unwrap_or(0);
        let most = usize::try_from(most).unwrap_or(0).clamp(2, BUCKETS_MAX);
        series
            .client
            .observe(&self.bounds, most, edge.client_seconds);
        series
            .server
            .observe(&self.bounds, most, edge.server_seconds);
    }

    /// Edges whose other side has not come in time lead to a virtual node.
    fn expire(&mut self) {
        let now = runtime::now();
        while let Some((began, _)) = self.order.front() {
            if *began + self.store.ttl > now {
                return;
            }
            let Some((_, key)) = self.order.pop_front() else {
                return;
            };
            let Some(mut edge) = self.edges.remove(&key) else {
                continue;
            };
            edge.connection = "virtual_node";
            let side = match edge.client.is_empty() {
                true if !key.1.is_empty() => continue,
                true => {
                    edge.client = "user".to_owned();
                    "client"
                }
                false => {
                    edge.server = edge.peer.take().unwrap_or_else(|| "unknown".to_owned());
                    "server"
                }
            };
            if self.arguments.virtual_node_extra_label {
                edge.virtual_node = side;
            }
            self.count(edge);
        }
    }

    fn forget(&mut self) {
        let now = runtime::now();
        self.series.retain(|_, series| now < series.touched + STALE);
    }
}

impl Gather for Pairer {
    fn gather(&self) -> OtlpBatch {
        let metrics = self.graph.borrow().metrics();
        one_scope(Resource::default(), "traces_service_graph", metrics)
    }
}
