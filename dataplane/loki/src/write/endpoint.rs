//! One endpoint: its client, its requests and their answers.

use std::rc::Rc;
use std::time::Duration;

use blocks::{ClientContext, header_map};
use engine::outbox::{Abandoned, Answer, Destination, Fate, Order, Outbox, Outcome, Retry429};
use engine::outbox::{SenderOptions, Transport, names_of};
use engine::{Build, BuildError};
use net::header;
use net::{BodyLimits, Client, HeaderMap, HeaderName, HeaderValue, Request, Response, Target};
use runtime::LocalBoxFuture;
use wal::Record;

use super::arguments::{AGENT_HEADERS, Endpoint, WriteArguments};
use super::messages::{BATCH_BYTES_MAX, Encoding, Header, KIND};
use super::metrics::{EndpointMetrics, INGESTER_ERROR, RATE_LIMITED};

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
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Requests of one endpoint and shard at a time, of streams that do not meet.
const IN_FLIGHT: usize = 8;

/// Limit: the same, whatever min_shards says: each holds a connection.
const IN_FLIGHT_MAX: usize = 256;

/// The endpoints in the order of the text, each with a name of its own.
pub fn parts(arguments: &WriteArguments, cx: &Build) -> Result<Vec<Rc<Part>>, BuildError> {
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
        arguments: &WriteArguments,
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
        options.accept_gzip = false;
        let target = Target::parse(&settings.url).map_err(refuse)?;
        Ok(Part {
            headers: headers(settings, cx),
            client: Client::new(options).map_err(refuse)?,
            retry_429: Retry429::from_setting(settings.retry_on_http_429),
            encoding: Encoding {
                external_labels: arguments
                    .external_labels
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect(),
                streams_max: arguments.max_streams.max(0) as usize,
                batch_bytes: settings.batch_size.0.clamp(1, BATCH_BYTES_MAX),
            },
            metrics: EndpointMetrics::new(cx, target.authority().to_owned()),
            target,
            settings: settings.clone(),
            name,
        })
    }

    /// The tenant that a record of this one is sent for.
    fn tenant<'a>(&'a self, own: &'a str) -> &'a str {
        match own {
            "" => &self.settings.tenant_id,
            own => own,
        }
    }

    /// One attempt to deliver a request.
    async fn post(&self, request: &Record, attempt: u32) -> Outcome {
        let Some((head, wire)) = Header::read(&request.payload).filter(|_| request.kind == KIND)
        else {
            let message = format!("record of kind {} is not a push request", request.kind);
            return Outcome::Drop {
                reason: "unknown_record",
                message,
            };
        };
        let tenant = self.tenant(head.tenant);
        let start = request.payload.len() - wire.len();
        let mut post = Request::post(&self.target, request.payload.slice(start..));
        post.headers = self.headers.clone();
        if !tenant.is_empty() {
            let Ok(value) = HeaderValue::from_str(tenant) else {
                let message = format!("{tenant:?} cannot be the value of a header");
                return Outcome::Drop {
                    reason: "bad_tenant",
                    message,
                };
            };
            post.headers.insert("x-scope-orgid", value);
        }
        if attempt == 0 {
            self.metrics.tenant(tenant).request(wire.len());
        }
        let limits = BodyLimits::both(ANSWER_BYTES_MAX);
        let start = runtime::now();
        let timeout = self.settings.remote_timeout;
        let answer = self.client.send(&post, timeout, limits).await;
        let status = answer
            .as_ref()
            .map_or(-1, |answer| i32::from(answer.head.status.as_u16()));
        self.metrics.answered(tenant, status, start.elapsed());
        let outcome = match answer {
            Ok(response) => self.classify(&response),
            Err(error) => Outcome::Retry {
                after: None,
                reason: error.kind().as_str(),
                message: error.to_string(),
            },
        };
        self.give_up(outcome, status, attempt)
    }

    fn classify(&self, response: &Response) -> Outcome {
        let answer = Answer {
            status: response.head.status.as_u16(),
            phrase: response.head.phrase(),
            retry_after: response.head.retry_after(),
            body: &response.body,
        };
        answer.classify(self.retry_429)
    }

    /// Drops what was tried as often as the settings say, with the reference's reasons.
    fn give_up(&self, outcome: Outcome, status: i32, attempt: u32) -> Outcome {
        let reason = match status {
            429 => RATE_LIMITED,
            _ => INGESTER_ERROR,
        };
        let retries = self.settings.max_backoff_retries;
        match outcome {
            Outcome::Retry { message, .. } if 0 < retries && retries <= i64::from(attempt) + 1 => {
                let message = format!(
                    "{message}; that was the last of {retries} attempts, see \
                             max_backoff_retries"
                );
                Outcome::Drop { reason, message }
            }
            Outcome::Drop { message, .. } => Outcome::Drop { reason, message },
            outcome => outcome,
        }
    }
}

