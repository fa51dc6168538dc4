//! What receivers do with a message: check, count, pass on.

use std::rc::Rc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use bytes::Bytes;
use engine::{Build, Ledger, Nack};
use net::grpc::{Code, Status};
use runtime::budget::{Budget, Reservation};

use super::counts::{Counts, Transport};
use crate::settings::{Forward, Outputs};
use crate::status::with_retry_info;

/// One shard's way from a message to the nodes behind.
pub struct Intake {
    forward: Forward,
    outputs: Outputs,
    budget: Budget,
    ledger: Ledger,
    counts: Counts,
}

/// When a client that met a full budget is to come back.
const COME_BACK: Duration = Duration::from_secs(1);

impl Intake {
    /// That of the receiver that the Collector knows as `receiver`.
    pub fn new(
        cx: &Build,
        outputs: &Outputs,
        receiver: &str,
        transports: &'static [Transport],
    ) -> Intake {
        Intake {
            forward: outputs.forward(cx),
            outputs: outputs.clone(),
            budget: cx.budget.clone(),
            ledger: cx.ledger("requests"),
            counts: Counts::new(cx, receiver, transports),
        }
    }

    /// Whether any node takes this signal. Compat: what nobody takes is not served.
    pub fn takes(&self, signal: OtlpSignal) -> bool {
        self.outputs.takes(signal)
    }

    /// Room for a message of so many bytes.
    pub fn reserve(&self, bytes: u64) -> Result<Reservation, Status> {
        self.budget.reserve(bytes).ok_or_else(no_memory)
    }

    /// The batch of a message, if it is one.
    pub fn batch(signal: OtlpSignal, message: Bytes) -> Result<OtlpBatch, Status> {
        OtlpBatch::from_request(signal, message)
            .map_err(|error| Status::new(Code::InvalidArgument, error.to_string()))
    }

    /// Takes in a batch; its bytes stay reserved until it is answered.
    pub async fn take(
        &self,
        batch: OtlpBatch,
        transport: Transport,
        _room: Reservation,
    ) -> Result<(), Status> {
        self.pass_on(batch, transport).await.map_err(|nack| {
            // Compat: what may be tried again is Unavailable, what never will do is Internal.
            let code = match nack.retryable {
                true => Code::Unavailable,
                false => Code::Internal,
            };
            Status::new(code, nack.message)
        })
    }

    /// Passes on what was made of a message; whoever calls keeps its bytes reserved.
    pub async fn pass_on(&self, batch: OtlpBatch, transport: Transport) -> Result<(), Nack> {
        let signal = batch.signal();
        let items = batch.items() as u64;
        let held = self.ledger.hold(items);
        let result = self.forward.consume(Rc::new(batch)).await;
        held.settle(&result);
        self.counts.count(signal, transport, items, result.is_ok());
        result
    }
}

/// How long what was refused waits before it is offered again, at first and at most.
const INSIST_FIRST: Duration = Duration::from_millis(100);
const INSIST_MAX: Duration = Duration::from_secs(5);

impl Intake {
    /// Passes on until it is taken or refused for good: for senders that cannot be answered, which
    /// wait meanwhile.
    pub async fn insist(&self, batch: OtlpBatch, transport: Transport) {
        let mut pause = INSIST_FIRST;
        while let Err(nack) = self.pass_on(batch.clone(), transport).await {
            if !nack.retryable {
                tracing::warn!("{} items were dropped: {}", batch.items(), nack.message);
                return;
            }
            runtime::sleep(pause).await;
            pause = (pause * 2).min(INSIST_MAX);
        }
    }
}

/// There is no room: the client is asked to come back, in the protocol's own terms.
pub fn no_memory() -> Status {
    let text = "the memory limit is reached; raise --dataplane.memory-limit";
    with_retry_info(Status::new(Code::Unavailable, text), COME_BACK)
}
