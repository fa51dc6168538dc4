//! Spans in, series out.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{
    AnyValue, Attributes, Lazy, Metric, MetricData, OtlpBatch, OtlpSignal, Resource, ResourceGroup,
    Scope, Span, Text, Tree,
};
use engine::{Batch, Build, Consume, Ledger, Nack};
use ops::points::put_attributes;
use runtime::{Instant, LocalBoxFuture};

use super::dimension::Dimension;
use super::series::{Family, Measure, Now};
use super::{DimensionBlock, SpanMetricsArguments, default_buckets};
use crate::flush::{Gather, scope_named};
use crate::streams::now_ns;

pub(super) struct Input(pub Rc<Measurer>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let taken = batch.items() as u64;
            self.0.ledger.take(taken);
            if batch.signal() != OtlpSignal::Traces {
                self.0.ledger.drop("not_traces", taken);
                return Ok(());
            }
            self.0.measure(&batch);
            self.0.ledger.pass(taken);
            Ok(())
        })
    }
}

/// Counts and measures.
pub(super) struct Measurer {
    arguments: Arc<SpanMetricsArguments>,
    dimensions: Vec<Dimension>,
    calls_dimensions: Vec<Dimension>,
    duration_dimensions: Vec<Dimension>,
    event_dimensions: Option<Vec<Dimension>>,
    measure: Measure,
    /// Nanoseconds of the unit of durations.
    unit_ns: f64,
    /// Random, and told with series if asked for.
    instance: String,
    resources: RefCell<HashMap<Vec<u8>, Measured>>,
    ledger: Ledger,
}

/// The metrics of one resource.
struct Measured {
    attributes: Attributes<'static>,
    touched: Instant,
    calls: Family,
    durations: Family,
    events: Family,
}

impl Measurer {
    pub fn new(arguments: &Arc<SpanMetricsArguments>, cx: &Build) -> Result<Measurer, String> {
        let dimensions = |blocks: &[DimensionBlock]| -> Result<Vec<Dimension>, String> {
            blocks.iter().map(Dimension::new).collect()
        };
        let histogram = &arguments.histogram;
        let unit_ns = if histogram.unit == "s" { 1e9 } else { 1e6 };
        let measure = match &histogram.exponential {
            Some(exponential) => Measure::Exponential {
                buckets_max: usize::try_from(exponential.max_size).unwrap_or(0).max(2),
            },
            None => {
                let explicit = histogram.explicit.as_ref().map(|it| it.buckets.clone());
                let buckets = explicit.unwrap_or_else(default_buckets);
                let bound = |it: &Duration| it.as_nanos() as f64 / unit_ns;
                Measure::Explicit(buckets.iter().map(bound).collect())
            }
        };
        let events = arguments.events.as_ref().filter(|events| events.enabled);
        Ok(Measurer {
            dimensions: dimensions(&arguments.dimensions)?,
            calls_dimensions: dimensions(&arguments.calls_dimensions)?,
            duration_dimensions: dimensions(&histogram.dimensions)?,
            event_dimensions: match events {
                Some(events) => Some(dimensions(&events.dimensions)?),
                None => None,
            },
            arguments: arguments.clone(),
            measure,
            unit_ns,
            instance: format!(
                "{:016x}{:016x}",
                runtime::random_u64(),
                runtime::random_u64()
            ),
            resources: RefCell::default(),
            ledger: cx.ledger("spans"),
        })
    }

    fn measure(&self, batch: &OtlpBatch) {
        let now = Now {
            wall_ns: now_ns(),
            instant: runtime::now(),
        };
        let mut resources = self.resources.borrow_mut();
        for group in &batch.spans().resources {
            let resource = group.resource.get();
            let Some(AnyValue::String(service)) = resource.attributes.get("service.name") else {
                continue;
            };
            let measured = self.measured(&mut resources, resource, now);
            for scope in &group.scopes {
                for span in &scope.items {
                    let mut attributes = Attributes::default();
                    self.put_built_in(service, scope.scope.get(), span.get(), &mut attributes);
                    self.span(measured, resource, span.get(), attributes, now);
                }
            }
        }
    }

