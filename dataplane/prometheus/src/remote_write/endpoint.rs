//! One endpoint: its client, its requests and their answers, its senders.

use std::rc::Rc;

use blocks::{ClientContext, header_map};
use engine::outbox::{Abandoned, Answer, Destination, Fate, Order, Outbox, Outcome, Retry429};
use engine::outbox::{SenderOptions, Transport, names_of};
use engine::{Build, BuildError};
use net::{BodyLimits, Bytes, Client, HeaderMap, HeaderValue, Request, Response, Target, header};
use runtime::LocalBoxFuture;
use wal::Record;

use super::arguments::{AGENT_HEADERS, Endpoint, RemoteWriteArguments, V1};
use super::encoding::Encoding;
use super::messages::Header;
use super::metrics::EndpointMetrics;
use super::wire::Version;

/// What is made of an endpoint's settings.
pub struct Part {
    pub name: String,
    pub settings: Endpoint,
    pub encoding: Encoding,
    pub metrics: EndpointMetrics,
    target: Target,
    headers: HeaderMap,
    client: Client,
    retry_429: Retry429,
}

/// Limit: how much of an answer is read. Only a refusal's text is looked at.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// Limit: requests of one sender at a time, whatever `max_shards` says: each holds a connection.
const IN_FLIGHT_MAX: u64 = 256;

/// The endpoints in the order of the text, each with a name of its own.
pub fn parts(arguments: &RemoteWriteArguments, cx: &Build) -> Result<Vec<Rc<Part>>, BuildError> {
    let endpoints = &arguments.endpoints;
    let names = names_of(
        endpoints
            .iter()
            .map(|it| (it.name.as_str(), it.url.as_str())),
    );
    let parts = endpoints.iter().zip(names);
    parts
        .map(|(endpoint, name)| Part::new(arguments, endpoint, name, cx).map(Rc::new))
        .collect()
}

impl Part {
    fn new(
        arguments: &RemoteWriteArguments,
        settings: &Endpoint,
        name: String,
        cx: &Build,
    ) -> Result<Part, BuildError> {
        let refuse = |error: net::HttpError| BuildError::new(format!("endpoint {name:?}: {error}"));
        let context = ClientContext {
            user_agent: &cx.globals.user_agent,
            overrides: &[],
        };
        let mut options = settings.client.options(&context);
        options.round_robin_dns = settings.round_robin_dns;
        options.accept_gzip = false;
        if let Some(auth) = settings.cloud_auth() {
            options.auth = auth;
        }
        Ok(Part {
            target: Target::parse(&settings.url).map_err(refuse)?,
            headers: headers(settings, cx),
            client: Client::new(options).map_err(refuse)?,
            retry_429: Retry429::from_setting(settings.queue_config.retry_on_http_429),
            encoding: Encoding {
                external_labels: arguments
                    .external_labels
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
                rules: blocks::rules(&settings.write_relabel_configs),
                exemplars: settings.send_exemplars,
                histograms: settings.send_native_histograms,
                version: match settings.protobuf_message.as_str() {
                    V1 => Version::V1,
                    _ => Version::V2,
                },
                samples_max: settings.queue_config.max_samples_per_send as usize,
            },
            metrics: EndpointMetrics::new(cx, &name, settings),
            settings: settings.clone(),
            name,
        })
    }

    /// One attempt to deliver a message.
    pub async fn post(&self, message: Bytes, version: Version, attempt: u32) -> Outcome {
        let mut request = Request::post(&self.target, message);
        request.headers = self.headers.clone();
        for (name, value) in version_headers(version) {
            request
                .headers
                .insert(name, HeaderValue::from_static(value));
        }
        if attempt > 0 {
            request
                .headers
                .insert("retry-attempt", HeaderValue::from(attempt));
        }
        let limits = BodyLimits::both(ANSWER_BYTES_MAX);
        let start = runtime::now();
        let answer = self
            .client
            .send(&request, self.settings.remote_timeout, limits)
            .await;
        self.metrics.duration.record(start.elapsed().as_secs_f64());
        match answer {
            Ok(response) => self.classify(&response, version),
            Err(error) => Outcome::Retry {
                after: None,
                reason: error.kind().as_str(),
                message: error.to_string(),
            },
        }
    }

