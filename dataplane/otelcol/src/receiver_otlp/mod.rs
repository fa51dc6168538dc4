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
mod cors;
mod grpc;
mod http;
mod intake;
mod metrics;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use net::{Answer, Handler, Incoming, Server, ServerOptions};
use runtime::LocalBoxFuture;
use runtime::net::{ListenOptions, TcpListener};
use schema::{MetricDecl, Stability};

pub use arguments::ReceiverOtlpArguments;
pub use grpc::path as grpc_path;
use intake::Intake;

pub static COMPONENT: Component = Component::of::<ReceiverOtlp>();

/// The component.
pub struct ReceiverOtlp;

/// How long requests that were begun may take when the component stops.
const GRACE: Duration = Duration::from_secs(4);

impl DataComponent for ReceiverOtlp {
    type Arguments = ReceiverOtlpArguments;
    const NAME: &'static str = "otelcol.receiver.otlp";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = metrics::DECLARED;

    async fn build(
        arguments: Arc<ReceiverOtlpArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let intake = Rc::new(Intake::new(cx, &arguments.output));
        let mut servers = Vec::new();
        if let Some(settings) = &arguments.grpc {
            let listener = listen(settings.address().expect("checked: it is an address"))?;
            let service = Rc::new(grpc::Service::new(settings, intake.clone(), cx));
            let handler = handler(move |request| service.clone().answer(request));
            servers.push(serve(listener, handler, settings.options()));
        }
        if let Some(settings) = &arguments.http {
            let listener = listen(settings.address().expect("checked: it is an address"))?;
            let service = Rc::new(http::Service::new(settings, intake));
            let handler = handler(move |request| service.clone().answer(request));
            servers.push(serve(listener, handler, settings.options()));
        }
        let servers = Rc::new(std::cell::RefCell::new(servers));
        Ok(Built::new().drain(move |_| {
            let servers = servers.take();
            async move {
                let ends = servers.into_iter().map(|server| server.shutdown(GRACE));
                engine::join(ends.collect()).await;
            }
        }))
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, BuildError> {
    TcpListener::bind(address, &ListenOptions::shared()).map_err(|cause| {
        BuildError::new(format!(
            "cannot listen on {address}: {cause}; change endpoint, or stop what listens there"
        ))
    })
}

fn serve(listener: TcpListener, handler: Handler, options: ServerOptions) -> Server {
    net::serve(listener, handler, options)
}

fn handler<F>(answer: impl Fn(Incoming) -> F + 'static) -> Handler
where
    F: Future<Output = Answer> + 'static,
{
    Rc::new(move |request| {
        let answered: LocalBoxFuture<'static, Answer> = Box::pin(answer(request));
        answered
    })
}
