//! loki.process: runs stages on log entries.
//!
//! ```text
//! receiver -> entry -> stages (ops::stages) -> entries by label set -> forward_to
//! ```
//!
//! Order stays within a stream. An entry is dropped only by a stage and counted. Lines that a stage
//! holds back (blocks of stage.multiline, partial lines of stage.cri) are acknowledged while they
//! are in memory: a kill loses them, at most those of `max_wait_time`; a stop or a change of the
//! stages lets them go first. Compatible with loki.process of Alloy.

mod arguments;
mod build;
mod export;
mod limit_arguments;
mod metric_arguments;
mod output;
mod run;
#[cfg(test)]
mod tests;
mod write_arguments;

use std::rc::Rc;
use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread, Update};
use ops::stages::{Database, Program, ProgramBuilder};
use schema::{Arguments, Check, ExportField, MetricDecl, Port, Stability};

use arguments::Stage;
use build::Parts;
use run::Processor;

pub static COMPONENT: Component = Component::of::<Process>();

/// The component.
pub struct Process;

#[derive(Arguments)]
#[arg(check = Self::validate)]
pub struct ProcessArguments {
    /// Where what is kept goes.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// The stages, run in this order.
    #[arg(variants)]
    pub stages: Vec<Stage>,
}

impl ProcessArguments {
    /// Compat: what only the stages together tell is wrong with the component as a whole.
    fn validate(&self, check: &mut Check<'_>) {
        if let Err(error) = program(&self.stages, &Parts::default()) {
            check.body(format!("invalid stage config: {error}"));
        }
    }
}

fn program(stages: &[Stage], parts: &Parts) -> Result<Program, String> {
    let mut builder = ProgramBuilder::default();
    build::add(stages, parts, &mut builder)?;
    Ok(builder.build())
}

impl DataComponent for Process {
    type Arguments = ProcessArguments;
    const NAME: &'static str = "loki.process";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "LogsReceiver",
    }];
    const METRICS: &'static [MetricDecl] = export::DECLARED;

    async fn build(arguments: Arc<ProcessArguments>, cx: &Build) -> Result<Built, BuildError> {
        let parts = Parts {
            databases: open_databases(&arguments.stages).await?,
            seed: runtime::random_u64(),
        };
        let program = program(&arguments.stages, &parts).map_err(BuildError::new)?;
        let processor = Rc::new(Processor::new(cx, &arguments.forward_to, program));
        let (update, drain) = (processor.clone(), processor.clone());
        Ok(Built::new()
            .port("receiver", processor.clone())
            .run(async move { processor.let_go_in_time().await })
            .update(move |new: Arc<ProcessArguments>| {
                if new.stages != arguments.stages {
                    return Ok(Update::Rebuild);
                }
                update.forward_to(&new.forward_to);
                Ok(Update::Done)
            })
            .drain(move |_| {
                let drain = drain.clone();
                async move { drain.let_go_of_all().await }
            }))
    }
}

async fn open_databases(stages: &[Stage]) -> Result<Vec<(String, Rc<Database>)>, BuildError> {
    let mut paths = Vec::new();
    build::databases(stages, &mut paths);
    let mut databases = Vec::with_capacity(paths.len());
    for path in paths {
        let failed = |error: String| BuildError::new(format!("cannot open {path:?}: {error}"));
        let bytes = runtime::fs::read(path.as_ref()).await;
        let bytes = bytes.map_err(|error| failed(error.to_string()))?;
        let database = Database::new(bytes).map_err(failed)?;
        databases.push((path, Rc::new(database)));
    }
    Ok(databases)
}
