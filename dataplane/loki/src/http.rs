//! What sources that are pushed to over HTTP share: routes, limits, books, answers.
//!
//! A request is answered with success only when every branch has delivered its entries, synced them
//! or dropped them on purpose; otherwise the sender gets 503 and keeps them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use batch::LogsBatch;
use blocks::HttpServerConfig;
use engine::{Batch, Build, BuildError, Fanout, Ledger, Nack};
use net::{Answer, BodyLimits, HeaderValue, Incoming, Method, Server, StatusCode};
use runtime::budget::Reservation;
use runtime::metrics::{Counter, Gauge, Histogram};
use runtime::net::{ListenOptions, TcpListener};
use schema::{MetricDecl, MetricKind, Port};

/// What a source makes of requests.
pub trait Source: 'static {
    /// What to do with a request for this path.
    fn route(&self, path: &str) -> Route;

    /// The entries of a request, of which `body` is the content without gzip.
    fn decode(&self, request: &Incoming, body: &mut Vec<u8>) -> Decoded;

    /// The answer to a request whose entries went the way that `verdict` tells; by default the
    /// verdict's status and text.
    fn answer(&self, _request: &Incoming, verdict: Verdict) -> Answer {
        match verdict.text {
            Some(text) => Answer::text(verdict.status, &text),
            None => Answer::empty(verdict.status),
        }
    }
}

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Entries are posted there.
    Entries,
    /// GET says that the source is there.
    Ready,
    Unknown,
}

/// A decoded request.
pub struct Decoded {
    /// Passed on whatever the verdict is.
    pub batch: LogsBatch,
    pub verdict: Verdict,
}

/// What the sender is told when the entries were taken.
pub struct Verdict {
    pub status: StatusCode,
    pub text: Option<String>,
}

impl Verdict {
    pub fn ok(status: StatusCode) -> Verdict {
        Verdict { status, text: None }
    }

    pub fn bad(text: impl Into<String>) -> Verdict {
        Verdict {
            status: StatusCode::BAD_REQUEST,
            text: Some(text.into()),
        }
    }
}

impl Decoded {
    /// Nothing could be taken.
    pub fn refused(verdict: Verdict) -> Decoded {
        let batch = LogsBatch::default();
        Decoded { batch, verdict }
    }
}

/// The metrics of a source, under its own names, as `names` orders them.
pub type Names = [MetricDecl; 6];

/// The names as the reference makes them, from a source's prefix.
macro_rules! names {
    ($prefix:literal) => {
        [
            $crate::http::declare(
                concat!($prefix, "_entries_written"),
                schema::MetricKind::Counter,
                "Total number of entries written.",
            ),
            $crate::http::declare(
                concat!($prefix, "_request_duration_seconds"),
                schema::MetricKind::Histogram,
                "Time (in seconds) spent serving HTTP requests.",
            ),
            $crate::http::declare(
                concat!($prefix, "_inflight_requests"),
                schema::MetricKind::Gauge,
                "Current number of inflight requests.",
            ),
            $crate::http::declare(
                concat!($prefix, "_request_message_bytes"),
                schema::MetricKind::Histogram,
                "Size (in bytes) of messages received in the request.",
            ),
            $crate::http::declare(
                concat!($prefix, "_response_message_bytes"),
                schema::MetricKind::Histogram,
                "Size (in bytes) of messages sent in response.",
            ),
            $crate::http::declare(
                concat!($prefix, "_tcp_connections"),
                schema::MetricKind::Gauge,
                "Current number of accepted TCP connections.",
            ),
        ]
    };
}
pub(crate) use names;

pub const fn declare(name: &'static str, kind: MetricKind, help: &'static str) -> MetricDecl {
    MetricDecl { name, kind, help }
}

const DURATION_BOUNDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0,
];
const BYTES_BOUNDS: &[f64] = &[
    1_048_576.0,
    2_621_440.0,
    5_242_880.0,
    10_485_760.0,
    26_214_400.0,
    52_428_800.0,
    104_857_600.0,
    262_144_000.0,
];

