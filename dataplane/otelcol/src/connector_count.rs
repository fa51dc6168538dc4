//! otelcol.connector.count: counts what passes: spans, their events, metrics, data points, log
//! records.
//!
//! Each request becomes counts of its own, one delta for each resource, metric and set of
//! attributes: nothing is kept. The answer is that of the components behind.
//! Compatible with otelcol.connector.count of Alloy.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{
    AnyValue, Attributes, Lazy, Metric, MetricData, Number, NumberPoint, OtlpBatch, OtlpSignal,
    Resource, ResourceGroup, Sum, Text, Tree,
};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use ops::ottl::otlp::{Visited, see_log_records, see_metrics, see_spans};
use ops::ottl::{Conditions, ErrorMode, Failure, Owner, Set};
use ops::points::{DELTA, put_attributes};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability, Value};

use crate::flush::scope_named;
use crate::matching::any_value;
use crate::ottl::{self, Surroundings, refused};
use crate::settings::{DebugMetrics, Forward, Outputs};
use crate::streams::now_ns;

pub static COMPONENT: Component = Component::of::<Count>();

/// The component.
pub struct Count;

#[derive(Arguments)]
#[arg(check = CountArguments::check)]
pub struct CountArguments {
    /// Counts of data points; `metric.datapoint.count` if not given.
    #[arg(block)]
    pub datapoints: Vec<Counted>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Counts of log records; `log.record.count` if not given.
    #[arg(block)]
    pub logs: Vec<Counted>,
    /// Counts of metrics; `metric.count` if not given.
    #[arg(block)]
    pub metrics: Vec<Counted>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// Counts of events of spans; `trace.span.event.count` if not given.
    #[arg(block)]
    pub spanevents: Vec<Counted>,
    /// Counts of spans; `trace.span.count` if not given.
    #[arg(block)]
    pub spans: Vec<Counted>,
}

/// A count.
#[derive(Arguments)]
pub struct Counted {
    /// Conditions of which one has to hold; none holds always.
    pub conditions: Vec<String>,
    /// What is counted.
    pub description: String,
    /// Name of the metric.
    pub name: String,
    /// Attributes by which is counted apart; what lacks one is not counted.
    #[arg(block)]
    pub attributes: Vec<CountedBy>,
}

/// An attribute by which is counted apart.
#[derive(Arguments)]
pub struct CountedBy {
    /// Its value where there is none.
    pub default_value: Option<Value>,
    /// Its key, looked for in the item, its scope and its resource.
    #[arg(required)]
    pub key: String,
}

const SCOPE: &str =
    "github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector";

impl CountArguments {
    fn check(&self, check: &mut Check<'_>) {
        // Compat: mistakes are told at the component, as Alloy does.
        if let Err(message) = Counters::compile(self) {
            check.body(message);
        }
    }
}

impl DataComponent for Count {
    type Arguments = CountArguments;
    const NAME: &'static str = "otelcol.connector.count";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<CountArguments>, cx: &Build) -> Result<Built, BuildError> {
        let counter = Counter {
            counters: Counters::compile(&arguments).map_err(BuildError::new)?,
            surroundings: Surroundings::new(&cx.node),
            forward: arguments.output.forward(cx),
        };
        Ok(Built::new().port("input", Rc::new(counter)))
    }
}

/// The compiled counts of each kind of item.
struct Counters {
    spans: Vec<Definition>,
    events: Vec<Definition>,
    metrics: Vec<Definition>,
    points: Vec<Definition>,
    logs: Vec<Definition>,
}

/// A compiled count.
struct Definition {
    name: String,
    description: String,
    conditions: Option<Conditions>,
    attributes: Vec<(String, Option<AnyValue<'static>>)>,
}

impl Counters {
    fn compile(arguments: &CountArguments) -> Result<Counters, String> {
        let of = Definition::compile_all;
        Ok(Counters {
            spans: of("spans", &arguments.spans, Owner::Span)?,
            events: of("spanevents", &arguments.spanevents, Owner::SpanEvent)?,
            metrics: of("metrics", &arguments.metrics, Owner::Metric)?,
            points: of("datapoints", &arguments.datapoints, Owner::DataPoint)?,
            logs: of("logs", &arguments.logs, Owner::Log)?,
        })
    }
}

impl Definition {
    fn compile_all(
        kind: &str,
        counted: &[Counted],
        owner: Owner,
    ) -> Result<Vec<Definition>, String> {
        if counted.is_empty() {
            return Ok(vec![Definition::usual(owner)]);
        }
        counted
            .iter()
            .map(|it| Definition::compile(kind, it, owner))
            .collect()
    }

