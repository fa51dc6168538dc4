//! otelcol.processor.groupbyattrs: moves attributes of items to their resource, so that those with
//! equal values come together; without keys, puts equal resources and scopes together.
//!
//! Items are copied as they are unless they have one of the keys. An answer is that of the nodes
//! behind. Compatible with otelcol.processor.groupbyattrs of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{
    Attributes, Item, KeyValue, Lazy, LogRecord, Metric, MetricData, OtlpBatch, OtlpSignal,
    Resource, ResourceGroup, Scope, ScopeGroup, Span, Tree,
};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Stability};

use crate::settings::{DebugMetrics, Forward, Outputs};

pub static COMPONENT: Component = Component::of::<GroupByAttrs>();

/// The component.
pub struct GroupByAttrs;

#[derive(Arguments)]
pub struct GroupByAttrsArguments {
    /// Attributes that move to the resource.
    pub keys: Vec<String>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl DataComponent for GroupByAttrs {
    type Arguments = GroupByAttrsArguments;
    const NAME: &'static str = "otelcol.processor.groupbyattrs";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<GroupByAttrsArguments>, cx: &Build) -> Result<Built, BuildError> {
        let processor = Processor {
            keys: arguments.keys.clone(),
            forward: arguments.output.forward(cx),
        };
        Ok(Built::new().port("input", Rc::new(processor)))
    }
}

struct Processor {
    keys: Vec<String>,
    forward: Forward,
}

impl Consume for Processor {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let grouped = group(&self.keys, &batch.into_otlp());
            self.forward.consume(grouped).await
        })
    }
}

fn group(keys: &[String], batch: &OtlpBatch) -> OtlpBatch {
    match batch.signal() {
        OtlpSignal::Traces => regroup(
            keys,
            batch.spans(),
            |span: &mut Lazy<'_, Span<'_>>, keys| match has_any(&span.get().attributes, keys) {
                true => take(&mut span.get_mut().attributes, keys),
                false => Attributes::default(),
            },
        ),
        OtlpSignal::Logs => regroup(
            keys,
            batch.log_records(),
            |log: &mut Lazy<'_, LogRecord<'_>>, keys| match has_any(&log.get().attributes, keys) {
                true => take(&mut log.get_mut().attributes, keys),
                false => Attributes::default(),
            },
        ),
        OtlpSignal::Metrics => {
            let mut tree = batch.metrics();
            for group in &mut tree.resources {
                for scope in &mut group.scopes {
                    let metrics = std::mem::take(&mut scope.items);
                    scope.items = metrics.into_iter().flat_map(one_point_each).collect();
                }
            }
            let tree = regrouped(keys, tree, |metric: &mut Lazy<'_, Metric<'_>>, keys| {
                match points_attributes(&mut metric.get_mut().data) {
                    Some(attributes) => take(attributes, keys),
                    None => Attributes::default(),
                }
            });
            join_metrics(tree).encode()
        }
    }
}

fn has_any(attributes: &Attributes<'_>, keys: &[String]) -> bool {
    keys.iter().any(|key| attributes.contains(key))
}

/// Takes the keys out, in their order.
fn take<'a>(attributes: &mut Attributes<'a>, keys: &[String]) -> Attributes<'a> {
    let mut taken = Attributes::default();
    for key in keys {
        if let Some(value) = attributes.remove(key) {
            taken.set(key.clone(), value);
        }
    }
    taken
}

fn regroup<'a, I: Item<'a> + 'a>(
    keys: &[String],
    tree: Tree<'a, I>,
    move_keys: impl FnMut(&mut Lazy<'a, I>, &[String]) -> Attributes<'a>,
) -> OtlpBatch {
    regrouped(keys, tree, move_keys).encode()
}

