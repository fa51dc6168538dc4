//! otelcol.receiver.zipkin: takes spans as Zipkin's clients send them, over HTTP.
//!
//! ```text
//! POST -> spans of version 1 (JSON, Thrift) or 2 (JSON, protobuf) -> OTLP -> output
//!                                                       202 <- acknowledged <-/
//! ```
//!
//! A request is answered with success only when its spans were delivered, logged or dropped on
//! purpose. Compatible with otelcol.receiver.zipkin of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use formats::zipkin::{self, Form, Options};
use net::{Answer, Incoming, StatusCode, header};
use schema::{Arguments, Check, MetricDecl, Stability};

use crate::receiving::{Door, Intake, Transport, counts, handler, listen, serve};
use crate::settings::{DebugMetrics, HttpServer, Outputs, address, refuse_endpoint};

pub static COMPONENT: Component = Component::of::<ReceiverZipkin>();

/// The component.
pub struct ReceiverZipkin;

#[derive(Arguments)]
#[arg(check = ReceiverZipkinArguments::check)]
pub struct ReceiverZipkinArguments {
    /// Address and port to listen on.
    #[arg(default = "0.0.0.0:9411")]
    pub endpoint: String,
    /// Turn tags that look like numbers or truth values into those.
    #[arg(default = false)]
    pub parse_string_tags: bool,
    /// What every server has.
    #[arg(flatten)]
    pub server: HttpServer,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

impl ReceiverZipkinArguments {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }
}

impl DataComponent for ReceiverZipkin {
    type Arguments = ReceiverZipkinArguments;
    const NAME: &'static str = "otelcol.receiver.zipkin";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = counts::DECLARED;

    async fn build(
        arguments: Arc<ReceiverZipkinArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let service = Rc::new(Service {
            door: Door::new(&arguments.server),
            intake: Intake::new(cx, &arguments.output, "zipkin", &[Transport::Http]),
            parse_string_tags: arguments.parse_string_tags,
        });
        let address = address(&arguments.endpoint).expect("checked: it is an address");
        let answer = handler(move |request| {
            let service = service.clone();
            async move {
                let inner = |request| service.take(request);
                service.door.answer(request, inner).await
            }
        });
        Ok(serve(vec![(
            listen(address)?,
            answer,
            arguments.server.options(),
        )]))
    }
}

struct Service {
    door: Door,
    intake: Intake,
    parse_string_tags: bool,
}

impl Service {
    async fn take(&self, mut request: Incoming) -> Answer {
        let kind = request.headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_v1 = request.uri.path().contains("api/v1/spans");
        let form = match (is_v1, kind) {
            (true, "application/x-thrift") => Form::V1Thrift,
            (true, _) => Form::V1Json,
            (false, "application/x-protobuf") => Form::V2Proto,
            (false, _) => Form::V2Json,
        };
        let (body, _room) = match self.door.body(&mut request, &self.intake).await {
            Ok(taken) => taken,
            Err(refusal) => return refusal.answer(),
        };
        let options = Options {
            parse_string_tags: self.parse_string_tags,
            now_ns: runtime::wall_ns().max(0).cast_unsigned(),
        };
        let batch = match zipkin::decode(form, &body, options) {
            Ok(batch) => batch,
            Err(reason) => return Answer::text(StatusCode::BAD_REQUEST, &reason),
        };
        let (status, text) = match self.intake.pass_on(batch, Transport::Http).await {
            Ok(()) => (StatusCode::ACCEPTED, ""),
            Err(nack) if nack.retryable => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "\"Internal Server Error\"",
            ),
            Err(_) => (StatusCode::BAD_REQUEST, "\"Bad Request\""),
        };
        let mut answer = Answer::empty(status);
        answer.body = Bytes::from_static(text.as_bytes());
        answer
    }
}
