//! otelcol.exporter.otlp: sends traces, metrics and logs over gRPC.
//!
//! A batch is sent as the bytes that it is made of, without a decode and without a copy; see
//! `exporting` for queue, retries and what an acknowledgement means. Statuses that will never be
//! others drop the batch, counted and logged.
//!
//! Compatible with otelcol.exporter.otlp of Alloy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::OtlpSignal;
use engine::outbox::{Outcome, Parcel};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use net::codec::Codec;
use net::grpc::{self, Code, Status};
use net::tls::ClientTls;
use net::{BodyLimits, Client, ClientOptions, HeaderMap, HeaderValue, Request, Target, header};
use runtime::LocalBoxFuture;
use schema::{Arguments, Bytes, Check, ExportField, MetricDecl, Stability};

use crate::exporting::{self, Delivery, Exchange, Headers, Protocol, may_retry};
use crate::receiver_otlp::grpc_path;
use crate::settings::{DebugMetrics, Handler, Retry, SendingQueue, TlsClient};
use crate::status::retry_delay;

pub static COMPONENT: Component = Component::of::<ExporterOtlp>();

/// The component.
pub struct ExporterOtlp;

#[derive(Arguments)]
pub struct ExporterOtlpArguments {
    /// How long one attempt may take.
    #[arg(default = "5s")]
    pub timeout: Duration,
    /// Where to send, and how.
    #[arg(block, required)]
    pub client: GrpcClient,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// When a request that failed is tried again.
    #[arg(block)]
    pub retry_on_failure: Option<Retry>,
    /// How data waits.
    #[arg(block)]
    pub sending_queue: Option<SendingQueue>,
}

/// A gRPC client of one endpoint.
#[derive(Arguments, Clone)]
#[arg(check = GrpcClient::check)]
pub struct GrpcClient {
    /// Host and port to send to.
    #[arg(required)]
    pub endpoint: String,
    /// How to send.
    #[arg(flatten)]
    pub settings: GrpcSettings,
}

impl GrpcClient {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(error) = self.settings.target(&self.endpoint, "/") {
            check.attribute("endpoint", error);
        }
    }
}

/// A gRPC client, but for where it sends.
#[derive(Arguments, Clone)]
#[arg(check = GrpcSettings::check)]
pub struct GrpcSettings {
    /// How requests are authenticated: a handler of `otelcol.auth`.
    pub auth: Option<Handler>,
    /// Name of the host in requests, when it is not that of the endpoint.
    pub authority: String,
    /// Taken for compatibility: each new connection goes to another address of the name.
    #[arg(default = "round_robin")]
    pub balancer_name: String,
    /// How messages are packed.
    #[arg(default = "gzip")]
    pub compression: String,
    /// Headers of each request.
    pub headers: BTreeMap<String, String>,
    /// Taken for compatibility: buffers grow with what arrives.
    pub read_buffer_size: Bytes,
    /// Taken for compatibility: a connection is made when there is something to send.
    #[arg(default = false)]
    pub wait_for_ready: bool,
    /// Taken for compatibility: messages are written as they are.
    #[arg(default = Bytes(512 << 10))]
    pub write_buffer_size: Bytes,
    /// Pings on silent connections.
    #[arg(block)]
    pub keepalive: Option<ClientKeepalive>,
    /// TLS towards the endpoint.
    #[arg(block)]
    pub tls: Option<TlsClient>,
}

/// Pings on silent connections. Taken for compatibility: a request on a dead connection fails
/// within its timeout and is tried again on another.
#[derive(Arguments, Clone)]
pub struct ClientKeepalive {
    /// How long a connection is silent before it is probed.
    pub ping_wait: Duration,
    /// How long the answer may take.
    pub ping_response_timeout: Duration,
    /// Whether to probe while there is no request.
    pub ping_without_stream: bool,
}

impl GrpcSettings {
    fn check(&self, check: &mut Check<'_>) {
        if codec(&self.compression).is_none() {
            let text = format!("unsupported compression type \"{}\"", self.compression);
            check.attribute("compression", text);
        }
        if self.auth.as_ref().is_some_and(|it| it.client().is_none()) {
            check.attribute(
                "auth",
                "this handler does not support client authentication",
            );
        }
    }

    fn target(&self, endpoint: &str, path: &str) -> Result<Target, String> {
        let (encrypted, rest) = match endpoint.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http" | "dns" | "passthrough", rest)) => (self.encrypts(), rest),
            Some((scheme, _)) => return Err(format!("scheme \"{scheme}\" is not known")),
            None => (self.encrypts(), endpoint),
        };
        let scheme = if encrypted { "https" } else { "http" };
        let rest = rest.trim_start_matches('/').trim_end_matches('/');
        let rest = rest.strip_prefix("dns:").unwrap_or(rest);
        Target::parse(&format!("{scheme}://{rest}{path}")).map_err(|error| error.to_string())
    }

    // Compat: a CA counts for more than `insecure`.
    fn encrypts(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| {
            !tls.insecure || !tls.shared.ca_file.is_empty() || !tls.shared.ca_pem.is_empty()
        })
    }
}

