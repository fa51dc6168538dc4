//! Cuts a batch in two. Whole chunks are shared; only the one that the cut goes through is copied.

use std::mem;

use super::lazy::Lazy;
use super::logs::LogRecord;
use super::metrics::{Metric, MetricData};
use super::trace::Span;
use super::tree::{Item, ResourceGroup, ScopeGroup, Tree};
use super::{OtlpBatch, OtlpSignal};

impl OtlpBatch {
    /// Takes the first `items` out; the rest stays. Resources and scopes that have items on both
    /// sides are on both sides, as are metrics with their points.
    pub fn split_off_front(&mut self, items: usize) -> OtlpBatch {
        let client = self.client.clone();
        let mut front = OtlpBatch::empty(self.signal).from_client(client.clone());
        let mut chunks = mem::take(&mut self.chunks).into_iter();
        let mut counts = mem::take(&mut self.counts).into_iter();
        while front.items < items
            && let Some((chunk, count)) = chunks.next().zip(counts.next())
        {
            let mut whole = OtlpBatch::from_checked(self.signal, chunk, count);
            let left = items - front.items;
            if left < count {
                let cut = whole.cut(left);
                front.append(&cut);
                whole.append_rest(chunks, counts);
                *self = whole.from_client(client);
                return front;
            }
            front.append(&whole);
        }
        let mut rest = OtlpBatch::empty(self.signal).from_client(client);
        rest.append_rest(chunks, counts);
        *self = rest;
        front
    }

    fn append_rest(
        &mut self,
        chunks: impl Iterator<Item = bytes::Bytes>,
        counts: impl Iterator<Item = usize>,
    ) {
        for (chunk, count) in chunks.zip(counts) {
            self.append(&OtlpBatch::from_checked(self.signal, chunk, count));
        }
    }

    fn cut(&mut self, items: usize) -> OtlpBatch {
        let (front, rest) = match self.signal {
            OtlpSignal::Traces => cut(self.spans(), items, |_: &mut Span<'_>, _| None),
            OtlpSignal::Logs => cut(self.log_records(), items, |_: &mut LogRecord<'_>, _| None),
            OtlpSignal::Metrics => cut(self.metrics(), items, cut_metric),
        };
        *self = rest;
        front
    }
}

/// Both sides of a tree; `divide` takes the first items out of one that has several.
fn cut<'a, I: Item<'a> + Clone>(
    tree: Tree<'a, I>,
    items: usize,
    mut divide: impl FnMut(&mut I, usize) -> Option<I>,
) -> (OtlpBatch, OtlpBatch) {
    let (mut front, mut rest) = (Tree::default(), Tree::default());
    let mut left = items;
    for group in tree.resources {
        let (mut front_group, mut rest_group) = (empty_group(&group), empty_group(&group));
        for mut scope in group.scopes {
            let (mut front_scope, mut rest_scope) = (empty_scope(&scope), empty_scope(&scope));
            for mut item in mem::take(&mut scope.items) {
                let count = match I::SIGNAL {
                    OtlpSignal::Metrics => item.get().count(),
                    OtlpSignal::Traces | OtlpSignal::Logs => 1,
                };
                if count <= left {
                    left -= count;
                    front_scope.items.push(item);
                    continue;
                }
                if let Some(divided) = (left > 0).then(|| divide(item.get_mut(), left)).flatten() {
                    front_scope.items.push(Lazy::new(divided));
                }
                left = 0;
                rest_scope.items.push(item);
            }
            front_group.scopes.push(front_scope);
            rest_group.scopes.push(rest_scope);
        }
        front.resources.push(front_group);
        rest.resources.push(rest_group);
    }
    front.prune();
    rest.prune();
    (front.encode(), rest.encode())
}

fn empty_group<'a, I>(group: &ResourceGroup<'a, I>) -> ResourceGroup<'a, I> {
    ResourceGroup {
        resource: group.resource.clone(),
        scopes: Vec::new(),
        schema_url: group.schema_url.clone(),
    }
}

fn empty_scope<'a, I>(scope: &ScopeGroup<'a, I>) -> ScopeGroup<'a, I> {
    ScopeGroup {
        scope: scope.scope.clone(),
        items: Vec::new(),
        schema_url: scope.schema_url.clone(),
    }
}

/// Takes the first points out of a metric.
fn cut_metric<'a>(metric: &mut Metric<'a>, points: usize) -> Option<Metric<'a>> {
    fn front<T>(all: &mut Vec<T>, points: usize) -> Vec<T> {
        let rest = all.split_off(points);
        mem::replace(all, rest)
    }
    let data = match &mut metric.data {
        MetricData::Empty => return None,
        MetricData::Gauge(gauge) => {
            let mut data = gauge.clone();
            data.points = front(&mut gauge.points, points);
            MetricData::Gauge(data)
        }
        MetricData::Sum(sum) => {
            let mut data = sum.clone();
            data.points = front(&mut sum.points, points);
            MetricData::Sum(data)
        }
        MetricData::Histogram(histogram) => {
            let mut data = histogram.clone();
            data.points = front(&mut histogram.points, points);
            MetricData::Histogram(data)
        }
        MetricData::ExponentialHistogram(histogram) => {
            let mut data = histogram.clone();
            data.points = front(&mut histogram.points, points);
            MetricData::ExponentialHistogram(data)
        }
        MetricData::Summary(summary) => {
            let mut data = summary.clone();
            data.points = front(&mut summary.points, points);
            MetricData::Summary(data)
        }
    };
    let mut divided = metric.clone();
    divided.data = data;
    Some(divided)
}
