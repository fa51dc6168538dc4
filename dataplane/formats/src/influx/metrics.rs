//! Lines as metrics: in the two schemas in which Telegraf writes Prometheus' metrics, and any
//! other as a gauge per field.

use std::collections::HashMap;

use batch::otlp::{
    AnyValue, Attributes, Gauge, Histogram, HistogramPoint, KeyValue, Lazy, Metric, MetricData,
    Number, NumberPoint, OtlpBatch, Sum,
};

use super::line::{Field, Line};
use crate::grouped::Grouped;
use crate::resource_names::RESOURCE_ATTRIBUTES;

/// What lines came to so far.
#[derive(Default)]
pub struct Points {
    metrics: Vec<(Origin, String, Data)>,
    index: HashMap<(Origin, String), usize>,
}

/// Resource and library, of tags.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Origin {
    resource: Vec<(String, String)>,
    name: String,
    version: String,
}

enum Data {
    Gauge(Vec<NumberPoint<'static>>),
    Sum(Vec<NumberPoint<'static>>, i32),
    Histogram(Vec<Buckets>, i32),
}

/// A histogram that lines add to.
struct Buckets {
    attributes: Vec<(String, String)>,
    time_ns: u64,
    count: u64,
    sum: f64,
    /// Bounds with their counts, which add up.
    buckets: Vec<(f64, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    Sum,
    Histogram,
}

/// What the tags of a line are to its points.
struct Tags {
    origin: Origin,
    attributes: Vec<(String, String)>,
    temporality: i32,
    bound: Option<String>,
}

const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;

impl Points {
    /// Adds a line.
    pub fn add(&mut self, line: Line, time_ns: u64) -> Result<(), String> {
        let timing = line
            .tags
            .iter()
            .any(|tag| tag.0 == "metric_type" && tag.1 == "timing");
        let tags = split(line.tags);
        let fields = line.fields;
        let has = |name: &str| fields.iter().any(|(key, _)| key == name);
        let ends = |end: &str| fields.iter().any(|(key, _)| key.ends_with(end));
        if line.measurement == "prometheus" {
            if tags.bound.is_some() || ends("_count") || ends("_sum") {
                return self.add_prometheus_histogram(&tags, fields, time_ns);
            }
            if let [(name, value)] = &*fields {
                let text = || "unsupported gauge value type".to_owned();
                let value = number(value).ok_or_else(text)?;
                return self.number(Kind::Gauge, name.clone(), &tags, value, time_ns);
            }
        } else if !timing {
            for (field, kind) in [("gauge", Kind::Gauge), ("counter", Kind::Sum)] {
                if let Some((_, value)) = fields.iter().find(|(key, _)| key == field) {
                    let text = || format!("unsupported {field} value type");
                    let value = number(value).ok_or_else(text)?;
                    return self.number(kind, line.measurement, &tags, value, time_ns);
                }
            }
            let bound = |key: &String| key.parse::<f64>().is_ok();
            if has("count") || has("sum") || fields.iter().any(|(key, _)| bound(key)) {
                return self.add_histogram(line.measurement, &tags, fields, time_ns);
            }
        }
        for (key, value) in fields {
            if let Some(value) = number(&value).filter(|_| key != "start_time") {
                let name = format!("{}_{key}", line.measurement);
                self.number(Kind::Gauge, name, &tags, value, time_ns)?;
            }
        }
        Ok(())
    }

    fn number(
        &mut self,
        kind: Kind,
        name: String,
        tags: &Tags,
        value: Number,
        time_ns: u64,
    ) -> Result<(), String> {
        let point = NumberPoint {
            attributes: attributes(&tags.attributes),
            time_unix_nano: time_ns,
            value,
            ..NumberPoint::default()
        };
        match self.data(kind, name, tags)? {
            Data::Gauge(points) | Data::Sum(points, _) => points.push(point),
            Data::Histogram(..) => unreachable!("asked for numbers"),
        }
        Ok(())
    }

    /// All of a histogram in one line: bounds are the names of fields.
    fn add_histogram(
        &mut self,
        name: String,
        tags: &Tags,
        fields: Vec<(String, Field)>,
        time_ns: u64,
    ) -> Result<(), String> {
        let (mut count, mut sum, mut buckets) = (None, None, Vec::new());
        for (key, value) in fields {
            let bound = key.parse::<f64>().ok();
            if key != "count" && key != "sum" && bound.is_none() {
                continue;
            }
            let Field::Float(value) = value else {
                return Err(format!("unsupported histogram {key} value type"));
            };
            match (&*key, bound) {
                ("count", _) => count = Some(value as u64),
                ("sum", _) => sum = Some(value),
                (_, Some(bound)) => buckets.push((bound, value as u64)),
                (_, None) => {}
            }
        }
        let count = count.ok_or("histogram count field not found")?;
        let sum = sum.ok_or("histogram sum field not found")?;
        let histogram = self.histogram(name, tags, time_ns)?;
        (histogram.count, histogram.sum, histogram.buckets) = (count, sum, buckets);
        Ok(())
    }

    /// A part of a histogram: a bucket, or count and sum.
    fn add_prometheus_histogram(
        &mut self,
        tags: &Tags,
        fields: Vec<(String, Field)>,
        time_ns: u64,
    ) -> Result<(), String> {
        let float = |value: &Field| match value {
            Field::Float(value) => Ok(*value),
            _ => Err("invalid value type for histogram".to_owned()),
        };
        if let Some(bound) = &tags.bound {
            let [(key, value)] = &*fields else {
                return Err("histogram metric 'le' tagged line should have 1 field".to_owned());
            };
            let name = key.strip_suffix("_bucket").unwrap_or(key);
            let wrong = |_| format!("invalid value for histogram bucket bound: '{bound}'");
            let bucket = (bound.parse().map_err(wrong)?, float(value)? as u64);
            let histogram = self.histogram(name.to_owned(), tags, time_ns)?;
            histogram.buckets.push(bucket);
            return Ok(());
        }
        let [first, second] = &*fields else {
            let text = "histogram metric count+sum fields should have two values";
            return Err(text.to_owned());
        };
        let (count, sum) = match first.0.ends_with("_count") {
            true => (first, second),
            false => (second, first),
        };
        let name = count.0.strip_suffix("_count");
        let name = name.filter(|name| sum.0.strip_suffix("_sum") == Some(name));
        let name = name
            .ok_or("histogram count has no matching sum")?
            .to_owned();
        let (count, sum) = (float(&count.1)? as u64, float(&sum.1)?);
        let histogram = self.histogram(name, tags, time_ns)?;
        (histogram.count, histogram.sum) = (count, sum);
        Ok(())
    }

    fn histogram(
        &mut self,
        name: String,
        tags: &Tags,
        time_ns: u64,
    ) -> Result<&mut Buckets, String> {
        let Data::Histogram(points, _) = self.data(Kind::Histogram, name, tags)? else {
            unreachable!("asked for a histogram");
        };
        let known =
            |point: &Buckets| point.time_ns == time_ns && point.attributes == tags.attributes;
        let at = points.iter().rposition(known).unwrap_or_else(|| {
            points.push(Buckets {
                attributes: tags.attributes.clone(),
                time_ns,
                count: 0,
                sum: 0.0,
                buckets: Vec::new(),
            });
            points.len() - 1
        });
        Ok(&mut points[at])
    }

    fn data(&mut self, kind: Kind, name: String, tags: &Tags) -> Result<&mut Data, String> {
        let key = (tags.origin.clone(), name);
        let at = match self.index.get(&key) {
            Some(at) => *at,
            None => {
                let data = match kind {
                    Kind::Gauge => Data::Gauge(Vec::new()),
                    Kind::Sum => Data::Sum(Vec::new(), tags.temporality),
                    Kind::Histogram => Data::Histogram(Vec::new(), tags.temporality),
                };
                self.metrics.push((key.0.clone(), key.1.clone(), data));
                self.index.insert(key, self.metrics.len() - 1);
                self.metrics.len() - 1
            }
        };
        let (_, name, data) = &mut self.metrics[at];
        let found = match data {
            Data::Gauge(_) => Kind::Gauge,
            Data::Sum(..) => Kind::Sum,
            Data::Histogram(..) => Kind::Histogram,
        };
        match found == kind {
            true => Ok(data),
            false => Err(format!("value type conflict for metric '{name}'")),
        }
    }

    pub fn into_batch(self) -> OtlpBatch {
        let mut grouped = Grouped::new();
        for (origin, name, data) in self.metrics {
            let data = match data {
                Data::Gauge(points) => MetricData::Gauge(Gauge {
                    points: points.into_iter().map(Lazy::new).collect(),
                }),
                Data::Sum(points, temporality) => MetricData::Sum(Sum {
                    points: points.into_iter().map(Lazy::new).collect(),
                    temporality,
                    is_monotonic: true,
                }),
                Data::Histogram(points, temporality) => MetricData::Histogram(Histogram {
                    points: points
                        .into_iter()
                        .map(|it| Lazy::new(it.into_point()))
                        .collect(),
                    temporality,
                }),
            };
            let metric = Metric {
                name: name.into(),
                data,
                ..Metric::default()
            };
            let resource = attributes(&origin.resource);
            let items = grouped.items(&resource, &origin.name, &origin.version);
            items.push(Lazy::new(metric));
        }
        grouped.encode()
    }
}

impl Buckets {
    fn into_point(mut self) -> HistogramPoint<'static> {
        self.buckets
            .sort_by(|left, right| left.0.total_cmp(&right.0));
        // Those of an untyped summary do not add up and are left as they are.
        let adds_up = self.buckets.is_sorted_by_key(|bucket| bucket.1);
        let mut counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.1).collect();
        if adds_up {
            for at in (1..counts.len()).rev() {
                counts[at] -= counts[at - 1];
            }
        }
        let mut bounds: Vec<f64> = self.buckets.iter().map(|bucket| bucket.0).collect();
        if bounds.last() == Some(&f64::INFINITY) {
            bounds.pop();
        } else {
            let inner: u64 = counts
                .iter()
                .fold(0, |sum, count| sum.saturating_add(*count));
            counts.push(self.count.checked_sub(inner).unwrap_or(self.count));
        }
        HistogramPoint {
            attributes: attributes(&self.attributes),
            time_unix_nano: self.time_ns,
            count: self.count,
            sum: Some(self.sum),
            bucket_counts: counts,
            explicit_bounds: bounds,
            ..HistogramPoint::default()
        }
    }
}

fn number(field: &Field) -> Option<Number> {
    match field {
        Field::Float(value) => Some(Number::Double(*value)),
        Field::Int(value) => Some(Number::Int(*value)),
        Field::Bool(_) | Field::Text(_) => None,
    }
}

fn attributes(pairs: &[(String, String)]) -> Attributes<'static> {
    let list = pairs.iter().map(|(key, value)| KeyValue {
        key: key.clone().into(),
        value: AnyValue::from(value.clone()),
    });
    list.collect::<Vec<_>>().into()
}

fn split(tags: Vec<(String, String)>) -> Tags {
    let mut split = Tags {
        origin: Origin::default(),
        attributes: Vec::new(),
        temporality: CUMULATIVE,
        bound: None,
    };
    for (key, value) in tags {
        match &*key {
            "le" | "quantile" => split.bound = Some(value),
            "otel.library.name" => split.origin.name = value,
            "otel.library.version" => split.origin.version = value,
            "temporality" if value == "delta" => split.temporality = DELTA,
            "start_time" => {}
            name if RESOURCE_ATTRIBUTES.contains(&name) => {
                split.origin.resource.push((key, value));
            }
            _ => split.attributes.push((key, value)),
        }
    }
    split
}
