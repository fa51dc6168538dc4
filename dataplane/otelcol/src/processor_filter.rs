//! otelcol.processor.filter: drops telemetry that conditions of OTTL hold for.
//!
//! What is dropped is counted with the reason `filtered`; scopes and resources that are left
//! without items go too. Conditions read, and change nothing: what stays is copied as it came.
//!
//! Compatible with otelcol.processor.filter of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use ops::ottl::{Conditions, ErrorMode, Owner, Set};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::ottl::{self, LOGS, METRICS, Rules, Surroundings, TRACES};
use crate::settings::{DebugMetrics, Forward, Outputs};

pub static COMPONENT: Component = Component::of::<Filter>();

/// The component.
pub struct Filter;

#[derive(Arguments)]
#[arg(check = FilterArguments::check)]
pub struct FilterArguments {
    /// What happens when a condition fails: `ignore` it, ignore it `silent`ly, or `propagate` the
    /// error, which refuses the batch.
    #[arg(default = "ignore")]
    pub error_mode: String,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// Conditions on traces.
    #[arg(block)]
    pub trace_conditions: Vec<Group>,
    /// Conditions on metrics.
    #[arg(block)]
    pub metric_conditions: Vec<Group>,
    /// Conditions on logs.
    #[arg(block)]
    pub log_conditions: Vec<Group>,
    /// Conditions on spans and their events.
    #[arg(block, deprecated = "use trace_conditions")]
    pub traces: Option<Traces>,
    /// Conditions on metrics and their data points.
    #[arg(block, deprecated = "use metric_conditions")]
    pub metrics: Option<Metrics>,
    /// Conditions on log records.
    #[arg(block, deprecated = "use log_conditions")]
    pub logs: Option<Logs>,
}

/// Conditions of which one has to hold.
#[derive(Arguments)]
pub struct Group {
    /// What the conditions are asked of; that which their paths name if not given.
    pub context: String,
    /// The conditions.
    #[arg(required)]
    pub conditions: Vec<String>,
}

/// Conditions on traces by what they are asked of.
#[derive(Arguments)]
pub struct Traces {
    /// Conditions that drop spans.
    pub span: Vec<String>,
    /// Conditions that drop events of spans.
    pub spanevent: Vec<String>,
}

/// Conditions on metrics by what they are asked of.
#[derive(Arguments)]
pub struct Metrics {
    /// Conditions that drop metrics.
    pub metric: Vec<String>,
    /// Conditions that drop data points.
    pub datapoint: Vec<String>,
}

/// Conditions on logs.
#[derive(Arguments)]
pub struct Logs {
    /// Conditions that drop log records.
    pub log_record: Vec<String>,
}

impl FilterArguments {
    fn check(&self, check: &mut Check<'_>) {
        // Compat: mistakes are told at the component, as Alloy does.
        if let Err(message) = rules(self) {
            check.body(message);
        }
    }
}

/// Conditions by the name of their list and what they are asked of.
type Listed<'a> = [(&'static str, Owner, &'a [String])];

fn rules(arguments: &FilterArguments) -> Result<Rules<Conditions>, String> {
    let mode = ottl::error_mode(&arguments.error_mode)?;
    let traces = arguments.traces.as_ref().map(|it| {
        [
            ("traces.span", Owner::Span, &*it.span),
            ("traces.spanevent", Owner::SpanEvent, &*it.spanevent),
        ]
    });
    let metrics = arguments.metrics.as_ref().map(|it| {
        [
            ("metrics.metric", Owner::Metric, &*it.metric),
            ("metrics.datapoint", Owner::DataPoint, &*it.datapoint),
        ]
    });
    let logs = arguments
        .logs
        .as_ref()
        .map(|it| [("logs.log_record", Owner::Log, &*it.log_record)]);
    let none: &Listed<'_> = &[];
    Ok(Rules {
        traces: filters(
            "trace",
            &arguments.trace_conditions,
            traces.as_ref().map_or(none, |it| it),
            TRACES,
            mode,
        )?,
        metrics: filters(
            "metric",
            &arguments.metric_conditions,
            metrics.as_ref().map_or(none, |it| it),
            METRICS,
            mode,
        )?,
        logs: filters(
            "log",
            &arguments.log_conditions,
            logs.as_ref().map_or(none, |it| it),
            LOGS,
            mode,
        )?,
    })
}

/// The filters of one signal. Where groups are given, the older lists are not looked at.
fn filters(
    signal: &str,
    groups: &[Group],
    listed: &Listed<'_>,
    known: &[Owner],
    mode: ErrorMode,
) -> Result<Vec<Conditions>, String> {
    let mut filters = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let list = format!("{signal}_conditions[{index}].conditions");
        if !group.context.is_empty() {
            let context = ottl::context(&group.context, known)?;
            filters.push(compile(
                &list,
                &group.conditions,
                Some(context),
                known,
                mode,
            )?);
            continue;
        }
        // Each condition finds its own context; higher ones go first, as they drop more.
        let start = filters.len();
        for condition in &group.conditions {
            let condition = std::slice::from_ref(condition);
            filters.push(compile(&list, condition, None, known, mode)?);
        }
        filters[start..].sort_by_key(|filter: &Conditions| {
            known.iter().position(|owner| *owner == filter.context())
        });
    }
    if !groups.is_empty() {
        return Ok(filters);
    }
    for (list, context, conditions) in listed {
        if !conditions.is_empty() {
            filters.push(compile(list, conditions, Some(*context), known, mode)?);
        }
    }
    Ok(filters)
}

fn compile(
    list: &str,
    conditions: &[String],
    context: Option<Owner>,
    known: &[Owner],
    mode: ErrorMode,
) -> Result<Conditions, String> {
    Conditions::compile(conditions, context, known, Set::Filter, mode)
        .map_err(|error| ottl::misplaced(list, conditions, error))
}

impl DataComponent for Filter {
    type Arguments = FilterArguments;
    const NAME: &'static str = "otelcol.processor.filter";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<FilterArguments>, cx: &Build) -> Result<Built, BuildError> {
        let filterer = Filterer {
            filters: rules(&arguments).map_err(BuildError::new)?,
            surroundings: Surroundings::new(&cx.node),
            forward: arguments.output.forward(cx),
            ledger: cx.ledger("conditions"),
        };
        Ok(Built::new().port("input", Rc::new(filterer)))
    }
}

struct Filterer {
    filters: Rules<Conditions>,
    surroundings: Surroundings,
    forward: Forward,
    ledger: Ledger,
}

impl Consume for Filterer {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let taken = batch.items() as u64;
            let held = self.ledger.hold(taken);
            let left = self.filters.apply(&batch, &self.surroundings)?;
            drop(batch);
            let kept = left.items() as u64;
            let result = self.forward.consume(left).await;
            held.settle_kept(&result, kept, "filtered");
            result
        })
    }
}
