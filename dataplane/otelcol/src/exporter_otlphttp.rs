//! otelcol.exporter.otlphttp: sends traces, metrics and logs over HTTP.
//!
//! A batch is sent as the bytes that it is made of, without a decode (JSON and compression take
//! what they take); see `exporting` for queue, retries and what an acknowledgement means. Answers
//! that will never be others drop the batch, counted and logged.
//!
//! Compatible with otelcol.exporter.otlphttp of Alloy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use batch::otlp::OtlpSignal;
use batch::otlp::schema::{Field, FieldKind, Schema};
use engine::outbox::{Outcome, Parcel, parse_retry_after};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use formats::otlp_json;
use net::codec::Codec;
use net::tls::ClientTls;
use net::{BodyLimits, Chunks, Client, ClientOptions, HeaderMap, HeaderValue, Proxy, Request};
use net::{Response, Target, header};
use runtime::LocalBoxFuture;
use schema::{Arguments, Bytes, Check, ExportField, MetricDecl, Stability};
use stdx::protobuf::{Fields, Value};

use crate::exporting::{self, Delivery, Exchange, Headers, Protocol};
use crate::settings::{DebugMetrics, Handler, Retry, SendingQueue, TlsClient};

pub static COMPONENT: Component = Component::of::<ExporterOtlpHttp>();

/// The component.
pub struct ExporterOtlpHttp;

#[derive(Arguments)]
#[arg(check = ExporterOtlpHttpArguments::check)]
pub struct ExporterOtlpHttpArguments {
    /// How messages are written.
    #[arg(default = "proto", one_of("proto", "json"))]
    pub encoding: String,
    /// URL of logs; that of the client with `/v1/logs` when empty.
    pub logs_endpoint: String,
    /// URL of metrics; that of the client with `/v1/metrics` when empty.
    pub metrics_endpoint: String,
    /// URL of traces; that of the client with `/v1/traces` when empty.
    pub traces_endpoint: String,
    /// Where to send, and how.
    #[arg(block, required)]
    pub client: HttpClient,
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

/// An HTTP client.
#[derive(Arguments, Clone)]
#[arg(check = HttpClient::check)]
pub struct HttpClient {
    /// URL to send to, without the paths of the signals.
    #[arg(required)]
    pub endpoint: String,
    /// How requests are authenticated: a handler of `otelcol.auth`.
    pub auth: Option<Handler>,
    /// How requests are packed.
    #[arg(default = "gzip")]
    pub compression: String,
    /// Use each connection once.
    #[arg(default = false)]
    pub disable_keep_alives: bool,
    /// Offer HTTP/2 to https servers.
    #[arg(default = true)]
    pub force_attempt_http2: bool,
    /// Headers of each request.
    pub headers: BTreeMap<String, String>,
    /// Taken for compatibility: a request on a dead connection fails within its timeout.
    #[arg(default = "15s")]
    pub http2_ping_timeout: Duration,
    /// Taken for compatibility, as `http2_ping_timeout`.
    #[arg(default = Duration::ZERO)]
    pub http2_read_idle_timeout: Duration,
    /// How long an idle connection is kept.
    #[arg(default = "90s")]
    pub idle_conn_timeout: Duration,
    /// Taken for compatibility: there are as many connections as there are requests at a time.
    #[arg(default = 0)]
    pub max_conns_per_host: i64,
    /// Most idle connections to one host; 0 leaves `max_idle_conns`.
    #[arg(default = 0)]
    pub max_idle_conns_per_host: i64,
    /// Most idle connections.
    #[arg(default = 100)]
    pub max_idle_conns: i64,
    /// Proxy that requests go through; from the environment when empty.
    pub proxy_url: String,
    /// Taken for compatibility: buffers grow with what arrives.
    pub read_buffer_size: Bytes,
    /// How long one attempt may take.
    #[arg(default = "30s")]
    pub timeout: Duration,
    /// Taken for compatibility: requests are written as they are.
    #[arg(default = Bytes(512 << 10))]
    pub write_buffer_size: Bytes,
    /// How hard to pack.
    #[arg(block)]
    pub compression_params: Option<CompressionParams>,
    /// Cookies of the server.
    #[arg(block)]
    pub cookies: Option<Cookies>,
    /// TLS towards the endpoint.
    #[arg(block)]
    pub tls: Option<TlsClient>,
}

/// How hard to pack.
#[derive(Arguments, Clone)]
pub struct CompressionParams {
    /// Level of gzip and zlib; other codecs have one.
    #[arg(required)]
    pub level: i64,
}

/// Cookies of the server. Taken for compatibility: none are kept.
#[derive(Arguments, Clone)]
pub struct Cookies {
    /// Keep cookies.
    #[arg(default = false)]
    pub enabled: bool,
}

impl HttpClient {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(error) = Target::parse(&self.endpoint) {
            check.attribute("endpoint", error.to_string());
        }
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