    /// The metrics of a resource; a new one takes the place of the one longest not seen.
    fn measured<'r>(
        &self,
        resources: &'r mut HashMap<Vec<u8>, Measured>,
        resource: &Resource<'_>,
        now: Now,
    ) -> &'r mut Measured {
        let keys = &self.arguments.resource_metrics_key_attributes;
        let mut telling = resource.attributes.clone();
        if !keys.is_empty() {
            telling.retain(|it| keys.iter().any(|key| it.key == **key));
        }
        let mut key = Vec::new();
        put_attributes(&mut key, &mut Vec::new(), &telling);
        let most = usize::try_from(self.arguments.resource_metrics_cache_size).unwrap_or(0);
        if !resources.contains_key(&key) && most > 0 && resources.len() >= most {
            let oldest = resources
                .iter()
                .min_by_key(|(_, measured)| measured.touched);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                resources.remove(&oldest);
            }
        }
        let measured = resources.entry(key).or_insert_with(|| Measured {
            attributes: resource.attributes.clone().into_owned(),
            touched: now.instant,
            calls: self.family(Measure::Count),
            durations: self.family(self.measure.clone()),
            events: self.family(Measure::Count),
        });
        measured.touched = now.instant;
        measured
    }

    fn family(&self, measure: Measure) -> Family {
        let delta = self.arguments.aggregation_temporality == "DELTA";
        let most = usize::try_from(self.arguments.aggregation_cardinality_limit).unwrap_or(0);
        let exemplars = match &self.arguments.exemplars {
            Some(it) if it.enabled => usize::try_from(it.max_per_data_point).unwrap_or(0),
            _ => 0,
        };
        Family::new(measure, delta, most, exemplars)
    }

    fn put_built_in<'a>(
        &self,
        service: &Text<'a>,
        scope: &Scope<'a>,
        span: &Span<'a>,
        into: &mut Attributes<'a>,
    ) {
        let excluded = &self.arguments.exclude_dimensions;
        let mut put = |key: &'static str, value: AnyValue<'a>| {
            if !excluded.iter().any(|it| it == key) {
                into.set(key, value);
            }
        };
        put("service.name", AnyValue::String(service.clone()));
        put("span.name", AnyValue::String(span.name.clone()));
        put("span.kind", kind(span.kind).into());
        put("status.code", status(span.status.code).into());
        if self.arguments.include_collector_instance_id {
            put("collector.instance.id", self.instance.clone().into());
        }
        let scopes = &self.arguments.include_instrumentation_scope;
        if scopes.iter().any(|it| scope.name == **it) {
            let name = AnyValue::String(scope.name.clone());
            put("span.instrumentation.scope.name", name);
            if !scope.version.is_empty() {
                let version = AnyValue::String(scope.version.clone());
                put("span.instrumentation.scope.version", version);
            }
        }
    }

    fn span<'a>(
        &self,
        measured: &mut Measured,
        resource: &Resource<'a>,
        span: &Span<'a>,
        mut attributes: Attributes<'a>,
        now: Now,
    ) {
        // A span that ends before it begins took no time.
        let nanos = span.end_unix_nano.saturating_sub(span.start_unix_nano);
        let duration = nanos as f64 / self.unit_ns;
        let places = [&span.attributes, &resource.attributes];
        put_all(&self.dimensions, &places, &mut attributes);
        if !self.arguments.histogram.disable {
            let mut attributes = attributes.clone();
            put_all(&self.duration_dimensions, &places, &mut attributes);
            measured.durations.add(&attributes, span, duration, now);
        }
        if let Some(dimensions) = &self.event_dimensions {
            for event in &span.events {
                let mut attributes = attributes.clone();
                let places = [
                    &event.get().attributes,
                    &span.attributes,
                    &resource.attributes,
                ];
                put_all(dimensions, &places, &mut attributes);
                measured.events.add(&attributes, span, duration, now);
            }
        }
        put_all(&self.calls_dimensions, &places, &mut attributes);
        measured.calls.add(&attributes, span, duration, now);
    }

    fn metric(&self, name: &str, unit: &str, data: MetricData<'static>) -> Metric<'static> {
        let name = match &*self.arguments.namespace {
            "" => name.to_owned(),
            namespace => format!("{namespace}.{name}"),
        };
        Metric {
            name: Text::from(name),
            unit: Text::from(unit.to_owned()),
            data,
            ..Metric::default()
        }
    }

    /// Forgets what has not been touched for as long as settings say.
    fn expire(&self, resources: &mut HashMap<Vec<u8>, Measured>, now: Instant) {
        let resources_stay = self.arguments.metrics_expiration;
        if !resources_stay.is_zero() {
            resources.retain(|_, measured| now < measured.touched + resources_stay);
        }
        let series_stay = self.arguments.series_expiration;
        if series_stay.is_zero() {
            return;
        }
        for measured in resources.values_mut() {
            measured.calls.forget_after(series_stay, now);
            measured.durations.forget_after(series_stay, now);
            measured.events.forget_after(series_stay, now);
        }
    }
}

fn put_all<'a>(dimensions: &[Dimension], places: &[&Attributes<'a>], into: &mut Attributes<'a>) {
    for dimension in dimensions {
        dimension.put(places, into);
    }
}

fn kind(kind: i32) -> &'static str {
    match kind {
        1 => "SPAN_KIND_INTERNAL",
        2 => "SPAN_KIND_SERVER",
        3 => "SPAN_KIND_CLIENT",
        4 => "SPAN_KIND_PRODUCER",
        5 => "SPAN_KIND_CONSUMER",
        _ => "SPAN_KIND_UNSPECIFIED",
    }
}

fn status(code: i32) -> &'static str {
    match code {
        1 => "STATUS_CODE_OK",
        2 => "STATUS_CODE_ERROR",
        _ => "STATUS_CODE_UNSET",
    }
}

impl Gather for Measurer {
    fn gather(&self) -> OtlpBatch {
        let now = Now {
            wall_ns: now_ns(),
            instant: runtime::now(),
        };
        let mut resources = self.resources.borrow_mut();
        self.expire(&mut resources, now.instant);
        let mut tree = Tree::default();
        for measured in resources.values_mut() {
            let unit = &self.arguments.histogram.unit;
            let mut metrics = vec![
                self.metric("calls", "", measured.calls.points(now)),
                self.metric("duration", unit, measured.durations.points(now)),
                self.metric("events", "", measured.events.points(now)),
            ];
            metrics.retain(|metric| metric.data.points() > 0);
            if metrics.is_empty() {
                continue;
            }
            let metrics = metrics.into_iter().map(Lazy::new).collect();
            tree.resources.push(ResourceGroup {
                resource: Lazy::new(Resource {
                    attributes: measured.attributes.clone(),
                    ..Resource::default()
                }),
                scopes: vec![scope_named("spanmetricsconnector", metrics)],
                schema_url: Text::default(),
            });
        }
        if self.arguments.aggregation_temporality == "DELTA" {
            resources.clear();
        }
        match tree.is_empty() {
            true => OtlpBatch::empty(OtlpSignal::Metrics),
            false => tree.encode(),
        }
    }
}
