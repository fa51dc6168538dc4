//! Requests, from the door to their answers.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use batch::otlp::OtlpBatch;
use engine::{Batch, Build, Fanout, Ledger, Nack};
use formats::faro::{self, Payload};
use net::{Answer, BodyLimits, HttpError, Incoming, Method, StatusCode};
use runtime::budget::{Budget, Reservation};
use schema::Port;

use super::arguments::FaroArguments;
use super::lines::Writer;
use super::metrics::Metrics;
use crate::receiver_otlp::client;
use crate::receiving::{Rules, no_memory};

/// Headers that pages of other origins may send.
const ALLOWED_HEADERS: [&str; 6] = [
    "content-type",
    "content-encoding",
    "traceparent",
    API_KEY,
    "x-faro-session-id",
    "x-scope-orgid",
];
const API_KEY: &str = "x-api-key";

/// Limit: bytes of a request where the settings have none.
const REQUEST_BYTES_MAX: u64 = 100 << 20;
/// Limit: a packed request may hold so many times its bytes; what pages send packs well.
const UNPACKED_TIMES: u64 = 10;

/// One shard's service.
pub struct Service {
    arguments: Arc<FaroArguments>,
    writer: Writer,
    cors: Option<Rules>,
    budget: Budget,
    logs: Way,
    traces: Way,
    metrics: Metrics,
}

/// The way to an output, with the books of what came in.
struct Way {
    fanout: Fanout,
    ledger: Ledger,
}

impl Service {
    pub fn new(arguments: Arc<FaroArguments>, cx: &Build) -> Service {
        let way = |ports: &[Port], edge| Way {
            fanout: cx.fanout(ports),
            ledger: cx.ledger(edge),
        };
        let origins = &arguments.server.cors_allowed_origins;
        Service {
            writer: Writer {
                json: arguments.log_format == "json",
                labels: arguments.extra_log_labels.clone(),
            },
            cors: Rules::without_credentials(origins, &ALLOWED_HEADERS),
            budget: cx.budget.clone(),
            logs: way(&arguments.output.logs, "logs"),
            traces: way(&arguments.output.traces, "traces"),
            metrics: Metrics::new(cx),
            arguments,
        }
    }

    pub async fn answer(&self, request: Incoming) -> Answer {
        match request.uri.path() {
            "/-/ready" => {
                let mut answer = Answer::empty(StatusCode::OK);
                answer.body = "ready".into();
                answer
            }
            "/collect" if matches!(request.method, Method::POST | Method::OPTIONS) => {
                let (start, method) = (runtime::now(), request.method.clone());
                self.metrics.in_flight.add(1.0);
                let answer = self.for_browsers(request).await;
                self.metrics.in_flight.add(-1.0);
                let status = answer.status.as_str();
                self.metrics.answered(method.as_str(), status, start);
                answer
            }
            "/collect" => Answer::empty(StatusCode::METHOD_NOT_ALLOWED),
            _ => Answer::text(StatusCode::NOT_FOUND, "404 page not found"),
        }
    }

    async fn for_browsers(&self, request: Incoming) -> Answer {
        let Some(cors) = &self.cors else {
            return self.take(request).await.unwrap_or_else(Refusal::answer);
        };
        if let Some(answer) = cors.preflight(&request) {
            return answer;
        }
        let headers = request.headers.clone();
        let mut answer = self.take(request).await.unwrap_or_else(Refusal::answer);
        cors.put(&headers, &mut answer.headers);
        answer
    }

    /// Takes a request in, and says what the page is told.
    async fn take(&self, mut request: Incoming) -> Result<Answer, Refusal> {
        let by_app = self.arguments.server.rate_limiting.strategy == "per_app";
        if !by_app {
            self.limit(None)?;
        }
        self.check_key(&request)?;
        let (body, _room) = self.body(&mut request).await?;
        let payload = faro::decode(&body).map_err(|error| bad(error.0))?;
        if by_app {
            let app = &payload.meta.app;
            self.limit(Some(format!("{}:{}", app.name, app.environment)))?;
        }
        let spans = payload.spans().map_err(|error| bad(error.0))?;
        drop(body);
        self.metrics.taken(&payload);
        self.pass_on(&request, &payload, spans).await
    }

