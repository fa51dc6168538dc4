//! otelcol.processor.metric_start_time: tells since when cumulative points count, where who sends
//! them does not.
//!
//! By strategy: the first point of a stream is where it starts (`true_reset_point`); the first
//! point is taken out and subtracted from the others (`subtract_initial_point`); another metric
//! tells (`start_time_metric`). A stream that shrinks starts anew, a millisecond before its point.
//! The node lives on one shard, and others hand over, so that a stream has one state, in memory. A
//! batch that is refused further on leaves no trace. Gauges and deltas pass.
//!
//! Compatible with otelcol.processor.metric_start_time of Alloy; whole numbers stay whole when the
//! first one is subtracted, and extremes of histograms are left out then.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{Metric, MetricData, NumberPoint, OtlpBatch, Tree};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use ops::points::{CUMULATIVE, DELTA, Identity, NO_VALUE, Point, Since, State, Streams, Undo};
use ops::regex::GoRegex;
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::settings::{DebugMetrics, Outputs};
use crate::streams::{
    Changer, States, Turnstile, Undos, Verdict, every, judge, now_ns, retain_metrics,
};

pub static COMPONENT: Component = Component::of::<MetricStartTime>();

/// The component.
pub struct MetricStartTime;

#[derive(Arguments)]
#[arg(check = MetricStartTimeArguments::check)]
pub struct MetricStartTimeArguments {
    /// How the start is found: `true_reset_point`, `subtract_initial_point` or
    /// `start_time_metric`.
    #[arg(default = "true_reset_point")]
    pub strategy: String,
    /// How long a stream without points is remembered.
    #[arg(default = "10m")]
    pub gc_interval: Duration,
    /// Names of metrics that tell the start, for `start_time_metric`; without it,
    /// `process_start_time_seconds`.
    #[arg(default = "")]
    pub start_time_metric_regex: String,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl MetricStartTimeArguments {
    fn check(&self, check: &mut Check<'_>) {
        if Strategy::named(&self.strategy).is_none() {
            let message = format!(
                "invalid strategy \"{}\", must be one of: true_reset_point, \
                 subtract_initial_point, start_time_metric",
                self.strategy
            );
            check.attribute("strategy", message);
        }
        if self.gc_interval.is_zero() {
            check.attribute("gc_interval", "gc_interval must be greater than 0");
        }
        if let Err(error) = self.regex() {
            check.attribute("start_time_metric_regex", error);
        }
    }

    fn regex(&self) -> Result<GoRegex, String> {
        match self.start_time_metric_regex.as_str() {
            "" => GoRegex::new("^process_start_time_seconds$"),
            pattern => GoRegex::new(pattern),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Strategy {
    TrueReset,
    SubtractInitial,
    StartTimeMetric,
}

impl Strategy {
    fn named(name: &str) -> Option<Strategy> {
        match name {
            "true_reset_point" => Some(Strategy::TrueReset),
            "subtract_initial_point" => Some(Strategy::SubtractInitial),
            "start_time_metric" => Some(Strategy::StartTimeMetric),
            _ => None,
        }
    }
}

impl DataComponent for MetricStartTime {
    type Arguments = MetricStartTimeArguments;
    const NAME: &'static str = "otelcol.processor.metric_start_time";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(
        arguments: Arc<MetricStartTimeArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let adjuster = Adjuster {
            strategy: Strategy::named(&arguments.strategy).unwrap_or(Strategy::TrueReset),
            regex: arguments.regex().map_err(BuildError::new)?,
            // Compat: in whole seconds.
            began_ns: now_ns() / SECOND_NS * SECOND_NS,
            states: States::default(),
            identity: Identity::default(),
        };
        let forward = arguments.output.forward(cx);
        let turnstile = Rc::new(Turnstile::new(adjuster, forward, cx.ledger("streams")));
        let swept = turnstile.clone();
        let kept_ns = arguments.gc_interval.as_nanos() as u64;
        let built = Built::new().port("input", Rc::new(Input(turnstile)));
        Ok(built.run(every(arguments.gc_interval, move || {
            let stale = now_ns().saturating_sub(kept_ns);
            swept.with(|adjuster| adjuster.states.forget_before(stale));
        })))
    }
}

const SECOND_NS: u64 = 1_000_000_000;
const MILLISECOND_NS: u64 = 1_000_000;

struct Input(Rc<Turnstile<Adjuster>>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(self.0.consume(batch))
    }
}

struct Adjuster {
    strategy: Strategy,
    regex: GoRegex,
    /// The start of what nothing else tells of.
    began_ns: u64,
    states: States,
    identity: Identity,
}

impl Adjuster {
    /// The start that a metric of the batch tells, or that of this program.
    fn start_ns<'a>(&self, tree: &mut Tree<'a, Metric<'a>>) -> u64 {
        if self.strategy != Strategy::StartTimeMetric {
            return 0;
        }
        let mut told: Option<Option<u64>> = None;
        tree.for_each(|_, _, metric| {
            if told.is_none() && self.regex.is_match(&metric.get().name.to_str()) {
                let points = match &metric.get().data {
                    MetricData::Gauge(gauge) => gauge.points.first(),
                    MetricData::Sum(sum) => sum.points.first(),
                    _ => None,
                };
                told = Some(points.map(|point| seconds_ns(point.get())));
            }
        });
        told.flatten().unwrap_or(self.began_ns)
    }
}

fn seconds_ns(point: &NumberPoint<'_>) -> u64 {
    let seconds = ops::points::double(point.value);
    // What is no time since 1970 saturates.
    let whole = seconds as u64;
    let rest = ((seconds - whole as f64) * 1e9) as u64;
    whole.saturating_mul(SECOND_NS).saturating_add(rest)
}

impl Changer for Adjuster {
    fn change(&mut self, batch: &OtlpBatch) -> (OtlpBatch, Undos) {
        let mut tree = batch.metrics();
        let mut undos = Undos::default();
        let mut pass = Pass {
            strategy: self.strategy,
            start_ns: self.start_ns(&mut tree),
            now_ns: now_ns(),
            key: Vec::new(),
        };
        let states = &mut self.states;
        retain_metrics(&mut tree, &mut self.identity, |metric, identity| {
            if !counts_from_a_start(metric.get()) {
                return true;
            }
            identity.metric(metric.get());
            macro_rules! adjusted {
                ($data:ident, $kind:ident) => {{
                    judge(&mut $data.points, identity, |stream, point| {
                        let has_value = point.flags & NO_VALUE == 0;
                        let (states, undo) = (&mut states.$kind, &mut undos.$kind);
                        pass.adjust(states, undo, stream, (point, has_value))
                    })
                }};
            }
            match &mut metric.get_mut().data {
                MetricData::Sum(data) => adjusted!(data, numbers),
                MetricData::Histogram(data) => adjusted!(data, histograms),
                MetricData::ExponentialHistogram(data) => adjusted!(data, exponentials),
                MetricData::Summary(data) => adjusted!(data, summaries),
                MetricData::Empty | MetricData::Gauge(_) => true,
            }
        });
        (tree.encode(), undos)
    }

