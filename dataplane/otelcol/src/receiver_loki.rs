//! otelcol.receiver.loki: takes lines from components of Loki and makes log records of them.
//!
//! Labels and structured metadata become attributes; `loki.attribute.labels` lists the labels, so
//! that `otelcol.exporter.loki` finds them again. A batch of lines becomes one request, under one
//! empty resource. The answer is that of the components behind.
//! Compatible with otelcol.receiver.loki of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use batch::LogsBatch;
use batch::otlp::{
    Lazy, LogRecord, OtlpBatch, Resource, ResourceGroup, Scope, ScopeGroup, Text, Tree,
};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use ops::log_lines::record_of;
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Stability};

use crate::settings::{Forward, Outputs};
use crate::streams::now_ns;

pub static COMPONENT: Component = Component::of::<ReceiverLoki>();

/// The component.
pub struct ReceiverLoki;

#[derive(Arguments)]
pub struct ReceiverLokiArguments {
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl DataComponent for ReceiverLoki {
    type Arguments = ReceiverLokiArguments;
    const NAME: &'static str = "otelcol.receiver.loki";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "LogsReceiver",
    }];

    async fn build(arguments: Arc<ReceiverLokiArguments>, cx: &Build) -> Result<Built, BuildError> {
        let converter = Converter(arguments.output.forward(cx));
        Ok(Built::new().port("receiver", Rc::new(converter)))
    }
}

struct Converter(Forward);

impl Consume for Converter {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let records = records(&batch.into_logs());
            self.0.consume(records).await
        })
    }
}

/// The lines of a batch as records, in their order. Costs a copy of each line.
fn records(batch: &LogsBatch) -> OtlpBatch {
    let now_ns = now_ns();
    let mut records = Vec::with_capacity(batch.items());
    for stream in &batch.streams {
        for entry in &stream.entries {
            let record: LogRecord<'_> = record_of(batch, &stream.labels, entry, now_ns);
            records.push(Lazy::new(record));
        }
    }
    if records.is_empty() {
        return OtlpBatch::empty(batch::OtlpSignal::Logs);
    }
    let tree = Tree {
        client: None,
        resources: vec![ResourceGroup {
            resource: Lazy::new(Resource::default()),
            scopes: vec![ScopeGroup {
                scope: Lazy::new(Scope::default()),
                items: records,
                schema_url: Text::default(),
            }],
            schema_url: Text::default(),
        }],
    };
    tree.encode()
}
