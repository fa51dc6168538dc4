//! What exporters of OTLP share: from the input to attempts, with a queue on disk or without one.
//!
//! ```text
//! input -> attempt from memory -ack-> Ok
//!             \-> lane -> sender -> destination         (sending_queue enabled)
//!             \-> again and again, the input waits      (sending_queue disabled)
//! ```

mod answers;
mod metrics;

use std::rc::Rc;
use std::time::Duration;

use batch::otlp::{Metadata, OtlpBatch, OtlpSignal};
use engine::outbox::{Backoff, Direct, DirectOptions, Fate, Logged, Outcome, Parcel, Post};
use engine::outbox::{Sender, SenderOptions};
use engine::{Batch, Build, BuildError, Built, Consume, Ledger, Nack, worse};
use net::HeaderMap;
use net::grpc::Code;
use runtime::LocalBoxFuture;

pub use answers::Exchange;
pub use metrics::{DECLARED, ExporterMetrics, ITEMS, ItemMetrics};

use crate::envelope;
use crate::settings::{HeaderRule, Retry, SendingQueue};

/// The one destination of an exporter. Its name does not change with its address: what waits for
/// it goes where it is now.
const DESTINATION: &str = "endpoint";
const LANE: &str = "queue";

/// Limit: how long a batch waits in memory for its answer before it is logged. Long enough for a
/// destination across a continent, short enough that nobody's sender gives up.
const COMMIT_DEADLINE: Duration = Duration::from_millis(50);

/// With `wait_for_result` the answer is waited for, whatever it takes.
const NO_DEADLINE: Duration = Duration::from_secs(u32::MAX as u64);

/// What settings of the exporter say about waiting and trying again.
pub struct Delivery {
    pub queue: Option<SendingQueue>,
    pub retry: Option<Retry>,
}

/// The protocol of an exporter.
pub trait Protocol: 'static {
    /// One attempt, with headers of its own.
    fn export(
        &self,
        signal: OtlpSignal,
        parcel: Parcel,
        headers: HeaderMap,
    ) -> LocalBoxFuture<'_, Exchange>;

    /// Headers of every request.
    fn headers(&self) -> &Headers;

    /// What of a batch goes each its own way; none where all goes one way.
    fn parts(&self, _batch: &OtlpBatch) -> Result<Option<Vec<OtlpBatch>>, Nack> {
        Ok(None)
    }
}

/// Headers of requests.
#[derive(Default)]
pub struct Headers {
    pub fixed: HeaderMap,
    /// Those whose values come with the data.
    pub asked: Vec<HeaderRule>,
}

impl Headers {
    /// The headers of a request with these values.
    fn with(&self, values: &Metadata) -> HeaderMap {
        let mut headers = self.fixed.clone();
        for rule in &self.asked {
            if let [value, ..] = values.get(&rule.key) {
                rule.apply(&mut headers, value);
            }
        }
        headers
    }

    /// What a batch's client says to them.
    fn values(&self, batch: &OtlpBatch) -> Result<Metadata, Nack> {
        let client = batch.client().map(|client| &**client);
        let mut values = Metadata::default();
        for rule in &self.asked {
            let value = rule.value_for(client);
            let value = value.map_err(|error| Nack::permanent("ambiguous_header", error))?;
            values.add(&rule.key, value);
        }
        Ok(values)
    }
}

/// Waits between attempts, and for how long there are any.
#[derive(Clone)]
struct Patience {
    enabled: bool,
    min: Duration,
    max: Duration,
    elapsed_max: Duration,
    age_limit: Duration,
}

impl Delivery {
    fn patience(&self) -> Patience {
        match &self.retry {
            Some(retry) => Patience {
                enabled: retry.enabled,
                min: retry.initial_interval,
                max: retry.max_interval,
                elapsed_max: retry.max_elapsed_time,
                age_limit: retry.age_limit(),
            },
            None => Patience {
                enabled: true,
                min: Duration::from_secs(5),
                max: Duration::from_secs(30),
                elapsed_max: Duration::from_secs(300),
                age_limit: Duration::ZERO,
            },
        }
    }
}

