//! Connected sockets.
//!
//! hyper and rustls poll with borrowed buffers, the kernel wants owned ones for as long as an
//! operation runs. Two ways are combined:
//!
//! - *wait* on the ring, with an owned buffer of [`PARKED_BYTES`], small because every idle
//!   connection holds one;
//! - *go on* with direct calls that do not block, straight between the caller's buffer and the
//!   socket: no copy, no buffer, and nothing to cancel.
//!
//! A read starts on the ring. When it fills its buffer, more has probably arrived: the next reads
//! are direct until the socket is empty. A write is direct until the socket is full, then the ring
//! takes a copy of a piece and finishes it; later writes and flushes wait for that.
//!
//! An operation belongs to the stream and not to the future that started it, so a dropped future
//! (a timeout, a select) loses no bytes.

use std::cell::{Cell, UnsafeCell};
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use ::monoio::buf::IoBuf;
use ::monoio::io::{AsyncReadRent, AsyncWriteRent};
use ::tokio::io::ReadBuf;
use bytes::Bytes;
use socket2::SockRef;

use super::loan::Loan;
use crate::LocalBoxFuture;

/// Limit: bytes that an idle connection holds for what arrives next; 1,000 connections hold 8 MiB.
/// A request that fits takes one ring operation and no direct call.
const PARKED_BYTES: usize = 8 * 1024;

/// Limit: bytes copied for the ring when a socket is full.
const BLOCKED_BYTES_MAX: usize = 64 * 1024;

type Socket = Rc<UnsafeCell<::monoio::net::TcpStream>>;

pub(crate) struct TcpStream {
    fd: RawFd,
    reader: Reader,
    /// More has probably arrived than the last read took.
    more: bool,
    /// A piece that the ring writes since the socket was full.
    blocked: Option<LocalBoxFuture<'static, io::Result<()>>>,
    /// Last: the descriptor above stays open until the operations are gone.
    socket: Socket,
}

impl TcpStream {
    pub(super) fn new(stream: ::monoio::net::TcpStream) -> TcpStream {
        let fd = stream.as_raw_fd();
        let socket = Rc::new(UnsafeCell::new(stream));
        TcpStream {
            fd,
            reader: Reader::new(socket.clone()),
            more: false,
            blocked: None,
            socket,
        }
    }

    /// One that is connected already.
    pub(crate) fn of(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        ::monoio::net::TcpStream::from_std(stream).map(TcpStream::new)
    }

    pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        ::monoio::net::TcpStream::connect_addr(address)
            .await
            .map(TcpStream::new)
    }

    /// `buffer` is empty and has capacity.
    pub(crate) async fn read(&mut self, mut buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        if self.reader.is_idle() {
            self.reader.start(buffer);
            let (result, buffer) = poll_fn(|cx| self.reader.poll_reply(cx)).await;
            self.more = result
                .as_ref()
                .is_ok_and(|count| *count == buffer.capacity());
            return (result, buffer);
        }
        // Bytes of an earlier read are left, or one runs whose future was dropped.
        let read = poll_fn(|cx| {
            let mut unfilled = ReadBuf::uninit(buffer.spare_capacity_mut());
            self.poll_read(cx, &mut unfilled)
                .map_ok(|()| unfilled.filled().len())
        })
        .await;
        if let Ok(count) = read {
            // SAFETY: the read filled `count` bytes from the start of the empty vector's capacity.
            unsafe { buffer.set_len(count) };
        }
        (read, buffer)
    }

    pub(crate) async fn write_all(&mut self, bytes: Bytes) -> (io::Result<()>, Bytes) {
        let mut written = 0;
        let result = poll_fn(|cx| {
            while written < bytes.len() {
                written += ready!(self.poll_write(cx, &bytes[written..]))?;
            }
            self.poll_flush(cx)
        })
        .await;
        (result, bytes)
    }

    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 || self.reader.take(buffer) {
            return Poll::Ready(Ok(()));
        }
        if self.more && self.reader.is_idle() {
            let wanted = buffer.remaining();
            match self.receive_now(buffer) {
                Ok(count) => {
                    self.more = count == wanted;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.more = false,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.more = ready!(self.reader.poll_fill(cx))?;
        self.reader.take(buffer);
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        match self.send_now(parts) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let piece = copy_piece(parts);
                let count = piece.len();
                self.blocked = Some(Box::pin(write_all(self.socket.clone(), piece)));
                // Its first poll gives it to the kernel; what comes of it shows at the next call.
                match self.poll_flush(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(count)),
                }
            }
            sent => Poll::Ready(sent),
        }
    }

    /// Waits for the piece that the ring writes.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(blocked) = &mut self.blocked else {
            return Poll::Ready(Ok(()));
        };
        let written = ready!(blocked.as_mut().poll(cx));
        self.blocked = None;
        Poll::Ready(written)
    }

    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        match self.with_socket(|socket| socket.shutdown(std::net::Shutdown::Write)) {
            // The other end was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }

    pub(crate) fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.with_socket(|socket| socket.set_tcp_nodelay(nodelay))
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        let address = self.with_socket(|socket| socket.peer_addr())?;
        address
            .as_socket()
            .ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        let address = self.with_socket(|socket| socket.local_addr())?;
        address
            .as_socket()
            .ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn receive_now(&self, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
        // SAFETY: the call writes initialized bytes only.
        let unfilled = unsafe { buffer.unfilled_mut() };
        let count = without_interrupts(|| {
            self.with_socket(|socket| socket.recv_with_flags(unfilled, libc::MSG_DONTWAIT))
        })?;
        // SAFETY: the kernel initialized `count` bytes.
        unsafe { buffer.assume_init(count) };
        buffer.advance(count);
        Ok(count)
    }

    fn send_now(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        const FLAGS: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        without_interrupts(|| {
            self.with_socket(|socket| match parts {
                [one] => socket.send_with_flags(one, FLAGS),
                parts => socket.send_vectored_with_flags(parts, FLAGS),
            })
        })
    }

    fn with_socket<T>(&self, call: impl FnOnce(&socket2::Socket) -> T) -> T {
        // SAFETY: the descriptor is open as long as `self.socket`.
        let fd = unsafe { BorrowedFd::borrow_raw(self.fd) };
        call(&SockRef::from(&fd))
    }
}

