//! otelcol.processor.tail_sampling: keeps or drops whole traces by what is in them.
//!
//! Spans wait in memory by their trace until `decision_wait` has passed since the first; then the
//! policies decide on all of them. Spans that come later follow the decision for as long as it is
//! remembered. An input is answered when it waits, so what waits is lost with the process, as in
//! Alloy; at an orderly end it is decided on. A sampled trace that the nodes behind refuse for now
//! is offered again.
//!
//! One shard decides, to which the others hand over: the spans of a trace meet whatever connection
//! they came by. Compatible with otelcol.processor.tail_sampling of Alloy.

mod evaluate;
mod policies;
mod trace;
mod waiting;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::ottl::Surroundings;
use crate::settings::{DebugMetrics, Forward, Outputs};
use evaluate::{Policy, compile};
use policies::PolicyBlock;
use trace::Trace;
use waiting::{Arrived, Limits, Waiting, by_trace};

pub static COMPONENT: Component = Component::of::<TailSampling>();

/// The component.
pub struct TailSampling;

#[derive(Arguments)]
#[arg(check = TailSamplingArguments::check)]
pub struct TailSamplingArguments {
    /// Make inputs wait while `num_traces` are remembered, instead of forgetting the oldest.
    #[arg(default = false)]
    pub block_on_overflow: bool,
    /// Decisions to remember: `sampled_cache_size` and `non_sampled_cache_size`.
    pub decision_cache: BTreeMap<String, i64>,
    /// How long a trace waits for its spans.
    #[arg(default = Duration::from_secs(30))]
    pub decision_wait: Duration,
    /// How long a trace waits at most once its root is there; zero for `decision_wait`.
    #[arg(default = Duration::ZERO)]
    pub decision_wait_after_root_received: Duration,
    /// Drop what waits at the end, instead of deciding on it.
    #[arg(default = false)]
    pub drop_pending_traces_on_shutdown: bool,
    /// Taken for compatibility: memory grows as it is needed.
    #[arg(default = 0)]
    pub expected_new_traces_per_sec: i64,
    /// Bytes of a trace; larger ones are not sampled. Zero for no limit.
    #[arg(default = 0)]
    pub maximum_trace_size_bytes: u64,
    /// Traces to remember.
    #[arg(default = 50_000)]
    pub num_traces: i64,
    /// Ask no more policies once one samples.
    #[arg(default = false)]
    pub sample_on_first_match: bool,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// What decides.
    #[arg(block, name = "policy", required)]
    pub policies: Vec<PolicyBlock>,
}

const CACHES: [&str; 2] = ["sampled_cache_size", "non_sampled_cache_size"];

impl TailSamplingArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.decision_wait.as_millis() == 0 {
            check.attribute("decision_wait", "decision_wait must be greater than zero");
        }
        if self.num_traces <= 0 {
            check.attribute("num_traces", "num_traces must be greater than zero");
        }
        let unknown = |name: &&String| !CACHES.contains(&name.as_str());
        if let Some(name) = self.decision_cache.keys().find(unknown) {
            check.attribute(
                "decision_cache",
                format!("decision_cache has no field {name:?}"),
            );
        }
        if let Err(message) = self.compile() {
            check.body(message);
        }
    }

    /// The policies with their names; those that drop come first.
    fn compile(&self) -> Result<Vec<Asked>, String> {
        let mut asked: Vec<Asked> = Vec::new();
        for block in &self.policies {
            let name = block.simple.name.clone();
            if name.is_empty() {
                return Err("policy name cannot be empty".to_owned());
            }
            if asked.iter().any(|known| known.name == name) {
                return Err(format!("duplicate policy name \"{name}\""));
            }
            let (policy, drops) = compile(block)
                .map_err(|error| format!("policy \"{name}\" cannot be made: {error}"))?;
            asked.push(Asked {
                name,
                policy,
                drops,
            });
        }
        asked.sort_by_key(|asked| !asked.drops);
        Ok(asked)
    }

    fn limits(&self) -> Limits {
        let cache = |name: &str| {
            let size = self.decision_cache.get(name).copied().unwrap_or(0);
            usize::try_from(size).unwrap_or(0)
        };
        Limits {
            traces_max: usize::try_from(self.num_traces).unwrap_or(usize::MAX),
            bytes_max: match self.maximum_trace_size_bytes {
                0 => usize::MAX,
                max => usize::try_from(max).unwrap_or(usize::MAX),
            },
            wait: self.decision_wait,
            wait_after_root: match self.decision_wait_after_root_received {
                Duration::ZERO => self.decision_wait,
                wait => wait,
            },
            sampled_cached: cache(CACHES[0]),
            others_cached: cache(CACHES[1]),
        }
    }
}

/// A policy with what it is called.
struct Asked {
    name: String,
    policy: Policy,
    drops: bool,
}