    /// What is counted where nothing is said.
    fn usual(owner: Owner) -> Definition {
        let (name, of) = match owner {
            Owner::Span => ("trace.span.count", "spans"),
            Owner::SpanEvent => ("trace.span.event.count", "span events"),
            Owner::Metric => ("metric.count", "metrics"),
            Owner::DataPoint => ("metric.datapoint.count", "data points"),
            _ => ("log.record.count", "log records"),
        };
        Definition {
            name: name.to_owned(),
            description: format!("The number of {of} observed."),
            conditions: None,
            attributes: Vec::new(),
        }
    }

    fn compile(kind: &str, counted: &Counted, owner: Owner) -> Result<Definition, String> {
        if counted.name.is_empty() {
            return Err(format!("{kind}: metric name missing"));
        }
        if counted.attributes.iter().any(|it| it.key.is_empty()) {
            let name = &counted.name;
            return Err(format!(
                "{kind} attributes: {name:?}: attribute key missing"
            ));
        }
        if owner == Owner::Metric && !counted.attributes.is_empty() {
            return Err(format!(
                "metrics attributes not supported: metric {:?}",
                counted.name
            ));
        }
        let texts = &counted.conditions;
        let conditions = match texts.is_empty() {
            true => None,
            false => {
                let compiled = Conditions::compile(
                    texts,
                    Some(owner),
                    &[owner],
                    Set::Filter,
                    ErrorMode::Propagate,
                );
                let list = format!("{kind}.conditions");
                Some(compiled.map_err(|error| ottl::misplaced(&list, texts, error))?)
            }
        };
        let attributes = counted.attributes.iter().map(|it| {
            let value = it.default_value.as_ref().map(any_value);
            (it.key.clone(), value)
        });
        Ok(Definition {
            name: counted.name.clone(),
            description: counted.description.clone(),
            conditions,
            attributes: attributes.collect(),
        })
    }

