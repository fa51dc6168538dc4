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
//! Compatible with otelcol.processor.batch of Alloy; `metadata_keys` are refused.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use engine::outbox::{Direct, DirectOptions, Fate, Logged, Outcome, Parcel, Post};
use engine::outbox::{Sender, SenderOptions};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use runtime::metrics::{Counter, Gauge, Histogram};
use runtime::sync::{Notify, Semaphore};
use schema::{Arguments, Check, ExportField, MetricDecl, MetricKind, Stability};
use stdx::protobuf::DecodeError;

use crate::settings::{DebugMetrics, Forward, Outputs};

pub static COMPONENT: Component = Component::of::<ProcessorBatch>();

/// The component.
pub struct ProcessorBatch;

#[derive(Arguments)]
#[arg(check = ProcessorBatchArguments::check)]
pub struct ProcessorBatchArguments {
    /// Taken for compatibility: of `metadata_keys`.
    #[arg(default = 1000)]
    pub metadata_cardinality_limit: u32,
    /// Refused when set: metadata of requests is not kept.
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
        if !self.metadata_keys.is_empty() {
            check.attribute("metadata_keys", "metadata_keys are not supported yet");
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
/// Limit: batches under way at the same time; further ones wait and grow.
const UNDER_WAY_MAX: u32 = 32;
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
    const SPREAD: Spread = Spread::All;
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
        Ok(Built::new()
            .port("input", Rc::new(Input(direct)))
            .run(async move { sender.run().await })
            .drain(move |why| {
                batcher.flush_all();
                let handle = handle.clone();
                async move { handle.finish(why).await }
            }))
    }
}

