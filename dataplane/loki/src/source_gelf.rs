//! loki.source.gelf: takes messages of Graylog's extended log format over UDP.
//!
//! ```text
//! datagrams -> parts joined -> gzip, zlib -> JSON -> labels, rules -> forward_to
//! ```
//!
//! Datagrams know no acknowledgement: what was read is offered until it is taken; those that come
//! too fast are lost in the kernel. What is no message is counted and left out. Compatible with
//! loki.source.gelf of Alloy.

use std::collections::HashMap;
use std::io::Read;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use batch::{LabelsBuf, LogsBatch};
use blocks::RelabelRules;
use engine::{Batch, Build, BuildError, Built, Component, DataComponent, Fanout, Ledger, Role};
use engine::{Spread, Throttle};
use flate2::read::{GzDecoder, ZlibDecoder};
use formats::gelf::{self, Datagram};
use ops::relabel::{self, Rule};
use runtime::Instant;
use runtime::metrics::Counter;
use runtime::net::UdpReceiver;
use schema::{Arguments, Check, MetricDecl, MetricKind, Port, Stability};

use crate::clock::Clock;

pub static COMPONENT: Component = Component::of::<SourceGelf>();

/// The component.
pub struct SourceGelf;

#[derive(Arguments)]
#[arg(check = SourceGelfArguments::check)]
pub struct SourceGelfArguments {
    /// Where messages go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// Address and UDP port to listen on.
    #[arg(default = "0.0.0.0:12201")]
    pub listen_address: String,
    /// Rules that make labels of what messages say.
    pub relabel_rules: RelabelRules,
    /// Keep the time of the message, instead of that of the arrival.
    #[arg(default = false)]
    pub use_incoming_timestamp: bool,
}

impl SourceGelfArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.address().is_none() {
            let message = format!(
                "\"{}\" is not an IP address with a port",
                self.listen_address
            );
            check.attribute("listen_address", message);
        }
    }

    fn address(&self) -> Option<SocketAddr> {
        let text = &self.listen_address;
        match text.strip_prefix(':') {
            Some(port) => Some(SocketAddr::from(([0, 0, 0, 0], port.parse().ok()?))),
            None => text.parse().ok(),
        }
    }
}

const fn counter(name: &'static str, help: &'static str) -> MetricDecl {
    let kind = MetricKind::Counter;
    MetricDecl { name, kind, help }
}

const ENTRIES: MetricDecl = counter(
    "gelf_target_entries_total",
    "Total number of successful entries sent to the gelf target",
);
const ERRORS: MetricDecl = counter(
    "gelf_target_parsing_errors_total",
    "Total number of parsing errors while receiving gelf messages",
);

/// Limit: the longest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 64 << 10;

/// Limit: bytes of a message without compression.
const MESSAGE_BYTES_MAX: u64 = 1 << 20;

/// Limit: messages of which parts are missing, and how long those may take to come.
const PARTIAL_MAX: usize = 256;
const PARTIAL_KEPT: Duration = Duration::from_secs(5);

/// A batch is passed on at this many messages.
const BATCH_MAX: usize = 512;

/// How often lines about bad messages are logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

const LEVELS: [&str; 8] = [
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "informational",
    "debug",
];

impl DataComponent for SourceGelf {
    type Arguments = SourceGelfArguments;
    const NAME: &'static str = "loki.source.gelf";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::One;
    const METRICS: &'static [MetricDecl] = &[ENTRIES, ERRORS];

    async fn build(arguments: Arc<SourceGelfArguments>, cx: &Build) -> Result<Built, BuildError> {
        let address = arguments.address().expect("checked: it is one");
        let socket = UdpReceiver::bind(address, DATAGRAM_BYTES_MAX).map_err(|cause| {
            BuildError::new(format!(
                "cannot listen on {address}: {cause}; change listen_address, or stop what listens \
                 there"
            ))
        })?;
        let labels = [("component_id", &*cx.node)];
        let counter = |decl: MetricDecl| cx.registry.counter(decl.name, decl.help, &labels);
        let receiver = Receiver {
            rules: arguments.relabel_rules.0.clone(),
            keep_time: arguments.use_incoming_timestamp,
            forward: cx.fanout(&arguments.forward_to),
            ledger: cx.ledger("messages"),
            clock: Clock::default(),
            partial: HashMap::new(),
            bad: Throttle::new(LOG_INTERVAL),
            entries: counter(ENTRIES),
            errors: counter(ERRORS),
            node: cx.node.clone(),
        };
        Ok(Built::new().run(receiver.run(socket)))
    }
}

struct Receiver {
    node: Rc<str>,
    rules: Vec<Rule>,
    keep_time: bool,
    forward: Fanout,
    ledger: Ledger,
    clock: Clock,
    partial: HashMap<u64, Partial>,
    bad: Throttle,
    entries: Counter,
    errors: Counter,
}

