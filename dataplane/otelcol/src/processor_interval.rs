//! otelcol.processor.interval: sends the last point of each stream once in a while.
//!
//! ```text
//! input -> cumulative sums, histograms, gauges, summaries: the newest point of each is held
//!       -> all else goes on at once                    every interval: what is held goes on
//! ```
//!
//! What is held is acknowledged already and lives in memory; it is sent when the component leaves,
//! and lost when the process dies. The next point of a stream makes good for that.
//!
//! Streams have one owner: the node lives on one shard, and others hand over.
//! Compatible with otelcol.processor.interval of Alloy.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{
    Lazy, Message, Metric, MetricData, NumberPoint, OtlpBatch, OtlpSignal, ResourceGroup,
    ScopeGroup, SummaryPoint, Text, Tree,
};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use ops::points::{CUMULATIVE, Identity, Point};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::flush::{Gather, flushed};
use crate::settings::{DebugMetrics, Forward, Outputs};
use crate::streams::has_temporality;

pub static COMPONENT: Component = Component::of::<Interval>();

/// The component.
pub struct Interval;

#[derive(Arguments)]
#[arg(check = IntervalArguments::check)]
pub struct IntervalArguments {
    /// How often what is held goes on.
    #[arg(default = "60s")]
    pub interval: Duration,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// What goes on at once.
    #[arg(block)]
    pub passthrough: Option<PassThrough>,
}

/// What goes on at once.
#[derive(Arguments, Clone, Copy)]
pub struct PassThrough {
    /// Gauges go on at once.
    #[arg(default = false)]
    pub gauge: bool,
    /// Summaries go on at once.
    #[arg(default = false)]
    pub summary: bool,
}

impl IntervalArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.interval.is_zero() {
            check.attribute("interval", "interval must be greater than 0");
        }
    }
}

impl DataComponent for Interval {
    type Arguments = IntervalArguments;
    const NAME: &'static str = "otelcol.processor.interval";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<IntervalArguments>, cx: &Build) -> Result<Built, BuildError> {
        let forward = arguments.output.forward(cx);
        let holder = Rc::new(Holder {
            passthrough: arguments.passthrough.unwrap_or(PassThrough {
                gauge: false,
                summary: false,
            }),
            held: RefCell::default(),
            forward: forward.clone(),
            ledger: cx.ledger("held"),
        });
        let built = Built::new().port("input", Rc::new(Input(holder.clone())));
        let way = (forward, cx.ledger("interval"));
        Ok(flushed(built, holder, arguments.interval, way))
    }
}

struct Input(Rc<Holder>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            if batch.signal() != OtlpSignal::Metrics {
                return self.0.forward.consume(batch).await;
            }
            let mut tree = batch.metrics();
            let passing = self.0.take_out(&mut tree);
            // What goes on at once may be refused and then comes again: only what was taken for
            // good is held.
            let result = match passing {
                Some(passing) => self.0.forward.consume(passing).await,
                None => Ok(()),
            };
            if result.as_ref().is_err_and(|nack| nack.retryable) {
                return result;
            }
            self.0.hold(&tree);
            result
        })
    }
}

struct Holder {
    passthrough: PassThrough,
    held: RefCell<Held>,
    forward: Forward,
    ledger: Ledger,
}

/// The newest points.
#[derive(Default)]
struct Held {
    metrics: Vec<HeldMetric>,
    by_metric: HashMap<Box<[u8]>, usize>,
    /// The metric and the point of each stream.
    by_stream: HashMap<Box<[u8]>, (usize, usize)>,
    identity: Identity,
}

/// A metric without points, where it belongs, and its newest points.
struct HeldMetric {
    resource: Origin,
    scope: Origin,
    metric: Box<[u8]>,
    points: Vec<HeldPoint>,
}

/// The bytes of a resource or scope with its schema.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Origin {
    bytes: Box<[u8]>,
    schema_url: Box<[u8]>,
}

struct HeldPoint {
    time: u64,
    bytes: Box<[u8]>,
}

