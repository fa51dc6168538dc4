//! otelcol.processor.memory_limiter: refuses data while memory is short.
//!
//! Memory is bounded at the door already: receivers reserve bytes of the shard's budget before they
//! read. This component refuses earlier, at its own limit, counted in bytes that are reserved on
//! its shard; who sends is asked to come again. Nothing waits, nothing is dropped.
//!
//! Compatible with otelcol.processor.memory_limiter of Alloy, with reserved bytes in place of the
//! Go heap.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use runtime::budget::Budget;
use schema::{Arguments, Bytes, Check, ExportField, Stability};

use crate::settings::{DebugMetrics, Forward, Outputs};

pub static COMPONENT: Component = Component::of::<MemoryLimiter>();

/// The component.
pub struct MemoryLimiter;

#[derive(Arguments)]
#[arg(check = MemoryLimiterArguments::check)]
pub struct MemoryLimiterArguments {
    /// Taken for compatibility: what is reserved is known at any time.
    #[arg(required)]
    pub check_interval: Duration,
    /// Bytes of all shards together at which data is refused, with `spike_limit` taken off.
    #[arg(default = Bytes(0))]
    pub limit: Bytes,
    /// The same as a share of the memory limit, in percent.
    #[arg(default = 0)]
    pub limit_percentage: i32,
    /// How far below the limit data is refused already; a fifth of it when zero.
    pub spike_limit: Bytes,
    /// The same as a share of the memory limit, in percent.
    #[arg(default = 0)]
    pub spike_limit_percentage: i32,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl MemoryLimiterArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.check_interval.is_zero() {
            check.attribute("check_interval", "check_interval must be greater than zero");
        }
        if self.limit.0 > 0 {
            if self.limit_percentage > 0 {
                check.attribute(
                    "limit_percentage",
                    "either limit or limit_percentage must be set, but not both",
                );
            }
            if self.spike_limit.0 >= self.limit.0 {
                check.attribute("spike_limit", "spike_limit must be less than limit");
            }
            return;
        }
        if !(1..=100).contains(&self.limit_percentage)
            || self.spike_limit_percentage >= 100.min(self.limit_percentage)
                && self.spike_limit_percentage > 0
        {
            check.body("either limit or limit_percentage must be set to greater than zero");
        }
    }

    /// Bytes of one shard's budget at which data is refused.
    fn limit_bytes(&self, budget: &Budget, shards: u64) -> u64 {
        let (hard, spike) = match self.limit.0 {
            0 => {
                let share = |percent: i32| budget.limit() / 100 * u64::from(percent.unsigned_abs());
                (
                    share(self.limit_percentage),
                    share(self.spike_limit_percentage),
                )
            }
            limit => (limit / shards, self.spike_limit.0 / shards),
        };
        match spike {
            0 => hard - hard / 5,
            spike => hard - spike,
        }
    }
}

impl DataComponent for MemoryLimiter {
    type Arguments = MemoryLimiterArguments;
    const NAME: &'static str = "otelcol.processor.memory_limiter";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(
        arguments: Arc<MemoryLimiterArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let limiter = Limiter {
            limit_bytes: arguments.limit_bytes(&cx.budget, cx.shard_count as u64),
            budget: cx.budget.clone(),
            forward: arguments.output.forward(cx),
        };
        Ok(Built::new().port("input", Rc::new(limiter)))
    }
}

struct Limiter {
    limit_bytes: u64,
    budget: Budget,
    forward: Forward,
}

impl Consume for Limiter {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            if self.budget.used() > self.limit_bytes {
                return Err(Nack::retry(
                    "memory_limit",
                    "data refused due to high memory usage",
                ));
            }
            self.forward.consume(batch.into_otlp()).await
        })
    }
}