/// The codec of a compression; the inner none for no compression.
#[expect(clippy::option_option, reason = "unknown, none, or one")]
fn codec(name: &str) -> Option<Option<Codec>> {
    match name {
        "" | "none" => Some(None),
        "gzip" | "zstd" | "snappy" => Some(Codec::from_name(name)),
        _ => None,
    }
}

impl DataComponent for ExporterOtlp {
    type Arguments = ExporterOtlpArguments;
    const NAME: &'static str = "otelcol.exporter.otlp";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];
    const METRICS: &'static [MetricDecl] = exporting::DECLARED;

    async fn build(arguments: Arc<ExporterOtlpArguments>, cx: &Build) -> Result<Built, BuildError> {
        let delivery = Delivery {
            queue: arguments.sending_queue.clone(),
            retry: arguments.retry_on_failure.clone(),
        };
        let client = &arguments.client;
        let grpc = Grpc::new(&client.endpoint, &client.settings, arguments.timeout, cx)?;
        exporting::build(cx, &delivery, grpc).await
    }
}

/// Limit: an answer is a few bytes, or a text that says what is wrong.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// The way to one endpoint.
pub struct Grpc {
    client: Client,
    headers: Headers,
    targets: Vec<(OtlpSignal, Target)>,
    codec: Option<Codec>,
    timeout: Duration,
}

impl Grpc {
    pub fn new(
        endpoint: &str,
        settings: &GrpcSettings,
        timeout: Duration,
        cx: &Build,
    ) -> Result<Grpc, BuildError> {
        let mut options = ClientOptions::new(&cx.globals.user_agent);
        options.http2_only = true;
        options.accept_gzip = false;
        options.follow_redirects = false;
        options.round_robin_dns = true;
        options.tls = settings
            .tls
            .as_ref()
            .map_or_else(ClientTls::system, TlsClient::client);
        let pairs = settings.headers.iter();
        let mut headers =
            blocks::header_map(pairs.map(|(name, value)| (name.as_str(), value.as_str())));
        let mut asked = Vec::new();
        if let Some(auth) = settings.auth.as_ref().and_then(Handler::client) {
            options.auth = auth.auth(endpoint);
            asked = auth.put_headers(&mut headers);
        }
        headers.insert(header::CONTENT_TYPE, grpc::CONTENT_TYPE);
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        let codec = codec(&settings.compression).expect("checked: it is known");
        if let Some(codec) = codec {
            let name = HeaderValue::from_static(codec.name());
            headers.insert(grpc::GRPC_ENCODING, name);
        }
        let mut targets = Vec::new();
        for signal in OtlpSignal::ALL {
            let target = settings
                .target(endpoint, grpc_path(signal))
                .map_err(BuildError::new)?;
            targets.push((signal, target));
        }
        Ok(Grpc {
            client: Client::new(options).map_err(|error| BuildError::new(error.to_string()))?,
            headers: Headers {
                fixed: headers,
                asked,
            },
            targets,
            codec,
            timeout: match timeout {
                Duration::ZERO => Duration::from_secs(3600),
                timeout => timeout,
            },
        })
    }

    async fn call(&self, signal: OtlpSignal, parcel: Parcel, headers: HeaderMap) -> Exchange {
        let target = self.targets.iter().find(|(known, _)| *known == signal);
        let (_, target) = target.expect("all signals are listed");
        let framed = match grpc::frame(&parcel.pieces, self.codec) {
            Ok(framed) => framed,
            Err(error) => {
                return Exchange::without_answer(Outcome::Drop {
                    reason: "too_large",
                    message: error.to_string(),
                });
            }
        };
        let mut request = Request::post(target, framed);
        request.headers = headers;
        let limits = BodyLimits::both(ANSWER_BYTES_MAX);
        match self.client.send(&request, self.timeout, limits).await {
            Ok(answer) => {
                let head = answer.head;
                let outcome = outcome(&Status::of(head.status, &head.headers, &head.trailers));
                // Answers are not packed: no encoding was offered.
                let message = answer.body.get(grpc::FRAME_BYTES..);
                Exchange::answered(outcome, message.unwrap_or_default())
            }
            Err(error) => Exchange::without_answer(Outcome::Retry {
                after: None,
                reason: error.kind().as_str(),
                message: error.to_string(),
            }),
        }
    }
}

impl Protocol for Grpc {
    fn export(
        &self,
        signal: OtlpSignal,
        parcel: Parcel,
        headers: HeaderMap,
    ) -> LocalBoxFuture<'_, Exchange> {
        Box::pin(self.call(signal, parcel, headers))
    }

    fn headers(&self) -> &Headers {
        &self.headers
    }
}

fn outcome(status: &Status) -> Outcome {
    if status.code == Code::Ok {
        return Outcome::Ack;
    }
    let after = retry_delay(&status.details);
    let message = format!(
        "rpc error: code = {} desc = {}",
        status.code.name(),
        status.message
    );
    match may_retry(status.code, after.is_some()) {
        true => Outcome::Retry {
            after,
            reason: "unavailable",
            message,
        },
        false => Outcome::Drop {
            reason: "rejected",
            message,
        },
    }
}
