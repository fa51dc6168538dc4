//! What processors share that keep a state of each stream of points: numbers, histograms,
//! exponential histograms and summaries side by side, and points changed where they stand.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use batch::otlp::{
    ExponentialPoint, HistogramPoint, Lazy, Metric, MetricData, NumberPoint, OtlpBatch,
    SummaryPoint, Tree,
};
use engine::{Batch, Ledger, Nack};
use ops::points::{Identity, Point, Streams, Undo};

use crate::settings::Forward;

/// States of all streams of a component.
#[derive(Default)]
pub struct States {
    pub numbers: Streams<NumberPoint<'static>>,
    pub histograms: Streams<HistogramPoint<'static>>,
    pub exponentials: Streams<ExponentialPoint<'static>>,
    pub summaries: Streams<SummaryPoint<'static>>,
}

/// What a batch changed in `States`.
#[derive(Default)]
pub struct Undos {
    pub numbers: Undo<NumberPoint<'static>>,
    pub histograms: Undo<HistogramPoint<'static>>,
    pub exponentials: Undo<ExponentialPoint<'static>>,
    pub summaries: Undo<SummaryPoint<'static>>,
}

impl States {
    pub fn len(&self) -> usize {
        let counts = self.numbers.len() + self.summaries.len();
        counts + self.histograms.len() + self.exponentials.len()
    }

    pub fn undo(&mut self, undos: Undos) {
        self.numbers.undo(undos.numbers);
        self.histograms.undo(undos.histograms);
        self.exponentials.undo(undos.exponentials);
        self.summaries.undo(undos.summaries);
    }

    pub fn forget_before(&mut self, time_ns: u64) {
        self.numbers.forget_before(time_ns);
        self.histograms.forget_before(time_ns);
        self.exponentials.forget_before(time_ns);
        self.summaries.forget_before(time_ns);
    }
}

/// What becomes of a point.
pub enum Verdict<S> {
    /// It stays as it is.
    Keep,
    Drop,
    /// It stays with other numbers.
    Change(S),
}

/// Asks for each point of a metric, by its stream; whether any is left.
pub fn judge<'a, P: Point<'a>>(
    points: &mut Vec<Lazy<'a, P>>,
    identity: &mut Identity,
    mut verdict: impl FnMut(&[u8], &P) -> Verdict<P::State>,
) -> bool {
    points.retain_mut(|point| {
        let stream = identity.point(point.get().attributes());
        match verdict(stream, point.get()) {
            Verdict::Keep => true,
            Verdict::Drop => false,
            Verdict::Change(state) => {
                point.get_mut().set_state(&state);
                true
            }
        }
    });
    !points.is_empty()
}

/// Asks for each metric whether it stays; takes out what is empty then.
pub fn retain_metrics<'a>(
    tree: &mut Tree<'a, Metric<'a>>,
    identity: &mut Identity,
    mut keep: impl FnMut(&mut Lazy<'a, Metric<'a>>, &mut Identity) -> bool,
) {
    for group in &mut tree.resources {
        for scope in &mut group.scopes {
            identity.scope(group.resource.get(), scope.scope.get());
            scope.items.retain_mut(|metric| keep(metric, identity));
        }
    }
    tree.prune();
}

/// Whether a metric is a sum or histogram of a temporality.
pub fn has_temporality(metric: &Metric<'_>, temporality: i32) -> bool {
    match &metric.data {
        MetricData::Sum(sum) => sum.temporality == temporality,
        MetricData::Histogram(it) => it.temporality == temporality,
        MetricData::ExponentialHistogram(it) => it.temporality == temporality,
        MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => false,
    }
}

/// A processor whose changes to its states are taken back when a batch is refused further on.
///
/// Batches go through one after the other: an undo would otherwise take back what the next one has
/// built upon.
pub struct Turnstile<C> {
    changer: RefCell<C>,
    forward: Forward,
    ledger: Ledger,
    turn: runtime::sync::Semaphore,
}

/// Changes batches by what it remembers.
pub trait Changer {
    /// The batch as it goes on, and how to take the changes back.
    fn change(&mut self, batch: &OtlpBatch) -> (OtlpBatch, Undos);
    fn undo(&mut self, undos: Undos);
}

impl<C: Changer> Turnstile<C> {
    pub fn new(changer: C, forward: Forward, ledger: Ledger) -> Turnstile<C> {
        Turnstile {
            changer: RefCell::new(changer),
            forward,
            ledger,
            turn: runtime::sync::Semaphore::new(1),
        }
    }

    /// Something else with the changer.
    pub fn with<R>(&self, run: impl FnOnce(&mut C) -> R) -> R {
        run(&mut self.changer.borrow_mut())
    }

    pub async fn consume(&self, batch: Batch) -> Result<(), Nack> {
        let batch = batch.into_otlp();
        if batch.signal() != batch::otlp::OtlpSignal::Metrics {
            return self.forward.consume(batch).await;
        }
        let _turn = self.turn.acquire(1).await;
        let taken = batch.items() as u64;
        let held = self.ledger.hold(taken);
        let (changed, undos) = self.changer.borrow_mut().change(&batch);
        drop(batch);
        let kept = changed.items() as u64;
        // Who gives up waiting offers the batch again.
        let mut undos = TakenBack {
            changer: &self.changer,
            undos: Cell::new(Some(undos)),
        };
        let result = self.forward.consume(changed).await;
        if !result.as_ref().is_err_and(|nack| nack.retryable) {
            undos.keep();
        }
        held.settle_kept(&result, kept, "stream");
        result
    }
}

/// Takes changes back when dropped, unless told to keep them.
struct TakenBack<'c, C: Changer> {
    changer: &'c RefCell<C>,
    undos: Cell<Option<Undos>>,
}

impl<C: Changer> TakenBack<'_, C> {
    fn keep(&mut self) {
        self.undos.set(None);
    }
}

impl<C: Changer> Drop for TakenBack<'_, C> {
    fn drop(&mut self) {
        if let Some(undos) = self.undos.take() {
            self.changer.borrow_mut().undo(undos);
        }
    }
}

/// Calls `tick` every so often.
pub async fn every(period: Duration, mut tick: impl FnMut() + 'static) {
    loop {
        runtime::sleep(period).await;
        tick();
    }
}

/// Now, in nanoseconds since 1970.
pub fn now_ns() -> u64 {
    u64::try_from(runtime::wall_ns()).unwrap_or(0)
}
