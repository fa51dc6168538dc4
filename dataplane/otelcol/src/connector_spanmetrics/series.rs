//! Series of one metric: their attributes, counts, durations and links to traces.

use std::collections::HashMap;
use std::time::Duration;

use batch::otlp::{
    AnyValue, Attributes, Exemplar, ExemplarValue, ExponentialHistogram, ExponentialPoint,
    Histogram, HistogramPoint, Lazy, MetricData, Number, NumberPoint, Span, Sum,
};
use ops::points::{CUMULATIVE, DELTA, SCALE_MAX, observe, put_attributes};
use runtime::Instant;

/// What is counted together.
pub(super) struct Series {
    attributes: Attributes<'static>,
    began_ns: u64,
    touched: Instant,
    told: bool,
    value: Value,
    exemplars: Vec<Exemplar<'static>>,
}

enum Value {
    Count(i64),
    Explicit { counts: Vec<u64>, sum: f64 },
    Exponential(ExponentialPoint<'static>),
}

/// How values are kept.
#[derive(Clone)]
pub(super) enum Measure {
    Count,
    Explicit(Vec<f64>),
    Exponential { buckets_max: usize },
}

/// All series of a metric of a resource.
pub(super) struct Family {
    measure: Measure,
    delta: bool,
    /// 0 is no limit.
    series_max: usize,
    exemplars_max: usize,
    series: HashMap<Vec<u8>, Series>,
    key: Vec<u8>,
    order: Vec<usize>,
}

/// Times that all series of a flush share.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub wall_ns: u64,
    pub instant: Instant,
}

impl Family {
    pub fn new(measure: Measure, delta: bool, series_max: usize, exemplars_max: usize) -> Family {
        Family {
            measure,
            delta,
            series_max,
            exemplars_max,
            series: HashMap::new(),
            key: Vec::new(),
            order: Vec::new(),
        }
    }

    /// Counts a span, or something of it; `duration` is in the metric's unit.
    pub fn add(&mut self, attributes: &Attributes<'_>, span: &Span<'_>, duration: f64, now: Now) {
        self.key.clear();
        put_attributes(&mut self.key, &mut self.order, attributes);
        let full = self.series_max > 0 && self.series.len() >= self.series_max;
        let overflows = full && !self.series.contains_key(&self.key);
        if overflows {
            self.key.clear();
        }
        if !self.series.contains_key(&self.key) {
            let attributes = match overflows {
                true => {
                    let mut attributes = Attributes::default();
                    attributes.set("otel.metric.overflow", AnyValue::Bool(true));
                    attributes
                }
                false => attributes.clone().into_owned(),
            };
            let series = Series::new(attributes, &self.measure, now);
            self.series.insert(self.key.clone(), series);
        }
        let Some(series) = self.series.get_mut(&self.key) else {
            return;
        };
        series.touched = now.instant;
        series.value.add(&self.measure, duration);
        let traced = span.trace_id.iter().any(|byte| *byte != 0);
        if traced && series.exemplars.len() < self.exemplars_max {
            series.exemplars.push(Exemplar {
                time_unix_nano: now.wall_ns,
                trace_id: span.trace_id.to_vec().into(),
                span_id: span.span_id.to_vec().into(),
                value: ExemplarValue(Number::Double(duration)),
                ..Exemplar::default()
            });
        }
    }

    /// Forgets series that were not touched for so long.
    pub fn forget_after(&mut self, stay: Duration, now: Instant) {
        self.series.retain(|_, series| now < series.touched + stay);
    }

    /// The points of all series; of a delta, they are forgotten.
    pub fn points(&mut self, now: Now) -> MetricData<'static> {
        let (mut numbers, mut explicit, mut exponential) = (Vec::new(), Vec::new(), Vec::new());
        for series in self.series.values_mut() {
            let exemplars: Vec<_> = series.exemplars.drain(..).map(Lazy::new).collect();
            let (start, time) = (series.began_ns, now.wall_ns);
            let attributes = series.attributes.clone();
            match &series.value {
                Value::Count(count) => {
                    if !self.delta && !series.told {
                        // Compat: a counter begins with a zero, so that its first step is seen.
                        numbers.push(number(series.attributes.clone(), start, start, 0));
                    }
                    numbers.push(NumberPoint {
                        exemplars,
                        ..number(attributes, start, time, *count)
                    });
                }
                Value::Explicit { counts, sum } => explicit.push(HistogramPoint {
                    attributes,
                    start_unix_nano: start,
                    time_unix_nano: time,
                    count: counts.iter().sum(),
                    sum: Some(*sum),
                    bucket_counts: counts.clone(),
                    explicit_bounds: self.measure.bounds().to_vec(),
                    exemplars,
                    ..HistogramPoint::default()
                }),
                Value::Exponential(point) => exponential.push(ExponentialPoint {
                    attributes,
                    start_unix_nano: start,
                    time_unix_nano: time,
                    exemplars,
                    ..point.clone()
                }),
            }
            series.told = true;
        }
        if self.delta {
            self.series.clear();
        }
        let temporality = if self.delta { DELTA } else { CUMULATIVE };
        match self.measure {
            Measure::Count => MetricData::Sum(Sum {
                points: numbers.into_iter().map(Lazy::new).collect(),
                temporality,
                is_monotonic: true,
            }),
            Measure::Explicit(_) => MetricData::Histogram(Histogram {
                points: explicit.into_iter().map(Lazy::new).collect(),
                temporality,
            }),
            Measure::Exponential { .. } => MetricData::ExponentialHistogram(ExponentialHistogram {
                points: exponential.into_iter().map(Lazy::new).collect(),
                temporality,
            }),
        }
    }
}

fn number(
    attributes: Attributes<'static>,
    start: u64,
    time: u64,
    count: i64,
) -> NumberPoint<'static> {
    NumberPoint {
        attributes,
        start_unix_nano: start,
        time_unix_nano: time,
        value: Number::Int(count),
        ..NumberPoint::default()
    }
}

impl Measure {
    fn bounds(&self) -> &[f64] {
        match self {
            Measure::Explicit(bounds) => bounds,
            Measure::Count | Measure::Exponential { .. } => &[],
        }
    }
}

impl Series {
    fn new(attributes: Attributes<'static>, measure: &Measure, now: Now) -> Series {
        Series {
            attributes,
            began_ns: now.wall_ns,
            touched: now.instant,
            told: false,
            value: match measure {
                Measure::Count => Value::Count(0),
                Measure::Explicit(bounds) => Value::Explicit {
                    counts: vec![0; bounds.len() + 1],
                    sum: 0.0,
                },
                Measure::Exponential { .. } => Value::Exponential(ExponentialPoint {
                    scale: SCALE_MAX,
                    ..ExponentialPoint::default()
                }),
            },
            exemplars: Vec::new(),
        }
    }
}

impl Value {
    fn add(&mut self, measure: &Measure, duration: f64) {
        match (self, measure) {
            (Value::Explicit { counts, sum }, Measure::Explicit(bounds)) => {
                counts[bounds.partition_point(|bound| *bound < duration)] += 1;
                *sum += duration;
            }
            (Value::Exponential(point), Measure::Exponential { buckets_max }) => {
                observe(point, duration, 1, *buckets_max);
            }
            (Value::Count(count), _) => *count += 1,
            (Value::Explicit { .. } | Value::Exponential(_), _) => {}
        }
    }
}