fn without_interrupts<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The beginning of what a full socket did not take.
fn copy_piece(parts: &[IoSlice<'_>]) -> Vec<u8> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    let mut piece = Vec::with_capacity(total.min(BLOCKED_BYTES_MAX));
    for part in parts {
        let room = BLOCKED_BYTES_MAX - piece.len();
        piece.extend_from_slice(&part[..part.len().min(room)]);
    }
    piece
}

async fn write_all(socket: Socket, piece: Vec<u8>) -> io::Result<()> {
    let mut loan = Loan::new(piece);
    let (mut written, total) = (0, loan.bytes_init());
    while written < total {
        // SAFETY: monoio's reads and writes of one stream are independent of each other (it is
        // `Split`), and this is the only write: the stream starts one after the other.
        let stream = unsafe { &mut *socket.get() };
        let (result, slice) = stream.write(loan.slice(written..)).await;
        loan = slice.into_inner();
        match result {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The reading side of the ring: one operation at a time, by one future that lives as long as the
/// stream, so that waiting allocates nothing.
struct Reader {
    port: Rc<Port>,
    /// Takes a buffer from the port, reads into it, puts the reply there; again and again.
    operations: Pin<Box<dyn Future<Output = ()>>>,
    in_flight: bool,
    /// What was read and not yet taken, from `taken` on.
    bytes: Vec<u8>,
    taken: usize,
}

#[derive(Default)]
struct Port {
    request: Cell<Option<Loan>>,
    reply: Cell<Option<(io::Result<usize>, Loan)>>,
}

impl Reader {
    fn new(socket: Socket) -> Reader {
        let port = Rc::new(Port::default());
        let operations = Box::pin(operate(socket, port.clone()));
        Reader {
            port,
            operations,
            in_flight: false,
            bytes: Vec::new(),
            taken: 0,
        }
    }

    /// Nothing runs and nothing is left to take.
    fn is_idle(&self) -> bool {
        !self.in_flight && self.taken == self.bytes.len()
    }

    /// Moves what is left into `buffer`; false if there is nothing.
    fn take(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let left = &self.bytes[self.taken..];
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        self.taken += count;
        count > 0
    }

    fn start(&mut self, bytes: Vec<u8>) {
        debug_assert!(self.is_idle(), "one read at a time");
        self.in_flight = true;
        self.port.request.set(Some(Loan::new(bytes)));
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<(io::Result<usize>, Vec<u8>)> {
        let ended = self.operations.as_mut().poll(cx);
        debug_assert!(ended.is_pending(), "the reader never ends");
        let Some((result, loan)) = self.port.reply.take() else {
            return Poll::Pending;
        };
        self.in_flight = false;
        Poll::Ready((result, loan.bytes))
    }

    /// Waits for bytes to take, or for the end of the stream; says whether the buffer was filled.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !self.in_flight {
            let mut bytes = std::mem::take(&mut self.bytes);
            self.taken = 0;
            bytes.clear();
            // A buffer of another size came from a caller whose read was dropped.
            if bytes.capacity() != PARKED_BYTES {
                bytes = Vec::with_capacity(PARKED_BYTES);
            }
            self.start(bytes);
        }
        let (result, bytes) = ready!(self.poll_reply(cx));
        let count = result?;
        debug_assert_eq!(count, bytes.len());
        self.bytes = bytes;
        self.taken = 0;
        Poll::Ready(Ok(count == self.bytes.capacity()))
    }
}

async fn operate(socket: Socket, port: Rc<Port>) {
    loop {
        // Whoever puts a request polls right after, so no waker is kept.
        let loan = poll_fn(|_| port.request.take().map_or(Poll::Pending, Poll::Ready)).await;
        // SAFETY: monoio's reads and writes of one stream are independent of each other (it is
        // `Split`), and this is the only read.
        let stream = unsafe { &mut *socket.get() };
        let reply = stream.read(loan).await;
        port.reply.set(Some(reply));
    }
}
