//! The HTTP side: refuse early, read, walk, pass on, answer.

#![expect(
    clippy::result_large_err,
    reason = "a refusal is an answer, and moving one costs nothing beside sending it"
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use batch::{MetricsBatch, SeriesId};
use engine::{Batch, Build, Ledger, Nack};
use formats::remote_write::{Limits, v1, v2};
use formats::snappy;
use net::{Answer, BodyLimits, Incoming, Method, Server, ServerOptions, StatusCode};
use runtime::LocalBoxFuture;
use runtime::budget::Reservation;
use runtime::metrics::{Gauge, Histogram};
use runtime::net::TcpListener;

use super::answers::{Version, Written, message_of, none_written, too_large, try_again};
use super::intake::{Intake, Refused};
use super::known::Known;
use super::{CONNECTIONS, DURATION, REQUEST_BYTES, RESPONSE_BYTES, ReceiveHttpArguments, V1, V2};
use crate::forward::Forward;
use crate::series_budget::{Gate, Toll};

/// Limit: compressed bytes of one request. Ten times what senders make by default (2,000 samples
/// are 50 to 300 KiB); more is answered with 413 before it is read.
pub const WIRE_BYTES_MAX: u64 = 16 << 20;
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
    pub gate: Gate,
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
            gate: Gate::new(cx, &arguments.series_budget),
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
        let (this, sums) = (self.clone(), self.clone());
        let sums = async move { sums.gate.run(|| sums.forward.clone()).await };
        let work: [LocalBoxFuture<'static, ()>; 2] = [Box::pin(this.keep_house()), Box::pin(sums)];
        engine::join(work.into()).await;
    }

    async fn keep_house(self: Rc<Self>) {
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
        self.gate.flush(&self.forward).await;
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
        let Taken {
            batch,
            problem,
            toll,
            release,
        } = self.decode(wire, version, room)?;
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
        let written = self.settle(written, result);
        let over = toll.refusal();
        if written.is_ok() {
            self.gate.settle(toll);
        }
        self.release(release);
        let (written, problem) = (
            written?,
            problem.or(over.map(|over| over.text().to_owned())),
        );
        match problem {
            // Remote write 2.0, partial write: 400 says that the rest must not be sent again. What
            // the gate refused is told to senders of version 1 by the same.
            Some(text) => Err(written.put_headers(Answer::text(StatusCode::BAD_REQUEST, &text))),
            None => Ok(written),
        }
    }

    fn release(&self, series: Vec<SeriesId>) {
        let mut table = self.cx.series.borrow_mut();
        for series in series {
            table.release(series);
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
    ) -> Result<Taken, Answer> {
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

    fn walk(&self, plain: &[u8], version: Version) -> Result<Taken, Answer> {
        let mut intake = Intake {
            known: &mut self.known.borrow_mut(),
            table: &mut self.cx.series.borrow_mut(),
            batch: self.spare.borrow_mut().batch.take().unwrap_or_default(),
            with_metadata: self.with_metadata,
            latest_ms: runtime::wall_ms() + FUTURE_MS_MAX,
            refused: Refused::default(),
            gate: &self.gate,
            toll: Toll::default(),
            release: Vec::new(),
            current: None,
        };
        let walked = match version {
            Version::V1 => v1::visit(plain, &LIMITS, &mut intake),
            Version::V2 => v2::visit(plain, &LIMITS, &self.options, &mut intake),
        };
        let Intake {
            refused,
            batch,
            toll,
            release,
            table,
            ..
        } = intake;
        let text = refused.text();
        let bad = match walked {
            Err(error) => Some(error.to_string()),
            // Remote write 1.0 knows no partial write. Compat: series with bad labels are left out
            // of it without a word, anything else that is wrong refuses all.
            Ok(()) if version == Version::V1 && refused.invalid_data > 0 => {
                Some(text.clone().unwrap_or_default())
            }
            Ok(()) => None,
        };
        if let Some(bad) = bad {
            release.into_iter().for_each(|series| table.release(series));
            return Err(Answer::text(StatusCode::BAD_REQUEST, &bad));
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
        Ok(Taken {
            batch,
            problem: text.filter(|_| version == Version::V2),
            toll,
            release,
        })
    }

    fn keep(&self, buffer: Vec<u8>) {
        let bytes = &mut self.spare.borrow_mut().bytes;
        if bytes.len() < SPARE_MAX {
            bytes.push(buffer);
        }
    }
}

/// A request that has been read.
struct Taken {
    batch: MetricsBatch,
    /// What is wrong with the rest of it.
    problem: Option<String>,
    toll: Toll,
    /// References to give back once the batch has been delivered.
    release: Vec<SeriesId>,
}
