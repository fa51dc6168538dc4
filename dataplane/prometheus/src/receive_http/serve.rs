//! The HTTP side: refuse early, read, walk, pass on, answer.

#![expect(
    clippy::result_large_err,
    reason = "a refusal is an answer, and moving one costs nothing beside sending it"
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use batch::MetricsBatch;
use engine::{Batch, Build, Ledger, Nack};
use formats::remote_write::{Limits, v1, v2};
use formats::snappy;
use net::{Answer, BodyLimits, HeaderValue, Incoming, Method, Server, ServerOptions, StatusCode};
use runtime::budget::Reservation;
use runtime::metrics::{Gauge, Histogram};
use runtime::net::TcpListener;

use super::intake::{Intake, Known, Refused};
use super::{CONNECTIONS, DURATION, REQUEST_BYTES, RESPONSE_BYTES, ReceiveHttpArguments, V1, V2};
use crate::forward::Forward;

/// Limit: compressed bytes of one request. Ten times what senders make by default (2,000 samples
/// are 50 to 300 KiB); more is answered with 413 before it is read.
const WIRE_BYTES_MAX: u64 = 16 << 20;
/// Limit: bytes of one request without compression; remote write seldom compresses better than
/// 1:10.
const PLAIN_BYTES_MAX: usize = 128 << 20;
/// Limit: what one request may hold, so that 128 MiB of empty messages do not become gigabytes.
const LIMITS: Limits = Limits {
    series_max: 1 << 20,
    labels_per_series_max: 512,
    items_max: 4 << 20,
};

const DURATION_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const BYTES_BOUNDS: &[f64] = &[
    1024.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
];

/// Limit: how far ahead of now a timestamp may be. Storages refuse later ones, and one bad clock
/// must not block a series.
const FUTURE_MS_MAX: i64 = 10 * 60 * 1000;

/// How often series that nobody sends are looked for, and the count of connections is refreshed.
const ROUND: Duration = Duration::from_secs(60);
const GAUGE_INTERVAL: Duration = Duration::from_secs(5);

/// One shard's receiver.
pub struct Receiver {
    cx: Build,
    forward: Forward,
    ledger: Ledger,
    with_metadata: bool,
    options: v2::Options,
    accepts_v1: bool,
    accepts_v2: bool,
    known: RefCell<Known>,
    spare: RefCell<Spare>,
    server: RefCell<Option<Server>>,
    metrics: Metrics,
}

/// Buffers of requests that have ended.
#[derive(Default)]
struct Spare {
    bytes: Vec<Vec<u8>>,
    batch: Option<MetricsBatch>,
}

/// Buffers kept for later requests: as many as are usually on their way at a time.
const SPARE_MAX: usize = 8;

struct Metrics {
    duration: Histogram,
    request_bytes: Histogram,
    response_bytes: Histogram,
    connections: Gauge,
}

impl Receiver {
    pub fn new(cx: &Build, arguments: &ReceiveHttpArguments) -> Receiver {
        let labels = [("component_id", &*cx.node)];
        let histogram = |decl: &schema::MetricDecl, bounds| {
            cx.registry.histogram(decl.name, decl.help, &labels, bounds)
        };
        Receiver {
            forward: Forward::new(cx, &arguments.forward_to),
            ledger: cx.ledger("requests"),
            with_metadata: arguments.append_metadata,
            options: v2::Options {
                type_and_unit_labels: arguments.enable_type_and_unit_labels,
            },
            accepts_v1: arguments.accepts(V1),
            accepts_v2: arguments.accepts(V2),
            known: RefCell::new(Known::new(runtime::random_u64())),
            spare: RefCell::default(),
            server: RefCell::new(None),
            metrics: Metrics {
                duration: histogram(&DURATION, DURATION_BOUNDS),
                request_bytes: histogram(&REQUEST_BYTES, BYTES_BOUNDS),
                response_bytes: histogram(&RESPONSE_BYTES, BYTES_BOUNDS),
                connections: cx
                    .registry
                    .gauge(CONNECTIONS.name, CONNECTIONS.help, &labels),
            },
            cx: cx.clone(),
        }
    }
}

