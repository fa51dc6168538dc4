//! otelcol.exporter.prometheus: gives metrics to components of Prometheus, as samples.
//!
//! Names get unit and kind, `job` and `instance` come from the resource (`ops::prom_otlp`). Sums
//! and histograms that are not cumulative are dropped and counted, as are points that are older
//! than the last one of their series. Series are remembered for five minutes, so that components
//! behind find what they know of them. The answer is that of the components behind.
//! Compatible with otelcol.exporter.prometheus of Alloy.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{Metric, OtlpBatch, OtlpSignal};
use batch::{
    Exemplar, Histogram, HistogramSample, LabelsBuf, Metadata, MetricKind, MetricsBatch, Sample,
    SeriesId, SeriesTable,
};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Fanout, Ledger};
use engine::{Nack, Role, Spread};
use ops::prom_otlp::{Options, Take, Taken, ToSamples};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Port, Stability};

use crate::streams::{every, now_ns};

pub static COMPONENT: Component = Component::of::<ExporterPrometheus>();

/// The component.
pub struct ExporterPrometheus;

#[derive(Arguments)]
#[arg(check = ExporterPrometheusArguments::check)]
pub struct ExporterPrometheusArguments {
    /// Where samples go.
    #[arg(required, port = Metrics)]
    pub forward_to: Vec<Port>,
    /// Whether names get unit and kind.
    #[arg(default = true)]
    pub add_metric_suffixes: bool,
    /// Whether histograms become native ones with custom buckets.
    #[arg(default = false)]
    pub convert_classic_histograms_to_nhcb: bool,
    /// How often series that were not seen for five minutes are forgotten.
    #[arg(default = "5m")]
    pub gc_frequency: Duration,
    /// Whether metadata of metrics goes along.
    #[arg(default = false)]
    pub honor_metadata: bool,
    /// Whether `otel_scope_info` tells of scopes.
    #[arg(default = false)]
    pub include_scope_info: bool,
    /// Taken for compatibility, and without effect, as in Alloy.
    #[arg(default = true)]
    pub include_scope_labels: bool,
    /// Whether `target_info` tells of resources.
    #[arg(default = true)]
    pub include_target_info: bool,
    /// Whether `target_info` has the service's name, namespace and instance too.
    #[arg(default = false)]
    pub keep_identifying_resource_attributes: bool,
    /// Whether attributes of resources become labels of all samples.
    #[arg(default = false)]
    pub resource_to_telemetry_conversion: bool,
    /// Whether a zero is put where a counter began.
    #[arg(default = false)]
    pub start_timestamp_zero_ingestion: bool,
}

impl ExporterPrometheusArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.gc_frequency.is_zero() {
            check.attribute("gc_frequency", "gc_frequency must be greater than 0");
        }
    }

    fn options(&self) -> Options {
        Options {
            target_info: self.include_target_info,
            scope_info: self.include_scope_info,
            suffixes: self.add_metric_suffixes,
            resource_labels: self.resource_to_telemetry_conversion,
            identifying_attributes: self.keep_identifying_resource_attributes,
            custom_buckets: self.convert_classic_histograms_to_nhcb,
            metadata: self.honor_metadata,
        }
    }
}

/// Series that were not seen for so long are forgotten.
const STALE_NS: u64 = 300 * 1_000_000_000;

impl DataComponent for ExporterPrometheus {
    type Arguments = ExporterPrometheusArguments;
    const NAME: &'static str = "otelcol.exporter.prometheus";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(
        arguments: Arc<ExporterPrometheusArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let converter = Rc::new(Converter {
            fanout: cx.fanout(&arguments.forward_to),
            ledger: cx.ledger("samples"),
            to_samples: RefCell::new(ToSamples::new(arguments.options())),
            seen: RefCell::new(Seen {
                table: cx.series.clone(),
                series: HashMap::new(),
            }),
            zeros: arguments.start_timestamp_zero_ingestion,
        });
        let swept = converter.clone();
        Ok(Built::new()
            .port("input", Rc::new(Input(converter)))
            .run(every(arguments.gc_frequency, move || {
                let stale = now_ns().saturating_sub(STALE_NS);
                swept.seen.borrow_mut().forget_before(stale);
            })))
    }
}

struct Input(Rc<Converter>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(self.0.consume(batch))
    }
}

struct Converter {
    fanout: Fanout,
    ledger: Ledger,
    to_samples: RefCell<ToSamples>,
    seen: RefCell<Seen>,
    zeros: bool,
}

impl Converter {
    /// Points are counted, not the samples that they become: of a histogram, many.
    async fn consume(&self, batch: Batch) -> Result<(), Nack> {
        let batch = batch.into_otlp();
        let taken = batch.items() as u64;
        let mut held = self.ledger.hold(taken);
        if batch.signal() != OtlpSignal::Metrics {
            held.lose("not_metrics", taken);
            return Ok(());
        }
        let (out, dropped, series) = self.convert(&batch);
        drop(batch);
        let result = match out.is_empty() {
            true => Ok(()),
            false => self.fanout.consume(Batch::Metrics(Rc::new(out))).await,
        };
        drop(series);
        if result.is_ok() {
            for (reason, points) in dropped {
                held.lose(reason, points);
            }
        }
        held.settle(&result);
        result
    }

