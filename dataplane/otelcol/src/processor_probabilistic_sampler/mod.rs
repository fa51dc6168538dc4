//! otelcol.processor.probabilistic_sampler: keeps a share of the traces and log records.
//!
//! Who stays is decided by randomness in the item itself, so that all spans of a trace stay or go,
//! whichever process they pass. Traces tell their share in the trace state, logs in attributes.
//! What goes is counted with the reason `not_sampled`.
//!
//! Compatible with otelcol.processor.probabilistic_sampler of Alloy.

mod logs;
mod sampler;
mod threshold;
mod traces;
mod tracestate;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread, Throttle};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::settings::{DebugMetrics, Forward, Outputs};
use sampler::Sampler;
use threshold::{DIGITS, PROBABILITY_MIN};

pub static COMPONENT: Component = Component::of::<ProbabilisticSampler>();

/// The component.
pub struct ProbabilisticSampler;

#[derive(Arguments)]
#[arg(check = SamplerArguments::check)]
pub struct SamplerArguments {
    /// Where the randomness of log records is: `traceID`, or `record` for an attribute.
    #[arg(default = "traceID")]
    pub attribute_source: String,
    /// Whether items go whose randomness or trace state is missing or wrong.
    #[arg(default = true)]
    pub fail_closed: bool,
    /// Attribute of log records that randomness is made of.
    #[arg(default = "")]
    pub from_attribute: String,
    /// Changes what the hash of `hash_seed` keeps; equal for all samplers of one layer.
    #[arg(default = 0)]
    pub hash_seed: u32,
    /// `proportional`, `equalizing` or `hash_seed`. If it is not given, `hash_seed` where a seed
    /// is set and for log records without trace ids, else `proportional`.
    #[arg(default = "")]
    pub mode: String,
    /// Percentage of items that stay; 100 and more keep all.
    #[arg(default = 0.0)]
    pub sampling_percentage: f64,
    /// Hexadecimal digits of thresholds.
    #[arg(default = 4)]
    pub sampling_precision: i64,
    /// Attribute of log records that has a percentage of its own.
    #[arg(default = "")]
    pub sampling_priority: String,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl SamplerArguments {
    fn check(&self, check: &mut Check<'_>) {
        let percentage = self.sampling_percentage;
        let ratio = percentage / 100.0;
        if !percentage.is_finite() {
            let text = format!("sampling rate is invalid: {percentage:.6}%");
            check.attribute("sampling_percentage", text);
        } else if ratio < 0.0 {
            let text = format!("sampling rate is negative: {percentage:.6}%");
            check.attribute("sampling_percentage", text);
        } else if ratio != 0.0 && ratio < PROBABILITY_MIN {
            let text = format!("sampling rate is too small: {percentage}%");
            check.attribute("sampling_percentage", text);
        }
        if !matches!(self.attribute_source.as_str(), "" | "traceID" | "record") {
            let text = format!(
                "invalid attribute source: {}. Expected: traceID or record",
                self.attribute_source
            );
            check.attribute("attribute_source", text);
        }
        if self.sampling_precision == 0 {
            check.attribute("sampling_precision", "invalid sampling precision: 0");
        } else if !(0..=i64::from(DIGITS)).contains(&self.sampling_precision) {
            let text = format!(
                "sampling precision is too great, should be <= {DIGITS}: {}",
                self.sampling_precision
            );
            check.attribute("sampling_precision", text);
        }
    }
}

impl DataComponent for ProbabilisticSampler {
    type Arguments = SamplerArguments;
    const NAME: &'static str = "otelcol.processor.probabilistic_sampler";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<SamplerArguments>, cx: &Build) -> Result<Built, BuildError> {
        let processor = Processor {
            traces: Sampler::of(&arguments, OtlpSignal::Traces),
            logs: Sampler::of(&arguments, OtlpSignal::Logs),
            forward: arguments.output.forward(cx),
            arguments,
            ledger: cx.ledger("decisions"),
            doubts: Doubts {
                node: cx.node.to_string(),
                throttle: Throttle::new(TOLD_EVERY),
            },
        };
        Ok(Built::new().port("input", Rc::new(processor)))
    }
}

/// How often items in doubt are told of at most.
const TOLD_EVERY: Duration = Duration::from_secs(10);

struct Processor {
    arguments: Arc<SamplerArguments>,
    traces: Sampler,
    logs: Sampler,
    forward: Forward,
    ledger: Ledger,
    doubts: Doubts,
}

/// Tells of items whose share cannot be known.
struct Doubts {
    node: String,
    throttle: Throttle,
}

impl Doubts {
    fn tell(&self, why: &str) {
        if let Some(held_back) = self.throttle.pass() {
            tracing::info!(component = %self.node, held_back, "an item is sampled in doubt: {why}");
        }
    }
}

impl Processor {
    fn sample(&self, batch: &OtlpBatch) -> OtlpBatch {
        let (arguments, tell) = (&*self.arguments, &mut |why: &str| self.doubts.tell(why));
        if batch.signal() == OtlpSignal::Logs {
            let mut tree = batch.log_records();
            for scope in tree
                .resources
                .iter_mut()
                .flat_map(|group| &mut group.scopes)
            {
                let records = &mut scope.items;
                records.retain_mut(|record| logs::stays(record, &self.logs, arguments, tell));
            }
            tree.prune();
            return tree.encode();
        }
        let mut tree = batch.spans();
        for scope in tree
            .resources
            .iter_mut()
            .flat_map(|group| &mut group.scopes)
        {
            let spans = &mut scope.items;
            spans.retain_mut(|span| traces::stays(span, &self.traces, arguments, tell));
        }
        tree.prune();
        tree.encode()
    }
}

impl Consume for Processor {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let taken = batch.items() as u64;
            let mut held = self.ledger.hold(taken);
            let left = match batch.signal() {
                // Compat: metrics are not sampled, and Alloy has nothing that takes them.
                OtlpSignal::Metrics => {
                    held.lose("unsupported_signal", taken);
                    let text = "probabilistic_sampler takes traces and logs, not metrics";
                    return Err(Nack::permanent("unsupported_signal", text));
                }
                _ => Rc::new(self.sample(&batch)),
            };
            drop(batch);
            let kept = left.items() as u64;
            let result = self.forward.consume(left).await;
            held.settle_kept(&result, kept, "not_sampled");
            result
        })
    }
}

#[cfg(test)]
mod tests;
