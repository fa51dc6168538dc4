//! One accepted connection: TLS, hyper, and the watch that ends slow and idle ones.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use runtime::net::TcpStream;
use runtime::{Instant, LocalBoxFuture};

use super::{Answer, Incoming, Protocols, Shared};
use crate::body::chain;
use crate::client::LocalTasks;
use crate::pieces::Pieces;
use crate::stream::{Counted, Stream, Traffic};

/// Limit: read buffer of a connection, which is also the largest head of a request.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Limit: the head of an HTTP/2 request, as its fields are counted. What goes on and on in
/// CONTINUATION frames ends here.
const HEAD_BYTES_MAX: u32 = 64 * 1024;
/// How many bytes of a request a client may send before they were read, and of all requests of a
/// connection. A message of OTLP is a few hundred kilobytes: it comes without a stop.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

pub(super) async fn serve(
    tcp: TcpStream,
    peer: SocketAddr,
    shared: &Rc<Shared>,
) -> Result<(), String> {
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let mut stream = Stream::plain(tcp);
    let mut http2 = shared.options.protocols == Protocols::Http2;
    if let Some(acceptor) = &shared.acceptor {
        let handshake = acceptor.accept(stream);
        let done = runtime::timeout(shared.options.header_timeout, handshake).await;
        let done = done.map_err(|_| "the TLS handshake took too long".to_owned())?;
        let (encrypted, agreed) = done.map_err(|error| error.to_string())?;
        if http2 && !agreed {
            return Err("the client does not offer HTTP/2 over TLS, which gRPC needs".to_owned());
        }
        (stream, http2) = (encrypted, agreed);
    }
    let activity = Rc::new(Activity::new());
    let io = Counted::new(stream, activity.traffic.clone());
    let service = Answering {
        peer,
        shared: shared.clone(),
        activity: activity.clone(),
    };
    let watch = Watch {
        shared,
        activity: &activity,
        http2,
    };
    if http2 {
        let mut builder = http2::Builder::new(LocalTasks);
        builder
            .max_concurrent_streams(shared.options.streams_max)
            .max_header_list_size(HEAD_BYTES_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        watch.over(builder.serve_connection(io, service)).await
    } else {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(READ_BUFFER_BYTES);
        watch.over(builder.serve_connection(io, service)).await
    }
}

/// What a connection is doing, for the watch.
struct Activity {
    traffic: Rc<Traffic>,
    requests_open: Cell<u32>,
    requests_seen: Cell<u64>,
    idle_since: Cell<Instant>,
}

impl Activity {
    fn new() -> Activity {
        Activity {
            traffic: Rc::default(),
            requests_open: Cell::new(0),
            requests_seen: Cell::new(0),
            idle_since: Cell::new(runtime::now()),
        }
    }

    fn begin(&self) {
        self.traffic.request_arrived();
        self.requests_seen.set(self.requests_seen.get() + 1);
        self.requests_open.set(self.requests_open.get() + 1);
    }

    fn end(&self) {
        // The body's bytes were counted as those of a request that is to come.
        self.traffic.request_arrived();
        self.requests_open.set(self.requests_open.get() - 1);
        self.idle_since.set(runtime::now());
    }
}

/// One request between its head and its answer; counted down even when the peer goes away.
struct OpenRequest(Rc<Activity>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// hyper's service: the handler behind it.
struct Answering {
    peer: SocketAddr,
    shared: Rc<Shared>,
    activity: Rc<Activity>,
}

impl Service<http::Request<hyper::body::Incoming>> for Answering {
    type Response = http::Response<Pieces>;
    type Error = Infallible;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, request: http::Request<hyper::body::Incoming>) -> Self::Future {
        self.activity.begin();
        let open = OpenRequest(self.activity.clone());
        let (parts, body) = request.into_parts();
        let incoming = Incoming {
            method: parts.method,
            uri: parts.uri,
            version: parts.version,
            headers: parts.headers,
            peer: self.peer,
            body,
            shared: self.shared.clone(),
        };
        let answer = (self.shared.handler)(incoming);
        Box::pin(async move {
            let answer = answer.await;
            drop(open);
            Ok(response(answer))
        })
    }
}

fn response(answer: Answer) -> http::Response<Pieces> {
    let mut response = http::Response::new(Pieces::new(answer.body.into(), answer.trailers));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// A hyper connection that can be asked to end after the requests it has begun.
trait Connection: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl Connection for http1::Connection<Counted, Answering> {
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl Connection for http2::Connection<Counted, Answering, LocalTasks> {
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Ends a connection when its server stops, when it is idle, or when a request does not get on.
struct Watch<'a> {
    shared: &'a Shared,
    activity: &'a Activity,
    http2: bool,
}

enum Verdict {
    /// Look again at this time.
    Until(Instant),
    Idle,
    Slow,
}

impl Watch<'_> {
    async fn over(&self, connection: impl Connection) -> Result<(), String> {
        let mut connection = pin!(connection);
        let mut stop = pin!(self.shared.stop.notified());
        let mut finishing = self.shared.stopping.get();
        if finishing {
            connection.as_mut().finish();
        }
        let mut alarm = pin!(runtime::sleep(self.shared.options.header_timeout));
        let mut old = pin!(self.old());
        std::future::poll_fn(|cx| {
            loop {
                if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                    return Poll::Ready(result.map_err(|error| chain(&error)));
                }
                if !finishing && stop.as_mut().poll(cx).is_ready() {
                    finishing = true;
                    connection.as_mut().finish();
                    continue;
                }
                if let Poll::Ready(end) = old.as_mut().poll(cx) {
                    if end {
                        return Poll::Ready(Ok(()));
                    }
                    finishing = true;
                    connection.as_mut().finish();
                    old.set(self.grace());
                    continue;
                }
                if alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                match self.verdict() {
                    Verdict::Until(time) => alarm.set(runtime::sleep_until(time)),
                    Verdict::Slow => {
                        let slow = "the headers of a request took too long".to_owned();
                        return Poll::Ready(Err(slow));
                    }
                    Verdict::Idle if finishing => return Poll::Ready(Ok(())),
                    Verdict::Idle => {
                        finishing = true;
                        connection.as_mut().finish();
                        // One more round for the farewell, then the connection is cut.
                        alarm.set(runtime::sleep(Duration::from_secs(1)));
                    }
                }
            }
        })
        .await
    }

    /// Waits until the connection is to take no further request: gives false.
    fn old(&self) -> LocalBoxFuture<'static, bool> {
        let Some(age) = self.shared.options.age_max else {
            return Box::pin(std::future::pending());
        };
        let tenths = runtime::random_u64() as f64 / u64::MAX as f64 * 0.2 + 0.9;
        Box::pin(async move {
            runtime::sleep(age.mul_f64(tenths)).await;
            false
        })
    }

    /// Waits until an old connection is to end: gives true.
    fn grace(&self) -> LocalBoxFuture<'static, bool> {
        let Some(grace) = self.shared.options.age_grace else {
            return Box::pin(std::future::pending());
        };
        Box::pin(async move {
            runtime::sleep(grace).await;
            true
        })
    }

    fn verdict(&self) -> Verdict {
        let now = runtime::now();
        let options = &self.shared.options;
        let activity = self.activity;
        if 0 < activity.requests_open.get() {
            return Verdict::Until(now + options.header_timeout);
        }
        let first = activity.requests_seen.get() == 0;
        // On HTTP/2 bytes between requests are pings and windows; on the first request of either,
        // silence counts like slowness.
        let headers_since = match (first, self.http2) {
            (true, _) => Some(activity.idle_since.get()),
            (false, true) => None,
            (false, false) => activity.traffic.request_since(),
        };
        if let Some(since) = headers_since {
            let late = since + options.header_timeout;
            return if late <= now {
                Verdict::Slow
            } else {
                Verdict::Until(late)
            };
        }
        let late = activity.idle_since.get() + options.idle_timeout;
        if late <= now {
            return Verdict::Idle;
        }
        // A request may begin in the meantime and be slow: look at least that often.
        Verdict::Until(late.min(now + options.header_timeout))
    }
}