    fn undo(&mut self, undos: Undos) {
        self.states.undo(undos);
    }
}

fn counts_from_a_start(metric: &Metric<'_>) -> bool {
    match &metric.data {
        MetricData::Sum(sum) => sum.temporality != DELTA,
        MetricData::Histogram(it) => it.temporality == CUMULATIVE,
        MetricData::ExponentialHistogram(it) => it.temporality == CUMULATIVE,
        MetricData::Summary(_) => true,
        MetricData::Empty | MetricData::Gauge(_) => false,
    }
}

/// What holds for all of a batch.
struct Pass {
    strategy: Strategy,
    /// Of a stream that begins, if a metric tells.
    start_ns: u64,
    now_ns: u64,
    /// Of a state, used again and again.
    key: Vec<u8>,
}

/// States of one stream, told apart by the last byte of their keys.
#[derive(Clone, Copy)]
enum Memory {
    /// The last point as it came, with the start that was found.
    Last = 0,
    /// The first one, which is subtracted.
    First = 1,
}

impl Pass {
    fn adjust<'a, P: Point<'a>>(
        &mut self,
        streams: &mut Streams<P::State>,
        undo: &mut Undo<P::State>,
        stream: &[u8],
        (point, has_value): (&P, bool),
    ) -> Verdict<P::State> {
        let now = point.state();
        let last = streams
            .get(key(&mut self.key, stream, Memory::Last))
            .cloned();
        let Some(last) = last else {
            return self.begin(streams, undo, stream, now);
        };
        let mut start = last.start();
        // Compat: a point without a value says nothing of a reset.
        if has_value {
            if !matches!(now.since(&last), Since::Delta(_)) {
                start = now.time().saturating_sub(MILLISECOND_NS);
                self.forget_first(streams, undo, stream, &now, start);
            }
            let mut kept = now.clone();
            kept.set_start(start);
            streams.set(
                key(&mut self.key, stream, Memory::Last),
                kept,
                self.now_ns,
                undo,
            );
        }
        let mut adjusted = match self.first(streams, undo, stream, start) {
            Some(first) if has_value => match now.since(&first) {
                Since::Delta(delta) => delta,
                Since::Reset | Since::Mismatch => now,
            },
            _ => now,
        };
        adjusted.set_start(start);
        Verdict::Change(adjusted)
    }

