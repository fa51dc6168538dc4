//! otelcol.exporter.loki: gives log records to components of Loki, as lines with labels.
//!
//! Labels are `exporter`, `job`, `instance`, `level` and what hints name; the line is JSON unless
//! a hint says otherwise (`ops::log_lines`). A record that cannot be a line is dropped, counted and
//! told of. The answer is that of the components behind.
//! Compatible with otelcol.exporter.loki of Alloy.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use batch::{LabelsBuf, LogsBatch};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Fanout, Ledger};
use engine::{Nack, Role, Spread, Throttle};
use ops::log_lines::{LineMaker, time_of};
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Port, Stability};

pub static COMPONENT: Component = Component::of::<ExporterLoki>();

/// The component.
pub struct ExporterLoki;

#[derive(Arguments)]
pub struct ExporterLokiArguments {
    /// Where lines go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
}

/// How often records that cannot be lines are told of at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);

impl DataComponent for ExporterLoki {
    type Arguments = ExporterLokiArguments;
    const NAME: &'static str = "otelcol.exporter.loki";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<ExporterLokiArguments>, cx: &Build) -> Result<Built, BuildError> {
        let converter = Converter {
            node: cx.node.clone(),
            fanout: cx.fanout(&arguments.forward_to),
            ledger: cx.ledger("lines"),
            throttle: Throttle::new(TOLD_EVERY),
        };
        Ok(Built::new().port("input", Rc::new(converter)))
    }
}

struct Converter {
    node: Rc<str>,
    fanout: Fanout,
    ledger: Ledger,
    throttle: Throttle,
}

impl Consume for Converter {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let taken = batch.items() as u64;
            let mut held = self.ledger.hold(taken);
            if batch.signal() != OtlpSignal::Logs {
                held.lose("not_logs", taken);
                return Ok(());
            }
            let lines = self.lines(&batch);
            drop(batch);
            let kept = lines.items() as u64;
            let result = match kept {
                0 => Ok(()),
                _ => self.fanout.consume(Batch::Logs(Rc::new(lines))).await,
            };
            held.settle_kept(&result, kept, "invalid");
            result
        })
    }
}

impl Converter {
    fn lines(&self, batch: &OtlpBatch) -> LogsBatch {
        let mut lines = LogsBatch::default();
        let mut maker = LineMaker::default();
        // Sets of labels of this batch, so that entries of one stream are found to be of one.
        let mut known: HashMap<Rc<LabelsBuf>, usize> = HashMap::new();
        batch.log_records().for_each(|resource, scope, record| {
            let record = record.get();
            if let Err(error) = maker.make(record, resource.get(), scope.get()) {
                self.tell(&error.0);
                return;
            }
            let time = time_of(record).unwrap_or_else(|| runtime::wall_ns() as i64);
            let line = lines.add_text(maker.line.as_bytes());
            let entry = batch::LogEntry {
                timestamp_ns: time,
                line,
                metadata: batch::PairRange::default(),
            };
            match known.get(&maker.labels) {
                Some(at) => lines.streams[*at].entries.push(entry),
                None => {
                    let labels = Rc::new(maker.labels.clone());
                    known.insert(labels.clone(), lines.streams.len());
                    lines.streams.push(batch::LogStream {
                        labels,
                        entries: vec![entry],
                    });
                }
            }
        });
        lines
    }

    fn tell(&self, message: &str) {
        if let Some(held_back) = self.throttle.pass() {
            let node = &*self.node;
            tracing::error!(
                component_id = node,
                held_back,
                "failed to convert log to loki entry: {message}"
            );
        }
    }
}