impl Holder {
    /// Parts what goes on at once from what is held, which stays in the tree.
    fn take_out<'a>(&self, tree: &mut Tree<'a, Metric<'a>>) -> Option<OtlpBatch> {
        let mut passing: Tree<'a, Metric<'a>> = Tree::default();
        for group in &mut tree.resources {
            let mut scopes = Vec::new();
            for scope in &mut group.scopes {
                let all = std::mem::take(&mut scope.items);
                let (held, items) = all.into_iter().partition(|it| self.holds(it.get()));
                scope.items = held;
                scopes.push(ScopeGroup {
                    scope: scope.scope.clone(),
                    items,
                    schema_url: scope.schema_url.clone(),
                });
            }
            passing.resources.push(ResourceGroup {
                resource: group.resource.clone(),
                scopes,
                schema_url: group.schema_url.clone(),
            });
        }
        passing.prune();
        (!passing.is_empty()).then(|| passing.encode())
    }

    fn holds(&self, metric: &Metric<'_>) -> bool {
        match &metric.data {
            MetricData::Gauge(_) => !self.passthrough.gauge,
            MetricData::Summary(_) => !self.passthrough.summary,
            MetricData::Sum(sum) => sum.is_monotonic && has_temporality(metric, CUMULATIVE),
            _ => has_temporality(metric, CUMULATIVE),
        }
    }

    fn hold<'a>(&self, tree: &Tree<'a, Metric<'a>>) {
        let held = &mut *self.held.borrow_mut();
        let mut items = 0;
        for group in &tree.resources {
            let resource = || Origin::new(&group.resource, &group.schema_url);
            for scope in &group.scopes {
                held.identity.scope(group.resource.get(), scope.scope.get());
                for metric in &scope.items {
                    let metric = metric.get();
                    items += metric.data.points() as u64;
                    let at = held.metric(metric, || {
                        (resource(), Origin::new(&scope.scope, &scope.schema_url))
                    });
                    held.points(at, &metric.data);
                }
            }
        }
        self.ledger.take(items);
        self.ledger.pass(items);
    }
}

impl Origin {
    fn new<'a, T: Message<'a>>(message: &Lazy<'a, T>, schema_url: &Text<'a>) -> Origin {
        Origin {
            bytes: bytes_of(message),
            schema_url: schema_url.as_bytes().into(),
        }
    }
}

/// The bytes of a message: a copy of those that arrived, as a rule.
fn bytes_of<'a, T: Message<'a>>(message: &Lazy<'a, T>) -> Box<[u8]> {
    match message.as_raw() {
        Some(raw) => raw.into(),
        None => {
            let mut bytes = Vec::new();
            message.get().write(&mut bytes);
            bytes.into()
        }
    }
}

impl Held {
    /// Where a metric is held.
    fn metric(&mut self, metric: &Metric<'_>, origin: impl Fn() -> (Origin, Origin)) -> usize {
        self.identity.metric(metric);
        if let Some(at) = self.by_metric.get(self.identity.of_metric()) {
            return *at;
        }
        let at = self.metrics.len();
        self.by_metric.insert(self.identity.of_metric().into(), at);
        let (resource, scope) = origin();
        let mut bytes = Vec::new();
        let bare = Metric {
            name: Text::from_bytes(metric.name.as_bytes()),
            description: Text::from_bytes(metric.description.as_bytes()),
            unit: Text::from_bytes(metric.unit.as_bytes()),
            data: without_points(&metric.data),
            ..Metric::default()
        };
        bare.write(&mut bytes);
        self.metrics.push(HeldMetric {
            resource,
            scope,
            metric: bytes.into(),
            points: Vec::new(),
        });
        at
    }

    fn points(&mut self, at: usize, data: &MetricData<'_>) {
        match data {
            MetricData::Empty => {}
            MetricData::Gauge(gauge) => self.number_points(at, &gauge.points),
            MetricData::Sum(sum) => self.number_points(at, &sum.points),
            MetricData::Histogram(histogram) => {
                for point in &histogram.points {
                    let it = point.get();
                    self.identity.point(it.attributes());
                    self.point(at, it.time_unix_nano, point);
                }
            }
            MetricData::ExponentialHistogram(histogram) => {
                for point in &histogram.points {
                    let it = point.get();
                    self.identity.point(it.attributes());
                    self.point(at, it.time_unix_nano, point);
                }
            }
            MetricData::Summary(summary) => {
                for point in &summary.points {
                    let it: &SummaryPoint<'_> = point.get();
                    self.identity.point(&it.attributes);
                    self.point(at, it.time_unix_nano, point);
                }
            }
        }
    }