impl Receiver {
    /// Begins to serve; the server is kept here until `shut_down`.
    pub fn serve(self: &Rc<Self>, listener: TcpListener, options: ServerOptions) {
        let receiver = self.clone();
        let handler = Rc::new(move |request: Incoming| {
            let receiver = receiver.clone();
            let answered: runtime::LocalBoxFuture<'static, Answer> =
                Box::pin(async move { receiver.answer(request).await });
            answered
        });
        *self.server.borrow_mut() = Some(net::serve(listener, handler, options));
    }

    /// Housekeeping, for as long as the instance lives.
    pub async fn run(self: Rc<Self>) {
        let mut next_round = runtime::now() + ROUND;
        loop {
            runtime::sleep(GAUGE_INTERVAL).await;
            if let Some(server) = &*self.server.borrow() {
                self.metrics
                    .connections
                    .set(f64::from(server.connections()));
            }
            if runtime::now() >= next_round {
                next_round = runtime::now() + ROUND;
                self.known
                    .borrow_mut()
                    .tick(&mut self.cx.series.borrow_mut());
            }
        }
    }

    /// Stops accepting, finishes what was begun within `grace`, and gives all series back.
    pub async fn shut_down(&self, grace: Duration) {
        let server = self.server.borrow_mut().take();
        if let Some(server) = server
            && !server.shutdown(grace).await
        {
            let node = &*self.cx.node;
            tracing::warn!(
                component_id = node,
                "requests did not end within graceful_shutdown_timeout; their senders try again"
            );
        }
        self.known
            .borrow_mut()
            .clear(&mut self.cx.series.borrow_mut());
        self.metrics.connections.set(0.0);
    }

    async fn answer(&self, request: Incoming) -> Answer {
        let start = runtime::now();
        let answer = match self.take(request).await {
            Ok(written) => written.answer(),
            Err(refusal) => refusal,
        };
        self.metrics.duration.record(start.elapsed().as_secs_f64());
        self.metrics.response_bytes.record(answer.body.len() as f64);
        answer
    }

    async fn take(&self, mut request: Incoming) -> Result<Written, Answer> {
        self.refuse_by_head(&request)?;
        let announced = request.content_length().unwrap_or(WIRE_BYTES_MAX);
        if announced > WIRE_BYTES_MAX {
            return Err(too_large());
        }
        let mut room = self.reserve(announced)?;
        let mut wire = self.spare.borrow_mut().bytes.pop().unwrap_or_default();
        let limits = BodyLimits::both(WIRE_BYTES_MAX);
        let read = request.read_body(limits, &mut wire).await;
        let result = match read {
            Ok(bytes) => {
                self.metrics.request_bytes.record(bytes as f64);
                let version = self.version(&request);
                let speaks_v2 = matches!(version, Ok(Version::V2));
                let result = self.pass_on(&wire, version, &mut room).await;
                result.map_err(|refusal| {
                    if speaks_v2 {
                        none_written(refusal)
                    } else {
                        refusal
                    }
                })
            }
            Err(error) => Err(Answer::text(StatusCode::BAD_REQUEST, &error.to_string())),
        };
        self.keep(wire);
        result
    }

    /// What the head alone shows to be wrong.
    fn refuse_by_head(&self, request: &Incoming) -> Result<(), Answer> {
        if request.uri.path() != "/api/v1/metrics/write" {
            return Err(Answer::text(StatusCode::NOT_FOUND, "404 page not found"));
        }
        if request.method != Method::POST {
            return Err(Answer::empty(StatusCode::METHOD_NOT_ALLOWED));
        }
        let header = |name| {
            request
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let encoding = header("content-encoding").unwrap_or("snappy");
        if encoding != "snappy" {
            let text = format!("content encoding \"{encoding}\" is not supported; send snappy");
            return Err(Answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text));
        }
        Ok(())
    }