    fn options(&self, cx: &Build) -> ClientOptions {
        let mut options = ClientOptions::new(&cx.globals.user_agent);
        options.enable_http2 = self.force_attempt_http2;
        options.accept_gzip = false;
        options.tls = self
            .tls
            .as_ref()
            .map_or_else(ClientTls::system, TlsClient::client);
        options.proxy.proxy = match self.proxy_url.as_str() {
            "" => Proxy::Environment,
            url => Proxy::Fixed {
                url: url.to_owned(),
                no_proxy: String::new(),
            },
        };
        let idle = match (self.max_idle_conns_per_host, self.max_idle_conns) {
            (0, all) => all,
            (host, _) => host,
        };
        options.pool.idle_per_origin_max = match self.disable_keep_alives {
            true => 0,
            false => usize::try_from(idle).unwrap_or(0),
        };
        options.pool.idle_max = self.idle_conn_timeout;
        options
    }
}

impl ExporterOtlpHttpArguments {
    fn check(&self, check: &mut Check<'_>) {
        for (name, url) in [
            ("traces_endpoint", &self.traces_endpoint),
            ("metrics_endpoint", &self.metrics_endpoint),
            ("logs_endpoint", &self.logs_endpoint),
        ] {
            if !url.is_empty()
                && let Err(error) = Target::parse(url)
            {
                check.attribute(name, error.to_string());
            }
        }
    }

    fn url(&self, signal: OtlpSignal) -> String {
        let own = match signal {
            OtlpSignal::Traces => &self.traces_endpoint,
            OtlpSignal::Metrics => &self.metrics_endpoint,
            OtlpSignal::Logs => &self.logs_endpoint,
        };
        if !own.is_empty() {
            return own.clone();
        }
        let base = self.client.endpoint.strip_suffix('/');
        let base = base.unwrap_or(&self.client.endpoint);
        format!("{base}/v1/{}", signal.name())
    }
}

/// The codec of a compression; the inner none for no compression.
#[expect(clippy::option_option, reason = "unknown, none, or one")]
fn codec(name: &str) -> Option<Option<Codec>> {
    match name {
        "" | "none" => Some(None),
        name => Codec::from_name(name).map(Some),
    }
}

impl DataComponent for ExporterOtlpHttp {
    type Arguments = ExporterOtlpHttpArguments;
    const NAME: &'static str = "otelcol.exporter.otlphttp";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];
    const METRICS: &'static [MetricDecl] = exporting::DECLARED;

