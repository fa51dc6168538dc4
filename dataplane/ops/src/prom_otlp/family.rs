//! Families: the series of Prometheus that are one metric of OTLP, and the points that they make.

use std::collections::HashMap;

use batch::otlp::{
    AnyValue, Attributes, Buckets, Exemplar, ExponentialHistogram, ExponentialPoint, Gauge,
    Histogram, HistogramPoint, Lazy, Metric, MetricData, Number, NumberPoint, Quantile, Sum,
    Summary, SummaryPoint, Text,
};
use batch::{Counts, Metadata, MetricKind, Span, is_stale};

use crate::histogram::SCHEMA_CUSTOM;
use crate::points::{CUMULATIVE, NO_VALUE};

/// A family that is being put together.
pub(super) struct Family {
    pub metadata: Metadata,
    shape: Shape,
    points: Vec<Point>,
    by_labels: HashMap<Vec<(String, String)>, usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Gauge,
    Sum { monotonic: bool },
    Histogram,
    Exponential,
    Summary,
}

/// The values of one set of labels.
#[derive(Default)]
struct Point {
    labels: Vec<(String, String)>,
    time_ms: i64,
    created_s: f64,
    value: f64,
    count: Option<f64>,
    sum: Option<f64>,
    /// Bounds or quantiles with their values.
    parts: Vec<(f64, f64)>,
    native: Option<std::rc::Rc<batch::Histogram>>,
    exemplars: Vec<Exemplar<'static>>,
}

/// A sample of a family.
pub(super) struct Part<'p> {
    pub name: &'p str,
    pub time_ms: i64,
    pub value: f64,
    /// `le` or `quantile`.
    pub bound: Option<&'p str>,
}

impl Family {
    /// Of the metadata's kind; none if OTLP has nothing like it.
    pub fn new(metadata: Metadata, native: Option<&batch::Histogram>) -> Option<Family> {
        let shape = match (metadata.kind, native) {
            (_, Some(native)) if native.schema == SCHEMA_CUSTOM => Shape::Histogram,
            (_, Some(_)) => Shape::Exponential,
            (MetricKind::Counter, _) => Shape::Sum { monotonic: true },
            (MetricKind::Info | MetricKind::StateSet, _) => Shape::Sum { monotonic: false },
            (MetricKind::Gauge | MetricKind::Unknown, _) => Shape::Gauge,
            (MetricKind::Histogram, _) => Shape::Histogram,
            (MetricKind::Summary, _) => Shape::Summary,
            (MetricKind::GaugeHistogram, _) => return None,
        };
        Some(Family {
            metadata,
            shape,
            points: Vec::new(),
            by_labels: HashMap::new(),
        })
    }

    /// The label that a series of the family has beside those of its point.
    pub fn bound_label(&self) -> Option<&'static str> {
        match self.shape {
            Shape::Histogram => Some(super::LE),
            Shape::Summary => Some(super::QUANTILE),
            Shape::Gauge | Shape::Sum { .. } | Shape::Exponential => None,
        }
    }

    fn point(&mut self, labels: Vec<(String, String)>, time_ms: i64) -> &mut Point {
        let at = match self.by_labels.get(&labels) {
            Some(at) => *at,
            None => {
                self.by_labels.insert(labels.clone(), self.points.len());
                self.points.push(Point {
                    labels,
                    time_ms,
                    ..Point::default()
                });
                self.points.len() - 1
            }
        };
        &mut self.points[at]
    }

    /// Takes a sample in; false if it does not fit.
    pub fn add(&mut self, labels: Vec<(String, String)>, part: &Part<'_>) -> bool {
        let created = part.name.strip_suffix("_created");
        let created = created == Some(strip_total(&self.metadata.name));
        let shape = self.shape;
        let point = self.point(labels, part.time_ms);
        if point.time_ms != part.time_ms {
            return false;
        }
        match shape {
            Shape::Histogram | Shape::Summary if part.name.ends_with("_sum") => {
                point.sum = Some(part.value);
            }
            Shape::Histogram | Shape::Summary if part.name.ends_with("_count") => {
                point.count = Some(part.value);
            }
            Shape::Gauge => point.value = part.value,
            _ if created => point.created_s = part.value,
            Shape::Sum { .. } => point.value = part.value,
            Shape::Histogram | Shape::Summary => {
                let Some(Ok(bound)) = part.bound.map(str::parse) else {
                    return false;
                };
                point.parts.push((bound, part.value));
            }
            Shape::Exponential => return false,
        }
        true
    }

    pub fn add_native(
        &mut self,
        labels: Vec<(String, String)>,
        time_ms: i64,
        histogram: std::rc::Rc<batch::Histogram>,
    ) -> bool {
        if !matches!(self.shape, Shape::Histogram | Shape::Exponential) {
            return false;
        }
        self.point(labels, time_ms).native = Some(histogram);
        true
    }

    /// Takes an exemplar of a series that is there.
    pub fn add_exemplar(&mut self, labels: &Vec<(String, String)>, exemplar: Exemplar<'static>) {
        if let Some(at) = self.by_labels.get(labels) {
            self.points[*at].exemplars.push(exemplar);
        }
    }

    /// The metric; none if it has no points.
    pub fn finish(self) -> Option<Metric<'static>> {
        let points = self.points.into_iter();
        let data = match self.shape {
            Shape::Gauge => MetricData::Gauge(Gauge {
                points: points.map(|it| Lazy::new(it.number())).collect(),
            }),
            Shape::Sum { monotonic } => MetricData::Sum(Sum {
                points: points.map(|it| Lazy::new(it.counter())).collect(),
                temporality: CUMULATIVE,
                is_monotonic: monotonic,
            }),
            Shape::Histogram => MetricData::Histogram(Histogram {
                points: points.filter_map(Point::histogram).map(Lazy::new).collect(),
                temporality: CUMULATIVE,
            }),
            Shape::Exponential => MetricData::ExponentialHistogram(ExponentialHistogram {
                points: points
                    .filter_map(Point::exponential)
                    .map(Lazy::new)
                    .collect(),
                temporality: CUMULATIVE,
            }),
            Shape::Summary => MetricData::Summary(Summary {
                points: points.filter_map(Point::summary).map(Lazy::new).collect(),
            }),
        };
        if data.points() == 0 {
            return None;
        }
        let mut metadata = Attributes::default();
        metadata.set("prometheus.type", self.metadata.kind.name().into());
        Some(Metric {
            name: Text::from(self.metadata.name),
            description: Text::from(self.metadata.help),
            unit: Text::from(unit(&self.metadata.unit).to_owned()),
            metadata,
            data,
        })
    }
}

