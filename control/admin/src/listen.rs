//! Connections of the admin server, with TLS while the `http` block asks for it.
//!
//! Handshakes run beside each other, so that a client that does not finish keeps nobody out.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use net::tls::ServerConfigs;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Limit: how long a client may take for its handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Pause after the system gave no connection, such as when there are no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 22;

/// Compat: what Go's server says to a client that forgot the `s`.
const PLAIN: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\n\
                       Client sent an HTTP request to an HTTPS server.\n";

/// TLS on or off, exchanged while the server runs. New connections follow it.
#[derive(Clone, Default)]
pub struct TlsSwitch {
    configs: Rc<RefCell<Option<Rc<ServerConfigs>>>>,
}

impl TlsSwitch {
    pub fn set(&self, configs: Option<ServerConfigs>) {
        *self.configs.borrow_mut() = configs.map(Rc::new);
    }

    fn current(&self) -> Option<Rc<ServerConfigs>> {
        self.configs.borrow().clone()
    }
}

/// Accepts for as long as the process runs.
pub(crate) fn start(listener: TcpListener, tls: TlsSwitch) -> io::Result<Connections> {
    let address = listener.local_addr()?;
    let (ready_in, ready) = mpsc::channel(1);
    tokio::task::spawn_local(async move {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (tls, ready_in) = (tls.current(), ready_in.clone());
                    tokio::task::spawn_local(async move {
                        if let Some(connection) = secured(stream, tls, peer).await {
                            // The server has ended with the process.
                            drop(ready_in.send((connection, peer)).await);
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(err = %error, "cannot accept connections of the admin server");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    Ok(Connections { address, ready })
}

async fn secured(
    mut stream: TcpStream,
    tls: Option<Rc<ServerConfigs>>,
    peer: SocketAddr,
) -> Option<Connection> {
    let Some(tls) = tls else {
        return Some(Connection::Plain(stream));
    };
    let config = match tls.current().await {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(
                err = error,
                "the admin server's TLS settings are not usable"
            );
            return None;
        }
    };
    let handshake = async {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
            stream.write_all(PLAIN).await?;
            stream.shutdown().await?;
            // Unread bytes would turn the end into a reset, and lose the answer.
            let mut rest = [0; 1024];
            while stream.read(&mut rest).await? > 0 {}
            return Ok(None);
        }
        TlsAcceptor::from(config).accept(stream).await.map(Some)
    };
    match tokio::time::timeout(HANDSHAKE_MAX, handshake).await {
        Ok(Ok(stream)) => stream.map(|stream| Connection::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::debug!(err = %error, %peer, "a client could not be let in");
            None
        }
        Err(_) => None,
    }
}

/// Connections that are ready for HTTP.
pub(crate) struct Connections {
    address: SocketAddr,
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
}

impl axum::serve::Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // Who accepts has ended, with the process.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

pub(crate) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Connection::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Connection::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Connection::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Connection::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Connection::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