    /// The attributes by which an item is counted; none if it lacks one.
    fn attributes(&self, item: &Visited<'_, '_, '_>) -> Option<Attributes<'static>> {
        let mut found = Attributes::default();
        for (key, default) in &self.attributes {
            let places = [
                item.attributes(),
                item.scope().map(|scope| &scope.attributes),
                Some(&item.resource().attributes),
            ];
            let value = places.into_iter().flatten().find_map(|it| it.get(key));
            let value = value.map(|value| value.clone().into_owned());
            found.set(key.clone(), value.or_else(|| default.clone())?);
        }
        Some(found)
    }
}

/// Counts of one kind of item of one resource.
struct Tally<'d> {
    definitions: &'d [Definition],
    /// Counts of each definition, in the order in which attributes came.
    counts: Vec<Vec<(Attributes<'static>, i64)>>,
    places: HashMap<(usize, Vec<u8>), usize>,
    /// Earliest and latest of all items, counted or not.
    first: u64,
    last: u64,
}

impl<'d> Tally<'d> {
    fn new(definitions: &'d [Definition]) -> Tally<'d> {
        Tally {
            definitions,
            counts: definitions.iter().map(|_| Vec::new()).collect(),
            places: HashMap::new(),
            first: 0,
            last: 0,
        }
    }

    fn see(&mut self, item: &Visited<'_, '_, '_>) -> Result<(), Failure<'d>> {
        for time in item.times().into_iter().filter(|time| *time != 0) {
            self.first = match self.first {
                0 => time,
                first => first.min(time),
            };
            self.last = self.last.max(time);
        }
        for (index, definition) in self.definitions.iter().enumerate() {
            let Some(attributes) = definition.attributes(item) else {
                continue;
            };
            let holds = match &definition.conditions {
                None => true,
                Some(conditions) => conditions.any(item.context(), &mut |_| {})?,
            };
            if holds {
                self.count(index, attributes);
            }
        }
        Ok(())
    }

    fn count(&mut self, index: usize, attributes: Attributes<'static>) {
        let mut key = Vec::new();
        put_attributes(&mut key, &mut Vec::new(), &attributes);
        let counts = &mut self.counts[index];
        let place = *self.places.entry((index, key)).or_insert_with(|| {
            counts.push((attributes, 0));
            counts.len() - 1
        });
        counts[place].1 += 1;
    }

    fn metrics(self) -> impl Iterator<Item = Lazy<'static, Metric<'static>>> {
        let (start, time) = match self.first {
            0 => (now_ns(), now_ns()),
            first => (first, self.last),
        };
        let counted = self.definitions.iter().zip(self.counts);
        counted
            .filter(|(_, counts)| !counts.is_empty())
            .map(move |(definition, counts)| {
                let points = counts.into_iter().map(|(attributes, count)| {
                    Lazy::new(NumberPoint {
                        attributes,
                        start_unix_nano: start,
                        time_unix_nano: time,
                        value: Number::Int(count),
                        ..NumberPoint::default()
                    })
                });
                Lazy::new(Metric {
                    name: Text::from(definition.name.clone()),
                    description: Text::from(definition.description.clone()),
                    data: MetricData::Sum(Sum {
                        points: points.collect(),
                        temporality: DELTA,
                        is_monotonic: true,
                    }),
                    ..Metric::default()
                })
            })
    }
}

struct Counter {
    counters: Counters,
    surroundings: Surroundings,
    forward: Forward,
}

impl Counter {
    fn counts(&self, batch: &OtlpBatch) -> Result<OtlpBatch, Failure<'_>> {
        let mut made = Tree::default();
        let counters = &self.counters;
        match batch.signal() {
            OtlpSignal::Traces => {
                for mut one in one_by_one(batch.spans()) {
                    let mut spans = Tally::new(&counters.spans);
                    let mut events = Tally::new(&counters.events);
                    let see = &mut |item: &Visited<'_, '_, '_>| spans.see(item);
                    see_spans(&mut one, Owner::Span, &self.surroundings, see)?;
                    let see = &mut |item: &Visited<'_, '_, '_>| events.see(item);
                    see_spans(&mut one, Owner::SpanEvent, &self.surroundings, see)?;
                    let metrics = spans.metrics().chain(events.metrics()).collect();
                    add(&mut made, &one, metrics);
                }
            }
            OtlpSignal::Metrics => {
                for mut one in one_by_one(batch.metrics()) {
                    let mut metrics = Tally::new(&counters.metrics);
                    let mut points = Tally::new(&counters.points);
                    let see = &mut |item: &Visited<'_, '_, '_>| metrics.see(item);
                    see_metrics(&mut one, Owner::Metric, &self.surroundings, see)?;
                    let see = &mut |item: &Visited<'_, '_, '_>| points.see(item);
                    see_metrics(&mut one, Owner::DataPoint, &self.surroundings, see)?;
                    let metrics = metrics.metrics().chain(points.metrics()).collect();
                    add(&mut made, &one, metrics);
                }
            }
            OtlpSignal::Logs => {
                for mut one in one_by_one(batch.log_records()) {
                    let mut records = Tally::new(&counters.logs);
                    let see = &mut |item: &Visited<'_, '_, '_>| records.see(item);
                    see_log_records(&mut one, &self.surroundings, see)?;
                    let metrics = records.metrics().collect();
                    add(&mut made, &one, metrics);
                }
            }
        }
        made.prune();
        if made.is_empty() {
            return Ok(OtlpBatch::empty(OtlpSignal::Metrics));
        }
        Ok(made.encode())
    }
}

/// A tree of each resource.
fn one_by_one<I>(tree: Tree<'_, I>) -> impl Iterator<Item = Tree<'_, I>> {
    let groups = tree.resources.into_iter();
    groups.map(|group| Tree {
        client: None,
        resources: vec![group],
    })
}

/// Adds the counts of a resource.
fn add<I>(
    made: &mut Tree<'static, Metric<'static>>,
    of: &Tree<'_, I>,
    metrics: Vec<Lazy<'static, Metric<'static>>>,
) {
    let Some(group) = of.resources.first() else {
        return;
    };
    let attributes = group.resource.get().attributes.clone().into_owned();
    let scopes = match metrics.is_empty() {
        true => Vec::new(),
        false => vec![scope_named(SCOPE, metrics)],
    };
    made.resources.push(ResourceGroup {
        resource: Lazy::new(Resource {
            attributes,
            ..Resource::default()
        }),
        scopes,
        schema_url: Text::default(),
    });
}

impl Consume for Counter {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let counts = self.counts(&batch).map_err(|failure| refused(&failure))?;
            drop(batch);
            self.forward.consume(counts).await
        })
    }
}