fn strip_total(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

/// Words of Prometheus by the units of UCUM.
fn unit(word: &str) -> &str {
    match word {
        "days" => "d",
        "hours" => "h",
        "minutes" => "min",
        "seconds" => "s",
        "milliseconds" => "ms",
        "microseconds" => "us",
        "nanoseconds" => "ns",
        "bytes" => "By",
        "kibibytes" => "KiBy",
        "mebibytes" => "MiBy",
        "gibibytes" => "GiBy",
        "tibibytes" => "TiBy",
        "kilobytes" => "KBy",
        "megabytes" => "MBy",
        "gigabytes" => "GBy",
        "terabytes" => "TBy",
        "meters" => "m",
        "volts" => "V",
        "amperes" => "A",
        "joules" => "J",
        "watts" => "W",
        "grams" => "g",
        "celsius" => "Cel",
        "hertz" => "Hz",
        "ratio" => "1",
        "percent" => "%",
        other => other,
    }
}

fn nanos(millis: i64) -> u64 {
    millis.wrapping_mul(1_000_000) as u64
}

impl Point {
    fn attributes(&mut self) -> Attributes<'static> {
        let mut attributes = Attributes::default();
        for (name, value) in std::mem::take(&mut self.labels) {
            attributes.set(name, AnyValue::from(value));
        }
        attributes
    }

    fn start(&self) -> u64 {
        (self.created_s * 1e9) as u64
    }

    fn exemplars(&mut self) -> Vec<Lazy<'static, Exemplar<'static>>> {
        std::mem::take(&mut self.exemplars)
            .into_iter()
            .map(Lazy::new)
            .collect()
    }

    fn number(mut self) -> NumberPoint<'static> {
        let stale = is_stale(self.value);
        NumberPoint {
            attributes: self.attributes(),
            time_unix_nano: nanos(self.time_ms),
            exemplars: self.exemplars(),
            flags: if stale { NO_VALUE } else { 0 },
            value: if stale {
                Number::Empty
            } else {
                Number::Double(self.value)
            },
            ..NumberPoint::default()
        }
    }

    fn counter(self) -> NumberPoint<'static> {
        let start = self.start();
        NumberPoint {
            start_unix_nano: start,
            ..self.number()
        }
    }

    fn is_stale(&self) -> bool {
        [self.sum, self.count].into_iter().flatten().any(is_stale)
    }

    fn histogram(mut self) -> Option<HistogramPoint<'static>> {
        if let Some(native) = self.native.take() {
            return self.custom(&native);
        }
        let (count, stale) = (self.count?, self.is_stale());
        self.parts.sort_by(|left, right| left.0.total_cmp(&right.0));
        if self
            .parts
            .last()
            .is_some_and(|(bound, _)| *bound == f64::INFINITY)
        {
            self.parts.pop();
        }
        let mut before = 0.0;
        let totals = self.parts.iter().map(|(_, total)| *total).chain([count]);
        let counts = totals.map(|total| {
            let more = total - std::mem::replace(&mut before, total);
            if stale { 0 } else { more as u64 }
        });
        let bucket_counts = counts.collect();
        Some(HistogramPoint {
            attributes: self.attributes(),
            start_unix_nano: self.start(),
            time_unix_nano: nanos(self.time_ms),
            count: if stale { 0 } else { count as u64 },
            sum: self.sum.filter(|_| !stale),
            bucket_counts,
            explicit_bounds: self.parts.iter().map(|(bound, _)| *bound).collect(),
            exemplars: self.exemplars(),
            flags: if stale { NO_VALUE } else { 0 },
            ..HistogramPoint::default()
        })
    }

    /// Of a native histogram with custom buckets.
    fn custom(mut self, native: &batch::Histogram) -> Option<HistogramPoint<'static>> {
        let stale = is_stale(native.sum);
        let bounds = &native.custom_values;
        let mut bucket_counts = vec![0; bounds.len() + 1];
        let (count, counts) = match &native.counts {
            Counts::Integer {
                count,
                positive_deltas,
                ..
            } => (*count, absolute(positive_deltas)),
            Counts::Float {
                count,
                positive_counts,
                ..
            } => (*count as u64, truncated(positive_counts)),
        };
        let mut counts = counts.into_iter();
        let mut place = 0i64;
        for span in &native.positive_spans {
            place += i64::from(span.offset);
            for count in counts.by_ref().take(span.length as usize) {
                if let Some(there) = usize::try_from(place)
                    .ok()
                    .and_then(|at| bucket_counts.get_mut(at))
                {
                    *there = count;
                }
                place += 1;
            }
        }
        Some(HistogramPoint {
            attributes: self.attributes(),
            start_unix_nano: self.start(),
            time_unix_nano: nanos(self.time_ms),
            count: if stale { 0 } else { count },
            sum: (!stale).then_some(native.sum),
            bucket_counts,
            explicit_bounds: bounds.clone(),
            exemplars: self.exemplars(),
            flags: if stale { NO_VALUE } else { 0 },
            ..HistogramPoint::default()
        })
    }

    fn exponential(mut self) -> Option<ExponentialPoint<'static>> {
        let native = self.native.take()?;
        let mut point = ExponentialPoint {
            attributes: self.attributes(),
            start_unix_nano: self.start(),
            time_unix_nano: nanos(self.time_ms),
            exemplars: self.exemplars(),
            ..ExponentialPoint::default()
        };
        if is_stale(native.sum) {
            point.flags = NO_VALUE;
            return Some(point);
        }
        point.scale = native.schema;
        point.sum = Some(native.sum);
        point.zero_threshold = native.zero_threshold;
        let (positive, negative) = match &native.counts {
            Counts::Integer {
                count,
                zero_count,
                positive_deltas,
                negative_deltas,
            } => {
                (point.count, point.zero_count) = (*count, *zero_count);
                (absolute(positive_deltas), absolute(negative_deltas))
            }
            Counts::Float {
                count,
                zero_count,
                positive_counts,
                negative_counts,
            } => {
                (point.count, point.zero_count) = (*count as u64, *zero_count as u64);
                (truncated(positive_counts), truncated(negative_counts))
            }
        };
        point.positive = dense(&native.positive_spans, positive)?;
        point.negative = dense(&native.negative_spans, negative)?;
        Some(point)
    }

    fn summary(mut self) -> Option<SummaryPoint<'static>> {
        let (count, stale) = (self.count?, self.is_stale());
        self.parts.sort_by(|left, right| left.0.total_cmp(&right.0));
        let quantiles = self.parts.iter().map(|(quantile, value)| Quantile {
            quantile: *quantile,
            value: if stale { 0.0 } else { *value },
        });
        Some(SummaryPoint {
            quantiles: quantiles.collect(),
            attributes: self.attributes(),
            start_unix_nano: self.start(),
            time_unix_nano: nanos(self.time_ms),
            count: if stale { 0 } else { count as u64 },
            sum: self.sum.filter(|_| !stale).unwrap_or(0.0),
            flags: if stale { NO_VALUE } else { 0 },
        })
    }
}

