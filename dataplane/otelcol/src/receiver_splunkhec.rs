//! otelcol.receiver.splunkhec: takes logs and metrics as Splunk's HTTP event collector does.
//!
//! ```text
//! raw_path                  -> a record for each line  -> output.logs
//! health_path               -> 200
//! any other, as Splunk's    -> events: records         -> output.logs
//!                              event "metric": gauges  -> output.metrics
//! ```
//!
//! A request is answered with success only when its events were delivered, logged or dropped on
//! purpose. Compatible with otelcol.receiver.splunkhec of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::{OtlpBatch, OtlpSignal};
use engine::{Build, BuildError, Built, Component, DataComponent, Nack, Role, Spread};
use formats::splunk_hec::{self, Origin, OriginNames};
use net::{Answer, HeaderValue, Incoming, Method, StatusCode, header};
use schema::{Arguments, Check, MetricDecl, Stability};
use serde_json::json;

use crate::receiving::{Door, Intake, Transport, counts, handler, listen, serve};
use crate::settings::{DebugMetrics, HttpServer, Outputs, address, refuse_endpoint};

pub static COMPONENT: Component = Component::of::<ReceiverSplunkhec>();

/// The component.
pub struct ReceiverSplunkhec;

#[derive(Arguments)]
#[arg(check = ReceiverSplunkhecArguments::check)]
pub struct ReceiverSplunkhecArguments {
    /// Keep the sender's token as the attribute `com.splunk.hec.access_token` of the resource.
    #[arg(default = false)]
    pub access_token_passthrough: bool,
    /// Address and port to listen on.
    #[arg(default = "localhost:8088")]
    pub endpoint: String,
    /// Path that tells whether we are well.
    #[arg(default = "/services/collector/health")]
    pub health_path: String,
    /// Path of raw lines.
    #[arg(default = "/services/collector/raw")]
    pub raw_path: String,
    /// Whether a raw request is split into lines.
    #[arg(default = "line", one_of("line", "none"))]
    pub splitting: String,
    /// What every server has.
    #[arg(flatten)]
    pub server: HttpServer,
    /// Attributes that hold the origin of events.
    #[arg(block)]
    pub hec_metadata_to_otel_attrs: Option<Metadata>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

/// Attributes that hold the origin of events.
#[derive(Arguments, Clone)]
pub struct Metadata {
    /// Attribute of the host.
    #[arg(default = "host.name")]
    pub host: String,
    /// Attribute of the index.
    #[arg(default = "com.splunk.index")]
    pub index: String,
    /// Attribute of the source.
    #[arg(default = "com.splunk.source")]
    pub source: String,
    /// Attribute of the type of the source.
    #[arg(default = "com.splunk.sourcetype")]
    pub sourcetype: String,
}

impl ReceiverSplunkhecArguments {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }

    fn names(&self) -> OriginNames {
        let names = self.hec_metadata_to_otel_attrs.as_ref();
        let name = |of: fn(&Metadata) -> &String, default: &str| {
            let given = names.map(of).filter(|name| !name.is_empty());
            given.cloned().unwrap_or_else(|| default.to_owned())
        };
        OriginNames {
            host: name(|it| &it.host, "host.name"),
            source: name(|it| &it.source, "com.splunk.source"),
            source_type: name(|it| &it.sourcetype, "com.splunk.sourcetype"),
            index: name(|it| &it.index, "com.splunk.index"),
        }
    }
}

impl DataComponent for ReceiverSplunkhec {
    type Arguments = ReceiverSplunkhecArguments;
    const NAME: &'static str = "otelcol.receiver.splunkhec";
    const STABILITY: Stability = Stability::PublicPreview;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = counts::DECLARED;

    async fn build(
        arguments: Arc<ReceiverSplunkhecArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let address = address(&arguments.endpoint).expect("checked: it is an address");
        let options = arguments.server.options();
        let service = Rc::new(Service {
            door: Door::new(&arguments.server),
            intake: Intake::new(cx, &arguments.output, "splunk_hec", &[Transport::Http]),
            names: arguments.names(),
            arguments,
        });
        let answer = handler(move |request| {
            let service = service.clone();
            async move {
                let inner = |request| service.take(request);
                service.door.answer(request, inner).await
            }
        });
        Ok(serve(vec![(listen(address)?, answer, options)]))
    }
}

struct Service {
    door: Door,
    intake: Intake,
    names: OriginNames,
    arguments: Arc<ReceiverSplunkhecArguments>,
}

