//! Which part of a batch goes to which backend.

use std::borrow::Cow;
use std::fmt::Write as _;

use batch::otlp::{
    Attributes, Item, Lazy, LogRecord, Metric, MetricData, OtlpBatch, OtlpSignal, Resource,
    ResourceGroup, Scope, ScopeGroup, Span, Tree,
};

use super::ring::Ring;
use crate::any_text::any_text;

/// What backends are chosen by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingKey {
    TraceId,
    Service,
    Resource,
    Metric,
    Stream,
}

impl RoutingKey {
    pub fn named(name: &str) -> Option<RoutingKey> {
        Some(match name {
            "traceID" => RoutingKey::TraceId,
            "service" => RoutingKey::Service,
            "resource" => RoutingKey::Resource,
            "metric" => RoutingKey::Metric,
            "streamID" => RoutingKey::Stream,
            _ => return None,
        })
    }

    /// Compat: what a key cannot tell apart is not taken.
    pub fn takes(self, signal: OtlpSignal) -> bool {
        match self {
            RoutingKey::TraceId => signal != OtlpSignal::Metrics,
            RoutingKey::Service => true,
            _ => signal == OtlpSignal::Metrics,
        }
    }
}

/// Parts by index of the backend, and how many items have none.
pub struct Parts {
    pub parts: Vec<(usize, OtlpBatch)>,
    pub lost: usize,
}

/// Parts a batch, at the cost of a look at each item and a copy of its bytes. None if the ring has
/// no backends.
pub fn split(batch: &OtlpBatch, key: RoutingKey, ring: &Ring) -> Option<Parts> {
    ring.index_of(b"")?;
    let chooser = Chooser {
        key,
        ring,
        random: runtime::random_u64().to_be_bytes(),
    };
    let count = ring.names().len();
    Some(match batch.signal() {
        OtlpSignal::Traces => part(batch.spans(), count, |of, span: Lazy<'_, Span<'_>>, put| {
            put(chooser.of_trace(of, &span.get().trace_id), span);
        }),
        OtlpSignal::Logs => {
            let records = batch.log_records();
            part(
                records,
                count,
                |of, record: Lazy<'_, LogRecord<'_>>, put| {
                    put(chooser.of_trace(of, &record.get().trace_id), record);
                },
            )
        }
        OtlpSignal::Metrics => part(
            batch.metrics(),
            count,
            |of, metric: Lazy<'_, Metric<'_>>, put| {
                chooser.of_metric(of, metric, put);
            },
        ),
    })
}

/// What an item belongs to.
#[derive(Clone, Copy)]
struct Owner<'t, 'a> {
    resource: &'t Resource<'a>,
    scope: &'t Scope<'a>,
}

/// Takes an item for the backend of this index, or counts it as lost.
type Put<'p, 'a, I> = &'p mut dyn FnMut(Option<usize>, Lazy<'a, I>);

fn part<'a, I: Item<'a>>(
    tree: Tree<'a, I>,
    count: usize,
    mut choose: impl FnMut(Owner<'_, 'a>, Lazy<'a, I>, Put<'_, 'a, I>),
) -> Parts {
    let empty = |_| Tree {
        resources: Vec::new(),
        client: tree.client.clone(),
    };
    let mut trees: Vec<Tree<'a, I>> = (0..count).map(empty).collect();
    let mut lost = 0;
    for group in tree.resources {
        let mut scopes: Vec<Vec<ScopeGroup<'a, I>>> = (0..count).map(|_| Vec::new()).collect();
        for scope in group.scopes {
            let mut items: Vec<Vec<Lazy<'a, I>>> = (0..count).map(|_| Vec::new()).collect();
            let owner = Owner {
                resource: group.resource.get(),
                scope: scope.scope.get(),
            };
            let mut put = |at: Option<usize>, item: Lazy<'a, I>| match at {
                Some(at) => items[at].push(item),
                None => lost += item.get().count(),
            };
            for item in scope.items {
                choose(owner, item, &mut put);
            }
            for (scopes, items) in scopes.iter_mut().zip(items) {
                if !items.is_empty() {
                    scopes.push(ScopeGroup {
                        scope: scope.scope.clone(),
                        items,
                        schema_url: scope.schema_url.clone(),
                    });
                }
            }
        }
        for (tree, scopes) in trees.iter_mut().zip(scopes) {
            if !scopes.is_empty() {
                tree.resources.push(ResourceGroup {
                    resource: group.resource.clone(),
                    scopes,
                    schema_url: group.schema_url.clone(),
                });
            }
        }
    }
    let parts = trees.into_iter().enumerate();
    let parts = parts.filter(|(_, tree)| !tree.is_empty());
    Parts {
        parts: parts.map(|(at, tree)| (at, tree.encode())).collect(),
        lost,
    }
}