fn absolute(deltas: &[i64]) -> Vec<u64> {
    let mut count = 0i64;
    let counts = deltas.iter().map(|delta| {
        count = count.wrapping_add(*delta);
        count as u64
    });
    counts.collect()
}

fn truncated(counts: &[f64]) -> Vec<u64> {
    counts.iter().map(|count| *count as u64).collect()
}

/// Limit: empty buckets between spans that are written out. A histogram whose spans lie further
/// apart is left out: at its densest, schema 8, all finite numbers take half a million buckets.
const DENSE_MAX: usize = 1 << 20;

/// Buckets with the gaps between spans written out.
fn dense(spans: &[Span], counts: Vec<u64>) -> Option<Buckets<'static>> {
    let Some(first) = spans.first() else {
        return Some(Buckets::default());
    };
    let mut bucket_counts = Vec::with_capacity(counts.len());
    let mut counts = counts.into_iter();
    for (index, span) in spans.iter().enumerate() {
        let gap = if index > 0 {
            usize::try_from(span.offset).unwrap_or(0)
        } else {
            0
        };
        if bucket_counts.len() + gap > DENSE_MAX {
            return None;
        }
        bucket_counts.resize(bucket_counts.len() + gap, 0);
        bucket_counts.extend(counts.by_ref().take(span.length as usize));
    }
    Some(Buckets {
        // One counts by lower ends, one by upper ends.
        offset: first.offset.wrapping_sub(1),
        bucket_counts,
    })
}
