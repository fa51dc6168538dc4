//! otelcol.exporter.debug: writes what it gets into the log, for looking at a pipeline.
//!
//! A batch is acknowledged as soon as its lines are written. Compatible with otelcol.exporter.debug
//! of Alloy; how lines are laid out is ours: `detailed` shows the JSON of OTLP.

use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{OtlpBatch, OtlpSignal};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use formats::otlp_json;
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Stability};

use crate::settings::DebugMetrics;

pub static COMPONENT: Component = Component::of::<ExporterDebug>();

/// The component.
pub struct ExporterDebug;

#[derive(Arguments)]
pub struct ExporterDebugArguments {
    /// Taken for compatibility: lines go to the log.
    #[arg(default = vec!["stdout".to_owned()])]
    pub output_paths: Vec<String>,
    /// Taken for compatibility: every batch is shown.
    #[arg(default = 2)]
    pub sampling_initial: i64,
    /// Taken for compatibility: every batch is shown.
    #[arg(default = 1)]
    pub sampling_thereafter: i64,
    /// Taken for compatibility: lines go to the log.
    #[arg(default = true)]
    pub use_internal_logger: bool,
    /// How much is shown.
    #[arg(default = "basic", one_of("basic", "normal", "detailed"))]
    pub verbosity: String,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
}

impl DataComponent for ExporterDebug {
    type Arguments = ExporterDebugArguments;
    const NAME: &'static str = "otelcol.exporter.debug";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(
        arguments: Arc<ExporterDebugArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let shown = Shown {
            node: cx.node.clone(),
            ledger: cx.ledger("log"),
            detailed: arguments.verbosity == "detailed",
            named: arguments.verbosity != "basic",
        };
        Ok(Built::new().port("input", Rc::new(shown)))
    }
}

struct Shown {
    node: Rc<str>,
    ledger: Ledger,
    detailed: bool,
    named: bool,
}

impl Consume for Shown {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let items = batch.items() as u64;
            self.ledger.take(items);
            self.show(&batch);
            self.ledger.pass(items);
            Ok(())
        })
    }
}

impl Shown {
    fn show(&self, batch: &OtlpBatch) {
        let node = &*self.node;
        let (resources, items) = (resources(batch), batch.items());
        match batch.signal() {
            OtlpSignal::Traces => {
                tracing::info!(component_id = node, resources, spans = items, "Traces");
            }
            OtlpSignal::Metrics => {
                tracing::info!(component_id = node, resources, points = items, "Metrics");
            }
            OtlpSignal::Logs => {
                tracing::info!(component_id = node, resources, records = items, "Logs");
            }
        }
        if self.detailed {
            let request = batch.to_request();
            match otlp_json::encode(batch.signal().request(), &request) {
                Ok(json) => {
                    tracing::info!(component_id = node, "{}", String::from_utf8_lossy(&json));
                }
                Err(error) => tracing::warn!(component_id = node, "cannot be shown: {error}"),
            }
        } else if self.named {
            for name in names(batch) {
                tracing::info!(component_id = node, "{name}");
            }
        }
    }
}

fn resources(batch: &OtlpBatch) -> usize {
    match batch.signal() {
        OtlpSignal::Traces => batch.spans().resources.len(),
        OtlpSignal::Metrics => batch.metrics().resources.len(),
        OtlpSignal::Logs => batch.log_records().resources.len(),
    }
}

/// A few words about each item.
fn names(batch: &OtlpBatch) -> Vec<String> {
    let mut names = Vec::new();
    match batch.signal() {
        OtlpSignal::Traces => batch.spans().for_each(|_, _, span| {
            names.push(span.get().name.to_string());
        }),
        OtlpSignal::Metrics => batch.metrics().for_each(|_, _, metric| {
            names.push(metric.get().name.to_string());
        }),
        OtlpSignal::Logs => batch.log_records().for_each(|_, _, record| {
            names.push(format!("{:?}", record.get().body));
        }),
    }
    names
}