/// Puts every item below the resource that its own and the moved attributes make.
fn regrouped<'a, I: Item<'a> + 'a>(
    keys: &[String],
    tree: Tree<'a, I>,
    mut move_keys: impl FnMut(&mut Lazy<'a, I>, &[String]) -> Attributes<'a>,
) -> Tree<'a, I> {
    let mut grouped: Tree<'a, I> = Tree::default();
    for group in tree.resources {
        for scope in group.scopes {
            for mut item in scope.items {
                let moved = move_keys(&mut item, keys);
                let mut resource = group.resource.get().clone();
                for attribute in moved.into_vec() {
                    let key = attribute.key;
                    resource.attributes.set(key, attribute.value);
                }
                let target = resource_of(&mut grouped, resource);
                scope_of(target, &scope.scope).items.push(item);
            }
        }
    }
    grouped
}

fn resource_of<'t, 'a, I>(
    tree: &'t mut Tree<'a, I>,
    resource: Resource<'a>,
) -> &'t mut ResourceGroup<'a, I> {
    let same = |group: &ResourceGroup<'a, I>| {
        sorted(&group.resource.get().attributes) == sorted(&resource.attributes)
    };
    let index = tree.resources.iter().position(same);
    let index = index.unwrap_or_else(|| {
        tree.resources.push(ResourceGroup {
            resource: Lazy::new(resource),
            scopes: Vec::new(),
            schema_url: "".into(),
        });
        tree.resources.len() - 1
    });
    &mut tree.resources[index]
}

/// Attributes without their order.
fn sorted<'s, 'a>(attributes: &'s Attributes<'a>) -> Vec<&'s KeyValue<'a>> {
    let mut list: Vec<_> = attributes.iter().collect();
    list.sort_by(|left, right| left.key.cmp(&right.key));
    list
}

fn scope_of<'t, 'a, I>(
    group: &'t mut ResourceGroup<'a, I>,
    scope: &Lazy<'a, Scope<'a>>,
) -> &'t mut ScopeGroup<'a, I> {
    let wanted = scope.get();
    let same = |known: &ScopeGroup<'a, I>| {
        let known = known.scope.get();
        (&known.name, &known.version) == (&wanted.name, &wanted.version)
    };
    let index = group.scopes.iter().position(same);
    let index = index.unwrap_or_else(|| {
        group.scopes.push(ScopeGroup {
            scope: scope.clone(),
            items: Vec::new(),
            schema_url: "".into(),
        });
        group.scopes.len() - 1
    });
    &mut group.scopes[index]
}

/// Calls `$body` with the points of any kind.
macro_rules! with_points {
    ($data:expr, $points:ident => $body:expr, $empty:expr) => {
        match $data {
            MetricData::Empty => $empty,
            MetricData::Gauge(data) => {
                let $points = &mut data.points;
                $body
            }
            MetricData::Sum(data) => {
                let $points = &mut data.points;
                $body
            }
            MetricData::Histogram(data) => {
                let $points = &mut data.points;
                $body
            }
            MetricData::ExponentialHistogram(data) => {
                let $points = &mut data.points;
                $body
            }
            MetricData::Summary(data) => {
                let $points = &mut data.points;
                $body
            }
        }
    };
}

/// The same metric once for each of its points.
fn one_point_each<'a>(metric: Lazy<'a, Metric<'a>>) -> Vec<Lazy<'a, Metric<'a>>> {
    let metric = metric.into_inner();
    let count = metric.data.points();
    let keep = |index: usize| {
        let mut one = metric.clone();
        with_points!(&mut one.data, points => {
            points.swap(0, index);
            points.truncate(1);
        }, ());
        Lazy::new(one)
    };
    (0..count).map(keep).collect()
}

fn points_attributes<'s, 'a>(data: &'s mut MetricData<'a>) -> Option<&'s mut Attributes<'a>> {
    with_points!(data, points => {
        points.first_mut().map(|point| &mut point.get_mut().attributes)
    }, None)
}