/// Makes the instance of an exporter.
pub async fn build(
    cx: &Build,
    delivery: &Delivery,
    protocol: impl Protocol,
) -> Result<Built, BuildError> {
    let patience = delivery.patience();
    let queue = delivery.queue.as_ref();
    let exporter = Exporter {
        metrics: ExporterMetrics::new(cx, queue),
        retries: patience.enabled,
        protocol,
    };
    if queue.is_some_and(|queue| !queue.enabled) {
        let unqueued = Unqueued {
            exporter,
            patience,
            ledger: cx.ledger(DESTINATION),
        };
        return Ok(Built::new().port("input", Rc::new(unqueued)));
    }
    let in_flight_max = queue.map_or(10, |queue| queue.num_consumers);
    let in_flight_max = u32::try_from(in_flight_max).unwrap_or(u32::MAX);
    let waits = queue.is_some_and(|queue| queue.wait_for_result);
    let options = cx.globals.lanes.options(vec![DESTINATION.to_owned()]);
    let outbox = cx.outbox(LANE, options).await?;
    let options = DirectOptions {
        destination: DESTINATION.to_owned(),
        commit_deadline: if waits { NO_DEADLINE } else { COMMIT_DEADLINE },
        in_flight_max,
    };
    let direct = Direct::new(options, outbox.clone(), exporter);
    let sender = Sender::new(
        SenderOptions {
            cx: cx.clone(),
            destination: DESTINATION.to_owned(),
            min_backoff: patience.min,
            max_backoff: patience.max,
            age_limit: patience.age_limit,
            in_flight_max: in_flight_max as usize,
        },
        outbox,
        Logged(direct.clone()),
    );
    let handle = sender.handle();
    let watched = direct.clone();
    Ok(Built::new()
        .port("input", Rc::new(Queued(direct)))
        .run(async move {
            let sending: LocalBoxFuture<'_, ()> = Box::pin(sender.run());
            engine::join(vec![sending, Box::pin(watch(watched))]).await;
        })
        .drain(move |why| {
            let handle = handle.clone();
            async move { handle.finish(why).await }
        }))
}

/// How often the size of the queue is told.
const WATCH_INTERVAL: Duration = Duration::from_secs(5);

/// Tells how many requests wait in the log.
async fn watch<P: Protocol>(direct: Rc<Direct<Exporter<P>>>) {
    loop {
        let waiting = direct.waiting_records();
        direct.post().metrics.queue_size.set(waiting as f64);
        runtime::sleep(WATCH_INTERVAL).await;
    }
}

struct Exporter<P> {
    metrics: ExporterMetrics,
    retries: bool,
    protocol: P,
}

impl<P: Protocol> Post for Exporter<P> {
    fn post(&self, mut parcel: Parcel, _attempt: u32) -> LocalBoxFuture<'_, Outcome> {
        Box::pin(async move {
            let headers = match envelope::open(&mut parcel) {
                Ok(values) => self.protocol.headers().with(&values.unwrap_or_default()),
                Err(error) => {
                    return Outcome::Drop {
                        reason: "corrupt",
                        message: error.to_owned(),
                    };
                }
            };
            let Some(signal) = signal_of(parcel.kind) else {
                return Outcome::Drop {
                    reason: "unknown_kind",
                    message: format!("the log holds a record of kind {}", parcel.kind),
                };
            };
            let (start, items) = (runtime::now(), u64::from(parcel.items));
            let bytes = parcel.pieces.iter().map(bytes::Bytes::len).sum();
            let exchange = self.protocol.export(signal, parcel, headers).await;
            let (took, answer_bytes) = (start.elapsed(), exchange.answer_bytes);
            self.metrics.call(took, bytes, answer_bytes);
            if let Some(rejection) = &exchange.rejection {
                self.metrics.rejected(signal, rejection);
            }
            match &exchange.outcome {
                Outcome::Ack => self.metrics.sent(signal, items),
                Outcome::Drop { message, .. } => {
                    self.metrics.failed(signal, items);
                    self.metrics.log_failed(items, message);
                }
                Outcome::Retry { .. } => {}
            }
            exchange.outcome
        })
    }

    fn settled(&self, _items: u32, _fate: Fate) {}

    fn retries(&self) -> bool {
        self.retries
    }
}

