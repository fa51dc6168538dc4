//! otelcol.receiver.influxdb: takes metrics in InfluxDB's line protocol over HTTP.
//!
//! `/write` of InfluxDB 1 and `/api/v2/write` of 2 do the same. A request is answered with success
//! only when its points were delivered, logged or dropped on purpose. Compatible with
//! otelcol.receiver.influxdb of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use formats::influx;
use net::{Answer, Incoming, StatusCode};
use schema::{Arguments, Check, MetricDecl, Stability};

use crate::receiving::{Door, Intake, Transport, counts, handler, listen, serve};
use crate::settings::{DebugMetrics, HttpServer, Outputs, address, refuse_endpoint};

pub static COMPONENT: Component = Component::of::<ReceiverInfluxdb>();

/// The component.
pub struct ReceiverInfluxdb;

#[derive(Arguments)]
#[arg(check = ReceiverInfluxdbArguments::check)]
pub struct ReceiverInfluxdbArguments {
    /// Address and port to listen on.
    #[arg(default = "localhost:8086")]
    pub endpoint: String,
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

impl ReceiverInfluxdbArguments {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }
}

impl DataComponent for ReceiverInfluxdb {
    type Arguments = ReceiverInfluxdbArguments;
    const NAME: &'static str = "otelcol.receiver.influxdb";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = counts::DECLARED;

    async fn build(
        arguments: Arc<ReceiverInfluxdbArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let service = Rc::new(Service {
            door: Door::new(&arguments.server),
            intake: Intake::new(cx, &arguments.output, "influxdb", &[Transport::Http]),
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
}

impl Service {
    async fn take(&self, mut request: Incoming) -> Answer {
        match request.uri.path() {
            "/write" | "/api/v2/write" => {}
            "/ping" => return Answer::empty(StatusCode::NO_CONTENT),
            _ => return Answer::text(StatusCode::NOT_FOUND, "404 page not found"),
        }
        let bad = |text: &str| Answer::text(StatusCode::BAD_REQUEST, text);
        let query = request.uri.query().unwrap_or_default().as_bytes();
        let precision = url::form_urlencoded::parse(query).find(|(key, _)| key == "precision");
        let precision = precision.map_or_else(String::new, |(_, value)| value.into_owned());
        let Some(precision_ns) = influx::precision_ns(&precision) else {
            return bad(&format!("unrecognized precision '{precision}'"));
        };
        let (body, _room) = match self.door.body(&mut request, &self.intake).await {
            Ok(taken) => taken,
            Err(refusal) => return refusal.answer(),
        };
        let batch = match influx::decode(&body, precision_ns, runtime::wall_ns()) {
            Ok(batch) => batch,
            Err(reason) => return bad(&reason),
        };
        match self.intake.pass_on(batch, Transport::Http).await {
            Ok(()) => Answer::empty(StatusCode::NO_CONTENT),
            Err(nack) if nack.retryable => {
                Answer::text(StatusCode::INTERNAL_SERVER_ERROR, &nack.message)
            }
            Err(nack) => bad(&nack.message),
        }
    }
}
