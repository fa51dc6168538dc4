//! otelcol.processor.batch: puts small requests together and cuts large ones.
//!
//! ```text
//! input -> waits for others -> one batch -> output
//!   Ok <- delivered; or, after the commit deadline: logged (append, sync)
//! ```
//!
//! Merging shares the bytes that arrived, a cut copies the request that it goes through. An input
//! is answered when the batch that it became part of was; what takes longer than the commit
//! deadline is logged and then answered, so that a long `timeout` delays nobody and loses nothing.
//! What is in the log after a crash is batched again.
//!
//! One shard puts together what came to all of them, so that requests meet whatever connection
//! they came by; what is behind it in the flow runs on that shard alone, which bounds a flow's
//! throughput to that of a core.
//!
//! With `metadata_keys` requests are put together only with those of the same values, and their
//! batch keeps these; what is in the log keeps them too.
//!
//! Compatible with otelcol.processor.batch of Alloy.

mod groups;
mod run;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use engine::outbox::{Direct, DirectOptions, Fate, Logged, Outcome, Parcel, Post};
use engine::outbox::{Sender, SenderOptions};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, MetricDecl, MetricKind, Stability};
use stdx::protobuf::DecodeError;

use crate::envelope;
use crate::settings::{DebugMetrics, Outputs};
use run::Batcher;

pub static COMPONENT: Component = Component::of::<ProcessorBatch>();

/// The component.
pub struct ProcessorBatch;

#[derive(Arguments)]
#[arg(check = ProcessorBatchArguments::check)]
pub struct ProcessorBatchArguments {
    /// Most combinations of values of `metadata_keys`, on each shard; 0 sets no limit.
    #[arg(default = 1000)]
    pub metadata_cardinality_limit: u32,
    /// Metadata of requests: each combination of their values has batches of its own.
    pub metadata_keys: Vec<String>,
    /// Most items of a batch; 0 sets no limit.
    #[arg(default = 3000)]
    pub send_batch_max_size: u32,
    /// A batch with so many items goes on at once; 0 lets every one go on at once.
    #[arg(default = 2000)]
    pub send_batch_size: u32,
    /// How long a batch waits for more; 0 lets every one go on at once.
    #[arg(default = "200ms")]
    pub timeout: Duration,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl ProcessorBatchArguments {
    fn check(&self, check: &mut Check<'_>) {
        if 0 < self.send_batch_max_size && self.send_batch_max_size < self.send_batch_size {
            check.attribute(
                "send_batch_max_size",
                "send_batch_max_size must be greater or equal to send_batch_size when not 0",
            );
        }
        let lower = self
            .metadata_keys
            .iter()
            .map(|key| key.to_ascii_lowercase());
        let mut seen = BTreeSet::new();
        for key in lower {
            if !seen.insert(key.clone()) {
                let text =
                    format!("duplicate entry in metadata_keys: \"{key}\" (case-insensitive)");
                check.attribute("metadata_keys", text);
            }
        }
    }
}

const SEND_BYTES: MetricDecl = MetricDecl {
    name: "otelcol_processor_batch_batch_send_size_bytes",
    kind: MetricKind::Histogram,
    help: "Number of bytes in batch that was sent.",
};
const SEND_SIZE: MetricDecl = MetricDecl {
    name: "otelcol_processor_batch_batch_send_size",
    kind: MetricKind::Histogram,
    help: "Number of units in the batch.",
};
const BY_SIZE: MetricDecl = MetricDecl {
    name: "otelcol_processor_batch_batch_size_trigger_send_total",
    kind: MetricKind::Counter,
    help: "Number of times the batch was sent due to a size trigger.",
};
const CARDINALITY: MetricDecl = MetricDecl {
    name: "otelcol_processor_batch_metadata_cardinality",
    kind: MetricKind::Gauge,
    help: "Number of distinct metadata value combinations being processed.",
};
const BY_TIMEOUT: MetricDecl = MetricDecl {
    name: "otelcol_processor_batch_timeout_trigger_send_total",
    kind: MetricKind::Counter,
    help: "Number of times the batch was sent due to a timeout trigger.",
};

const DESTINATION: &str = "output";
const LANE: &str = "waiting";

/// Limit: how long an input waits in memory for its answer before it is logged.
const COMMIT_DEADLINE: Duration = Duration::from_millis(50);
/// Limit: inputs that wait at the same time; further ones wait at the door.
const WAITING_MAX: u32 = 4096;
/// Limit: inputs from the log that wait at the same time.
const LOGGED_MAX: usize = 256;
/// Waits before what the nodes behind did not take is offered again.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

impl DataComponent for ProcessorBatch {
    type Arguments = ProcessorBatchArguments;
    const NAME: &'static str = "otelcol.processor.batch";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];
    const METRICS: &'static [MetricDecl] =
        &[SEND_BYTES, SEND_SIZE, BY_SIZE, CARDINALITY, BY_TIMEOUT];

