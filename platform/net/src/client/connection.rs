//! One connection: hyper's two protocol versions behind one face.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use runtime::Instant;

use crate::stream::{Counted, Stream, Traffic};

/// Limit: read buffer of a connection, which is also the largest head of an answer. Connections to
/// a thousand targets keep theirs between scrapes: 32 MiB at this size.
const READ_BUFFER_BYTES: usize = 32 * 1024;
/// How long a finished connection may take to be ready for the next request. It is ready at once,
/// save when the server answered before it had read the request.
const READY_WITHIN: Duration = Duration::from_millis(100);

pub(crate) struct Connection {
    sender: Sender,
    traffic: Rc<Traffic>,
    opened: Instant,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Begins HTTP on a connected stream; a task of its own moves the bytes.
    pub(crate) async fn begin(stream: Stream, http2: bool) -> hyper::Result<Connection> {
        let traffic = Rc::new(Traffic::default());
        let io = Counted::new(stream, traffic.clone());
        let sender = if http2 {
            let (sender, driver) = http2::Builder::new(LocalTasks).handshake(io).await?;
            drive(driver);
            Sender::Http2(sender)
        } else {
            let (sender, driver) = http1::Builder::new()
                .max_buf_size(READ_BUFFER_BYTES)
                .handshake(io)
                .await?;
            drive(driver);
            Sender::Http1(sender)
        };
        Ok(Connection {
            sender,
            traffic,
            opened: runtime::now(),
        })
    }

    pub(crate) async fn send(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> hyper::Result<http::Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        }
    }

    /// Whether another request can follow the one that has ended.
    pub(crate) async fn becomes_ready(&mut self) -> bool {
        match &mut self.sender {
            Sender::Http1(sender) if sender.is_ready() => true,
            Sender::Http1(sender) => {
                matches!(
                    runtime::timeout(READY_WITHIN, sender.ready()).await,
                    Ok(Ok(()))
                )
            }
            Sender::Http2(sender) => !sender.is_closed(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => !sender.is_closed(),
            Sender::Http2(sender) => !sender.is_closed(),
        }
    }

    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Another handle of an HTTP/2 connection.
    pub(crate) fn share(&self) -> Option<Connection> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender) => Some(Connection {
                sender: Sender::Http2(sender.clone()),
                traffic: self.traffic.clone(),
                opened: self.opened,
            }),
        }
    }

    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    /// Bytes read so far: an answer has begun when there are more than before.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.traffic.read_bytes()
    }

    /// Why TLS broke after the handshake, if it did: a server that refuses our certificate says so
    /// only when we begin to read.
    pub(crate) fn tls_failure(&self) -> Option<String> {
        self.traffic.tls_failure()
    }
}

fn drive(connection: impl Future<Output = hyper::Result<()>> + 'static) {
    runtime::spawn(async move {
        // The request that was under way gets its own error; without one, nobody is hurt.
        if let Err(error) = connection.await {
            tracing::debug!("connection ended: {error}");
        }
    });
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
