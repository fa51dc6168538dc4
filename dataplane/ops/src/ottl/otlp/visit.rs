//! Items of a batch one after the other, for who counts or measures them: conditions and values are
//! asked of each, nothing is changed.

use batch::otlp::{Attributes, LogRecord, Metric, MetricData, Resource, Scope, Span, Tree};

use super::item::{Environment, Item, Metrics, Subject};
use super::point;
use super::walk::{walk_logs, walk_metrics, walk_spans};
use crate::ottl::context::Context;
use crate::ottl::path::Owner;
use crate::ottl::sequence::Failure;

/// An item in its place.
pub struct Visited<'v, 't, 'a>(&'v Item<'t, 'a>);

/// What is done with each item.
pub type See<'f, 's> = &'f mut dyn FnMut(&Visited<'_, '_, '_>) -> Result<(), Failure<'s>>;

impl<'t, 'a> Visited<'_, 't, 'a> {
    /// What conditions and values are asked of.
    #[must_use]
    pub fn context(&self) -> &(dyn Context + '_) {
        self.0
    }

    #[must_use]
    pub fn resource(&self) -> &Resource<'a> {
        self.0.origin.resource.get()
    }

    #[must_use]
    pub fn scope(&self) -> Option<&Scope<'a>> {
        self.0.library.as_ref().map(|it| it.scope.get())
    }

    /// Attributes of the item itself; a metric has none.
    #[must_use]
    pub fn attributes(&self) -> Option<&Attributes<'a>> {
        match &self.0.subject {
            Subject::Span(span) => Some(&span.get().attributes),
            Subject::SpanEvent(span, at) => {
                let event = span.get().events.get(*at);
                event.map(|event| &event.get().attributes)
            }
            Subject::DataPoint(it, at) => point::attributes(it.metric.get(), *at),
            Subject::Log(record) => Some(&record.get().attributes),
            Subject::Resource | Subject::Scope | Subject::Metric(_) | Subject::Exemplar(..) => None,
        }
    }

    /// When the item began and ended, in nanoseconds since 1970; 0 is unknown.
    #[must_use]
    pub fn times(&self) -> [u64; 2] {
        match &self.0.subject {
            Subject::Span(span) => [span.get().start_unix_nano, span.get().end_unix_nano],
            Subject::SpanEvent(span, at) => {
                let event = span.get().events.get(*at);
                [event.map_or(0, |event| event.get().time_unix_nano); 2]
            }
            Subject::DataPoint(it, at) => [point_time(it, *at); 2],
            Subject::Log(record) => [record.get().time_unix_nano; 2],
            Subject::Resource | Subject::Scope | Subject::Metric(_) | Subject::Exemplar(..) => {
                [0; 2]
            }
        }
    }
}

fn point_time(it: &Metrics<'_, '_>, at: usize) -> u64 {
    let time = match &it.metric.get().data {
        MetricData::Empty => None,
        MetricData::Gauge(data) => data.points.get(at).map(|it| it.get().time_unix_nano),
        MetricData::Sum(data) => data.points.get(at).map(|it| it.get().time_unix_nano),
        MetricData::Histogram(data) => data.points.get(at).map(|it| it.get().time_unix_nano),
        MetricData::ExponentialHistogram(data) => {
            data.points.get(at).map(|it| it.get().time_unix_nano)
        }
        MetricData::Summary(data) => data.points.get(at).map(|it| it.get().time_unix_nano),
    };
    time.unwrap_or(0)
}

/// Visits spans, or their events.
pub fn see_spans<'a, 's>(
    tree: &mut Tree<'a, Span<'a>>,
    owner: Owner,
    environment: &dyn Environment,
    see: See<'_, 's>,
) -> Result<(), Failure<'s>> {
    let visit = &mut |item: &mut Item<'_, '_>| see(&Visited(item)).map(|()| true);
    walk_spans(tree, owner, environment, visit)
}

/// Visits metrics, or their data points.
pub fn see_metrics<'a, 's>(
    tree: &mut Tree<'a, Metric<'a>>,
    owner: Owner,
    environment: &dyn Environment,
    see: See<'_, 's>,
) -> Result<(), Failure<'s>> {
    let visit = &mut |item: &mut Item<'_, '_>| see(&Visited(item)).map(|()| true);
    walk_metrics(tree, owner, environment, visit)
}

/// Visits log records.
pub fn see_log_records<'a, 's>(
    tree: &mut Tree<'a, LogRecord<'a>>,
    environment: &dyn Environment,
    see: See<'_, 's>,
) -> Result<(), Failure<'s>> {
    let visit = &mut |item: &mut Item<'_, '_>| see(&Visited(item)).map(|()| true);
    walk_logs(tree, Owner::Log, environment, visit)
}
