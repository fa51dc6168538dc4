//! otelcol.processor.cumulativetodelta: turns points that tell the whole sum into what came since
//! the last one.
//!
//! Monotonic sums and histograms are changed, each stream (resource, scope, metric, attributes) by
//! its last point; all else passes. A point that begins a stream goes on or not by `initial_value`;
//! one that is smaller than the last is a reset and is dropped. What a refused batch changed is
//! taken back, so that the batch can be offered again.
//!
//! Streams have one owner: the node lives on one shard, and others hand over.
//! Compatible with otelcol.processor.cumulativetodelta of Alloy.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{Metric, MetricData, OtlpBatch};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use ops::points::{CUMULATIVE, DELTA, Identity, Point, Since, State, Streams, Undo};
use ops::regex::GoRegex;
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::settings::{DebugMetrics, Outputs};
use crate::streams::{
    Changer, States, Turnstile, Undos, Verdict, every, has_temporality, judge, now_ns,
    retain_metrics,
};

pub static COMPONENT: Component = Component::of::<CumulativeToDelta>();

/// The component.
pub struct CumulativeToDelta;

#[derive(Arguments)]
#[arg(check = CumulativeToDeltaArguments::check)]
pub struct CumulativeToDeltaArguments {
    /// What becomes of the first point of a stream: `keep` it, `drop` it, or `auto`, which keeps it
    /// if the stream began after this component.
    #[arg(default = "auto")]
    pub initial_value: String,
    /// How long a stream without new points is remembered; 0 is for ever.
    #[arg(default = Duration::ZERO)]
    pub max_staleness: Duration,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Metrics that are not changed.
    #[arg(block)]
    pub exclude: Option<Matching>,
    /// Metrics that are changed; all if not given.
    #[arg(block)]
    pub include: Option<Matching>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

/// Metrics by name and type.
#[derive(Arguments)]
pub struct Matching {
    /// Whether names are texts or regular expressions: `strict` or `regexp`.
    pub match_type: Option<String>,
    /// Types of metrics: `sum`, `histogram`.
    pub metric_types: Option<Vec<String>>,
    /// Names of metrics.
    pub metrics: Option<Vec<String>>,
}

impl CumulativeToDeltaArguments {
    fn check(&self, check: &mut Check<'_>) {
        if Initial::named(&self.initial_value).is_none() {
            check.attribute(
                "initial_value",
                "initial_value must be one of \"auto\", \"keep\", \"drop\"",
            );
        }
        for matching in [&self.include, &self.exclude].into_iter().flatten() {
            if let Err(message) = Matcher::new(matching) {
                check.body(message);
            }
        }
    }
}

/// What becomes of the first point of a stream.
#[derive(Clone, Copy)]
enum Initial {
    Auto,
    Keep,
    Drop,
}

impl Initial {
    fn named(name: &str) -> Option<Initial> {
        match name {
            "auto" => Some(Initial::Auto),
            "keep" => Some(Initial::Keep),
            "drop" => Some(Initial::Drop),
            _ => None,
        }
    }
}

/// The decided rules of one block.
#[derive(Default)]
struct Matcher {
    names: Vec<String>,
    patterns: Vec<GoRegex>,
    types: Vec<String>,
}

impl Matcher {
    fn new(matching: &Matching) -> Result<Matcher, String> {
        let names = matching.metrics.clone().unwrap_or_default();
        let types = matching.metric_types.clone().unwrap_or_default();
        if types.iter().any(|it| it != "sum" && it != "histogram") {
            return Err("metric_types must be one of \"sum\" and \"histogram\"".to_owned());
        }
        let mut matcher = Matcher {
            types,
            ..Matcher::default()
        };
        match matching.match_type.as_deref().unwrap_or_default() {
            "" if names.is_empty() => {}
            "" => return Err("match_type must be set if metrics are supplied".to_owned()),
            _ if names.is_empty() => {
                return Err("metrics must be supplied if match_type is set".to_owned());
            }
            "strict" => matcher.names = names,
            "regexp" => {
                let patterns = names.iter().map(|name| GoRegex::new(name));
                matcher.patterns = patterns.collect::<Result<_, _>>()?;
            }
            _ => return Err("match_type must be one of \"strict\" and \"regexp\"".to_owned()),
        }
        Ok(matcher)
    }

    /// Whether a name fits; `None` if no names are given.
    fn name_fits(&self, metric: &Metric<'_>) -> Option<bool> {
        if self.names.is_empty() && self.patterns.is_empty() {
            return None;
        }
        let name = metric.name.to_str();
        Some(
            self.names.iter().any(|it| *it == *name)
                || self.patterns.iter().any(|it| it.is_match(&name)),
        )
    }