/// Compat: the reference's own headers stand before those of the settings, which cannot replace
/// them.
fn headers(settings: &Endpoint, cx: &Build) -> HeaderMap {
    let own = settings
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let mut headers = header_map(own);
    headers.remove(header::USER_AGENT);
    if !settings.tenant_id.is_empty() {
        headers.remove("x-scope-orgid");
    }
    for name in AGENT_HEADERS {
        let name = HeaderName::from_bytes(name.as_bytes());
        let id = HeaderValue::from_str(&cx.globals.instance_id);
        if let (Ok(name), Ok(id)) = (name, id) {
            headers.insert(name, id);
        }
    }
    let protobuf = HeaderValue::from_static("application/x-protobuf");
    headers.insert(header::CONTENT_TYPE, protobuf);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("snappy"));
    headers
}

/// Sends the records of a lane to one endpoint.
pub struct Http {
    part: Rc<Part>,
}

impl Transport for Http {
    fn send<'a>(&'a self, record: &'a Record, attempt: u32) -> LocalBoxFuture<'a, Outcome> {
        Box::pin(self.part.post(record, attempt))
    }

    fn order(&self, record: &Record) -> Order {
        let header = Header::read(&record.payload).filter(|_| record.kind == KIND);
        header.map_or(Order::STRICT, |(header, _)| header.order)
    }

    fn in_flight(&self, _requests: usize) {}

    fn settled(&self, record: &Record, fate: Fate) {
        let Some((header, wire)) = Header::read(&record.payload) else {
            return;
        };
        let metrics = self.part.metrics.tenant(self.part.tenant(header.tenant));
        let (entries, bytes) = (u64::from(record.items), wire.len() as u64);
        match fate {
            Fate::Delivered => {
                let age_ms = u64::try_from(runtime::wall_ms() - record.appended_ms);
                let age = Duration::from_millis(age_ms.unwrap_or(0));
                metrics.sent(entries, bytes, age);
            }
            Fate::Dropped(reason) => metrics.dropped(reason, entries, bytes),
        }
    }

    fn retrying(&self, record: &Record) {
        if let Some((header, _)) = Header::read(&record.payload) {
            let tenant = self.part.tenant(header.tenant);
            self.part.metrics.tenant(tenant).retried();
        }
    }
}

/// One endpoint's senders.
pub fn senders(
    cx: &Build,
    part: &Rc<Part>,
    outbox: &Outbox,
    abandoned: &Abandoned,
) -> Destination<Http> {
    let wanted = usize::try_from(part.settings.queue_config.min_shards).unwrap_or(1);
    let options = SenderOptions {
        cx: cx.clone(),
        destination: part.name.clone(),
        min_backoff: part.settings.min_backoff_period,
        max_backoff: part.settings.max_backoff_period,
        age_limit: Duration::ZERO,
        in_flight_max: wanted
            .div_ceil(cx.shard_count)
            .clamp(IN_FLIGHT, IN_FLIGHT_MAX),
    };
    Destination::new(&options, outbox, abandoned, || Http { part: part.clone() })
}
