//! Sockets, and the way of what they bring.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use batch::{LabelsBuf, LogEntry, LogsBatch, PairRange};
use blocks::TlsConfig;
use engine::{Batch, Build, BuildError, Fanout, Ledger, TaskSet, Throttle};
use formats::syslog::{Framing, next_frame};
use net::tls::{Handshakes, Secured};
use ops::relabel::{self, Rule};
use runtime::metrics::Counter;
use runtime::net::{ListenOptions, TcpListener, TcpStream, UdpReceiver};

use super::message::{Format, Read, Reading};
use super::{EMPTY, ENTRIES, ERRORS, Listener, SourceSyslogArguments};
use crate::clock::Clock;
use crate::outcomes::Outcomes;

/// Bytes read from a connection at a time.
const READ_BYTES: usize = 64 << 10;

/// Limit: bytes of a message that ends with a line feed; the reference sets none.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Limit: connections of a listener and shard at a time; more wait in the kernel.
const CONNECTIONS_MAX: u32 = 4096;

/// Limit: label sets whose outcome is remembered.
const KNOWN_MAX: usize = 50_000;

/// A batch of datagrams is passed on at this many.
const DATAGRAMS_MAX: usize = 512;

/// Limit: how long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A pause after an accept that failed for want of resources.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often lines about bad messages are logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// What a listener makes of what comes in.
pub struct Target {
    cx: Build,
    listener: Listener,
    reading: Reading,
    rules: Vec<Rule>,
    forward: Fanout,
    ledger: Ledger,
    clock: Clock,
    state: RefCell<State>,
    bad: Throttle,
    entries: Counter,
    errors: Counter,
    empty: Counter,
}

struct State {
    known: Outcomes<Rc<LabelsBuf>, Rc<LabelsBuf>>,
    labels: LabelsBuf,
}

/// An open socket with what is made of it.
pub enum Socket {
    Tcp(TcpListener, Option<Rc<Handshakes>>, Rc<Target>),
    Udp(UdpReceiver, Rc<Target>),
}

/// A connection.
enum Wire {
    Plain(TcpStream),
    Secured(Secured),
}

impl Wire {
    async fn read(&mut self, buffer: Vec<u8>) -> (std::io::Result<usize>, Vec<u8>) {
        match self {
            Wire::Plain(stream) => stream.read(buffer).await,
            Wire::Secured(stream) => stream.read(buffer).await,
        }
    }
}

/// The sockets of a listener on this shard: connections are dealt out by the kernel, datagrams come
/// to one shard.
pub fn bind(
    cx: &Build,
    listener: &Listener,
    target: Rc<Target>,
) -> Result<Option<Socket>, BuildError> {
    let address = listener.socket_address().expect("checked: it is one");
    let failed = |cause: std::io::Error| {
        BuildError::new(format!(
            "cannot listen on {address}: {cause}; change address, or stop what listens there"
        ))
    };
    if listener.protocol == "udp" {
        if !cx.owns(stdx::fnv1a(listener.address.as_bytes())) {
            return Ok(None);
        }
        let len_max = listener.max_message_length as usize;
        let receiver = UdpReceiver::bind(address, len_max).map_err(failed)?;
        return Ok(Some(Socket::Udp(receiver, target)));
    }
    let socket = TcpListener::bind(address, &ListenOptions::shared()).map_err(failed)?;
    let tls = listener.tls_config.as_ref().map(TlsConfig::server);
    let tls = tls.transpose().map_err(BuildError::new)?.flatten();
    let handshakes = tls.map(|tls| Rc::new(Handshakes::new(&tls)));
    Ok(Some(Socket::Tcp(socket, handshakes, target)))
}

impl Socket {
    pub async fn run(self) {
        match self {
            Socket::Tcp(listener, handshakes, target) => {
                accept(listener, handshakes, target).await;
            }
            Socket::Udp(receiver, target) => target.datagrams(receiver).await,
        }
    }
}