/// Puts points of equal metrics of one scope together again.
fn join_metrics<'a>(mut tree: Tree<'a, Metric<'a>>) -> Tree<'a, Metric<'a>> {
    for group in &mut tree.resources {
        for scope in &mut group.scopes {
            let mut joined: Vec<Lazy<'a, Metric<'a>>> = Vec::new();
            for metric in std::mem::take(&mut scope.items) {
                let mut metric = metric.into_inner();
                let mut known = joined.iter_mut().map(Lazy::get_mut);
                match known.find(|known| are_same(known, &metric)) {
                    Some(known) => append(&mut known.data, &mut metric.data),
                    None => joined.push(Lazy::new(metric)),
                }
            }
            scope.items = joined;
        }
    }
    tree
}

fn are_same(left: &Metric<'_>, right: &Metric<'_>) -> bool {
    let kind = |metric: &Metric<'_>| match &metric.data {
        MetricData::Empty => (0, 0, false),
        MetricData::Gauge(_) => (1, 0, false),
        MetricData::Sum(sum) => (2, sum.temporality, sum.is_monotonic),
        MetricData::Histogram(histogram) => (3, histogram.temporality, false),
        MetricData::ExponentialHistogram(histogram) => (4, histogram.temporality, false),
        MetricData::Summary(_) => (5, 0, false),
    };
    left.name == right.name
        && left.unit == right.unit
        && left.description == right.description
        && kind(left) == kind(right)
}

fn append<'a>(to: &mut MetricData<'a>, from: &mut MetricData<'a>) {
    match (to, from) {
        (MetricData::Gauge(to), MetricData::Gauge(from)) => to.points.append(&mut from.points),
        (MetricData::Sum(to), MetricData::Sum(from)) => to.points.append(&mut from.points),
        (MetricData::Histogram(to), MetricData::Histogram(from)) => {
            to.points.append(&mut from.points);
        }
        (MetricData::ExponentialHistogram(to), MetricData::ExponentialHistogram(from)) => {
            to.points.append(&mut from.points);
        }
        (MetricData::Summary(to), MetricData::Summary(from)) => {
            to.points.append(&mut from.points);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use batch::otlp::AnyValue;

    use super::*;
    use crate::testing::traces;

    fn span(host: &'static str) -> Span<'static> {
        let mut span = Span::default();
        if !host.is_empty() {
            span.attributes.set("host", AnyValue::from(host));
        }
        span
    }

    #[test]
    fn items_with_equal_values_come_below_one_resource() {
        let batch = traces(vec![span("a"), span("b"), span("a"), span("")]);
        let grouped = group(&["host".to_owned()], &batch);
        let tree = grouped.spans();
        let found: Vec<_> = tree
            .resources
            .iter()
            .map(|group| {
                let resource = group.resource.get();
                let host = resource.attributes.get("host").cloned();
                (host, group.scopes[0].items.len())
            })
            .collect();
        let host = |name| Some(AnyValue::from(name));
        assert_eq!(found, [(host("a"), 2), (host("b"), 1), (None, 1)]);
        assert!(
            tree.resources[0].scopes[0].items[0]
                .get()
                .attributes
                .is_empty()
        );
    }

    #[test]
    fn points_of_a_metric_part_and_stay_together() {
        use batch::otlp::{Gauge, NumberPoint};
        let point = |host: &'static str| {
            let mut point = NumberPoint::default();
            point.attributes.set("host", AnyValue::from(host));
            Lazy::new(point)
        };
        let metric = Metric {
            name: "m".into(),
            data: MetricData::Gauge(Gauge {
                points: vec![point("a"), point("b"), point("a")],
            }),
            ..Metric::default()
        };
        let mut tree = Tree::default();
        let group_of = resource_of(&mut tree, Resource::default());
        scope_of(group_of, &Lazy::new(Scope::default()))
            .items
            .push(Lazy::new(metric));
        let grouped = group(&["host".to_owned()], &tree.encode());
        assert_eq!(grouped.items(), 3);
        let tree = grouped.metrics();
        let points: Vec<_> = tree
            .resources
            .iter()
            .map(|group| group.scopes[0].items[0].get().data.points())
            .collect();
        assert_eq!(points, [2, 1]);
    }
}
