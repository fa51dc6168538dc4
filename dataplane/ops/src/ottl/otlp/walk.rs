//! Going through the tree of a batch: statements run on each item of their context, conditions
//! say which items go.

use batch::otlp::{
    Item as Listed, Lazy, LogRecord, Metric, MetricData, ResourceGroup, ScopeGroup, Span, Tree,
};

use super::item::{Environment, Item, Library, Metrics, Origin, Subject};
use crate::ottl::error::Error;
use crate::ottl::path::Owner;
use crate::ottl::sequence::{Conditions, Failure, Statements};
use crate::ottl::value::Map;

/// Limit: metrics that a group of statements may add to one scope. A copy is met later in the same
/// walk: without a condition it would be copied again and again.
const METRICS_MADE_MAX: usize = 10_000;

/// What a walk needs beside the batch.
pub struct Pass<'p> {
    pub environment: &'p dyn Environment,
    /// Told of failures that do not end the walk.
    pub told: &'p mut dyn FnMut(&Failure<'_>),
}

pub(super) type Walked<'s> = Result<(), Failure<'s>>;

/// What is done with an item. Whether it stays.
pub(super) type Visit<'v, 's> = &'v mut dyn FnMut(&mut Item<'_, '_>) -> Result<bool, Failure<'s>>;

/// Runs statements on a batch of traces.
pub fn run_on_spans<'a, 's>(
    tree: &mut Tree<'a, Span<'a>>,
    statements: &'s Statements,
    pass: &mut Pass<'_>,
) -> Walked<'s> {
    let Pass { environment, told } = pass;
    let visit: Visit<'_, 's> = &mut |item| statements.run(item, *told).map(|()| true);
    walk_spans(tree, statements.context(), *environment, visit)
}

/// Runs statements on a batch of metrics.
pub fn run_on_metrics<'a, 's>(
    tree: &mut Tree<'a, Metric<'a>>,
    statements: &'s Statements,
    pass: &mut Pass<'_>,
) -> Walked<'s> {
    let Pass { environment, told } = pass;
    let visit: Visit<'_, 's> = &mut |item| statements.run(item, *told).map(|()| true);
    walk_metrics(tree, statements.context(), *environment, visit)
}

/// Runs statements on a batch of logs.
pub fn run_on_logs<'a, 's>(
    tree: &mut Tree<'a, LogRecord<'a>>,
    statements: &'s Statements,
    pass: &mut Pass<'_>,
) -> Walked<'s> {
    let Pass { environment, told } = pass;
    let visit: Visit<'_, 's> = &mut |item| statements.run(item, *told).map(|()| true);
    walk_logs(tree, statements.context(), *environment, visit)
}

/// Takes out of a batch of traces what conditions hold for, and what is empty then.
pub fn keep_spans<'a, 's>(
    tree: &mut Tree<'a, Span<'a>>,
    conditions: &'s Conditions,
    pass: &mut Pass<'_>,
) -> Walked<'s> {
    let Pass { environment, told } = pass;
    let visit: Visit<'_, 's> = &mut |item| conditions.any(item, *told).map(|dropped| !dropped);
    walk_spans(tree, conditions.context(), *environment, visit)?;
    tree.prune();
    Ok(())
}

/// Takes out of a batch of metrics what conditions hold for, and what is empty then.
pub fn keep_metrics<'a, 's>(
    tree: &mut Tree<'a, Metric<'a>>,
    conditions: &'s Conditions,
    pass: &mut Pass<'_>,
) -> Walked<'s> {
    let Pass { environment, told } = pass;
    let visit: Visit<'_, 's> = &mut |item| conditions.any(item, *told).map(|dropped| !dropped);
    walk_metrics(tree, conditions.context(), *environment, visit)?;
    if conditions.context() == Owner::DataPoint {
        // Compat: a metric that came without points goes as one that lost them.
        for scope in tree
            .resources
            .iter_mut()
            .flat_map(|group| &mut group.scopes)
        {
            scope.items.retain(|metric| match &metric.get().data {
                MetricData::Empty => true,
                data => data.points() > 0,
            });
        }
    }
    tree.prune();
    Ok(())
}