    /// Refuses what is too much, for one application or for all.
    fn limit(&self, app: Option<String>) -> Result<(), Refusal> {
        let limiting = &self.arguments.server.rate_limiting;
        let rate = &limiting.rate;
        let bucket = match &app {
            Some(app) => rate.by_app().bucket(app),
            None => &rate.all,
        };
        let now_s = runtime::wall_ns() as f64 / 1e9;
        let allowed = bucket.allows(rate.per_second, limiting.burst_size, now_s);
        match allowed || !limiting.enabled {
            true => Ok(()),
            false => Err(Refusal(
                StatusCode::TOO_MANY_REQUESTS,
                "Too Many Requests".into(),
            )),
        }
    }

    fn check_key(&self, request: &Incoming) -> Result<(), Refusal> {
        let key = self.arguments.server.api_key.expose();
        let given = request.headers.get(API_KEY);
        let given = given.map_or(&b""[..], |value| value.as_bytes());
        if key.is_empty() || same(key.as_bytes(), given) {
            return Ok(());
        }
        let text = "API key not provided or incorrect";
        Err(Refusal(StatusCode::UNAUTHORIZED, text.into()))
    }

    /// The unpacked body, and the room that was reserved for it.
    async fn body(&self, request: &mut Incoming) -> Result<(Vec<u8>, Reservation), Refusal> {
        let too_large = || {
            let text = "Request Entity Too Large";
            Refusal(StatusCode::PAYLOAD_TOO_LARGE, text.into())
        };
        let full = || {
            let text = no_memory().message;
            Refusal(StatusCode::SERVICE_UNAVAILABLE, text.into())
        };
        let wire_bytes = match self.arguments.server.max_allowed_payload_size.0 {
            0 => REQUEST_BYTES_MAX,
            bytes => bytes,
        };
        let announced = request.content_length().unwrap_or(0);
        if announced > wire_bytes {
            return Err(too_large());
        }
        let mut room = self.budget.reserve(announced).ok_or_else(full)?;
        let mut body = Vec::with_capacity(announced as usize);
        let limits = BodyLimits {
            wire_bytes,
            decoded_bytes: wire_bytes.saturating_mul(UNPACKED_TIMES),
        };
        let read = request.read_body(limits, &mut body).await;
        read.map_err(|error| match error {
            HttpError::WireTooLarge { .. } | HttpError::DecodedTooLarge { .. } => too_large(),
            error => bad(error.to_string()),
        })?;
        self.metrics.request_bytes.record(body.len() as f64);
        let more = (body.len() as u64).saturating_sub(room.bytes());
        match more == 0 || room.grow(more) {
            true => Ok((body, room)),
            false => Err(full()),
        }
    }

    async fn pass_on(
        &self,
        request: &Incoming,
        payload: &Payload,
        spans: Option<OtlpBatch>,
    ) -> Result<Answer, Refusal> {
        let lines = self.writer.lines(payload, runtime::wall_ns());
        if lines.failed > 0 {
            self.metrics.logs_failed.inc();
        }
        let logs = match lines.batch.is_empty() {
            true => Ok(()),
            false => self.logs.deliver(Batch::Logs(Rc::new(lines.batch))).await,
        };
        let traces = match spans.filter(|spans| spans.items() > 0) {
            Some(spans) => {
                let metadata = self.arguments.server.include_metadata;
                let spans = spans.from_client(client(request, metadata, None));
                self.traces.deliver(Batch::Otlp(Rc::new(spans))).await
            }
            None => Ok(()),
        };
        let mut refused = None;
        for (result, errors) in [
            (logs, &self.metrics.logs_failed),
            (traces, &self.metrics.traces_failed),
        ] {
            if let Err(nack) = result {
                errors.inc();
                tracing::debug!("a request was not taken: {}", nack.message);
                refused = refused.or(nack.retryable.then_some(nack));
            }
        }
        // Compat: what is refused for good is no error for the page.
        match refused {
            Some(nack) => {
                let text = Cow::from(nack.message);
                Err(Refusal(StatusCode::SERVICE_UNAVAILABLE, text))
            }
            None => {
                let mut answer = Answer::empty(StatusCode::ACCEPTED);
                answer.body = "ok".into();
                Ok(answer)
            }
        }
    }
}

impl Way {
    async fn deliver(&self, batch: Batch) -> Result<(), Nack> {
        let held = self.ledger.hold(batch.items());
        let result = self.fanout.consume(batch).await;
        held.settle(&result);
        result
    }
}

/// Why a request was not taken.
struct Refusal(StatusCode, Cow<'static, str>);

impl Refusal {
    fn answer(self) -> Answer {
        Answer::text(self.0, &self.1)
    }
}

fn bad(text: String) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, text.into())
}

/// Compares in a time that does not depend on where the texts differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    let pairs = one.iter().zip(other);
    let differing = pairs.fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && differing == 0
}
