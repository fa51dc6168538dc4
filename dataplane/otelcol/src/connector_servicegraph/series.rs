//! Series of the graph, and the metrics that they make.

use batch::otlp::{
    AnyValue, Attributes, ExponentialHistogram, ExponentialPoint, Histogram, HistogramPoint, Lazy,
    Metric, MetricData, Number, NumberPoint, Sum, Text,
};
use ops::points::{CUMULATIVE, observe};
use runtime::Instant;

use super::Graph;
use crate::streams::now_ns;

#[derive(PartialEq, Eq, Hash, Clone)]
pub(super) struct SeriesKey {
    pub client: String,
    pub server: String,
    pub connection: &'static str,
    pub failed: bool,
    pub virtual_node: &'static str,
    pub dimensions: Vec<(String, String)>,
}

pub(super) struct Series {
    pub touched: Instant,
    pub requests: i64,
    pub client: Latency,
    pub server: Latency,
}

pub(super) enum Latency {
    Explicit { counts: Vec<u64>, sum: f64 },
    Exponential(ExponentialPoint<'static>),
}

impl Graph {
    pub fn metrics(&self) -> Vec<Lazy<'static, Metric<'static>>> {
        let now_ns = now_ns();
        let began_ns = self.began_ns;
        let number = |(key, series): (&SeriesKey, &Series)| {
            Lazy::new(NumberPoint {
                attributes: key.attributes(),
                start_unix_nano: began_ns,
                time_unix_nano: now_ns,
                value: Number::Int(series.requests),
                ..NumberPoint::default()
            })
        };
        let failed = self.series.iter().filter(|(key, _)| key.failed);
        let mut metrics = vec![
            counter(
                "traces_service_graph_request_total",
                self.series.iter().map(number).collect(),
            ),
            counter(
                "traces_service_graph_request_failed_total",
                failed.map(number).collect(),
            ),
            self.latency("traces_service_graph_request_server", now_ns, |it| {
                &it.server
            }),
            self.latency("traces_service_graph_request_client", now_ns, |it| {
                &it.client
            }),
        ];
        metrics.retain(|metric| metric.data.points() > 0);
        metrics.into_iter().map(Lazy::new).collect()
    }

    fn latency(
        &self,
        name: &'static str,
        now_ns: u64,
        of: fn(&Series) -> &Latency,
    ) -> Metric<'static> {
        let (mut explicit, mut exponential) = (Vec::new(), Vec::new());
        for (key, series) in &self.series {
            match of(series) {
                Latency::Explicit { counts, sum } => explicit.push(Lazy::new(HistogramPoint {
                    attributes: key.attributes(),
                    start_unix_nano: self.began_ns,
                    time_unix_nano: now_ns,
                    count: counts.iter().sum(),
                    sum: Some(*sum),
                    bucket_counts: counts.clone(),
                    explicit_bounds: self.bounds.clone(),
                    ..HistogramPoint::default()
                })),
                Latency::Exponential(point) => exponential.push(Lazy::new(ExponentialPoint {
                    attributes: key.attributes(),
                    start_unix_nano: self.began_ns,
                    time_unix_nano: now_ns,
                    ..point.clone()
                })),
            }
        }
        let data = match exponential.is_empty() {
            true => MetricData::Histogram(Histogram {
                points: explicit,
                temporality: CUMULATIVE,
            }),
            false => MetricData::ExponentialHistogram(ExponentialHistogram {
                points: exponential,
                temporality: CUMULATIVE,
            }),
        };
        Metric {
            name: Text::from(name),
            unit: Text::from("s"),
            data,
            ..Metric::default()
        }
    }
}

type Points = Vec<Lazy<'static, NumberPoint<'static>>>;

fn counter(name: &'static str, points: Points) -> Metric<'static> {
    Metric {
        name: Text::from(name),
        data: MetricData::Sum(Sum {
            points,
            temporality: CUMULATIVE,
            is_monotonic: true,
        }),
        ..Metric::default()
    }
}

impl SeriesKey {
    fn attributes(&self) -> Attributes<'static> {
        let mut attributes = Attributes::default();
        attributes.set("client", self.client.clone().into());
        attributes.set("server", self.server.clone().into());
        attributes.set("connection_type", self.connection.into());
        attributes.set("failed", AnyValue::Bool(self.failed));
        if !self.virtual_node.is_empty() {
            attributes.set("virtual_node", self.virtual_node.into());
        }
        for (name, value) in &self.dimensions {
            attributes.set(name.clone(), value.clone().into());
        }
        attributes
    }
}

impl Latency {
    pub fn new(exponential: bool, buckets: usize) -> Latency {
        match exponential {
            true => Latency::Exponential(ExponentialPoint {
                scale: ops::points::SCALE_MAX,
                ..ExponentialPoint::default()
            }),
            false => Latency::Explicit {
                counts: vec![0; buckets],
                sum: 0.0,
            },
        }
    }

    pub fn observe(&mut self, bounds: &[f64], buckets_max: usize, seconds: f64) {
        match self {
            Latency::Explicit { counts, sum } => {
                counts[bounds.partition_point(|bound| *bound < seconds)] += 1;
                *sum += seconds;
            }
            Latency::Exponential(point) => observe(point, seconds, 1, buckets_max),
        }
    }
}
