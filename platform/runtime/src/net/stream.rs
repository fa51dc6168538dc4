//! Connected sockets.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use bytes::Bytes;

use crate::backend::Backend;
use crate::current;
use crate::sim;

/// A connected socket.
pub struct TcpStream {
    inner: Inner,
}

enum Inner {
    #[cfg(target_os = "linux")]
    Monoio(crate::monoio::TcpStream),
    Tokio(::tokio::net::TcpStream),
    Sim(sim::TcpStream),
}

impl TcpStream {
    /// Connects to `address`.
    pub async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        match current::backend() {
            #[cfg(target_os = "linux")]
            Backend::Monoio => crate::monoio::TcpStream::connect(address)
                .await
                .map(TcpStream::from_monoio),
            #[cfg(not(target_os = "linux"))]
            Backend::Monoio => unreachable!("monoio shards start on Linux only"),
            Backend::Tokio => ::tokio::net::TcpStream::connect(address)
                .await
                .map(TcpStream::from_tokio),
            Backend::Sim => sim::TcpStream::connect(address)
                .await
                .map(TcpStream::from_sim),
        }
    }

    /// Connects to a socket of this machine by its path. A backend reads and writes it like any
    /// other stream; it has no addresses and no `nodelay`.
    #[cfg(unix)]
    pub async fn connect_path(path: &std::path::Path) -> io::Result<TcpStream> {
        let path = path.to_owned();
        // The call waits while the listener's queue is full.
        let connect = move || std::os::unix::net::UnixStream::connect(path);
        let stream = crate::service::blocking(connect).await?;
        stream.set_nonblocking(true)?;
        let stream = std::net::TcpStream::from(std::os::fd::OwnedFd::from(stream));
        match current::backend() {
            #[cfg(target_os = "linux")]
            Backend::Monoio => crate::monoio::TcpStream::of(stream).map(TcpStream::from_monoio),
            #[cfg(not(target_os = "linux"))]
            Backend::Monoio => unreachable!("monoio shards start on Linux only"),
            Backend::Tokio => ::tokio::net::TcpStream::from_std(stream).map(TcpStream::from_tokio),
            Backend::Sim => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// There are no such sockets on this system.
    #[cfg(not(unix))]
    pub async fn connect_path(_: &std::path::Path) -> io::Result<TcpStream> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(target_os = "linux")]
    pub(super) fn from_monoio(stream: crate::monoio::TcpStream) -> TcpStream {
        TcpStream {
            inner: Inner::Monoio(stream),
        }
    }

    pub(super) fn from_tokio(stream: ::tokio::net::TcpStream) -> TcpStream {
        TcpStream {
            inner: Inner::Tokio(stream),
        }
    }

    pub(super) fn from_sim(stream: sim::TcpStream) -> TcpStream {
        TcpStream {
            inner: Inner::Sim(stream),
        }
    }

    /// Reads what has arrived, at most the buffer's capacity. The buffer's old content is replaced;
    /// its length is the number of bytes read, zero at the end of the stream. Panics if the buffer
    /// has no capacity.
    pub async fn read(&mut self, mut buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        assert!(buffer.capacity() > 0, "a read needs a buffer with room");
        buffer.clear();
        match &mut self.inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.read(buffer).await,
            Inner::Tokio(stream) => (stream.read_buf(&mut buffer).await, buffer),
            Inner::Sim(stream) => (stream.read_buf(&mut buffer).await, buffer),
        }
    }

    /// Writes all of `bytes`.
    pub async fn write_all(&mut self, bytes: Bytes) -> (io::Result<()>, Bytes) {
        match &mut self.inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.write_all(bytes).await,
            Inner::Tokio(stream) => (stream.write_all(&bytes).await, bytes),
            Inner::Sim(stream) => (stream.write_all(&bytes).await, bytes),
        }
    }

    /// Sends small writes at once instead of waiting to fill a packet.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.set_nodelay(nodelay),
            Inner::Tokio(stream) => stream.set_nodelay(nodelay),
            Inner::Sim(_) => Ok(()),
        }
    }

    /// The other end's address.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.peer_addr(),
            Inner::Tokio(stream) => stream.peer_addr(),
            Inner::Sim(stream) => Ok(stream.peer_addr()),
        }
    }

    /// This end's address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.local_addr(),
            Inner::Tokio(stream) => stream.local_addr(),
            Inner::Sim(stream) => Ok(stream.local_addr()),
        }
    }
}

impl AsyncRead for TcpStream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.poll_read(cx, buffer),
            Inner::Tokio(stream) => Pin::new(stream).poll_read(cx, buffer),
            Inner::Sim(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for TcpStream {
    #[inline]
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.poll_write(cx, bytes),
            Inner::Tokio(stream) => Pin::new(stream).poll_write(cx, bytes),
            Inner::Sim(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    #[inline]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.poll_write_vectored(cx, parts),
            Inner::Tokio(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Inner::Sim(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        }
    }

    #[inline]
    fn is_write_vectored(&self) -> bool {
        match &self.inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(_) => true,
            Inner::Tokio(stream) => stream.is_write_vectored(),
            Inner::Sim(_) => false,
        }
    }

    #[inline]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.poll_flush(cx),
            Inner::Tokio(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Sim(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            #[cfg(target_os = "linux")]
            Inner::Monoio(stream) => stream.poll_shutdown(cx),
            Inner::Tokio(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Sim(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