/// How often the count of connections is refreshed.
const GAUGE_INTERVAL: Duration = Duration::from_secs(5);

/// Buffers kept for later requests: as many as are usually on their way at a time.
const SPARE_MAX: usize = 8;

/// Limit: a buffer that grew larger than this is not kept.
const SPARE_BYTES_MAX: usize = 4 << 20;

/// One shard's receiver.
pub struct Receiver<S> {
    cx: Build,
    source: S,
    forward: Fanout,
    ledger: Ledger,
    /// Limit: bytes of a body, on the wire and without compression.
    body_bytes_max: u64,
    spare: RefCell<Vec<Vec<u8>>>,
    server: RefCell<Option<Server>>,
    metrics: Metrics,
}

struct Metrics {
    entries: Counter,
    duration: Histogram,
    inflight: Gauge,
    request_bytes: Histogram,
    response_bytes: Histogram,
    connections: Gauge,
}

impl<S: Source> Receiver<S> {
    pub fn new(
        cx: &Build,
        names: &Names,
        forward_to: &[Port],
        body_bytes_max: u64,
        source: S,
    ) -> Rc<Receiver<S>> {
        let labels = [("component_id", &*cx.node)];
        let gauge = |decl: &MetricDecl| cx.registry.gauge(decl.name, decl.help, &labels);
        let histogram = |decl: &MetricDecl, bounds| {
            cx.registry.histogram(decl.name, decl.help, &labels, bounds)
        };
        let [
            entries,
            duration,
            inflight,
            request_bytes,
            response_bytes,
            connections,
        ] = names;
        Rc::new(Receiver {
            source,
            forward: cx.fanout(forward_to),
            ledger: cx.ledger("requests"),
            body_bytes_max,
            spare: RefCell::default(),
            server: RefCell::new(None),
            metrics: Metrics {
                entries: cx.registry.counter(entries.name, entries.help, &labels),
                duration: histogram(duration, DURATION_BOUNDS),
                inflight: gauge(inflight),
                request_bytes: histogram(request_bytes, BYTES_BOUNDS),
                response_bytes: histogram(response_bytes, BYTES_BOUNDS),
                connections: gauge(connections),
            },
            cx: cx.clone(),
        })
    }

    /// Begins to serve; the server is kept here until `shut_down`.
    pub fn serve(self: &Rc<Self>, http: &HttpServerConfig) -> Result<(), BuildError> {
        let address = http.address().expect("checked: it is an IP address");
        let listener = TcpListener::bind(address, &ListenOptions::shared()).map_err(|cause| {
            BuildError::new(format!(
                "cannot listen on {address}: {cause}; change http.listen_address or \
                 http.listen_port, or stop what listens there"
            ))
        })?;
        let receiver = self.clone();
        let handler = Rc::new(move |request: Incoming| {
            let receiver = receiver.clone();
            let answered: runtime::LocalBoxFuture<'static, Answer> =
                Box::pin(async move { receiver.answer(request).await });
            answered
        });
        let options = http.options(self.cx.shard_count);
        *self.server.borrow_mut() = Some(net::serve(listener, handler, options));
        Ok(())
    }

    /// Housekeeping, for as long as the instance lives.
    pub async fn run(self: Rc<Self>) {
        loop {
            runtime::sleep(GAUGE_INTERVAL).await;
            let server = self.server.borrow();
            let connections = server.as_ref().map_or(0, Server::connections);
            self.metrics.connections.set(f64::from(connections));
        }
    }

    /// Stops accepting and finishes what was begun within `grace`.
    pub async fn shut_down(&self, grace: Duration) {
        let server = self.server.borrow_mut().take();
        if let Some(server) = server
            && !server.shutdown(grace).await
        {
            let node = &*self.cx.node;
            tracing::warn!(
                component_id = node,
                "requests did not end within the time to shut down; their senders try again"
            );
        }
        self.metrics.connections.set(0.0);
    }