    fn type_fits(&self, metric: &Metric<'_>) -> Option<bool> {
        let name = match metric.data {
            MetricData::Sum(_) => "sum",
            MetricData::Histogram(_) => "histogram",
            _ => "",
        };
        (!self.types.is_empty()).then(|| self.types.iter().any(|it| it == name))
    }
}

impl DataComponent for CumulativeToDelta {
    type Arguments = CumulativeToDeltaArguments;
    const NAME: &'static str = "otelcol.processor.cumulativetodelta";
    const STABILITY: Stability = Stability::PublicPreview;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(
        arguments: Arc<CumulativeToDeltaArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let matcher = |block: &Option<Matching>| match block {
            Some(matching) => Matcher::new(matching).map_err(BuildError::new),
            None => Ok(Matcher::default()),
        };
        let differ = Differ {
            include: matcher(&arguments.include)?,
            exclude: matcher(&arguments.exclude)?,
            initial: Initial::named(&arguments.initial_value).unwrap_or(Initial::Auto),
            began_ns: now_ns(),
            states: States::default(),
            identity: Identity::default(),
        };
        let forward = arguments.output.forward(cx);
        let turnstile = Rc::new(Turnstile::new(differ, forward, cx.ledger("streams")));
        let swept = turnstile.clone();
        let built = Built::new().port("input", Rc::new(Input(turnstile)));
        if arguments.max_staleness.is_zero() {
            return Ok(built);
        }
        let max_staleness = arguments.max_staleness.as_nanos() as u64;
        Ok(built.run(every(arguments.max_staleness, move || {
            let stale = now_ns().saturating_sub(max_staleness);
            swept.with(|differ| differ.states.forget_before(stale));
        })))
    }
}

struct Input(Rc<Turnstile<Differ>>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(self.0.consume(batch))
    }
}

struct Differ {
    include: Matcher,
    exclude: Matcher,
    initial: Initial,
    began_ns: u64,
    states: States,
    identity: Identity,
}

impl Differ {
    fn changes(include: &Matcher, exclude: &Matcher, metric: &Metric<'_>) -> bool {
        if !has_temporality(metric, CUMULATIVE) {
            return false;
        }
        if matches!(&metric.data, MetricData::Sum(sum) if !sum.is_monotonic) {
            return false;
        }
        include.name_fits(metric).unwrap_or(true)
            && include.type_fits(metric).unwrap_or(true)
            && !exclude.name_fits(metric).unwrap_or(false)
            && !exclude.type_fits(metric).unwrap_or(false)
    }
}

impl Changer for Differ {
    fn change(&mut self, batch: &OtlpBatch) -> (OtlpBatch, Undos) {
        let mut tree = batch.metrics();
        let mut undos = Undos::default();
        let pass = Pass {
            now_ns: now_ns(),
            began_ns: self.began_ns,
            initial: self.initial,
        };
        let (include, exclude, states) = (&self.include, &self.exclude, &mut self.states);
        retain_metrics(&mut tree, &mut self.identity, |metric, identity| {
            if !Differ::changes(include, exclude, metric.get()) {
                return true;
            }
            identity.metric(metric.get());
            match &mut metric.get_mut().data {
                MetricData::Sum(sum) => {
                    sum.temporality = DELTA;
                    judge(&mut sum.points, identity, |stream, point| {
                        // A NaN tells that a stream has ended: it passes.
                        match ops::points::double(point.value).is_nan() {
                            true => Verdict::Keep,
                            false => {
                                pass.since(&mut states.numbers, &mut undos.numbers, stream, point)
                            }
                        }
                    })
                }
                MetricData::Histogram(it) => {
                    it.temporality = DELTA;
                    judge(&mut it.points, identity, |stream, point| {
                        let (states, undo) = (&mut states.histograms, &mut undos.histograms);
                        pass.since(states, undo, stream, point)
                    })
                }
                MetricData::ExponentialHistogram(it) => {
                    it.temporality = DELTA;
                    judge(&mut it.points, identity, |stream, point| {
                        let (states, undo) = (&mut states.exponentials, &mut undos.exponentials);
                        pass.since(states, undo, stream, point)
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
struct Pass {
    now_ns: u64,
    began_ns: u64,
    initial: Initial,
}

impl Pass {
    fn since<'a, P: Point<'a>>(
        &self,
        streams: &mut Streams<P::State>,
        undo: &mut Undo<P::State>,
        stream: &[u8],
        point: &P,
    ) -> Verdict<P::State> {
        let now = point.state();
        let verdict = match streams.get(stream) {
            None => self.begin(&now),
            Some(before) => match now.since(before) {
                Since::Delta(mut delta) => {
                    delta.set_start(before.time());
                    Verdict::Change(delta)
                }
                Since::Reset | Since::Mismatch => Verdict::Drop,
            },
        };
        streams.set(stream, now, self.now_ns, undo);
        verdict
    }

    fn begin<S: State>(&self, first: &S) -> Verdict<S> {
        match self.initial {
            Initial::Drop => Verdict::Drop,
            // Compat: when a kept stream began is not told.
            Initial::Keep => {
                let mut kept = first.clone();
                kept.set_start(0);
                Verdict::Change(kept)
            }
            Initial::Auto if first.start() < self.began_ns || first.time() == first.start() => {
                Verdict::Drop
            }
            Initial::Auto => Verdict::Keep,
        }
    }
}
