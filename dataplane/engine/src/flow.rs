//! How batches move: by ownership through `consume(batch).await`, which carries the answer back.
//!
//! `Ok` is an ack: every branch has delivered the batch, synced it, or dropped it on purpose and
//! counted that. A `Nack` says that some branch did not. A call that has not returned yet is
//! backpressure; there is no queue between nodes.

use std::rc::Rc;

use batch::{LogsBatch, MetricsBatch, OtlpBatch};
use runtime::LocalBoxFuture;

/// An owned unit of one signal. Fan-out shares it; who edits makes its own.
#[derive(Clone)]
pub enum Batch {
    Metrics(Rc<MetricsBatch>),
    Logs(Rc<LogsBatch>),
    Otlp(Rc<OtlpBatch>),
}

impl Batch {
    /// What the ledgers count.
    pub fn items(&self) -> u64 {
        match self {
            Batch::Metrics(metrics) => metrics.items() as u64,
            Batch::Logs(logs) => logs.items() as u64,
            Batch::Otlp(otlp) => otlp.items() as u64,
        }
    }

    /// What a port of metrics is given. Control connects ports of one kind only.
    pub fn into_metrics(self) -> Rc<MetricsBatch> {
        match self {
            Batch::Metrics(metrics) => metrics,
            Batch::Logs(_) | Batch::Otlp(_) => panic!("a port of metrics got another signal"),
        }
    }

    /// What a port of logs is given.
    pub fn into_logs(self) -> Rc<LogsBatch> {
        match self {
            Batch::Logs(logs) => logs,
            Batch::Metrics(_) | Batch::Otlp(_) => panic!("a port of logs got another signal"),
        }
    }

    /// What a port of OTLP data is given.
    pub fn into_otlp(self) -> Rc<OtlpBatch> {
        match self {
            Batch::Otlp(otlp) => otlp,
            Batch::Metrics(_) | Batch::Logs(_) => panic!("a port of OTLP got another signal"),
        }
    }
}

/// The batch was not taken. The caller still owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nack {
    /// The same batch may be offered again later.
    pub retryable: bool,
    /// A short fixed word, used as the `reason` label of counters.
    pub reason: &'static str,
    /// What to tell the user, may be empty.
    pub message: String,
}

impl Nack {
    pub fn retry(reason: &'static str, message: impl Into<String>) -> Nack {
        Nack {
            retryable: true,
            reason,
            message: message.into(),
        }
    }

    pub fn permanent(reason: &'static str, message: impl Into<String>) -> Nack {
        Nack {
            retryable: false,
            reason,
            message: message.into(),
        }
    }
}

/// A port of an instance.
pub trait Consume {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>>;
}

/// Retryable is worse than permanent is worse than taken: a sender that offers the batch again
/// costs the other branches a duplicate, one that does not would cost this branch the batch.
pub fn worse(left: Result<(), Nack>, right: Result<(), Nack>) -> Result<(), Nack> {
    match (left, right) {
        (Ok(()), right) => right,
        (left, Ok(())) => left,
        (Err(left), Err(right)) if right.retryable && !left.retryable => Err(right),
        (left, Err(_)) => left,
    }
}