/// A message of which parts are missing.
struct Partial {
    since: Instant,
    parts: Vec<Option<Vec<u8>>>,
}

impl Receiver {
    async fn run(mut self, socket: UdpReceiver) {
        while let Ok(first) = socket.recv().await {
            self.clock.look();
            let mut batch = LogsBatch::default();
            let mut next = Some(first);
            while let Some((bytes, _)) = next {
                if let Err(problem) = self.datagram(&bytes, &mut batch) {
                    self.refuse(&problem);
                }
                let room = batch.items() < BATCH_MAX;
                next = if room { socket.try_recv() } else { None };
            }
            self.pass_on(batch).await;
        }
    }

    fn datagram(&mut self, bytes: &[u8], batch: &mut LogsBatch) -> Result<(), String> {
        let joined;
        let message = match gelf::datagram(bytes)? {
            Datagram::Whole(message) => message,
            Datagram::Chunk {
                id,
                index,
                count,
                bytes,
            } => match self.join(id, usize::from(index), usize::from(count), bytes) {
                Some(whole) => {
                    joined = whole;
                    &joined
                }
                None => return Ok(()),
            },
        };
        let plain = unpack(message)?;
        let message = gelf::parse(&plain)?;
        let mut labels = LabelsBuf::new();
        let level = usize::try_from(message.level).ok();
        let level = level.and_then(|level| LEVELS.get(level)).copied();
        for (name, value) in [
            ("__gelf_message_level", level.unwrap_or_default()),
            ("__gelf_message_host", &message.host),
            ("__gelf_message_version", &message.version),
            ("__gelf_message_facility", &message.facility),
        ] {
            labels.set(name, value);
        }
        if relabel::apply(&self.rules, &mut labels) == relabel::Outcome::Drop {
            labels.clear();
        }
        labels.retain(|name, _| !name.starts_with("__"));
        let time_ns = match self.keep_time && message.timestamp != 0.0 {
            true => (message.timestamp * 1e9) as i64,
            false => self.clock.next_ns(),
        };
        batch.add_line(&Rc::new(labels), time_ns, message.line.as_bytes());
        Ok(())
    }

    /// The whole message, when this was the last part that was missing.
    fn join(&mut self, id: u64, index: usize, count: usize, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.partial.len() >= PARTIAL_MAX && !self.partial.contains_key(&id) {
            self.partial
                .retain(|_, partial| partial.since.elapsed() < PARTIAL_KEPT);
            if self.partial.len() >= PARTIAL_MAX {
                self.refuse("too many messages of which parts are missing");
                return None;
            }
        }
        let partial = self.partial.entry(id).or_insert_with(|| Partial {
            since: runtime::now(),
            parts: vec![None; count],
        });
        *partial.parts.get_mut(index)? = Some(bytes.to_vec());
        if partial.parts.iter().any(Option::is_none) {
            return None;
        }
        let partial = self.partial.remove(&id)?;
        Some(partial.parts.into_iter().flatten().flatten().collect())
    }

    fn refuse(&self, problem: &str) {
        self.errors.inc();
        if let Some(held_back) = self.bad.pass() {
            let node = &*self.node;
            tracing::warn!(
                component_id = node,
                held_back,
                "a GELF message cannot be read: {problem}"
            );
        }
    }

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
}

/// Takes off gzip or zlib, whatever the first bytes tell.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let read = match bytes {
        [0x1f, 0x8b, ..] => GzDecoder::new(bytes)
            .take(MESSAGE_BYTES_MAX + 1)
            .read_to_end(&mut plain),
        [0x78, ..] => ZlibDecoder::new(bytes)
            .take(MESSAGE_BYTES_MAX + 1)
            .read_to_end(&mut plain),
        _ => return Ok(bytes.to_vec()),
    };
    read.map_err(|error| format!("it cannot be unpacked: {error}"))?;
    match plain.len() as u64 <= MESSAGE_BYTES_MAX {
        true => Ok(plain),
        false => Err("it is longer than 1 MiB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_messages_are_unpacked_and_bounded() {
        let gzip = |len: usize| {
            let level = flate2::Compression::default();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            std::io::Write::write_all(&mut encoder, &vec![b'x'; len]).expect("in memory");
            encoder.finish().expect("in memory")
        };
        assert_eq!(unpack(b"{}").as_deref(), Ok(&b"{}"[..]));
        assert_eq!(unpack(&gzip(3)).as_deref(), Ok(&b"xxx"[..]));
        assert!(unpack(&gzip(2 << 20)).is_err(), "a bomb");
        assert!(unpack(b"\x1f\x8bbroken").is_err());
    }
}
