//! One connection's bytes: TCP, or TLS over what is below it, as hyper wants to see them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use runtime::Instant;
use runtime::net::TcpStream;

use crate::tls::{TlsError, TlsStream, failure_in};

/// A connected stream. TLS lies over another stream, since a proxy may itself be reached by TLS.
pub(crate) enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TokioIo<Stream>>>>),
}

impl Stream {
    pub(crate) fn plain(tcp: TcpStream) -> Stream {
        Stream::Plain(TokioIo::new(tcp))
    }

    pub(crate) fn tls(tls: TlsStream<TokioIo<Stream>>) -> Stream {
        Stream::Tls(Box::new(TokioIo::new(tls)))
    }

    /// Ends our direction and waits until the peer has ended its own; what it still sends is lost.
    pub(crate) async fn end(mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self).poll_shutdown(cx)).await?;
        let mut bytes = [0; 1024];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            poll_fn(|cx| Pin::new(&mut self).poll_read(cx, buffer.unfilled())).await?;
            if buffer.filled().is_empty() {
                return Ok(());
            }
        }
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Stream::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Stream::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(tcp) => tcp.is_write_vectored(),
            Stream::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Stream::Tls(tls) => Pin::new(&mut **tls).poll_write_vectored(cx, slices),
        }
    }
}

/// What came in on a connection, seen from outside of hyper.
#[derive(Default)]
pub(crate) struct Traffic {
    /// Since when the bytes of a request that is not complete have been coming.
    request_since: Cell<Option<Instant>>,
    /// hyper keeps only the text of what failed below HTTP/2.
    tls_failure: RefCell<Option<TlsError>>,
}

impl Traffic {
    pub(crate) fn request_since(&self) -> Option<Instant> {
        self.request_since.get()
    }

    /// The request's headers are complete.
    pub(crate) fn request_arrived(&self) {
        self.request_since.set(None);
    }

    pub(crate) fn tls_failure(&self) -> Option<String> {
        self.tls_failure.borrow().as_ref().map(ToString::to_string)
    }

    fn count(&self, bytes: u64) {
        if bytes > 0 && self.request_since.get().is_none() {
            self.request_since.set(Some(runtime::now()));
        }
    }
}

/// A stream whose reads are counted.
pub(crate) struct Counted {
    stream: Stream,
    traffic: Rc<Traffic>,
}

impl Counted {
    pub(crate) fn new(stream: Stream, traffic: Rc<Traffic>) -> Counted {
        Counted { stream, traffic }
    }
}

impl Read for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buffer.remaining();
        // The stream fills a view of the cursor's room; what it filled is then claimed.
        let filled = {
            // SAFETY: `as_mut` gives the unfilled part; `ReadBuf` never exposes it uninitialised
            // and nothing in it is made uninitialised again.
            // Why unsafe: the cursor does not tell how much was read into it, and reading through a
            // second buffer would copy every byte once more.
            let unfilled = unsafe { buffer.as_mut() };
            let mut view = ReadBuf::uninit(unfilled);
            match Pin::new(&mut self.stream).poll_read(cx, view.unfilled()) {
                Poll::Ready(Ok(())) => view.filled().len(),
                Poll::Ready(Err(error)) => {
                    self.traffic.tls_failure.replace(failure_in(&error));
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => return Poll::Pending,
            }
        };
        debug_assert!(filled <= room);
        // SAFETY: the stream has filled exactly this many bytes of the room.
        unsafe { buffer.advance(filled) };
        self.traffic.count(filled as u64);
        Poll::Ready(Ok(()))
    }
}

impl Write for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}