async fn accept(listener: TcpListener, handshakes: Option<Rc<Handshakes>>, target: Rc<Target>) {
    let tasks = TaskSet::new();
    let slots = runtime::sync::Semaphore::new(CONNECTIONS_MAX);
    loop {
        let slot = slots.acquire(1).await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (target, handshakes) = (target.clone(), handshakes.clone());
                tasks.spawn(async move {
                    if let Some(wire) = target.secure(stream, handshakes.as_deref()).await {
                        target.connection(wire, peer).await;
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept connections: {error}; check the limit of open files");
                runtime::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Target {
    pub fn new(cx: &Build, arguments: &SourceSyslogArguments, listener: &Listener) -> Target {
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: schema::MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        Target {
            listener: listener.clone(),
            reading: Reading::new(listener),
            rules: arguments.relabel_rules.0.clone(),
            forward: cx.fanout(&arguments.forward_to),
            ledger: cx.ledger("messages"),
            clock: Clock::default(),
            state: RefCell::new(State {
                known: Outcomes::new(KNOWN_MAX),
                labels: LabelsBuf::new(),
            }),
            bad: Throttle::new(LOG_INTERVAL),
            entries: counter(ENTRIES),
            errors: counter(ERRORS),
            empty: counter(EMPTY),
            cx: cx.clone(),
        }
    }

    /// The connection once it is secured, where that is asked for; none if that fails.
    async fn secure(&self, stream: TcpStream, tls: Option<&Handshakes>) -> Option<Wire> {
        let Some(tls) = tls else {
            return Some(Wire::Plain(stream));
        };
        let secured = runtime::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await;
        match secured {
            Ok(Ok(stream)) => return Some(Wire::Secured(stream)),
            Ok(Err(error)) => self.bad(&error.to_string()),
            Err(_) => self.bad("the handshake of TLS took too long"),
        }
        None
    }

    async fn connection(&self, mut stream: Wire, peer: SocketAddr) {
        let mut framing = None;
        let mut buffer = Vec::with_capacity(READ_BYTES);
        let mut waiting: Vec<u8> = Vec::new();
        loop {
            let read = stream.read(buffer);
            let Ok((read, bytes)) = runtime::timeout(self.listener.idle_timeout, read).await else {
                return;
            };
            let ended = !matches!(read, Ok(1..));
            waiting.extend_from_slice(&bytes[..read.unwrap_or(0)]);
            buffer = bytes;
            let first = waiting.first().copied();
            if framing.is_none() {
                framing = first.and_then(|first| self.framing(first));
            }
            let mut batch = LogsBatch::default();
            let taken = match (framing, first) {
                (Some(framing), _) => self.frames(framing, &waiting, ended, peer.ip(), &mut batch),
                (None, None) => Ok(0),
                (None, Some(_)) => Err("no framing of syslog begins with this byte"),
            };
            self.pass_on(batch).await;
            match taken {
                Ok(taken) => drop(waiting.drain(..taken)),
                Err(problem) => {
                    self.bad(problem);
                    return;
                }
            }
            if ended {
                return;
            }
        }
    }

    /// How a stream that begins with this byte is cut. Raw messages may begin with anything.
    fn framing(&self, first: u8) -> Option<Framing> {
        if self.reading.format != Format::Raw || first.is_ascii_digit() {
            return Framing::of_first(first);
        }
        let options = self.listener.raw_format_options.as_ref();
        let zero = options.is_some_and(|options| options.use_null_terminator_delimiter);
        Some(Framing::Ended(if zero { 0 } else { b'\n' }))
    }

    /// Adds the messages that have come whole; gives how many bytes those take.
    fn frames(
        &self,
        framing: Framing,
        bytes: &[u8],
        ended: bool,
        peer: IpAddr,
        batch: &mut LogsBatch,
    ) -> Result<usize, &'static str> {
        self.clock.look();
        let len_max = match framing {
            Framing::Counted => self.listener.max_message_length as usize,
            Framing::Ended(_) => LINE_BYTES_MAX,
        };
        let mut taken = 0;
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            match next_frame(framing, rest, len_max)? {
                Some((message, len)) => {
                    self.add(message, peer, batch);
                    taken += len;
                }
                None if ended && matches!(framing, Framing::Ended(_)) => {
                    self.add(rest, peer, batch);
                    return Ok(bytes.len());
                }
                None => break,
            }
        }
        Ok(taken)
    }

    async fn datagrams(&self, receiver: UdpReceiver) {
        while let Ok(first) = receiver.recv().await {
            let mut batch = LogsBatch::default();
            let mut next = Some(first);
            while let Some((bytes, peer)) = next {
                self.datagram(&bytes, peer.ip(), &mut batch);
                let room = batch.items() < DATAGRAMS_MAX;
                next = if room { receiver.try_recv() } else { None };
            }
            self.pass_on(batch).await;
        }
    }

    fn datagram(&self, bytes: &[u8], peer: IpAddr, batch: &mut LogsBatch) {
        let Some(first) = bytes.first() else { return };
        let result = match self.framing(*first) {
            Some(framing) => self.frames(framing, bytes, true, peer, batch),
            None => Err("no framing of syslog begins with this byte"),
        };
        if let Err(problem) = result {
            self.bad(problem);
        }
    }

    fn add(&self, message: &[u8], peer: IpAddr, batch: &mut LogsBatch) {
        let state = &mut *self.state.borrow_mut();
        let labels = &mut state.labels;
        labels.clear();
        for (name, value) in &self.listener.labels {
            labels.set(name, value);
        }
        labels.set("__syslog_connection_ip_address", &peer.to_string());
        let start = batch.add_text(b"").start;
        let time_ns = match self.reading.read(message, labels, &mut batch.text) {
            Read::Entry(time_ns) => time_ns,
            Read::Empty => return self.empty.inc(),
            Read::Bad(problem) => return self.bad(&problem),
        };
        let end = batch.add_text(b"").end;
        let known = state.known.get(&*labels);
        let labels = known.unwrap_or_else(|| {
            let mut changed = labels.clone();
            // Compat: a rule that drops keeps what the rules before it made.
            let _kept = relabel::apply(&self.rules, &mut changed);
            changed.retain(|name, _| !name.starts_with("__"));
            let changed = Rc::new(changed);
            state.known.insert(Rc::new(labels.clone()), changed.clone());
            changed
        });
        let entry = LogEntry {
            timestamp_ns: time_ns.unwrap_or_else(|| self.clock.next_ns()),
            line: batch::TextRange { start, end },
            metadata: PairRange::default(),
        };
        batch.add_entry(&labels, entry);
    }

    /// Offers a batch until it is taken or refused for good; meanwhile nothing more is read.
    async fn pass_on(&self, batch: LogsBatch) {
        let items = batch.items() as u64;
        if items == 0 {
            return;
        }
        self.ledger.take(items);
        let batch = Batch::Logs(Rc::new(batch));
        match self.forward.insist(batch).await {
            Ok(()) => {
                self.ledger.pass(items);
                self.entries.add(items);
            }
            Err(nack) => self.ledger.drop(nack.reason, items),
        }
    }

    fn bad(&self, problem: &str) {
        self.errors.inc();
        if let Some(held_back) = self.bad.pass() {
            let node = &*self.cx.node;
            tracing::warn!(
                component_id = node,
                held_back,
                "a syslog message cannot be read: {problem}"
            );
        }
    }
}