    fn begin<S: State>(
        &mut self,
        streams: &mut Streams<S>,
        undo: &mut Undo<S>,
        stream: &[u8],
        mut now: S,
    ) -> Verdict<S> {
        now.set_start(match self.strategy {
            Strategy::StartTimeMetric => self.start_ns,
            Strategy::TrueReset | Strategy::SubtractInitial => now.time(),
        });
        let last = key(&mut self.key, stream, Memory::Last);
        streams.set(last, now.clone(), self.now_ns, undo);
        if self.strategy != Strategy::SubtractInitial {
            return Verdict::Change(now);
        }
        let first = key(&mut self.key, stream, Memory::First);
        streams.set(first, now, self.now_ns, undo);
        Verdict::Drop
    }

    /// What is subtracted: the first point, unless the stream has started anew since. It is kept
    /// for as long as the last one.
    fn first<S: State>(
        &mut self,
        streams: &mut Streams<S>,
        undo: &mut Undo<S>,
        stream: &[u8],
        start: u64,
    ) -> Option<S> {
        if self.strategy != Strategy::SubtractInitial {
            return None;
        }
        let first = streams
            .get(key(&mut self.key, stream, Memory::First))
            .cloned();
        let first = first.filter(|first| first.start() == start)?;
        let key = key(&mut self.key, stream, Memory::First);
        streams.set(key, first.clone(), self.now_ns, undo);
        Some(first)
    }

    /// A stream that has started anew is subtracted nothing from: what is kept in the place of its
    /// first point has another start.
    fn forget_first<S: State>(
        &mut self,
        streams: &mut Streams<S>,
        undo: &mut Undo<S>,
        stream: &[u8],
        now: &S,
        start: u64,
    ) {
        if self.strategy == Strategy::SubtractInitial {
            let mut none = now.clone();
            none.set_start(start.wrapping_add(1));
            streams.set(
                key(&mut self.key, stream, Memory::First),
                none,
                self.now_ns,
                undo,
            );
        }
    }
}

/// The key of a state, in a buffer that is used again.
fn key<'k>(buffer: &'k mut Vec<u8>, stream: &[u8], memory: Memory) -> &'k [u8] {
    buffer.clear();
    buffer.extend_from_slice(stream);
    buffer.push(memory as u8);
    buffer
}
