//! A simulated connection: two pipes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Network;
use crate::current;
use crate::sim::world::Timer;
use crate::time::Instant;

/// Limit: bytes on the way in one direction; a write beyond it waits, as with a full socket buffer.
const PIPE_BYTES_MAX: usize = 64 * 1024;

/// One direction.
#[derive(Default)]
pub(super) struct Pipe {
    /// Bytes on the way and when they arrive, in order.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// No more will be written: the reader sees the end after the last piece.
    finished: Option<Instant>,
    /// The reader is gone.
    unread: bool,
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    pub(super) fn reset(&mut self) {
        self.reset = true;
        self.pieces.clear();
        self.bytes = 0;
    }

    pub(super) fn take_wakers(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.reader.take().into_iter().chain(self.writer.take())
    }

    /// When the piece after those on the way can arrive at the earliest.
    fn last_arrival(&self) -> Instant {
        self.pieces
            .back()
            .map_or(Instant::ZERO, |(arrival, _)| *arrival)
    }
}

/// The addresses of a connection, seen from one end.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) own: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) listener: SocketAddr,
}

/// One end of a simulated connection.
pub(crate) struct TcpStream {
    network: Network,
    ends: Ends,
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
    /// Wakes the reader when the next piece arrives.
    arrival: Option<Pin<Box<Timer>>>,
}

impl TcpStream {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let network = current::world().network().clone();
        super::connect(&network, address).await
    }

    pub(super) fn new(
        network: &Network,
        ends: Ends,
        incoming: &Rc<RefCell<Pipe>>,
        outgoing: &Rc<RefCell<Pipe>>,
    ) -> TcpStream {
        TcpStream {
            network: network.clone(),
            ends,
            incoming: incoming.clone(),
            outgoing: outgoing.clone(),
            arrival: None,
        }
    }

    pub(crate) fn peer_addr(&self) -> SocketAddr {
        self.ends.peer
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.ends.own
    }

    /// Whether something that arrives at `arrival` is there; if not, the task is woken then.
    fn poll_arrival(&mut self, cx: &mut Context<'_>, arrival: Instant) -> Poll<()> {
        let mut timer = Box::pin(Timer::at(arrival));
        let polled = timer.as_mut().poll(cx);
        self.arrival = polled.is_pending().then_some(timer);
        polled
    }

    fn finish(&mut self) {
        let arrival = crate::time::now() + self.network.random_latency();
        let mut pipe = self.outgoing.borrow_mut();
        if pipe.finished.is_none() {
            pipe.finished = Some(arrival.max(pipe.last_arrival()));
        }
        let reader = pipe.reader.take();
        drop(pipe);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let incoming = this.incoming.clone();
        let mut pipe = incoming.borrow_mut();
        if pipe.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        pipe.reader = Some(cx.waker().clone());
        let next = pipe
            .pieces
            .front()
            .map(|(arrival, _)| *arrival)
            .or(pipe.finished);
        let Some(arrival) = next else {
            return Poll::Pending;
        };
        if this.network.is_partitioned(this.ends.listener) {
            return Poll::Pending;
        }
        if this.poll_arrival(cx, arrival).is_pending() {
            return Poll::Pending;
        }
        let Some((_, piece)) = pipe.pieces.front_mut() else {
            return Poll::Ready(Ok(()));
        };
        let fits = piece.len().min(buffer.remaining());
        if fits == 0 {
            return Poll::Ready(Ok(()));
        }
        let count = this.network.random_below(fits) + 1;
        buffer.put_slice(&piece[..count]);
        piece.drain(..count);
        if piece.is_empty() {
            pipe.pieces.pop_front();
        }
        pipe.bytes -= count;
        let writer = pipe.writer.take();
        drop(pipe);
        if let Some(writer) = writer {
            writer.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let arrival = current::world().now() + this.network.random_latency();
        let mut pipe = this.outgoing.borrow_mut();
        if pipe.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if pipe.unread || pipe.finished.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = (PIPE_BYTES_MAX - pipe.bytes).min(bytes.len());
        if room == 0 && !bytes.is_empty() {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let count = this.network.random_below(room) + 1;
        let arrival = arrival.max(pipe.last_arrival());
        pipe.pieces.push_back((arrival, bytes[..count].to_vec()));
        pipe.bytes += count;
        let reader = pipe.reader.take();
        drop(pipe);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().finish();
        Poll::Ready(Ok(()))
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        self.finish();
        let mut pipe = self.incoming.borrow_mut();
        pipe.unread = true;
        let writer = pipe.writer.take();
        drop(pipe);
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}