/// Finds the backend of an item.
struct Chooser<'r> {
    key: RoutingKey,
    ring: &'r Ring,
    /// Where all go that are of no trace, this time.
    random: [u8; 8],
}

impl Chooser<'_> {
    fn of_trace(&self, of: Owner<'_, '_>, trace_id: &[u8]) -> Option<usize> {
        match self.key {
            RoutingKey::TraceId if trace_id.iter().all(|byte| *byte == 0) => {
                self.ring.index_of(&self.random)
            }
            RoutingKey::TraceId => self.ring.index_of(trace_id),
            _ => self.of_service(of),
        }
    }

    /// None for a resource without a name of its service.
    fn of_service(&self, of: Owner<'_, '_>) -> Option<usize> {
        let service = of.resource.attributes.get("service.name")?;
        self.ring.index_of(any_text(service).as_bytes())
    }

    fn of_metric<'a>(
        &self,
        of: Owner<'_, 'a>,
        metric: Lazy<'a, Metric<'a>>,
        put: Put<'_, 'a, Metric<'a>>,
    ) {
        let at = match self.key {
            RoutingKey::Metric => self.ring.index_of(metric.get().name.as_bytes()),
            RoutingKey::Resource => {
                let identity = identity(&of.resource.attributes, String::new());
                self.ring.index_of(identity.as_bytes())
            }
            RoutingKey::Stream => return self.of_streams(of, metric, put),
            RoutingKey::Service | RoutingKey::TraceId => self.of_service(of),
        };
        put(at, metric);
    }

    /// Each point by what tells its stream from others.
    fn of_streams<'a>(
        &self,
        of: Owner<'_, 'a>,
        metric: Lazy<'a, Metric<'a>>,
        put: Put<'_, 'a, Metric<'a>>,
    ) {
        let mut metric = metric.into_inner();
        let mut stream = identity(&of.resource.attributes, String::new());
        let (name, version) = (&of.scope.name, &of.scope.version);
        let (metric_name, unit) = (&metric.name, &metric.unit);
        let _infallible = write!(stream, "|{name}|{version}|{metric_name}|{unit}|");
        let stream = identity(&of.scope.attributes, stream);
        let at = |attributes: &Attributes<'a>| {
            let identity = identity(attributes, stream.clone());
            self.ring.index_of(identity.as_bytes())
        };
        macro_rules! by_point {
            ($kind:ident, $data:ident) => {{
                let mut parts: Vec<(Option<usize>, Vec<Lazy<'a, _>>)> = Vec::new();
                for point in std::mem::take(&mut $data.points) {
                    let at = at(&point.get().attributes);
                    match parts.iter_mut().find(|(known, _)| *known == at) {
                        Some((_, points)) => points.push(point),
                        None => parts.push((at, vec![point])),
                    }
                }
                for (at, points) in parts {
                    let mut part = (metric.clone(), $data.clone());
                    part.1.points = points;
                    part.0.data = MetricData::$kind(part.1);
                    put(at, Lazy::new(part.0));
                }
            }};
        }
        match std::mem::take(&mut metric.data) {
            MetricData::Empty => {}
            MetricData::Gauge(mut data) => by_point!(Gauge, data),
            MetricData::Sum(mut data) => by_point!(Sum, data),
            MetricData::Histogram(mut data) => by_point!(Histogram, data),
            MetricData::ExponentialHistogram(mut data) => by_point!(ExponentialHistogram, data),
            MetricData::Summary(mut data) => by_point!(Summary, data),
        }
    }
}

/// Attributes as text, whatever their order is, behind what comes before them.
fn identity(attributes: &Attributes<'_>, mut text: String) -> String {
    let pairs = attributes.iter();
    let pairs = pairs.map(|it| (it.key.to_str(), any_text(&it.value)));
    let mut pairs: Vec<(Cow<'_, str>, String)> = pairs.collect();
    pairs.sort();
    for (key, value) in pairs {
        let _infallible = write!(text, "{key}={value};");
    }
    text
}