/// Takes out of a batch of logs what conditions hold for, and what is empty then.
pub fn keep_log_records<'a, 's>(
    tree: &mut Tree<'a, LogRecord<'a>>,
    conditions: &'s Conditions,
    pass: &mut Pass<'_>,
) -> Walked<'s> {
    let Pass { environment, told } = pass;
    let visit: Visit<'_, 's> = &mut |item| conditions.any(item, *told).map(|dropped| !dropped);
    walk_logs(tree, conditions.context(), *environment, visit)?;
    tree.prune();
    Ok(())
}

/// Keeps what a visit says of each, up to the first failure.
fn retain<'s, T>(
    list: &mut Vec<T>,
    mut visit: impl FnMut(&mut T) -> Result<bool, Failure<'s>>,
) -> Walked<'s> {
    let mut result = Ok(());
    list.retain_mut(|item| match &result {
        Err(_) => true,
        Ok(()) => match visit(item) {
            Ok(stays) => stays,
            Err(failure) => {
                result = Err(failure);
                true
            }
        },
    });
    result
}

/// Visits resources or scopes; `false` if the context is neither.
fn walk_origins<'a, 's, I: Listed<'a>>(
    tree: &mut Tree<'a, I>,
    context: Owner,
    environment: &dyn Environment,
    visit: Visit<'_, 's>,
) -> Result<bool, Failure<'s>> {
    match context {
        Owner::Resource => retain(&mut tree.resources, |group| {
            visit(&mut Item {
                origin: Origin {
                    resource: &mut group.resource,
                    schema_url: &mut group.schema_url,
                },
                library: None,
                subject: Subject::Resource,
                cache: Map::new(),
                environment,
            })
        })?,
        Owner::Scope => {
            for group in &mut tree.resources {
                let ResourceGroup {
                    resource,
                    scopes,
                    schema_url,
                } = group;
                retain(scopes, |scope| {
                    visit(&mut Item {
                        origin: Origin {
                            resource: &mut *resource,
                            schema_url: &mut *schema_url,
                        },
                        library: Some(Library {
                            scope: &mut scope.scope,
                            schema_url: &mut scope.schema_url,
                        }),
                        subject: Subject::Scope,
                        cache: Map::new(),
                        environment,
                    })
                })?;
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Visits the list of items of each scope.
fn each_scope<'a, 's, I: Listed<'a>>(
    tree: &mut Tree<'a, I>,
    mut visit: impl FnMut(Place<'_, 'a>, &mut Vec<Lazy<'a, I>>) -> Walked<'s>,
) -> Walked<'s> {
    for group in &mut tree.resources {
        let ResourceGroup {
            resource,
            scopes,
            schema_url,
        } = group;
        for scope in scopes {
            let ScopeGroup {
                scope,
                items,
                schema_url: scope_url,
            } = scope;
            let place = Place {
                origin: Origin {
                    resource: &mut *resource,
                    schema_url: &mut *schema_url,
                },
                library: Library {
                    scope,
                    schema_url: scope_url,
                },
            };
            visit(place, items)?;
        }
    }
    Ok(())
}

/// The resource and scope of a list of items.
struct Place<'t, 'a> {
    origin: Origin<'t, 'a>,
    library: Library<'t, 'a>,
}

impl<'a> Place<'_, 'a> {
    fn item<'t>(
        &'t mut self,
        subject: Subject<'t, 'a>,
        environment: &'t dyn Environment,
    ) -> Item<'t, 'a> {
        Item {
            origin: Origin {
                resource: &mut *self.origin.resource,
                schema_url: &mut *self.origin.schema_url,
            },
            library: Some(Library {
                scope: &mut *self.library.scope,
                schema_url: &mut *self.library.schema_url,
            }),
            subject,
            cache: Map::new(),
            environment,
        }
    }
}

pub(super) fn walk_spans<'a, 's>(
    tree: &mut Tree<'a, Span<'a>>,
    context: Owner,
    environment: &dyn Environment,
    visit: Visit<'_, 's>,
) -> Walked<'s> {
    if walk_origins(tree, context, environment, visit)? {
        return Ok(());
    }
    each_scope(tree, |mut place, spans| match context {
        Owner::SpanEvent => spans
            .iter_mut()
            .try_for_each(|span| walk_events(&mut place, span, environment, visit)),
        _ => retain(spans, |span| {
            visit(&mut place.item(Subject::Span(span), environment))
        }),
    })
}

