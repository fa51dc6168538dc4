//! The server: accepts on a shard's listener and hands each request to one handler.
//!
//! HTTP/1.1, and HTTP/2 where TLS agrees on it. The handler gets the head and reads the body
//! itself, so that it can first ask for the room (413 before the bytes, not after them).
//! Slow and silent peers are cut: see `ServerOptions`.

mod connection;
mod request;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use runtime::LocalBoxFuture;
use runtime::net::{TcpListener, TcpStream};
use runtime::sync::{Notify, Permit, Semaphore};

pub use request::Incoming;

use crate::tls::{self, Acceptor};

/// Answers one request. Runs on the shard of its connection.
pub type Handler = Rc<dyn Fn(Incoming) -> LocalBoxFuture<'static, Answer>>;

/// What a handler answers.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Fields after the body, which only HTTP/2 clients are shown.
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    pub fn empty(status: StatusCode) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            trailers: None,
        }
    }

    /// A line of text, as clients show it to people.
    pub fn text(status: StatusCode, text: &str) -> Answer {
        let mut answer = Answer::empty(status);
        let kind = http::HeaderValue::from_static("text/plain; charset=utf-8");
        answer.headers.insert(http::header::CONTENT_TYPE, kind);
        answer.body = Bytes::from(format!("{text}\n"));
        answer
    }
}

pub struct ServerOptions {
    /// From the accepted connection, or the first byte of a later request, to the end of its
    /// headers. The handshake of TLS has as long again.
    pub header_timeout: Duration,
    /// How long a connection may carry no request.
    pub idle_timeout: Duration,
    /// How long reading one body may take.
    pub body_timeout: Duration,
    /// At this many connections accepting waits: further ones queue in the kernel.
    pub connections_max: u32,
    pub tls: Option<tls::ServerTls>,
    pub protocols: Protocols,
    /// Requests at once on one HTTP/2 connection.
    pub streams_max: u32,
    /// A connection older than this takes no further requests; each has up to a tenth more or less,
    /// so that those of one moment do not all come back at another.
    pub age_max: Option<Duration>,
    /// How long requests of such a connection may still take.
    pub age_grace: Option<Duration>,
}

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/1.1, and HTTP/2 where TLS agrees on it.
    Negotiated,
    /// HTTP/2, without being asked on a connection without TLS: gRPC.
    Http2,
}

/// Limit: requests at once on one HTTP/2 connection; Go's default is 250.
const STREAMS_MAX: u32 = 250;

impl ServerOptions {
    pub fn standard() -> ServerOptions {
        ServerOptions {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            body_timeout: Duration::from_secs(60),
            connections_max: 4096,
            tls: None,
            protocols: Protocols::Negotiated,
            streams_max: STREAMS_MAX,
            age_max: None,
            age_grace: None,
        }
    }
}

/// A running server. Dropping it stops accepting and lets connections end by themselves.
pub struct Server {
    accepting: runtime::Task,
    shared: Rc<Shared>,
}

/// What all connections of a server share.
struct Shared {
    options: ServerOptions,
    handler: Handler,
    acceptor: Option<Acceptor>,
    /// One for each connection, and one for the connection that is waited for.
    slots: Semaphore,
    open: Cell<u32>,
    /// Connections finish what they have begun and end.
    stop: Notify,
    stopping: Cell<bool>,
}

impl Shared {
    fn new(handler: Handler, options: ServerOptions) -> Shared {
        Shared {
            acceptor: options.tls.as_ref().map(Acceptor::new),
            slots: Semaphore::new(options.connections_max),
            open: Cell::new(0),
            options,
            handler,
            stop: Notify::new(),
            stopping: Cell::new(false),
        }
    }
}

/// Serves `listener` until the server is dropped or shut down.
pub fn serve(listener: TcpListener, handler: Handler, options: ServerOptions) -> Server {
    let shared = Rc::new(Shared::new(handler, options));
    let accepting = runtime::spawn(accept(listener, shared.clone()));
    Server { accepting, shared }
}

impl Server {
    /// Connections that are open now.
    pub fn connections(&self) -> u32 {
        self.shared.open.get()
    }

    /// Stops accepting and waits at most `grace` for requests that were begun. Says whether all of
    /// them ended in time.
    pub async fn shutdown(self, grace: Duration) -> bool {
        self.accepting.abort();
        self.shared.stopping.set(true);
        self.shared.stop.notify_all();
        // All slots are free when the last connection has ended.
        let all = self
            .shared
            .slots
            .acquire(self.shared.options.connections_max);
        runtime::timeout(grace, all).await.is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Pause after an accept that failed for want of resources, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

async fn accept(listener: TcpListener, shared: Rc<Shared>) {
    loop {
        let slot = shared.slots.acquire(1).await;
        match listener.accept().await {
            Ok((tcp, peer)) => begin(tcp, peer, slot, shared.clone()),
            // The peer gave up before we came to it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!("cannot accept connections: {error}; check the limit of open files");
                runtime::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn begin(tcp: TcpStream, peer: SocketAddr, slot: Permit, shared: Rc<Shared>) {
    let open = OpenConnection::new(shared.clone());
    runtime::spawn(async move {
        // What ends a connection is the peer's matter: its request got an answer or it is gone.
        if let Err(error) = connection::serve(tcp, peer, &shared).await {
            tracing::debug!("connection from {peer} ended: {error}");
        }
        drop((open, slot));
    });
}

/// Counts a connection for as long as it lives, however it ends.
struct OpenConnection(Rc<Shared>);

impl OpenConnection {
    fn new(shared: Rc<Shared>) -> OpenConnection {
        shared.open.set(shared.open.get() + 1);
        OpenConnection(shared)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}

/// Serves one connection, however it came about.
#[cfg(test)]
pub(crate) async fn serve_one(
    tcp: TcpStream,
    peer: SocketAddr,
    handler: Handler,
    options: ServerOptions,
) -> Result<(), String> {
    connection::serve(tcp, peer, &Rc::new(Shared::new(handler, options))).await
}