    /// The message that a request claims to be.
    fn version(&self, request: &Incoming) -> Result<Version, Answer> {
        let kind = request
            .headers
            .get("content-type")
            .map(|kind| kind.to_str().unwrap_or(""));
        let kind = kind.unwrap_or("application/x-protobuf");
        match message_of(kind) {
            Some(V1) if self.accepts_v1 => Ok(Version::V1),
            Some(V2) if self.accepts_v2 => Ok(Version::V2),
            _ => {
                let text = format!(
                    "content type \"{kind}\" is not accepted here; see \
                     accepted_remote_write_protobuf_messages"
                );
                Err(Answer::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text))
            }
        }
    }

    fn reserve(&self, bytes: u64) -> Result<Reservation, Answer> {
        self.cx.budget.reserve(bytes).ok_or_else(|| {
            try_again("the memory limit is reached; raise --dataplane.memory-limit if this lasts")
        })
    }

    async fn pass_on(
        &self,
        wire: &[u8],
        version: Result<Version, Answer>,
        room: &mut Reservation,
    ) -> Result<Written, Answer> {
        let (batch, refused) = self.decode(wire, version, room)?;
        let round = self.known.borrow_mut().begin();
        let written = Written::of(&batch);
        let batch = Rc::new(batch);
        self.ledger.take(written.items());
        let result = match batch.is_empty() {
            true => Ok(()),
            false => self.forward.consume(Batch::Metrics(batch.clone())).await,
        };
        self.known.borrow_mut().end(round);
        if let Ok(mut batch) = Rc::try_unwrap(batch) {
            batch.clear();
            self.spare.borrow_mut().batch = Some(batch);
        }
        let written = self.settle(written, result)?;
        match refused {
            // Remote write 2.0, partial write: 400 says that the rest must not be sent again.
            Some(text) => Err(written.put_headers(Answer::text(StatusCode::BAD_REQUEST, &text))),
            None => Ok(written),
        }
    }

    /// Enters the outcome into the books and into the answer.
    fn settle(&self, written: Written, result: Result<(), Nack>) -> Result<Written, Answer> {
        match result {
            Ok(()) => {
                self.ledger.pass(written.items());
                Ok(written)
            }
            Err(nack) if nack.retryable => {
                self.ledger.refuse(written.items());
                Err(try_again(&nack.message))
            }
            Err(nack) => {
                self.ledger.drop(nack.reason, written.items());
                Err(Answer::text(StatusCode::BAD_REQUEST, &nack.message))
            }
        }
    }

    /// The batch of a request, and what is wrong with the rest of it.
    fn decode(
        &self,
        wire: &[u8],
        version: Result<Version, Answer>,
        room: &mut Reservation,
    ) -> Result<(MetricsBatch, Option<String>), Answer> {
        let mut plain = self.spare.borrow_mut().bytes.pop().unwrap_or_default();
        let opened = snappy::decompress(wire, PLAIN_BYTES_MAX, &mut plain);
        let decoded = match opened {
            Err(error) => Err(Answer::text(StatusCode::BAD_REQUEST, &error.to_string())),
            Ok(()) if !room.grow(plain.len() as u64) => Err(try_again(
                "the memory limit is reached; raise --dataplane.memory-limit",
            )),
            // Compat: the type is looked at after the compression, so that a body that is none of
            // ours gets 400 and not 415 (conformance case receive_http/bad_requests).
            Ok(()) => version.and_then(|version| self.walk(&plain, version)),
        };
        self.keep(plain);
        decoded
    }

    fn walk(
        &self,
        plain: &[u8],
        version: Version,
    ) -> Result<(MetricsBatch, Option<String>), Answer> {
        let mut intake = Intake {
            known: &mut self.known.borrow_mut(),
            table: &mut self.cx.series.borrow_mut(),
            batch: self.spare.borrow_mut().batch.take().unwrap_or_default(),
            with_metadata: self.with_metadata,
            latest_ms: runtime::wall_ms() + FUTURE_MS_MAX,
            refused: Refused::default(),
            current: None,
        };
        let walked = match version {
            Version::V1 => v1::visit(plain, &LIMITS, &mut intake),
            Version::V2 => v2::visit(plain, &LIMITS, &self.options, &mut intake),
        };
        let (refused, batch) = (intake.refused, intake.batch);
        let bad = |text: &str| Err(Answer::text(StatusCode::BAD_REQUEST, text));
        if let Err(error) = walked {
            return bad(&error.to_string());
        }
        let text = refused.text();
        match version {
            // Remote write 1.0 knows no partial write. Compat: series with bad labels are left out
            // of it without a word, anything else that is wrong refuses all.
            Version::V1 if refused.invalid_data > 0 => {
                return bad(&text.unwrap_or_default());
            }
            Version::V1 | Version::V2 => {}
        }
        for (reason, count) in [
            ("invalid_labels", refused.invalid_labels),
            ("invalid_data", refused.invalid_data),
        ] {
            if count > 0 {
                self.ledger.take(count);
                self.ledger.drop(reason, count);
            }
        }
        Ok((batch, text.filter(|_| version == Version::V2)))
    }

    fn keep(&self, buffer: Vec<u8>) {
        let bytes = &mut self.spare.borrow_mut().bytes;
        if bytes.len() < SPARE_MAX {
            bytes.push(buffer);
        }
    }
}