impl DataComponent for TailSampling {
    type Arguments = TailSamplingArguments;
    const NAME: &'static str = "otelcol.processor.tail_sampling";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<TailSamplingArguments>, cx: &Build) -> Result<Built, BuildError> {
        let sampler = Rc::new(Sampler {
            waiting: RefCell::new(Waiting::new(arguments.limits())),
            policies: RefCell::new(arguments.compile().map_err(BuildError::new)?),
            forward: arguments.output.forward(cx),
            ledger: cx.ledger("decisions"),
            surroundings: Surroundings::new(&cx.node),
            node: cx.node.clone(),
            arguments,
        });
        let (port, ticking) = (Input(sampler.clone()), sampler.clone());
        Ok(Built::new()
            .port("input", Rc::new(port))
            .run(async move {
                loop {
                    runtime::sleep(TICK.min(ticking.arguments.decision_wait)).await;
                    ticking.decide_due(false).await;
                }
            })
            .drain(move |_| {
                let sampler = sampler.clone();
                async move { sampler.finish().await }
            }))
    }
}

/// How often decisions are made.
const TICK: Duration = Duration::from_secs(1);
/// How long an input waits for room before it looks again.
const ROOM_WAIT: Duration = Duration::from_millis(100);

struct Sampler {
    arguments: Arc<TailSamplingArguments>,
    waiting: RefCell<Waiting>,
    policies: RefCell<Vec<Asked>>,
    forward: Forward,
    ledger: Ledger,
    surroundings: Surroundings,
    node: Rc<str>,
}

struct Input(Rc<Sampler>);

impl Consume for Input {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            if batch.signal() != OtlpSignal::Traces {
                let text = "tail_sampling takes traces only";
                return Err(Nack::permanent("unsupported_signal", text));
            }
            self.0.take(&batch).await
        })
    }
}

impl Sampler {
    async fn take(&self, batch: &OtlpBatch) -> Result<(), Nack> {
        let mut late = OtlpBatch::empty(OtlpSignal::Traces);
        for part in by_trace(batch) {
            while self.arguments.block_on_overflow && self.waiting.borrow().is_full(&part.id) {
                runtime::sleep(ROOM_WAIT).await;
            }
            let spans = part.spans.items() as u64;
            self.ledger.take(spans);
            let arrived = self.waiting.borrow_mut().arrive(part, runtime::now());
            match arrived {
                Arrived::Waits { forgotten } => self.ledger.drop("forgotten", forgotten as u64),
                Arrived::Sampled(spans) => late.append(&spans),
                Arrived::NotSampled { spans } => self.ledger.drop("not_sampled", spans as u64),
            }
        }
        let spans = late.items() as u64;
        if let Err(nack) = self.forward.consume(late).await {
            // The rest of the input is taken already, so it cannot be refused.
            self.ledger.drop(nack.reason, spans);
            self.tell_lost(&nack);
        } else {
            self.ledger.pass(spans);
        }
        Ok(())
    }

    fn tell_lost(&self, nack: &Nack) {
        tracing::warn!(
            component = %self.node,
            reason = nack.reason,
            "sampled spans are lost: {}; see the components behind",
            nack.message,
        );
    }

    /// Decides on the traces whose time has come, or on all.
    async fn decide_due(&self, all: bool) {
        let due = self.waiting.borrow_mut().due(runtime::now(), all);
        for id in due {
            let Some((batches, sampled)) = self.waiting.borrow_mut().take(&id) else {
                continue;
            };
            let spans = batches.iter().map(|it| it.items() as u64).sum();
            let sampled = sampled || self.decide(id, &batches);
            if !sampled {
                self.waiting.borrow_mut().decided(&id, false);
                self.ledger.drop("not_sampled", spans);
                continue;
            }
            let mut whole = OtlpBatch::empty(OtlpSignal::Traces);
            for batch in &batches {
                whole.append(batch);
            }
            match self.forward.consume(whole).await {
                Ok(()) => self.ledger.pass(spans),
                Err(nack) if nack.retryable && !all => {
                    self.waiting
                        .borrow_mut()
                        .put_back(&id, batches, runtime::now() + TICK);
                    continue;
                }
                Err(nack) => {
                    self.ledger.drop(nack.reason, spans);
                    self.tell_lost(&nack);
                }
            }
            self.waiting.borrow_mut().decided(&id, true);
        }
    }

    /// Whether a trace is sampled: not if a policy drops it, else if one samples it.
    fn decide(&self, id: [u8; 16], batches: &[OtlpBatch]) -> bool {
        let trace = Trace::of(id, batches);
        let now = runtime::now();
        let mut sampled = false;
        for asked in self.policies.borrow_mut().iter_mut() {
            match asked.policy.samples(&trace, now, &self.surroundings) {
                Ok(true) if asked.drops => return false,
                Ok(true) => sampled = true,
                Ok(false) => {}
                Err(error) => {
                    let policy = &asked.name;
                    tracing::debug!(component = %self.node, policy, "a policy failed: {error}");
                }
            }
            if sampled && self.arguments.sample_on_first_match {
                break;
            }
        }
        sampled
    }

    async fn finish(&self) {
        if self.arguments.drop_pending_traces_on_shutdown {
            let spans = self.waiting.borrow_mut().clear();
            self.ledger.drop("shutdown", spans as u64);
            return;
        }
        self.decide_due(true).await;
    }
}

#[cfg(test)]
mod tests;