    fn number_points<'a>(&mut self, at: usize, points: &[Lazy<'a, NumberPoint<'a>>]) {
        for point in points {
            let it = point.get();
            self.identity.point(&it.attributes);
            self.point(at, it.time_unix_nano, point);
        }
    }

    /// Keeps a point if it is newer than the one that is held of its stream, the identity's last.
    fn point<'a, P: Message<'a>>(&mut self, at: usize, time: u64, point: &Lazy<'a, P>) {
        let points = &mut self.metrics[at].points;
        let bytes = bytes_of(point);
        match self.by_stream.get(self.identity.of_point()) {
            Some((_, index)) if time <= points[*index].time => {}
            Some((_, index)) => points[*index] = HeldPoint { time, bytes },
            None => {
                let stream = self.identity.of_point().into();
                self.by_stream.insert(stream, (at, points.len()));
                points.push(HeldPoint { time, bytes });
            }
        }
    }
}

fn without_points<'a>(data: &MetricData<'_>) -> MetricData<'a> {
    use batch::otlp::{ExponentialHistogram, Gauge, Histogram, Sum, Summary};
    match data {
        MetricData::Empty => MetricData::Empty,
        MetricData::Gauge(_) => MetricData::Gauge(Gauge::default()),
        MetricData::Sum(sum) => MetricData::Sum(Sum {
            temporality: sum.temporality,
            is_monotonic: sum.is_monotonic,
            ..Sum::default()
        }),
        MetricData::Histogram(it) => MetricData::Histogram(Histogram {
            temporality: it.temporality,
            ..Histogram::default()
        }),
        MetricData::ExponentialHistogram(it) => {
            MetricData::ExponentialHistogram(ExponentialHistogram {
                temporality: it.temporality,
                ..ExponentialHistogram::default()
            })
        }
        MetricData::Summary(_) => MetricData::Summary(Summary::default()),
    }
}

impl Gather for Holder {
    fn gather(&self) -> OtlpBatch {
        let held = std::mem::take(&mut *self.held.borrow_mut());
        let mut places: HashMap<(&Origin, &Origin), (usize, usize)> = HashMap::new();
        let mut resources: HashMap<&Origin, usize> = HashMap::new();
        let mut tree = Tree::default();
        for it in &held.metrics {
            let at = *resources.entry(&it.resource).or_insert_with(|| {
                tree.resources.push(ResourceGroup {
                    resource: Lazy::raw(&it.resource.bytes),
                    scopes: Vec::new(),
                    schema_url: Text::from_bytes(&it.resource.schema_url),
                });
                tree.resources.len() - 1
            });
            let scopes = &mut tree.resources[at].scopes;
            let place = places.entry((&it.resource, &it.scope));
            let (_, scope) = *place.or_insert_with(|| {
                scopes.push(ScopeGroup {
                    scope: Lazy::raw(&it.scope.bytes),
                    items: Vec::new(),
                    schema_url: Text::from_bytes(&it.scope.schema_url),
                });
                (at, scopes.len() - 1)
            });
            scopes[scope].items.push(Lazy::new(it.with_points()));
        }
        tree.encode()
    }
}

impl HeldMetric {
    fn with_points(&self) -> Metric<'_> {
        let mut metric: Metric<'_> = Lazy::raw(&self.metric).into_inner();
        let points = self.points.iter().map(|point| &*point.bytes);
        match &mut metric.data {
            MetricData::Empty => {}
            MetricData::Gauge(it) => it.points = points.map(Lazy::raw).collect(),
            MetricData::Sum(it) => it.points = points.map(Lazy::raw).collect(),
            MetricData::Histogram(it) => it.points = points.map(Lazy::raw).collect(),
            MetricData::ExponentialHistogram(it) => it.points = points.map(Lazy::raw).collect(),
            MetricData::Summary(it) => it.points = points.map(Lazy::raw).collect(),
        }
        metric
    }
}
