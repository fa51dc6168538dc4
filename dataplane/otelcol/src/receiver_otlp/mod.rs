//! otelcol.receiver.otlp: takes traces, metrics and logs over gRPC and HTTP.
//!
//! ```text
//! connection (of the shard that the kernel chose) -> message -> check, count -> output
//!                                                               Ok, 200 <-/
//! ```
//!
//! A request is answered with success only when every branch has delivered it, logged it or dropped
//! it on purpose; until then its bytes count against the shard's budget. What is not a valid
//! message at any depth is refused. Nothing is decoded: the bytes that arrived are passed on.
//!
//! Compatible with otelcol.receiver.otlp of Alloy.

mod answers;
mod arguments;
mod client;
mod grpc;
mod http;
mod metrics;

use std::rc::Rc;
use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{MetricDecl, Stability};

use crate::receiving::{Intake, Transport, handler, listen, serve};
pub use arguments::ReceiverOtlpArguments;
pub use client::client;
pub use grpc::path as grpc_path;

pub static COMPONENT: Component = Component::of::<ReceiverOtlp>();

/// The component.
pub struct ReceiverOtlp;

const TRANSPORTS: &[Transport] = &[Transport::Grpc, Transport::Http];

impl DataComponent for ReceiverOtlp {
    type Arguments = ReceiverOtlpArguments;
    const NAME: &'static str = "otelcol.receiver.otlp";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = metrics::DECLARED;

    async fn build(arguments: Arc<ReceiverOtlpArguments>, cx: &Build) -> Result<Built, BuildError> {
        let intake = Rc::new(Intake::new(cx, &arguments.output, "otlp", TRANSPORTS));
        let mut servers = Vec::new();
        if let Some(settings) = &arguments.grpc {
            let listener = listen(settings.address().expect("checked: it is an address"))?;
            let service = Rc::new(grpc::Service::new(settings, intake.clone(), cx));
            let handler = handler(move |request| service.clone().answer(request));
            servers.push((listener, handler, settings.server.options()));
        }
        if let Some(settings) = &arguments.http {
            let listener = listen(settings.address().expect("checked: it is an address"))?;
            let service = Rc::new(http::Service::new(settings, intake));
            let handler = handler(move |request| service.clone().answer(request));
            servers.push((listener, handler, settings.server.options()));
        }
        Ok(serve(servers))
    }
}