fn walk_events<'a, 's>(
    place: &mut Place<'_, 'a>,
    span: &mut Lazy<'a, Span<'a>>,
    environment: &dyn Environment,
    visit: Visit<'_, 's>,
) -> Walked<'s> {
    let mut at = 0;
    while at < span.get().events.len() {
        let stays = visit(&mut place.item(Subject::SpanEvent(span, at), environment))?;
        match stays {
            true => at += 1,
            false => {
                span.get_mut().events.remove(at);
            }
        }
    }
    Ok(())
}

pub(super) fn walk_logs<'a, 's>(
    tree: &mut Tree<'a, LogRecord<'a>>,
    context: Owner,
    environment: &dyn Environment,
    visit: Visit<'_, 's>,
) -> Walked<'s> {
    if walk_origins(tree, context, environment, visit)? {
        return Ok(());
    }
    each_scope(tree, |mut place, records| {
        retain(records, |record| {
            visit(&mut place.item(Subject::Log(record), environment))
        })
    })
}

pub(super) fn walk_metrics<'a, 's>(
    tree: &mut Tree<'a, Metric<'a>>,
    context: Owner,
    environment: &dyn Environment,
    visit: Visit<'_, 's>,
) -> Walked<'s> {
    if walk_origins(tree, context, environment, visit)? {
        return Ok(());
    }
    each_scope(tree, |mut place, metrics| {
        // Metrics that statements add stand at the end, and are met there.
        let mut made = Vec::new();
        let mut added = 0;
        let mut at = 0;
        while at < metrics.len() {
            let mut holder = Metrics {
                metric: &mut metrics[at],
                made: &mut made,
            };
            let stays = match context {
                Owner::DataPoint => walk_points(&mut place, &mut holder, environment, visit)?,
                Owner::Exemplar => walk_exemplars(&mut place, &mut holder, environment, visit)?,
                _ => visit(&mut place.item(Subject::Metric(holder), environment))?,
            };
            added += made.len();
            if added > METRICS_MADE_MAX {
                let message = "a group of statements adds metrics to what it added itself; \
                    guard it with a condition";
                let error = Error::new(message);
                return Err(Failure { text: "", error });
            }
            metrics.append(&mut made);
            match stays {
                true => at += 1,
                false => {
                    metrics.remove(at);
                }
            }
        }
        Ok(())
    })
}

/// Visits data points; whether the metric stays, which it does not when it has lost them all.
fn walk_points<'a, 's>(
    place: &mut Place<'_, 'a>,
    holder: &mut Metrics<'_, 'a>,
    environment: &dyn Environment,
    visit: Visit<'_, 's>,
) -> Result<bool, Failure<'s>> {
    let mut at = 0;
    let mut removed = false;
    while at < holder.metric.get().data.points() {
        let subject = Subject::DataPoint(
            Metrics {
                metric: &mut *holder.metric,
                made: &mut *holder.made,
            },
            at,
        );
        if visit(&mut place.item(subject, environment))? {
            at += 1;
            continue;
        }
        removed = true;
        remove_point(holder.metric, at);
    }
    Ok(!removed || holder.metric.get().data.points() > 0)
}

fn walk_exemplars<'a, 's>(
    place: &mut Place<'_, 'a>,
    holder: &mut Metrics<'_, 'a>,
    environment: &dyn Environment,
    visit: Visit<'_, 's>,
) -> Result<bool, Failure<'s>> {
    for at in 0..holder.metric.get().data.points() {
        let list = super::point::exemplars(holder.metric.get(), at);
        for index in 0..list.map_or(0, <[_]>::len) {
            let holder = Metrics {
                metric: &mut *holder.metric,
                made: &mut *holder.made,
            };
            visit(&mut place.item(Subject::Exemplar(holder, at, index), environment))?;
        }
    }
    Ok(true)
}

fn remove_point<'a>(metric: &mut Lazy<'a, Metric<'a>>, at: usize) {
    match &mut metric.get_mut().data {
        MetricData::Empty => {}
        MetricData::Gauge(it) => drop(it.points.remove(at)),
        MetricData::Sum(it) => drop(it.points.remove(at)),
        MetricData::Histogram(it) => drop(it.points.remove(at)),
        MetricData::ExponentialHistogram(it) => drop(it.points.remove(at)),
        MetricData::Summary(it) => drop(it.points.remove(at)),
    }
}
