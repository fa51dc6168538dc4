//! otelcol.processor.deltatocumulative: sums up points that tell what came since the last one.
//!
//! Each stream (resource, scope, metric, attributes) has a running sum; a point goes on with the
//! sum up to it. Points that are older than the sum, and streams above `max_streams`, are dropped
//! and counted. Gauges, summaries and cumulative points pass. What a refused batch added is taken
//! back. Sums live in memory: after a restart they begin again, with a new start time, which is a
//! reset to whoever reads them.
//!
//! Streams have one owner: the node lives on one shard, and others hand over.
//! Compatible with otelcol.processor.deltatocumulative of Alloy.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{MetricData, OtlpBatch};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use ops::points::{CUMULATIVE, DELTA, Identity, Point, State, Streams, Undo};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::settings::{DebugMetrics, Outputs};
use crate::streams::{
    Changer, States, Turnstile, Undos, Verdict, every, has_temporality, judge, now_ns,
    retain_metrics,
};

pub static COMPONENT: Component = Component::of::<DeltaToCumulative>();

/// The component.
pub struct DeltaToCumulative;

#[derive(Arguments)]
#[arg(check = DeltaToCumulativeArguments::check)]
pub struct DeltaToCumulativeArguments {
    /// How long a stream without new points is kept.
    #[arg(default = "5m")]
    pub max_stale: Duration,
    /// Most streams; points of further ones are dropped. 0 sets no limit.
    #[arg(default = 9223372036854775807, min = 0)]
    pub max_streams: i64,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl DeltaToCumulativeArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.max_stale.is_zero() {
            check.attribute(
                "max_stale",
                "max_stale must be a positive duration (got 0s)",
            );
        }
    }
}

/// How often streams are looked at for `max_stale`.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

impl DataComponent for DeltaToCumulative {
    type Arguments = DeltaToCumulativeArguments;
    const NAME: &'static str = "otelcol.processor.deltatocumulative";
    const STABILITY: Stability = Stability::Experimental;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(
        arguments: Arc<DeltaToCumulativeArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let streams_max = match arguments.max_streams {
            0 => usize::MAX,
            most => usize::try_from(most).unwrap_or(usize::MAX),
        };
        let summer = Summer {
            streams_max,
            states: States::default(),
            identity: Identity::default(),
        };
        let forward = arguments.output.forward(cx);
        let turnstile = Rc::new(Turnstile::new(summer, forward, cx.ledger("streams")));
        let swept = turnstile.clone();
        let max_stale = arguments.max_stale.as_nanos() as u64;
        Ok(Built::new()
            .port("input", Rc::new(Input(turnstile)))
            .run(every(SWEEP_EVERY, move || {
                let stale = now_ns().saturating_sub(max_stale);
                swept.with(|summer| summer.states.forget_before(stale));
            })))
    }
}

struct Input(Rc<Turnstile<Summer>>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(self.0.consume(batch))
    }
}

struct Summer {
    streams_max: usize,
    states: States,
    identity: Identity,
}

impl Changer for Summer {
    fn change(&mut self, batch: &OtlpBatch) -> (OtlpBatch, Undos) {
        let mut tree = batch.metrics();
        let mut undos = Undos::default();
        let now_ns = now_ns();
        let mut room = self.streams_max.saturating_sub(self.states.len());
        let states = &mut self.states;
        retain_metrics(&mut tree, &mut self.identity, |metric, identity| {
            if !has_temporality(metric.get(), DELTA) {
                return true;
            }
            identity.metric(metric.get());
            let pass = Pass {
                now_ns,
                room: &mut room,
            };
            match &mut metric.get_mut().data {
                MetricData::Sum(sum) => {
                    sum.temporality = CUMULATIVE;
                    let mut sums = pass.sums(&mut states.numbers, &mut undos.numbers);
                    judge(&mut sum.points, identity, |stream, point| {
                        sums.add(stream, point)
                    })
                }
                MetricData::Histogram(it) => {
                    it.temporality = CUMULATIVE;
                    let mut sums = pass.sums(&mut states.histograms, &mut undos.histograms);
                    judge(&mut it.points, identity, |stream, point| {
                        sums.add(stream, point)
                    })
                }
                MetricData::ExponentialHistogram(it) => {
                    it.temporality = CUMULATIVE;
                    let mut sums = pass.sums(&mut states.exponentials, &mut undos.exponentials);
                    judge(&mut it.points, identity, |stream, point| {
                        sums.add(stream, point)
                    })
                }
                MetricData::Empty | MetricData::Gauge(_) | MetricData::Summary(_) => true,
            }
        });
        (tree.encode(), undos)
    }

    fn undo(&mut self, undos: Undos) {
        self.states.undo(undos);
    }
}

/// What holds for all of a batch.
struct Pass<'p> {
    now_ns: u64,
    /// How many streams may yet begin.
    room: &'p mut usize,
}

impl<'p> Pass<'p> {
    fn sums<S: State>(self, streams: &'p mut Streams<S>, undo: &'p mut Undo<S>) -> Sums<'p, S> {
        Sums {
            pass: self,
            streams,
            undo,
        }
    }
}

struct Sums<'p, S> {
    pass: Pass<'p>,
    streams: &'p mut Streams<S>,
    undo: &'p mut Undo<S>,
}

impl<S: State> Sums<'_, S> {
    fn add<'a, P: Point<'a, State = S>>(&mut self, stream: &[u8], point: &P) -> Verdict<S> {
        let delta = point.state();
        let sum = match self.streams.get(stream) {
            None if *self.pass.room == 0 => return Verdict::Drop,
            None => {
                *self.pass.room -= 1;
                delta
            }
            Some(sum) if sum.start() == 0 => delta,
            // Of an older series, or behind what the sum has reached.
            Some(sum) if delta.start() < sum.start() || delta.time() <= sum.time() => {
                return Verdict::Drop;
            }
            Some(sum) => {
                let mut sum = sum.clone();
                sum.add(&delta);
                sum.set_time(delta.time());
                sum
            }
        };
        let now_ns = self.pass.now_ns;
        self.streams.set(stream, sum.clone(), now_ns, self.undo);
        Verdict::Change(sum)
    }
}