struct Input(Rc<Direct<Merging>>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            if batch.is_empty() {
                return Ok(());
            }
            let parcel = Parcel {
                kind: kind_of(batch.signal()),
                items: u32::try_from(batch.items()).unwrap_or(u32::MAX),
                pieces: batch.chunks().to_vec(),
                logged: false,
            };
            self.0.push(parcel).await
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
    fn post(&self, parcel: Parcel, _attempt: u32) -> LocalBoxFuture<'_, Outcome> {
        Box::pin(async move {
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
            match self.0.join(batch).await {
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
        return Ok(OtlpBatch::from_checked_request(signal, piece.clone(), items));
    }
    let mut batch = OtlpBatch::empty(signal);
    for piece in parcel.pieces {
        batch.append(&OtlpBatch::from_request(signal, piece)?);
    }
    Ok(batch)
}

/// One shard's open batches.
struct Batcher {
    size: usize,
    size_max: usize,
    timeout: Duration,
    forward: Forward,
    open: RefCell<BTreeMap<OtlpSignal, Open>>,
    under_way: Semaphore,
    metrics: Metrics,
}

#[derive(Default)]
struct Open {
    parts: Vec<Part>,
    items: usize,
    /// Tells the timers of one batch and the next apart.
    number: u64,
}

/// An input, or what is left of it after a cut.
struct Part {
    batch: OtlpBatch,
    waiter: Rc<Waiter>,
}

/// Who waits for the answers of all batches that its items became part of.
#[derive(Default)]
struct Waiter {
    parts_left: Cell<usize>,
    result: RefCell<Option<Nack>>,
    done: Notify,
}

struct Metrics {
    send_bytes: Histogram,
    send_size: Histogram,
    by_size: Counter,
    by_timeout: Counter,
    _cardinality: Gauge,
}

const SIZES: &[f64] = &[
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0,
    6000.0, 7000.0, 8000.0, 9000.0, 10000.0, 20000.0, 30000.0, 50000.0, 100000.0,
];
const BYTES: &[f64] = &[
    1000.0, 10000.0, 50000.0, 100000.0, 500000.0, 1000000.0, 5000000.0, 9000000.0,
];

impl Batcher {
    fn new(arguments: &ProcessorBatchArguments, cx: &Build) -> Rc<Batcher> {
        let labels = [("component_id", &*cx.node)];
        let histogram = |decl: MetricDecl, bounds| {
            cx.registry.histogram(decl.name, decl.help, &labels, bounds)
        };
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let cardinality = cx
            .registry
            .gauge(CARDINALITY.name, CARDINALITY.help, &labels);
        cardinality.set(1.0);
        Rc::new(Batcher {
            size: match arguments.timeout.is_zero() {
                true => 0,
                false => arguments.send_batch_size as usize,
            },
            size_max: match arguments.send_batch_max_size {
                0 => usize::MAX,
                max => max as usize,
            },
            timeout: arguments.timeout,
            forward: arguments.output.forward(cx),
            open: RefCell::default(),
            under_way: Semaphore::new(UNDER_WAY_MAX),
            metrics: Metrics {
                send_bytes: histogram(SEND_BYTES, BYTES),
                send_size: histogram(SEND_SIZE, SIZES),
                by_size: counter(BY_SIZE),
                by_timeout: counter(BY_TIMEOUT),
                _cardinality: cardinality,
            },
        })
    }

    /// Adds to the open batch and waits for the answer.
    async fn join(self: &Rc<Self>, batch: OtlpBatch) -> Result<(), Nack> {
        let (signal, waiter) = (batch.signal(), Rc::new(Waiter::default()));
        waiter.parts_left.set(1);
        let opened = {
            let mut open = self.open.borrow_mut();
            let open = open.entry(signal).or_default();
            open.items += batch.items();
            open.parts.push(Part {
                batch,
                waiter: waiter.clone(),
            });
            (open.parts.len() == 1).then_some(open.number)
        };
        while self.is_full(signal) {
            self.metrics.by_size.add(1);
            self.send(signal);
        }
        if let Some(number) = opened {
            self.send_later(signal, number);
        }
        waiter.answer().await
    }

    fn is_full(&self, signal: OtlpSignal) -> bool {
        let open = self.open.borrow();
        open.get(&signal)
            .is_some_and(|open| !open.parts.is_empty() && self.size <= open.items)
    }

    /// Sends the batch when its time has come, unless it was full before.
    fn send_later(self: &Rc<Self>, signal: OtlpSignal, number: u64) {
        let still_open = move |batcher: &Batcher| {
            let open = batcher.open.borrow();
            open.get(&signal)
                .is_some_and(|open| open.number == number && !open.parts.is_empty())
        };
        if !still_open(self) {
            return;
        }
        let batcher = self.clone();
        runtime::spawn(async move {
            runtime::sleep(batcher.timeout).await;
            if still_open(&batcher) {
                batcher.metrics.by_timeout.add(1);
                batcher.send(signal);
            }
        });
    }

    /// Sends everything that waits, at the end.
    fn flush_all(self: &Rc<Self>) {
        for signal in OtlpSignal::ALL {
            while self.open.borrow().get(&signal).is_some_and(|it| !it.parts.is_empty()) {
                self.send(signal);
            }
        }
    }

    /// Takes one batch out of what is open and sends it.
    fn send(self: &Rc<Self>, signal: OtlpSignal) {
        let (batch, waiters, left) = {
            let mut open = self.open.borrow_mut();
            let open = open.get_mut(&signal).expect("a batch is open");
            open.number += 1;
            let (batch, waiters) = take(open, signal, self.size_max);
            (batch, waiters, (!open.parts.is_empty()).then_some(open.number))
        };
        self.metrics.send_size.record(batch.items() as f64);
        self.metrics.send_bytes.record(batch.bytes() as f64);
        let batcher = self.clone();
        runtime::spawn(async move {
            let slot = batcher.under_way.acquire(1).await;
            let result = batcher.forward.consume(batch).await;
            drop(slot);
            waiters.iter().for_each(|waiter| waiter.settle(&result));
        });
        if let Some(number) = left {
            self.send_later(signal, number);
        }
    }
}

/// The first items of what is open, at most `size_max`, and who waits for them.
fn take(open: &mut Open, signal: OtlpSignal, size_max: usize) -> (OtlpBatch, Vec<Rc<Waiter>>) {
    let mut batch = OtlpBatch::empty(signal);
    let mut waiters = Vec::new();
    let mut taken = 0;
    for part in &mut open.parts {
        let room = size_max - batch.items();
        if part.batch.items() <= room {
            batch.append(&part.batch);
            waiters.push(part.waiter.clone());
            taken += 1;
            continue;
        }
        if room > 0 {
            batch.append(&part.batch.split_off_front(room));
            let left = &part.waiter.parts_left;
            left.set(left.get() + 1);
            waiters.push(part.waiter.clone());
        }
        break;
    }
    open.parts.drain(..taken);
    open.items -= batch.items();
    (batch, waiters)
}

impl Waiter {
    fn settle(&self, result: &Result<(), Nack>) {
        if let Err(nack) = result {
            let mut before = self.result.borrow_mut();
            // What may be tried again counts for more: no part of the input is lost then.
            if before.as_ref().is_none_or(|before| !before.retryable) {
                *before = Some(nack.clone());
            }
        }
        self.parts_left.set(self.parts_left.get() - 1);
        self.done.notify_all();
    }

    async fn answer(&self) -> Result<(), Nack> {
        loop {
            let done = self.done.notified();
            if self.parts_left.get() == 0 {
                return self.result.borrow().clone().map_or(Ok(()), Err);
            }
            done.await;
        }
    }
}
