//! Datagrams that come in.
//!
//! A thread of its own reads the socket, on every backend: receivers of datagrams are few, and what
//! they get is small beside what streams bring.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::backend::Backend;
use crate::current;

/// A datagram and who sent it.
pub type Datagram = (Vec<u8>, SocketAddr);

/// A socket for datagrams.
pub struct UdpReceiver {
    received: flume::Receiver<Datagram>,
    stop: Arc<AtomicBool>,
    address: SocketAddr,
}

/// Limit: datagrams read and not yet taken. Beyond, they wait in the kernel, which drops what does
/// not fit there.
const WAITING_MAX: usize = 1024;

/// How long the thread may take to see that it has to stop.
const STOP_DELAY: Duration = Duration::from_millis(200);

impl UdpReceiver {
    /// Listens on `address`; of longer datagrams than `len_max` the rest is lost.
    pub fn bind(address: SocketAddr, len_max: usize) -> io::Result<UdpReceiver> {
        if current::backend() == Backend::Sim {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(STOP_DELAY))?;
        let address = socket.local_addr()?;
        let (send, received) = flume::bounded(WAITING_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        std::thread::Builder::new()
            .name("datagrams".to_owned())
            .spawn(move || receive(&socket, len_max, &send, &stopped))?;
        Ok(UdpReceiver {
            received,
            stop,
            address,
        })
    }

    /// The next datagram.
    pub async fn recv(&self) -> io::Result<Datagram> {
        let next = self.received.recv_async().await;
        next.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// One that is there already.
    pub fn try_recv(&self) -> Option<Datagram> {
        self.received.try_recv().ok()
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for UdpReceiver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn receive(socket: &UdpSocket, len_max: usize, send: &flume::Sender<Datagram>, stop: &AtomicBool) {
    let mut buffer = vec![0; len_max];
    while !stop.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((len, peer)) => {
                if send.send((buffer[..len].to_vec(), peer)).is_err() {
                    return;
                }
            }
            Err(error) if is_nothing(error.kind()) => {}
            Err(error) => {
                tracing::warn!("cannot receive datagrams: {error}");
                std::thread::sleep(STOP_DELAY);
            }
        }
    }
}

/// Nothing came in time, or (on Windows) an earlier answer of ours was not wanted.
fn is_nothing(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::WouldBlock
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionReset
    )
}
