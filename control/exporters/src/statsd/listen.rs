//! Sockets of StatsD, on a thread of their own: clients may send more than the control thread has
//! time for.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::oneshot;

use super::line::{Dialects, LineCounts, parse};
use super::registry::Registry;
use super::relay::Relay;

/// Limit: bytes of one datagram, the most that UDP carries.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// Limit: bytes of a line over TCP; a connection with a longer one is closed.
const LINE_BYTES_MAX: usize = 4096;

/// Limit: connections over TCP at a time. The next ones wait until others end.
const CONNECTIONS_MAX: usize = 1024;

/// How often old series are looked for and the relay's rest is sent.
const TURN: Duration = Duration::from_secs(1);

/// What listeners share with the page.
pub struct Shared {
    state: Mutex<State>,
    dialects: Dialects,
}

/// What was received.
pub struct State {
    pub registry: Registry,
    pub lines: LineCounts,
    pub counts: ListenCounts,
    relay: Option<Relay>,
}

#[derive(Debug, Default)]
pub struct ListenCounts {
    pub lines: u64,
    pub flushed: u64,
    pub udp_packets: u64,
    pub unix_packets: u64,
    pub connections: u64,
    pub connection_errors: u64,
    pub long_lines: u64,
}

impl Shared {
    pub fn new(registry: Registry, dialects: Dialects, relay: Option<Relay>) -> Shared {
        let state = State {
            registry,
            lines: LineCounts::default(),
            counts: ListenCounts::default(),
            relay,
        };
        Shared {
            state: Mutex::new(state),
            dialects,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// Takes the lines of a packet; `count` notes where it came from.
    fn packet(&self, bytes: &[u8], count: impl FnOnce(&mut ListenCounts)) {
        let now = Instant::now();
        let mut state = self.lock();
        count(&mut state.counts);
        for line in bytes.split(|byte| *byte == b'\n') {
            state.line(line, self.dialects, now);
        }
        state.counts.flushed += 1;
    }
}

impl State {
    fn line(&mut self, line: &[u8], dialects: Dialects, now: Instant) {
        self.counts.lines += 1;
        if let Some(relay) = self.relay.as_mut().filter(|_| !line.is_empty()) {
            relay.add(line);
        }
        for event in parse(line, dialects, &mut self.lines) {
            self.registry.handle(event, now);
        }
    }
}

/// Sockets that were bound.
#[derive(Default)]
pub struct Sockets {
    pub udp: Option<UdpSocket>,
    pub tcp: Option<TcpListener>,
    #[cfg(unix)]
    pub unix: Option<UnixSocket>,
}

/// A socket in the file system, which goes away with its listener.
#[cfg(unix)]
pub struct UnixSocket {
    pub socket: std::os::unix::net::UnixDatagram,
    pub path: std::path::PathBuf,
}

#[cfg(unix)]
impl Drop for UnixSocket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), err = %error, "cannot remove the socket");
        }
    }
}

/// Addresses of `host:port`, where no host means all.
pub fn addresses(text: &str) -> io::Result<Vec<SocketAddr>> {
    match text.strip_prefix(':') {
        None => Ok(text.to_socket_addrs()?.collect()),
        Some(port) => {
            let port = port.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
            // Without IPv6 there is still the second.
            Ok(vec![
                (std::net::Ipv6Addr::UNSPECIFIED, port).into(),
                (std::net::Ipv4Addr::UNSPECIFIED, port).into(),
            ])
        }
    }
}

/// A running listener. Dropping it closes its sockets before it returns.
pub struct Listener {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub fn start(sockets: Sockets, shared: Arc<Shared>) -> io::Result<Listener> {
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new().name("statsd".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    // Who holds the sender is gone, or says so.
                    _ = stopped => {}
                    result = listen(sockets, shared) => {
                        if let Err(error) = result {
                            tracing::error!(err = %error, "statsd does not listen any more");
                        }
                    }
                }
            });
        })?;
        Ok(Listener {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of statsd has panicked");
        }
    }
}

async fn listen(sockets: Sockets, shared: Arc<Shared>) -> io::Result<()> {
    let (udp, tcp) = (sockets.udp, sockets.tcp);
    let unix = async {
        #[cfg(unix)]
        if let Some(unix) = sockets.unix {
            return unix_packets(unix, &shared).await;
        }
        std::future::pending::<io::Result<()>>().await
    };
    tokio::try_join!(
        udp_packets(udp, &shared),
        connections(tcp, &shared),
        unix,
        turns(&shared),
    )?;
    Ok(())
}

async fn udp_packets(socket: Option<UdpSocket>, shared: &Shared) -> io::Result<()> {
    let Some(socket) = socket else {
        return std::future::pending().await;
    };
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let bytes = socket.recv(&mut buffer).await?;
        shared.packet(&buffer[..bytes], |counts| counts.udp_packets += 1);
    }
}

#[cfg(unix)]
async fn unix_packets(unix: UnixSocket, shared: &Shared) -> io::Result<()> {
    let socket = tokio::net::UnixDatagram::from_std(unix.socket.try_clone()?)?;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let bytes = socket.recv(&mut buffer).await?;
        shared.packet(&buffer[..bytes], |counts| counts.unix_packets += 1);
    }
}

async fn connections(listener: Option<TcpListener>, shared: &Arc<Shared>) -> io::Result<()> {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = places.clone().acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        let (stream, _) = listener.accept().await?;
        shared.lock().counts.connections += 1;
        let shared = shared.clone();
        tokio::spawn(async move {
            if connection(stream, &shared).await.is_err() {
                shared.lock().counts.connection_errors += 1;
            }
            drop(place);
        });
    }
}

async fn connection(stream: tokio::net::TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(LINE_BYTES_MAX, stream);
    let mut line = Vec::new();
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            // What came before the end counts, with or without a line's end.
            take(&mut line, shared);
            return Ok(());
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        line.extend_from_slice(&chunk[..end.unwrap_or(used)]);
        reader.consume(used);
        if line.len() > LINE_BYTES_MAX {
            shared.lock().counts.long_lines += 1;
            return Ok(());
        }
        if end.is_some() {
            take(&mut line, shared);
        }
    }
}

fn take(line: &mut Vec<u8>, shared: &Shared) {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    if !line.is_empty() {
        shared.lock().line(line, shared.dialects, Instant::now());
    }
    line.clear();
}

async fn turns(shared: &Shared) -> io::Result<()> {
    let mut turns = tokio::time::interval(TURN);
    loop {
        turns.tick().await;
        let mut state = shared.lock();
        state.registry.expire(Instant::now());
        if let Some(relay) = &mut state.relay {
            relay.flush();
        }
    }
}
