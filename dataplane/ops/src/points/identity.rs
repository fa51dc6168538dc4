//! Identities of streams: resource, scope, metric and attributes as bytes, equal where they are
//! equal, whatever the order of attributes.

use batch::otlp::wire::put_bytes;
use batch::otlp::{Attributes, Message, Metric, MetricData, Resource, Scope};

/// A key that is built part by part. The parts before stay while the last one changes, and the
/// buffer stays all the time: a point costs its attributes.
#[derive(Debug, Default)]
pub struct Identity {
    key: Vec<u8>,
    scope_end: usize,
    metric_end: usize,
    order: Vec<usize>,
}

impl Identity {
    /// Begins with a resource and scope.
    pub fn scope(&mut self, resource: &Resource<'_>, scope: &Scope<'_>) {
        self.key.clear();
        put_attributes(&mut self.key, &mut self.order, &resource.attributes);
        put_bytes(&mut self.key, 1, scope.name.as_bytes());
        put_bytes(&mut self.key, 2, scope.version.as_bytes());
        put_attributes(&mut self.key, &mut self.order, &scope.attributes);
        self.scope_end = self.key.len();
        self.metric_end = self.scope_end;
    }

    /// Goes on with a metric of that scope.
    pub fn metric(&mut self, metric: &Metric<'_>) {
        self.key.truncate(self.scope_end);
        put_bytes(&mut self.key, 3, metric.name.as_bytes());
        put_bytes(&mut self.key, 4, metric.unit.as_bytes());
        let (kind, temporality, monotonic) = match &metric.data {
            MetricData::Empty => (0, 0, false),
            MetricData::Gauge(_) => (1, 0, false),
            MetricData::Sum(sum) => (2, sum.temporality, sum.is_monotonic),
            MetricData::Histogram(it) => (3, it.temporality, false),
            MetricData::ExponentialHistogram(it) => (4, it.temporality, false),
            MetricData::Summary(_) => (5, 0, false),
        };
        self.key
            .extend_from_slice(&[kind, temporality as u8, u8::from(monotonic)]);
        self.metric_end = self.key.len();
    }

    /// What `scope` and `metric` made.
    #[must_use]
    pub fn of_metric(&self) -> &[u8] {
        &self.key[..self.metric_end]
    }

    /// The stream of a point of that metric.
    pub fn point(&mut self, attributes: &Attributes<'_>) -> &[u8] {
        self.key.truncate(self.metric_end);
        put_attributes(&mut self.key, &mut self.order, attributes);
        &self.key
    }

    /// What `point` made.
    #[must_use]
    pub fn of_point(&self) -> &[u8] {
        &self.key
    }
}

/// Appends attributes in the order of their keys; `order` is room to work in.
pub fn put_attributes(key: &mut Vec<u8>, order: &mut Vec<usize>, attributes: &Attributes<'_>) {
    let list: &[_] = attributes.iter().as_slice();
    order.clear();
    order.extend(0..list.len());
    order.sort_unstable_by(|left, right| {
        let (left, right) = (&list[*left], &list[*right]);
        left.key.as_bytes().cmp(right.key.as_bytes())
    });
    key.extend_from_slice(&(list.len() as u32).to_le_bytes());
    for index in &*order {
        let start = key.len();
        key.extend_from_slice(&[0; 4]);
        list[*index].write(key);
        let len = (key.len() - start - 4) as u32;
        key[start..start + 4].copy_from_slice(&len.to_le_bytes());
    }
}
