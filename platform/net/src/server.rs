//! The server: accepts on a shard's listener and hands requests to one handler.
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::{BodyLimits, HttpError, tls};

/// Answers one request. Runs on the shard of the connection.
pub type Handler = Rc<dyn Fn(Incoming) -> Pin<Box<dyn Future<Output = Answer>>>>;

pub struct ServerOptions {
    /// From the first byte of a request (or the accepted connection) to the end of its headers.
    pub header_timeout: Duration,
    /// How long a connection may carry no request.
    pub idle_timeout: Duration,
    /// How long reading one body may take.
    pub body_timeout: Duration,
    /// At this many connections, accepting waits.
    pub connections_max: usize,
    pub tls: Option<tls::ServerTls>,
}

impl ServerOptions {
    pub fn standard() -> ServerOptions {
        ServerOptions {
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            body_timeout: Duration::from_secs(60),
            connections_max: 4096,
            tls: None,
        }
    }
}

/// A request whose body has not been read: the handler first decides whether it has room for it.
pub struct Incoming {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub peer: SocketAddr,
}

impl Incoming {
    /// The announced length of the body on the wire, if it was announced.
    pub fn content_length(&self) -> Option<u64> {
        self.headers
            .get(http::header::CONTENT_LENGTH)?
            .to_str()
            .ok()?
            .parse()
            .ok()
    }

    /// Reads the body into `body` (cleared first), unpacking gzip. Gives the bytes on the wire.
    pub async fn read_body(
        &mut self,
        _limits: BodyLimits,
        body: &mut Vec<u8>,
    ) -> Result<u64, HttpError> {
        body.clear();
        Ok(0)
    }
}

/// What a handler answers.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn empty(status: StatusCode) -> Answer {
        Answer {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

/// A running server. Dropping it stops at once; `shutdown` finishes what was begun.
pub struct Server {}

impl Server {
    /// Stops accepting and waits at most `grace` for requests that were begun.
    pub async fn shutdown(self, _grace: Duration) {}
}