    async fn build(
        arguments: Arc<ExporterOtlpHttpArguments>,
        cx: &Build,
    ) -> Result<Built, BuildError> {
        let delivery = Delivery {
            queue: arguments.sending_queue.clone(),
            retry: arguments.retry_on_failure.clone(),
        };
        exporting::build(cx, &delivery, Http::new(&arguments, cx)?).await
    }
}

/// Limit: an answer is a few bytes, or a text that says what is wrong (the Collector reads as
/// much).
const ANSWER_BYTES_MAX: u64 = 64 << 10;

struct Http {
    client: Client,
    headers: Headers,
    targets: Vec<(OtlpSignal, Target)>,
    json: bool,
    codec: Option<Codec>,
    level: Option<u32>,
    timeout: Duration,
}

impl Http {
    fn new(arguments: &ExporterOtlpHttpArguments, cx: &Build) -> Result<Http, BuildError> {
        let refuse = |error: net::HttpError| BuildError::new(error.to_string());
        let settings = &arguments.client;
        let mut options = settings.options(cx);
        let pairs = settings.headers.iter();
        let mut headers =
            blocks::header_map(pairs.map(|(name, value)| (name.as_str(), value.as_str())));
        let mut asked = Vec::new();
        if let Some(auth) = settings.auth.as_ref().and_then(Handler::client) {
            options.auth = auth.auth(&settings.endpoint);
            asked = auth.put_headers(&mut headers);
        }
        let json = arguments.encoding == "json";
        let kind = match json {
            true => "application/json",
            false => "application/x-protobuf",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        let codec = codec(&settings.compression).expect("checked: it is known");
        if codec.is_some() {
            // As it is configured: `deflate` and `zlib` are the same.
            let name = HeaderValue::from_str(&settings.compression);
            headers.insert(
                header::CONTENT_ENCODING,
                name.expect("checked: a codec's name"),
            );
        }
        let mut targets = Vec::new();
        for signal in OtlpSignal::ALL {
            let target = Target::parse(&arguments.url(signal)).map_err(refuse)?;
            targets.push((signal, target));
        }
        let level = settings.compression_params.as_ref();
        Ok(Http {
            client: Client::new(options).map_err(refuse)?,
            headers: Headers {
                fixed: headers,
                asked,
            },
            targets,
            json,
            codec,
            level: level.and_then(|params| u32::try_from(params.level).ok()),
            timeout: match settings.timeout {
                Duration::ZERO => Duration::from_secs(3600),
                timeout => timeout,
            },
        })
    }

    fn body(&self, signal: OtlpSignal, parcel: Parcel) -> Result<Chunks, String> {
        let mut pieces = parcel.pieces;
        if self.json {
            let request = Chunks::from(pieces).to_bytes();
            let json = otlp_json::encode(signal.request(), &request);
            pieces = vec![json.map_err(|error| error.to_string())?.into()];
        }
        if let Some(codec) = self.codec {
            let plain = pieces.iter().map(|piece| &**piece);
            let packed = codec.pack(plain, self.level);
            pieces = vec![packed.map_err(|error| error.to_string())?.into()];
        }
        Ok(pieces.into())
    }

    async fn call(&self, signal: OtlpSignal, parcel: Parcel, headers: HeaderMap) -> Exchange {
        let target = self.targets.iter().find(|(known, _)| *known == signal);
        let (_, target) = target.expect("all signals are listed");
        let body = match self.body(signal, parcel) {
            Ok(body) => body,
            Err(message) => {
                return Exchange::without_answer(Outcome::Drop {
                    reason: "not_encodable",
                    message,
                });
            }
        };
        let mut request = Request::post(target, body);
        request.headers = headers;
        let limits = BodyLimits::both(ANSWER_BYTES_MAX);
        match self.client.send(&request, self.timeout, limits).await {
            Ok(answer) => Exchange::answered(outcome(target, &answer), &message(answer)),
            Err(error) => Exchange::without_answer(Outcome::Retry {
                after: None,
                reason: error.kind().as_str(),
                message: error.to_string(),
            }),
        }
    }
}

impl Protocol for Http {
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

/// The response of an export: its fields are the same in all three signals but for one name.
static EXPORT_RESPONSE: Schema = Schema::new(
    "ExportServiceResponse",
    &[Field {
        number: 1,
        json: "partialSuccess",
        kind: FieldKind::Message(&PARTIAL_SUCCESS),
        repeated: false,
    }],
    &[],
);
static PARTIAL_SUCCESS: Schema = Schema::new(
    "ExportPartialSuccess",
    &[
        rejected("rejectedSpans"),
        rejected("rejectedDataPoints"),
        rejected("rejectedLogRecords"),
        Field {
            number: 2,
            json: "errorMessage",
            kind: FieldKind::Str,
            repeated: false,
        },
    ],
    &[],
);

const fn rejected(json: &'static str) -> Field {
    Field {
        number: 1,
        json,
        kind: FieldKind::Int64,
        repeated: false,
    }
}

/// The message of an answer, in either encoding.
fn message(answer: Response) -> Vec<u8> {
    let kind = answer.head.headers.get(header::CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return answer.body;
    }
    // What cannot be read says nothing: the status alone decides.
    otlp_json::decode(&EXPORT_RESPONSE, &answer.body).unwrap_or_default()
}

fn outcome(target: &Target, answer: &Response) -> Outcome {
    let status = answer.head.status.as_u16();
    if (200..300).contains(&status) {
        return Outcome::Ack;
    }
    let message = format!(
        "error exporting items, request to {} responded with HTTP Status Code {status}, Message={}",
        target.authority(),
        status_message(answer)
    );
    // OTLP 1.x, retryable response codes.
    if !matches!(status, 429 | 502 | 503 | 504) {
        return Outcome::Drop {
            reason: "rejected",
            message,
        };
    }
    let wish = answer.head.retry_after();
    Outcome::Retry {
        after: wish.and_then(|wish| parse_retry_after(wish, runtime::wall_ms())),
        reason: "server_error",
        message,
    }
}

/// The text of the `google.rpc.Status` that an answer should hold.
fn status_message(answer: &Response) -> String {
    let mut fields = Fields::new("Status", &answer.body);
    while let Ok(Some((number, value))) = fields.next() {
        if let (2, Value::Bytes(text)) = (number, value) {
            return String::from_utf8_lossy(text).into_owned();
        }
    }
    String::new()
}