    fn convert(&self, batch: &OtlpBatch) -> (MetricsBatch, Dropped, Held) {
        let seen = &mut *self.seen.borrow_mut();
        let shared = seen.table.clone();
        let mut table = shared.borrow_mut();
        let mut pass = Pass {
            table: &mut table,
            series: &mut seen.series,
            now_ns: now_ns(),
            zeros: self.zeros,
            out: MetricsBatch::default(),
            dropped: Vec::new(),
            last: None,
        };
        let now_ms = (pass.now_ns / 1_000_000) as i64;
        let mut to_samples = self.to_samples.borrow_mut();
        to_samples.convert(&batch.metrics(), now_ms, &mut pass);
        let Pass { out, dropped, .. } = pass;
        let samples = out.samples.iter().map(|sample| sample.series);
        let histograms = out.histograms.iter().map(|sample| sample.series);
        let ids: Vec<SeriesId> = samples.chain(histograms).collect();
        // The sweep may forget a series while its batch is under way.
        for id in &ids {
            table.retain(*id);
        }
        let held = Held {
            table: shared.clone(),
            ids,
        };
        (out, dropped, held)
    }
}

/// Points that did not become samples, by reason.
type Dropped = Vec<(&'static str, u64)>;

/// References to the series of a batch on its way, given back also when nobody waits any more.
struct Held {
    table: Rc<RefCell<SeriesTable>>,
    ids: Vec<SeriesId>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut table = self.table.borrow_mut();
        for id in self.ids.drain(..) {
            table.release(id);
        }
    }
}

/// What is remembered of each series, with a reference to it.
struct Seen {
    table: Rc<RefCell<SeriesTable>>,
    series: HashMap<SeriesId, Series>,
}

#[derive(Default)]
struct Series {
    time_ms: i64,
    exemplar_ms: i64,
    seen_ns: u64,
}

impl Seen {
    fn forget_before(&mut self, time_ns: u64) {
        let mut table = self.table.borrow_mut();
        self.series.retain(|id, series| {
            let stays = time_ns <= series.seen_ns;
            if !stays {
                table.release(*id);
            }
            stays
        });
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.forget_before(u64::MAX);
    }
}

/// One batch on its way to samples.
struct Pass<'p> {
    table: &'p mut SeriesTable,
    series: &'p mut HashMap<SeriesId, Series>,
    now_ns: u64,
    zeros: bool,
    out: MetricsBatch,
    dropped: Dropped,
    /// The series that exemplars belong to.
    last: Option<SeriesId>,
}

impl Pass<'_> {
    /// The series of these labels, and when it was last heard of; none if that was later.
    fn series(&mut self, labels: &LabelsBuf, taken: Taken) -> Option<(SeriesId, i64)> {
        let id = self.table.intern(labels);
        let series = match self.series.get_mut(&id) {
            Some(series) => {
                // The reference is there already.
                self.table.release(id);
                series
            }
            None => self.series.entry(id).or_default(),
        };
        series.seen_ns = self.now_ns;
        let before = series.time_ms;
        self.last = Some(id);
        if taken.time_ms < before {
            return None;
        }
        series.time_ms = taken.time_ms;
        Some((id, before))
    }

    /// Whether a zero belongs where the series began: once, and before its values.
    fn begins(&self, taken: Taken, before: i64) -> bool {
        self.zeros && before < taken.start_ms && taken.start_ms < taken.time_ms
    }
}

impl Take for Pass<'_> {
    fn sample(&mut self, labels: &LabelsBuf, taken: Taken, value: f64) {
        // Compat: what is out of order is skipped without a word; a point may have other series.
        let Some((series, before)) = self.series(labels, taken) else {
            return;
        };
        if self.begins(taken, before) {
            self.out.samples.push(Sample {
                series,
                timestamp_ms: taken.start_ms,
                value: 0.0,
            });
        }
        self.out.samples.push(Sample {
            series,
            timestamp_ms: taken.time_ms,
            value,
        });
    }

    fn histogram(&mut self, labels: &LabelsBuf, taken: Taken, histogram: Histogram) {
        let Some((series, before)) = self.series(labels, taken) else {
            return;
        };
        if self.begins(taken, before) {
            let zero = ops::histogram::zero_of(&histogram);
            self.out.histograms.push(HistogramSample {
                series,
                timestamp_ms: taken.start_ms,
                histogram: Rc::new(zero),
            });
        }
        self.out.histograms.push(HistogramSample {
            series,
            timestamp_ms: taken.time_ms,
            histogram: Rc::new(histogram),
        });
    }

    fn exemplar(&mut self, labels: LabelsBuf, time_ms: i64, value: f64) {
        let Some(id) = self.last else {
            return;
        };
        let Some(series) = self.series.get_mut(&id) else {
            return;
        };
        if time_ms < series.exemplar_ms {
            return;
        }
        series.exemplar_ms = time_ms;
        self.out.exemplars.push(Exemplar {
            series: id,
            labels,
            timestamp_ms: time_ms,
            value,
        });
    }

    fn metadata(&mut self, name: &str, kind: MetricKind, metric: Option<&Metric<'_>>) {
        let text = |text: Option<&batch::otlp::Text<'_>>| match text {
            Some(text) => text.to_str().into_owned(),
            None => String::new(),
        };
        let target = name == "target_info";
        self.out.metadata.push(Metadata {
            name: name.to_owned(),
            kind,
            help: match target {
                true => "Target metadata".to_owned(),
                false => text(metric.map(|it| &it.description)),
            },
            unit: text(metric.map(|it| &it.unit)),
        });
        self.out.describes_series = true;
    }

    fn drop(&mut self, reason: &'static str, points: u64) {
        match self.dropped.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, sum)) => *sum += points,
            None => self.dropped.push((reason, points)),
        }
    }
}
