//! otelcol.receiver.filelog: reads the lines of files as log records.
//!
//! ```text
//! names -> files that are ours -> records of what is new -> operators -> output.logs
//! ```
//!
//! A file is known by its identity, so one that is renamed is read on and one that took its name is
//! read from its start. An offset moves when its records were delivered, logged or dropped on
//! purpose; with `storage` it is kept over restarts, else files are begun as `start_at` says. While
//! the output refuses, the files wait. Compatible with otelcol.receiver.filelog of Alloy.

mod arguments;
mod files;
mod offsets;
mod run;

use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{MetricDecl, Stability};

use crate::receiving::counts;

pub use arguments::ReceiverFilelogArguments;
use run::Reader;

pub static COMPONENT: Component = Component::of::<ReceiverFilelog>();

/// The component.
pub struct ReceiverFilelog;

impl DataComponent for ReceiverFilelog {
    type Arguments = ReceiverFilelogArguments;
    const NAME: &'static str = "otelcol.receiver.filelog";
    const STABILITY: Stability = Stability::PublicPreview;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::One;
    const METRICS: &'static [MetricDecl] = counts::DECLARED;

    async fn build(
        arguments: Arc<ReceiverFilelogArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let reader = Reader::new(arguments, cx).await?;
        Ok(Built::new().run(reader.run()))
    }
}
