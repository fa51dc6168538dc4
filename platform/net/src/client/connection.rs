//! One connection, idle or with a request on it; HTTP/1 and HTTP/2 behind one face.
//!
//! Between requests an HTTP/1 connection is its stream and nothing else: hyper is put on it for
//! one request and taken off again. Measured with 500 kept connections after bodies of 318 kB,
//! that is 2 KiB a connection (10 KiB on monoio, whose reads park a buffer) in place of the 77 and
//! 85 KiB that hyper's buffers make of it, at the same CPU a request. A request runs in the task of
//! its caller without a second one beside it. An HTTP/2 connection has a task of its own, since it
//! takes many requests at once.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, ReadBuf};
use runtime::Instant;

use crate::pieces::Pieces;
use crate::stream::{Counted, Stream, Traffic};

/// Limit: read buffer of a request under way, which is also the largest head of an answer. It
/// starts at 8 KiB and doubles while reads fill it.
const READ_BUFFER_BYTES: usize = 32 * 1024;
/// How many bytes of an answer, and of all answers of a connection, a server may send before they
/// were read.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// How long a finished connection may take to be ready for the next request. It is ready at once,
/// save when the server answered before it had read the request.
const READY_WITHIN: Duration = Duration::from_millis(100);

type Request = http::Request<Pieces>;
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
            return Ok(Connection {
                kind: Kind::Http1(stream),
                opened,
            });
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
    pub(crate) async fn send(self, request: Request) -> Result<(Response, Exchange), SendError> {
        match self.kind {
            Kind::Http1(stream) => send_http1(stream, self.opened, request).await,
            Kind::Http2 {
                mut sender,
                traffic,
            } => match sender.send_request(request).await {
                Ok(response) => Ok((response, Exchange(None))),
                Err(error) => Err(SendError {
                    error,
                    answered: false,
                    traffic,
                }),
            },
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

async fn send_http1(
    stream: Stream,
    opened: Instant,
    request: Request,
) -> Result<(Response, Exchange), SendError> {
    let traffic = Rc::new(Traffic::default());
    let io = Counted::new(stream, traffic.clone());
    let handshake = http1::Builder::new()
        .max_buf_size(READ_BUFFER_BYTES)
        .handshake(io)
        .await;
    let (mut sender, driver) = match handshake {
        Ok(parts) => parts,
        Err(error) => {
            return Err(SendError {
                error,
                answered: false,
                traffic,
            });
        }
    };
    let mut driver = Driver(Some(driver));
    match driver.beside(sender.send_request(request)).await {
        Ok(response) => Ok((
            response,
            Exchange(Some(OverHttp1 {
                sender,
                driver,
                opened,
            })),
        )),
        Err(error) => {
            let answered = 0 < traffic.read_bytes();
            Err(SendError {
                error,
                answered,
                traffic,
            })
        }
    }
}

/// A request that got no answer.
pub(crate) struct SendError {
    pub(crate) error: hyper::Error,
    /// Whether the beginning of an answer came.
    pub(crate) answered: bool,
    traffic: Rc<Traffic>,
}

impl SendError {
    /// Why TLS broke after the handshake, if it did: a server that refuses our certificate says so
    /// only when we begin to read.
    pub(crate) fn tls_failure(&self) -> Option<String> {
        self.traffic.tls_failure()
    }
}

/// A request whose answer is being read. HTTP/2 does that by itself.
pub(crate) struct Exchange(Option<OverHttp1>);

struct OverHttp1 {
    sender: http1::SendRequest<Pieces>,
    driver: Driver,
    opened: Instant,
}

impl Exchange {
    /// Runs `reading`, which takes the answer's body off the connection.
    pub(crate) async fn read<T>(&mut self, reading: impl Future<Output = T>) -> T {
        match &mut self.0 {
            Some(over) => over.driver.beside(reading).await,
            None => reading.await,
        }
    }

    /// After the last byte of the answer: the connection, if another request can follow on it and
    /// nobody else holds it.
    pub(crate) async fn end(self) -> Option<Connection> {
        let OverHttp1 {
            mut sender,
            mut driver,
            opened,
        } = self.0?;
        let ready = driver.beside(poll_fn(|cx| sender.poll_ready(cx)));
        if !matches!(runtime::timeout(READY_WITHIN, ready).await, Ok(Ok(()))) {
            return None;
        }
        // Without a sender hyper has nothing more to do and gives the stream back.
        drop(sender);
        let stream = poll_fn(|cx| Poll::Ready(driver.poll_stream(cx))).await?;
        Some(Connection {
            kind: Kind::Http1(stream),
            opened,
        })
    }
}

/// hyper on an HTTP/1 stream, until it ends.
struct Driver(Option<http1::Connection<Counted, Pieces>>);

impl Driver {
    /// Runs `future`, which waits for what hyper does, and hyper with it.
    async fn beside<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                return Poll::Ready(value);
            }
            if let Some(driver) = &mut self.0
                && driver.poll_without_shutdown(cx).is_ready()
            {
                // Its end, good or bad, reaches the future through hyper's channels.
                self.0 = None;
            }
            future.as_mut().poll(cx)
        })
        .await
    }

    /// The stream of a driver that has nothing more to do, if nothing was read beyond the answer.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Option<Stream> {
        let mut driver = self.0.take()?;
        if !matches!(driver.poll_without_shutdown(cx), Poll::Ready(Ok(()))) {
            return None;
        }
        let parts = driver.into_parts();
        parts.read_buf.is_empty().then(|| parts.io.into_stream())
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
