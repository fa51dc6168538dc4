//! otelcol.receiver.prometheus: takes samples from components of Prometheus and makes metrics of
//! OTLP of them.
//!
//! Each batch is put together by itself: `job` and `instance` make the resource, metadata says
//! which series are one metric (`ops::prom_otlp`). What metadata says is remembered. Samples that
//! name no job or instance, or do not fit their metric, are dropped and counted.
//! Compatible with otelcol.receiver.prometheus of Alloy.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use ops::prom_otlp::{Known, to_points};
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Stability};

use crate::settings::{DebugMetrics, Forward, Outputs};

pub static COMPONENT: Component = Component::of::<ReceiverPrometheus>();

/// The component.
pub struct ReceiverPrometheus;

#[derive(Arguments)]
pub struct ReceiverPrometheusArguments {
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl DataComponent for ReceiverPrometheus {
    type Arguments = ReceiverPrometheusArguments;
    const NAME: &'static str = "otelcol.receiver.prometheus";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "MetricsReceiver",
    }];

    async fn build(
        arguments: Arc<ReceiverPrometheusArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let converter = Converter {
            cx: cx.clone(),
            known: RefCell::default(),
            forward: arguments.output.forward(cx),
            ledger: cx.ledger("points"),
        };
        Ok(Built::new().port("receiver", Rc::new(converter)))
    }
}

struct Converter {
    cx: Build,
    known: RefCell<Known>,
    forward: Forward,
    ledger: Ledger,
}

impl Consume for Converter {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let taken = batch.items();
            let held = self.ledger.hold(taken);
            let metrics = batch.into_metrics();
            let (points, left_out) = {
                let mut known = self.known.borrow_mut();
                known.learn(&metrics.metadata);
                to_points(&metrics, &self.cx.series.borrow(), &known)
            };
            drop(metrics);
            let result = self.forward.consume(points).await;
            held.settle_kept(&result, taken - left_out, "unfit");
            result
        })
    }
}