/// What was taken of one request.
struct Written {
    samples: u64,
    histograms: u64,
    exemplars: u64,
}

impl Written {
    fn of(batch: &MetricsBatch) -> Written {
        Written {
            samples: batch.samples.len() as u64,
            histograms: batch.histograms.len() as u64,
            exemplars: batch.exemplars.len() as u64,
        }
    }

    /// What the ledger counts.
    fn items(&self) -> u64 {
        self.samples + self.histograms
    }

    fn answer(&self) -> Answer {
        self.put_headers(Answer::empty(StatusCode::NO_CONTENT))
    }

    // Remote write 2.0: the receiver says on success and failure how much it has written.
    fn put_headers(&self, mut answer: Answer) -> Answer {
        let counts = [
            ("x-prometheus-remote-write-samples-written", self.samples),
            (
                "x-prometheus-remote-write-histograms-written",
                self.histograms,
            ),
            (
                "x-prometheus-remote-write-exemplars-written",
                self.exemplars,
            ),
        ];
        for (name, count) in counts {
            answer.headers.insert(name, HeaderValue::from(count));
        }
        answer
    }
}

/// Says that nothing was written, unless the answer says more.
fn none_written(refusal: Answer) -> Answer {
    if refusal
        .headers
        .contains_key("x-prometheus-remote-write-samples-written")
    {
        return refusal;
    }
    let nothing = Written {
        samples: 0,
        histograms: 0,
        exemplars: 0,
    };
    nothing.put_headers(refusal)
}

/// The messages that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// The message that a content type names; none for another media type.
fn message_of(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("application/x-protobuf") {
        return None;
    }
    let message = parts.find_map(|part| part.strip_prefix("proto="));
    Some(message.map_or(V1, |message| message.trim_matches('"')))
}

// Remote write 1.0 and 2.0: 5xx when the same request may be taken later.
fn try_again(text: &str) -> Answer {
    let mut answer = Answer::text(StatusCode::SERVICE_UNAVAILABLE, text);
    answer
        .headers
        .insert("retry-after", HeaderValue::from_static("1"));
    answer
}

fn too_large() -> Answer {
    let text = format!("requests may have {WIRE_BYTES_MAX} bytes; send fewer samples in each");
    Answer::text(StatusCode::PAYLOAD_TOO_LARGE, &text)
}