impl Service {
    async fn take(&self, mut request: Incoming) -> Answer {
        let path = request.uri.path();
        if path == self.arguments.health_path {
            return told(StatusCode::OK, 17, "HEC is healthy");
        }
        let is_raw = path == self.arguments.raw_path;
        if request.method != Method::POST {
            let text = "Only \"POST\" method is supported";
            return Answer::text(StatusCode::METHOD_NOT_ALLOWED, text);
        }
        let encoding = request.headers.get(header::CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "gzip" && !encoding.is_empty()) {
            let text = "\"Content-Encoding\" must be \"gzip\" or empty";
            return Answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
        }
        let (body, _room) = match self.door.body(&mut request, &self.intake).await {
            Ok(taken) => taken,
            Err(refusal) => return refusal.answer(),
        };
        let taken = match is_raw {
            true => self.raw(&request, &body).await,
            false => self.events(&request, &body).await,
        };
        match taken {
            Ok(()) => told(StatusCode::OK, 0, "Success"),
            Err(answer) => answer,
        }
    }

    async fn events(&self, request: &Incoming, body: &[u8]) -> Result<(), Answer> {
        let token = self.token(request);
        let decoded = splunk_hec::decode_events(body, token.as_deref(), &self.names);
        let decoded = decoded.map_err(refused)?;
        for batch in [decoded.logs, decoded.metrics] {
            if batch.items() > 0 {
                self.pass_on(batch).await?;
            }
        }
        Ok(())
    }

    async fn raw(&self, request: &Incoming, body: &[u8]) -> Result<(), Answer> {
        if body.is_empty() {
            return Err(refused(splunk_hec::Refusal::NoData));
        }
        let mut origin = Origin {
            token: self.token(request),
            ..Origin::default()
        };
        let mut time_ns = 0;
        let query = request.uri.query().unwrap_or_default().as_bytes();
        for (key, value) in url::form_urlencoded::parse(query) {
            match &*key {
                "host" => origin.host = value.into_owned(),
                "source" => origin.source = value.into_owned(),
                "sourcetype" => origin.source_type = value.into_owned(),
                "index" => origin.index = value.into_owned(),
                "time" => {
                    let wrong = || refused(splunk_hec::Refusal::InvalidFormat);
                    time_ns = splunk_hec::time_of(&value).ok_or_else(wrong)?;
                }
                _ => {}
            }
        }
        let by_line = self.arguments.splitting == "line";
        let batch = splunk_hec::decode_raw(body, &origin, &self.names, time_ns, by_line);
        self.pass_on(batch).await
    }

    async fn pass_on(&self, batch: OtlpBatch) -> Result<(), Answer> {
        let signal = batch.signal();
        if !self.intake.takes(signal) {
            let kind = match signal {
                OtlpSignal::Metrics => "metric",
                _ => "log",
            };
            let text = format!("unsupported {kind} event");
            return Err(Answer::text(StatusCode::BAD_REQUEST, &text));
        }
        let failed = |nack: Nack| {
            tracing::debug!("events were not taken: {}", nack.message);
            told(
                StatusCode::INTERNAL_SERVER_ERROR,
                8,
                "Internal Server Error",
            )
        };
        self.intake
            .pass_on(batch, Transport::Http)
            .await
            .map_err(failed)
    }

    fn token(&self, request: &Incoming) -> Option<String> {
        if !self.arguments.access_token_passthrough {
            return None;
        }
        let given = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let token = given.strip_prefix("Splunk ")?;
        (!token.is_empty()).then(|| token.to_owned())
    }
}

fn refused(refusal: splunk_hec::Refusal) -> Answer {
    use splunk_hec::Refusal;
    let (code, text, number) = match refusal {
        Refusal::NoData => (5, "No data", None),
        Refusal::InvalidFormat => (6, "Invalid data format", None),
        Refusal::EventMissing { .. } => (12, "Event field is required", None),
        Refusal::EventBlank { .. } => (13, "Event field cannot be blank", None),
        Refusal::IndexedFields { number } => (15, "Error in handling indexed fields", Some(number)),
    };
    let Some(number) = number else {
        return told(StatusCode::BAD_REQUEST, code, text);
    };
    let body = json!({"text": text, "code": code, "invalid-event-number": number});
    json_answer(StatusCode::BAD_REQUEST, &body)
}

fn told(status: StatusCode, code: u32, text: &str) -> Answer {
    json_answer(status, &json!({"text": text, "code": code}))
}

fn json_answer(status: StatusCode, body: &serde_json::Value) -> Answer {
    let mut answer = Answer::empty(status);
    let kind = HeaderValue::from_static("application/json");
    answer.headers.insert(header::CONTENT_TYPE, kind);
    answer.body = body.to_string().into();
    answer
}