    async fn build(
        arguments: Arc<ProcessorBatchArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let options = cx.globals.lanes.options(vec![DESTINATION.to_owned()]);
        let outbox = cx.outbox(LANE, options).await?;
        let options = DirectOptions {
            destination: DESTINATION.to_owned(),
            commit_deadline: COMMIT_DEADLINE,
            in_flight_max: WAITING_MAX,
        };
        let batcher = Batcher::new(&arguments, cx);
        let direct = Direct::new(options, outbox.clone(), Merging(batcher.clone()));
        let sender = Sender::new(
            SenderOptions {
                cx: cx.clone(),
                destination: DESTINATION.to_owned(),
                min_backoff: BACKOFF_MIN,
                max_backoff: BACKOFF_MAX,
                age_limit: Duration::ZERO,
                in_flight_max: LOGGED_MAX,
            },
            outbox,
            Logged(direct.clone()),
        );
        let handle = sender.handle();
        let input = batcher.clone();
        Ok(Built::new()
            .port(
                "input",
                Rc::new(Input {
                    direct,
                    batcher: input,
                }),
            )
            .run(async move { sender.run().await })
            .drain(move |why| {
                batcher.flush_all();
                let handle = handle.clone();
                async move { handle.finish(why).await }
            }))
    }
}

struct Input {
    direct: Rc<Direct<Merging>>,
    batcher: Rc<Batcher>,
}

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            if batch.is_empty() {
                return Ok(());
            }
            let mut parcel = Parcel {
                kind: kind_of(batch.signal()),
                items: u32::try_from(batch.items()).unwrap_or(u32::MAX),
                pieces: batch.chunks().to_vec(),
                logged: false,
            };
            let groups = &self.batcher.groups;
            if groups.is_used() {
                let metadata = groups.metadata(batch.client().map(|client| &**client));
                groups.admit(&metadata)?;
                envelope::enclose(&mut parcel, &metadata);
            }
            self.direct.push(parcel).await
        })
    }
}

fn kind_of(signal: OtlpSignal) -> u8 {
    match signal {
        OtlpSignal::Traces => 1,
        OtlpSignal::Metrics => 2,
        OtlpSignal::Logs => 3,
    }
}

/// Delivery is to become part of a batch that is delivered.
struct Merging(Rc<Batcher>);

impl Post for Merging {
    fn post(&self, mut parcel: Parcel, _attempt: u32) -> LocalBoxFuture<'_, Outcome> {
        Box::pin(async move {
            let metadata = match envelope::open(&mut parcel) {
                Ok(metadata) => metadata.unwrap_or_default(),
                Err(error) => {
                    return Outcome::Drop {
                        reason: "corrupt",
                        message: error.to_owned(),
                    };
                }
            };
            let mut signals = OtlpSignal::ALL.into_iter();
            let Some(signal) = signals.find(|it| kind_of(*it) == parcel.kind) else {
                return Outcome::Drop {
                    reason: "unknown_kind",
                    message: format!("the log holds a record of kind {}", parcel.kind),
                };
            };
            let batch = match batch_of(signal, parcel) {
                Ok(batch) => batch,
                Err(error) => {
                    return Outcome::Drop {
                        reason: "corrupt",
                        message: error.to_string(),
                    };
                }
            };
            match self.0.join(batch, self.0.groups.of(metadata)).await {
                Ok(()) => Outcome::Ack,
                Err(nack) if nack.retryable => Outcome::Retry {
                    after: None,
                    reason: nack.reason,
                    message: nack.message,
                },
                Err(nack) => Outcome::Drop {
                    reason: nack.reason,
                    message: nack.message,
                },
            }
        })
    }

    fn settled(&self, _items: u32, _fate: Fate) {}

    fn retries(&self) -> bool {
        true
    }
}

/// The batch of a parcel. What comes from memory was checked when it came in, what comes from the
/// log is checked again, and so is what is in pieces, for the count of each.
fn batch_of(signal: OtlpSignal, parcel: Parcel) -> Result<OtlpBatch, DecodeError> {
    if let ([piece], false) = (&*parcel.pieces, parcel.logged) {
        let items = parcel.items as usize;
        return Ok(OtlpBatch::from_checked_request(
            signal,
            piece.clone(),
            items,
        ));
    }
    let mut batch = OtlpBatch::empty(signal);
    for piece in parcel.pieces {
        batch.append(&OtlpBatch::from_request(signal, piece)?);
    }
    Ok(batch)
}
