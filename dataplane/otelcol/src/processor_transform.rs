//! otelcol.processor.transform: changes telemetry by statements of OTTL.
//!
//! Statements are compiled once, with their paths, patterns and constants; a group runs on all
//! items of its context in a batch before the next group does. Only what statements ask for is
//! decoded, only what they change is encoded again, all else is copied as it came.
//!
//! A statement that fails is passed over (`ignore`, `silent`), or its batch is refused
//! (`propagate`).
//!
//! Compatible with otelcol.processor.transform of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use ops::ottl::{ErrorMode, Owner, Statements};
use runtime::LocalBoxFuture;
use schema::{Arguments, Check, ExportField, Stability};

use crate::ottl::{self, LOGS, METRICS, Rules, Surroundings, TRACES};
use crate::settings::{DebugMetrics, Forward, Outputs};

pub static COMPONENT: Component = Component::of::<Transform>();

/// The component.
pub struct Transform;

#[derive(Arguments)]
#[arg(check = TransformArguments::check)]
pub struct TransformArguments {
    /// What happens when a statement fails: `ignore` it, ignore it `silent`ly, or `propagate` the
    /// error, which refuses the batch.
    #[arg(default = "ignore")]
    pub error_mode: String,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
    /// Statements for traces.
    #[arg(block)]
    pub trace_statements: Vec<Group>,
    /// Statements for metrics.
    #[arg(block)]
    pub metric_statements: Vec<Group>,
    /// Statements for logs.
    #[arg(block)]
    pub log_statements: Vec<Group>,
    /// Statements whose paths name their context.
    #[arg(block)]
    pub statements: Option<Inferred>,
}

/// Statements of one context.
#[derive(Arguments)]
pub struct Group {
    /// What the statements run on: `resource`, `scope`, or the items of the signal.
    #[arg(required)]
    pub context: String,
    /// Statements, run in order.
    #[arg(required)]
    pub statements: Vec<String>,
    /// Conditions of which one has to hold for the statements to run on an item.
    pub conditions: Vec<String>,
    /// What happens when one of these statements fails; that of the component if not given.
    pub error_mode: String,
}

/// Statements whose context is that of their paths.
#[derive(Arguments)]
pub struct Inferred {
    /// Statements for traces.
    pub trace: Vec<String>,
    /// Statements for metrics.
    pub metric: Vec<String>,
    /// Statements for logs.
    pub log: Vec<String>,
}

impl TransformArguments {
    fn check(&self, check: &mut Check<'_>) {
        // Compat: mistakes are told at the component, as Alloy does.
        if let Err(message) = rules(self) {
            check.body(message);
        }
    }
}

fn rules(arguments: &TransformArguments) -> Result<Rules<Statements>, String> {
    let mode = ottl::error_mode(&arguments.error_mode)?;
    let inferred = arguments.statements.as_ref();
    let exemplars: Vec<Owner> = METRICS.iter().copied().chain([Owner::Exemplar]).collect();
    Ok(Rules {
        traces: groups(
            "trace",
            &arguments.trace_statements,
            inferred.map(|it| &*it.trace),
            (TRACES, TRACES),
            mode,
        )?,
        metrics: groups(
            "metric",
            &arguments.metric_statements,
            inferred.map(|it| &*it.metric),
            (METRICS, &exemplars),
            mode,
        )?,
        logs: groups(
            "log",
            &arguments.log_statements,
            inferred.map(|it| &*it.log),
            (LOGS, LOGS),
            mode,
        )?,
    })
}

/// The groups of one signal: those that name their context, then those that do not. Contexts that
/// may be named are followed by those that may be inferred.
fn groups(
    signal: &str,
    named: &[Group],
    inferred: Option<&[String]>,
    (known, inferable): (&[Owner], &[Owner]),
    mode: ErrorMode,
) -> Result<Vec<Statements>, String> {
    let mut groups = Vec::with_capacity(named.len() + 1);
    for (index, group) in named.iter().enumerate() {
        let at = |message: String| format!("{signal}_statements[{index}]: {message}");
        let mode = match &*group.error_mode {
            "" => mode,
            name => ottl::error_mode(name).map_err(at)?,
        };
        let context = ottl::context(&group.context, known).map_err(at)?;
        let compiled = Statements::compile(
            &group.statements,
            &group.conditions,
            Some(context),
            known,
            mode,
        );
        groups.push(compiled.map_err(|error| at(texts(group, error)))?);
    }
    if let Some(statements) = inferred.filter(|statements| !statements.is_empty()) {
        let compiled = Statements::compile(statements, &[], None, inferable, mode);
        let list = format!("statements.{signal}");
        groups.push(compiled.map_err(|error| ottl::misplaced(&list, statements, error))?);
    }
    Ok(groups)
}

/// A mistake in a statement or condition of a group.
fn texts(group: &Group, (index, error): (usize, ops::ottl::SyntaxError)) -> String {
    match index.checked_sub(group.statements.len()) {
        Some(index) => ottl::misplaced("conditions", &group.conditions, (index, error)),
        None => ottl::misplaced("statements", &group.statements, (index, error)),
    }
}

impl DataComponent for Transform {
    type Arguments = TransformArguments;
    const NAME: &'static str = "otelcol.processor.transform";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];

    async fn build(arguments: Arc<TransformArguments>, cx: &Build) -> Result<Built, BuildError> {
        let transformer = Transformer {
            programs: rules(&arguments).map_err(BuildError::new)?,
            surroundings: Surroundings::new(&cx.node),
            forward: arguments.output.forward(cx),
            ledger: cx.ledger("statements"),
        };
        Ok(Built::new().port("input", Rc::new(transformer)))
    }
}

struct Transformer {
    programs: Rules<Statements>,
    surroundings: Surroundings,
    forward: Forward,
    ledger: Ledger,
}

impl Consume for Transformer {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let batch = batch.into_otlp();
            let taken = batch.items() as u64;
            let mut held = self.ledger.hold(taken);
            let changed = self.programs.apply(&batch, &self.surroundings)?;
            drop(batch);
            let kept = changed.items() as u64;
            let result = self.forward.consume(changed).await;
            if result.is_ok() {
                // Metrics can be made of others, and points can become one.
                held.gain(kept.saturating_sub(taken));
            }
            held.settle_kept(&result, kept, "merged");
            result
        })
    }
}