    fn classify(&self, response: &Response, version: Version) -> Outcome {
        if version == Version::V2 && response.head.status.is_success() && wrote_nothing(response) {
            // Remote write 2.0: a success without any Written header comes of a receiver that took
            // the message for one of version 1; to be treated like 415.
            let message = "the endpoint says yes, but not that it has written anything; if it \
                           knows only version 1, set protobuf_message to \
                           \"prometheus.WriteRequest\"";
            return Outcome::Drop {
                reason: "not_written",
                message: message.to_owned(),
            };
        }
        let answer = Answer {
            status: response.head.status.as_u16(),
            phrase: response.head.phrase(),
            retry_after: response.head.retry_after(),
            body: &response.body,
        };
        answer.classify(self.retry_429)
    }
}

fn headers(settings: &Endpoint, cx: &Build) -> HeaderMap {
    let own = settings
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers = header_map(own);
    for name in AGENT_HEADERS {
        if let Ok(id) = HeaderValue::from_str(&cx.globals.instance_id) {
            headers.entry(name).or_insert(id);
        }
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("snappy"));
    headers
}

fn version_headers(version: Version) -> [(&'static str, &'static str); 2] {
    let (kind, number) = match version {
        Version::V1 => ("application/x-protobuf", "0.1.0"),
        Version::V2 => (
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            "2.0.0",
        ),
    };
    [
        ("content-type", kind),
        ("x-prometheus-remote-write-version", number),
    ]
}

/// Whether all the counts of what was written are missing or zero.
fn wrote_nothing(response: &Response) -> bool {
    let headers = &response.head.headers;
    let count = |name| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    WRITTEN_HEADERS
        .into_iter()
        .all(|name| count(name).unwrap_or(0) == 0)
}

const WRITTEN_HEADERS: [&str; 3] = [
    "x-prometheus-remote-write-samples-written",
    "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written",
];

/// Sends records, each by the version that it is of.
pub struct Http {
    part: Rc<Part>,
}

impl Transport for Http {
    fn send<'a>(&'a self, record: &'a Record, attempt: u32) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(async move {
            let version = Version::of_kind(record.kind);
            let Some(version) = version.filter(|_| record.payload.len() >= Header::BYTES) else {
                let message = format!("record of kind {} is not a message", record.kind);
                return Outcome::Drop {
                    reason: "unknown_record",
                    message,
                };
            };
            self.part
                .post(record.payload.slice(Header::BYTES..), version, attempt)
                .await
        })
    }

    fn order(&self, record: &Record) -> Order {
        let version = Version::of_kind(record.kind);
        let header = version.and_then(|_| Header::read(&record.payload));
        header.map_or(Order::STRICT, |header| header.order)
    }

    fn in_flight(&self, requests: usize) {
        self.part.metrics.senders.set(requests as f64);
    }

    fn settled(&self, record: &Record, fate: Fate) {
        if let Some(header) = Header::read(&record.payload) {
            let bytes = record.payload.len() - Header::BYTES;
            self.part.metrics.settled(&header, bytes, fate);
        }
    }

    fn retrying(&self, record: &Record) {
        if let Some(header) = Header::read(&record.payload) {
            self.part.metrics.retried(&header);
        }
    }
}

/// This shard's share of the requests that may be under way.
fn in_flight_max(max_shards: u64, shard_count: usize) -> usize {
    max_shards
        .div_ceil(shard_count as u64)
        .clamp(1, IN_FLIGHT_MAX) as usize
}

/// One endpoint's senders.
pub fn senders(
    cx: &Build,
    part: &Rc<Part>,
    outbox: &Outbox,
    abandoned: &Abandoned,
) -> Destination<Http> {
    let queue = &part.settings.queue_config;
    let options = SenderOptions {
        cx: cx.clone(),
        destination: part.name.clone(),
        min_backoff: queue.min_backoff,
        max_backoff: queue.max_backoff,
        age_limit: queue.sample_age_limit,
        in_flight_max: in_flight_max(queue.max_shards, cx.shard_count),
    };
    Destination::new(&options, outbox, abandoned, || Http { part: part.clone() })
}
