//! faro.receiver: takes what the Faro SDK of web pages sends: logs, exceptions, measurements and
//! events become lines, traces go on as they are.
//!
//! ```text
//! POST /collect -> limits, key -> JSON -> lines  -> logs
//!                                     \-> spans -> traces
//! 202 <- both have taken it; 503 <- one may take it later
//! ```
//!
//! It is in this family because it speaks OTLP and the rules of browsers. A request is answered
//! with success only when both outputs have delivered, synced or dropped on purpose what is in it.
//! Compatible with faro.receiver of Alloy. The key is looked at before the body is read, so that
//! strangers cost nothing. Source maps are not applied yet: stacks stay as the page sent them.

mod arguments;
mod lines;
mod metrics;
mod run;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use net::ServerOptions;
use schema::{MetricDecl, Stability};

use crate::receiving::{handler, listen, serve};
use arguments::FaroArguments;
use run::Service;

pub static COMPONENT: Component = Component::of::<FaroReceiver>();

/// The component.
pub struct FaroReceiver;

impl DataComponent for FaroReceiver {
    type Arguments = FaroArguments;
    const NAME: &'static str = "faro.receiver";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = metrics::DECLARED;

    async fn build(arguments: Arc<FaroArguments>, cx: &Build) -> Result<Built, BuildError> {
        let address = arguments.server.address().expect("checked: it is one");
        let listener = listen(address)?;
        if !arguments.sourcemaps.locations.is_empty() {
            tracing::warn!(
                component_id = &*cx.node,
                "source maps are not applied yet: stacks of exceptions stay as they were sent"
            );
        }
        let service = Rc::new(Service::new(arguments, cx));
        let answer = handler(move |request| {
            let service = service.clone();
            async move { service.answer(request).await }
        });
        Ok(serve(vec![(listener, answer, ServerOptions::standard())]))
    }
}