/// The input of an exporter with a queue.
struct Queued<P>(Rc<Direct<Exporter<P>>>);

impl<P: Protocol> Consume for Queued<P> {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let (post, batch) = (self.0.post(), batch.into_otlp());
            let Some(parts) = post.protocol.parts(&batch)? else {
                let parcel = post.parcel(&batch)?;
                return self.0.push(parcel).await;
            };
            drop(batch);
            let pushes = parts.iter().map(|part| async {
                let parcel = self.0.post().parcel(part)?;
                self.0.push(parcel).await
            });
            together(pushes.collect()).await
        })
    }
}

/// Waits for all; the worst answer counts.
async fn together<F>(sent: Vec<F>) -> Result<(), Nack>
where
    F: Future<Output = Result<(), Nack>>,
{
    engine::join(sent).await.into_iter().fold(Ok(()), worse)
}

/// The input of an exporter without a queue: who sends waits.
struct Unqueued<P> {
    exporter: Exporter<P>,
    patience: Patience,
    ledger: Ledger,
}

impl<P: Protocol> Consume for Unqueued<P> {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let items = batch.items() as u64;
            let held = self.ledger.hold(items);
            let result = self.deliver_parts(&batch).await;
            held.settle(&result);
            result
        })
    }
}

impl<P: Protocol> Unqueued<P> {
    async fn deliver_parts(&self, batch: &OtlpBatch) -> Result<(), Nack> {
        let Some(parts) = self.exporter.protocol.parts(batch)? else {
            return self.deliver(&self.exporter.parcel(batch)?).await;
        };
        let deliveries = parts.iter().map(|part| async {
            let parcel = self.exporter.parcel(part)?;
            self.deliver(&parcel).await
        });
        together(deliveries.collect()).await
    }

    async fn deliver(&self, parcel: &Parcel) -> Result<(), Nack> {
        let patience = &self.patience;
        let mut backoff = Backoff::new(patience.min, patience.max);
        let start = runtime::now();
        loop {
            let (after, reason, message) = match self.exporter.post(parcel.clone(), 0).await {
                Outcome::Ack => return Ok(()),
                Outcome::Drop { reason, message } => return Err(Nack::permanent(reason, message)),
                Outcome::Retry {
                    after,
                    reason,
                    message,
                } => (after, reason, message),
            };
            if !patience.enabled {
                return Err(Nack::retry(reason, message));
            }
            let wait = backoff.wait(after, runtime::random_u64());
            let limit = patience.elapsed_max;
            if !limit.is_zero() && start.elapsed() + wait > limit {
                return Err(Nack::retry(
                    reason,
                    format!("no more retries left: {message}"),
                ));
            }
            runtime::sleep(wait).await;
        }
    }
}

/// Kinds of records in the lane.
fn kind_of(signal: OtlpSignal) -> u8 {
    match signal {
        OtlpSignal::Traces => 1,
        OtlpSignal::Metrics => 2,
        OtlpSignal::Logs => 3,
    }
}

fn signal_of(kind: u8) -> Option<OtlpSignal> {
    OtlpSignal::ALL
        .into_iter()
        .find(|signal| kind_of(*signal) == kind)
}

impl<P: Protocol> Exporter<P> {
    /// The batch's own bytes, shared, after the values of headers that its client decides.
    fn parcel(&self, batch: &OtlpBatch) -> Result<Parcel, Nack> {
        let mut parcel = Parcel {
            kind: kind_of(batch.signal()),
            items: u32::try_from(batch.items()).unwrap_or(u32::MAX),
            pieces: batch.chunks().to_vec(),
            logged: false,
        };
        let headers = self.protocol.headers();
        if !headers.asked.is_empty() {
            envelope::enclose(&mut parcel, &headers.values(batch)?);
        }
        Ok(parcel)
    }
}

/// Whether a gRPC status may be another one later, as the Collector has it.
pub fn may_retry(code: Code, has_retry_info: bool) -> bool {
    match code {
        Code::Canceled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => has_retry_info,
        _ => false,
    }
}
