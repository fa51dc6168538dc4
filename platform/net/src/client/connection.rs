//! One connection, idle or with a request on it; HTTP/1 and HTTP/2 behind one face.
//!
//! Between requests an HTTP/1 connection is its stream and nothing else: measured with 500 kept
//! connections after bodies of 318 kB, 2 KiB each (10 KiB on monoio, whose reads park a buffer). A
//! request runs in the task of its caller without a second one beside it. An HTTP/2 connection has
//! a task of its own, since it takes many requests at once.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::rt::{Read, ReadBuf};
use runtime::Instant;

use super::exchange;
use crate::BodyLimits;
use crate::body::{BodyError, Received, chain, next_chunk, read_into};
use crate::pieces::{Chunks, Pieces};
use crate::stream::{Counted, Stream, Traffic};
use crate::tls::failure_in;

/// How many bytes of an answer, and of all answers of a connection, a server may send before they
/// were read.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
type Request = http::Request<Chunks>;
type Response = http::Response<Incoming>;

/// A connection on which a request can be sent.
pub(crate) struct Connection {
    kind: Kind,
    opened: Instant,
}

enum Kind {
    Http1(Stream),
    Http2 {
        sender: http2::SendRequest<Pieces>,
        traffic: Rc<Traffic>,
    },
}

impl Connection {
    /// Makes a connection of a connected stream.
    pub(crate) async fn open(stream: Stream, http2: bool) -> hyper::Result<Connection> {
        let opened = runtime::now();
        if !http2 {
            return Ok(Connection::http1(stream, opened));
        }
        let traffic = Rc::new(Traffic::default());
        let io = Counted::new(stream, traffic.clone());
        let (sender, driver) = http2::Builder::new(LocalTasks)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .handshake(io)
            .await?;
        runtime::spawn(async move {
            // Requests that were under way get errors of their own.
            if let Err(error) = driver.await {
                tracing::debug!("HTTP/2 connection ended: {error}");
            }
        });
        Ok(Connection {
            kind: Kind::Http2 { sender, traffic },
            opened,
        })
    }

    pub(crate) fn http1(stream: Stream, opened: Instant) -> Connection {
        Connection {
            kind: Kind::Http1(stream),
            opened,
        }
    }

    /// Whether the server has not closed it yet, as far as is known here.
    pub(crate) fn is_open(&mut self) -> bool {
        match &mut self.kind {
            // Nothing may come between two requests: bytes are as bad as the end.
            Kind::Http1(stream) => is_silent(stream),
            Kind::Http2 { sender, .. } => !sender.is_closed(),
        }
    }

    pub(crate) fn is_http2(&self) -> bool {
        matches!(self.kind, Kind::Http2 { .. })
    }

    /// Another handle of an HTTP/2 connection.
    pub(crate) fn share(&self) -> Option<Connection> {
        match &self.kind {
            Kind::Http1(_) => None,
            Kind::Http2 { sender, traffic } => {
                let kind = Kind::Http2 {
                    sender: sender.clone(),
                    traffic: traffic.clone(),
                };
                Some(Connection {
                    kind,
                    opened: self.opened,
                })
            }
        }
    }

    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(self, request: Request) -> Result<Answer, SendError> {
        match self.kind {
            Kind::Http1(stream) => {
                let answer = exchange::send(stream, self.opened, request).await?;
                Ok(Answer::Http1(Box::new(answer)))
            }
            Kind::Http2 {
                mut sender,
                traffic,
            } => {
                let request = request.map(|body| Pieces::new(body, None));
                let answer = sender.send_request(request).await;
                answer
                    .map(Answer::Http2)
                    .map_err(|error| SendError::http2(&error, &traffic))
            }
        }
    }
}

fn is_silent(stream: &mut Stream) -> bool {
    let mut byte = [0];
    let mut buffer = ReadBuf::new(&mut byte);
    // Nobody waits for this read: the next request polls again with its own waker.
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(stream)
        .poll_read(&mut cx, buffer.unfilled())
        .is_pending()
}

/// A request that got no answer.
pub(crate) struct SendError {
    pub(crate) cause: Cause,
    /// Whether the beginning of an answer came.
    pub(crate) answered: bool,
}

pub(crate) enum Cause {
    /// TLS broke after the handshake: a server that refuses our certificate says so only when we
    /// begin to read.
    Tls(String),
    NotHttp(String),
    Closed(String),
}

impl SendError {
    pub(crate) fn io(error: io::Error, answered: bool) -> SendError {
        let cause = match failure_in(&error) {
            Some(failure) => Cause::Tls(failure.to_string()),
            None => Cause::Closed(chain(&error)),
        };
        SendError { cause, answered }
    }

    pub(crate) fn not_http(problem: String) -> SendError {
        SendError {
            cause: Cause::NotHttp(problem),
            answered: true,
        }
    }

    fn http2(error: &hyper::Error, traffic: &Traffic) -> SendError {
        let cause = match traffic.tls_failure() {
            Some(failure) => Cause::Tls(failure),
            None => Cause::Closed(chain(error)),
        };
        SendError {
            cause,
            answered: false,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Cause::Tls(text) | Cause::NotHttp(text) | Cause::Closed(text)) = &self.cause;
        f.write_str(text)
    }
}

/// An answer whose head has come.
pub(crate) enum Answer {
    Http1(Box<exchange::Answer>),
    Http2(Response),
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Answer::Http1(answer) => answer.status,
            Answer::Http2(answer) => answer.status(),
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        match self {
            Answer::Http1(answer) => &answer.headers,
            Answer::Http2(answer) => answer.headers(),
        }
    }

    /// Reads the body into `out` (cleared first).
    pub(crate) async fn read_into(
        &mut self,
        gzip: bool,
        limits: BodyLimits,
        out: &mut Vec<u8>,
    ) -> Result<Received, BodyError> {
        match self {
            Answer::Http1(answer) => answer.read_into(gzip, limits, out).await,
            Answer::Http2(answer) => read_into(answer.body_mut(), gzip, limits, out).await,
        }
    }

    /// The next piece of the body, whenever it comes; none at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        match self {
            Answer::Http1(answer) => answer.chunk().await,
            Answer::Http2(answer) => next_chunk(answer.body_mut(), &mut HeaderMap::new()).await,
        }
    }

    pub(crate) fn take_headers(&mut self) -> HeaderMap {
        std::mem::take(match self {
            Answer::Http1(answer) => &mut answer.headers,
            Answer::Http2(answer) => answer.headers_mut(),
        })
    }

    /// After the last byte of the answer: the connection, if another request can follow on it and
    /// nobody else holds it.
    pub(crate) fn end(self) -> Option<Connection> {
        match self {
            Answer::Http1(answer) => answer.end(),
            Answer::Http2(_) => None,
        }
    }
}

/// hyper's tasks run on the shard of their connection.
#[derive(Clone, Copy)]
pub(crate) struct LocalTasks;

impl<F> hyper::rt::Executor<F> for LocalTasks
where
    F: Future<Output = ()> + 'static,
{
    fn execute(&self, future: F) {
        runtime::spawn(future);
    }
}