    async fn answer(&self, request: Incoming) -> Answer {
        let start = runtime::now();
        self.metrics.inflight.add(1.0);
        let answer = match self.source.route(request.uri.path()) {
            Route::Unknown => Answer::text(StatusCode::NOT_FOUND, "404 page not found"),
            Route::Ready if request.method == Method::GET => Answer::text(StatusCode::OK, "ready"),
            Route::Entries if request.method == Method::POST => self.take(request).await,
            Route::Ready | Route::Entries => Answer::empty(StatusCode::METHOD_NOT_ALLOWED),
        };
        self.metrics.inflight.add(-1.0);
        self.metrics.duration.record(start.elapsed().as_secs_f64());
        self.metrics.response_bytes.record(answer.body.len() as f64);
        answer
    }

    async fn take(&self, mut request: Incoming) -> Answer {
        let limit = self.body_bytes_max;
        let announced = request.content_length().unwrap_or(0);
        if announced > limit {
            let text = format!("message size too large than max ({announced} vs {limit})");
            return self.source.answer(&request, Verdict::bad(text));
        }
        let Some(mut room) = self.cx.budget.reserve(announced) else {
            return self.try_again(&request, MEMORY);
        };
        let mut body = self.spare.borrow_mut().pop().unwrap_or_default();
        let read = request.read_body(BodyLimits::both(limit), &mut body).await;
        let answer = match read {
            Ok(bytes) => {
                self.metrics.request_bytes.record(bytes as f64);
                self.pass_on(&request, &mut body, &mut room).await
            }
            Err(error) => self
                .source
                .answer(&request, Verdict::bad(error.to_string())),
        };
        self.keep(body);
        answer
    }

    async fn pass_on(
        &self,
        request: &Incoming,
        body: &mut Vec<u8>,
        room: &mut Reservation,
    ) -> Answer {
        let Decoded { batch, verdict } = self.source.decode(request, body);
        let items = batch.items() as u64;
        if items == 0 {
            if let Some(text) = &verdict.text {
                self.debug(text);
            }
            return self.source.answer(request, verdict);
        }
        if !room.grow(batch.text.len() as u64) {
            return self.try_again(request, MEMORY);
        }
        let batch = Rc::new(batch);
        self.ledger.take(items);
        let result = self.forward.consume(Batch::Logs(batch.clone())).await;
        if let Ok(batch) = Rc::try_unwrap(batch) {
            self.keep(batch.text);
        }
        match result {
            Ok(()) => {
                self.ledger.pass(items);
                self.metrics.entries.add(items);
                self.source.answer(request, verdict)
            }
            Err(Nack {
                retryable: true,
                message,
                ..
            }) => {
                self.ledger.refuse(items);
                self.try_again(request, &message)
            }
            Err(nack) => {
                self.ledger.drop(nack.reason, items);
                self.source.answer(request, Verdict::bad(nack.message))
            }
        }
    }

    /// The sender may offer the same again.
    fn try_again(&self, request: &Incoming, text: &str) -> Answer {
        let verdict = Verdict {
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: Some(text.to_owned()),
        };
        let mut answer = self.source.answer(request, verdict);
        answer
            .headers
            .insert("retry-after", HeaderValue::from_static("1"));
        answer
    }

    fn debug(&self, text: &str) {
        let node = &*self.cx.node;
        tracing::debug!(component_id = node, "request refused: {text}");
    }

    fn keep(&self, buffer: Vec<u8>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_MAX && buffer.capacity() <= SPARE_BYTES_MAX {
            spare.push(buffer);
        }
    }
}

const MEMORY: &str = "the memory limit is reached; raise --dataplane.memory-limit if this lasts";

/// A header of which the value is plain text.
pub fn text_header<'a>(request: &'a Incoming, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}
