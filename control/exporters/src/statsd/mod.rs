//! prometheus.exporter.statsd: a StatsD server whose sums are scraped.
//!
//! Flow: UDP, TCP, Unix sockets -> lines -> events -> mapping -> registry -> page.
//!
//! Listeners run on a thread of their own. Events count at once, so that what is set about their
//! queue has nothing to do. What comes by UDP faster than it is read is lost in the kernel, as with
//! every StatsD server; sums are kept in memory and end with the process.
//! Reference: docs/sources/reference/components/prometheus/prometheus.exporter.statsd.md

pub mod line;
mod listen;
pub mod mapping;
mod registry;
mod relay;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eval::{Component, Page, ResolverCx, ResolverError};
use schema::Check;

use self::line::Dialects;
use self::listen::{Listener, Shared, Sockets, addresses};
use self::mapping::Mappings;
use self::registry::Registry;
use self::relay::Relay;
use crate::exporter::{Exporter, Exporting, Gather, Gathered};
use crate::families::Families;
use crate::file;

pub static COMPONENT: Component = Component::of::<Exporting<Statsd>>();

/// Where to listen, and what to make of it.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Address of the UDP listener; none if empty.
    #[arg(default = ":9125")]
    pub listen_udp: String,
    /// Address of the TCP listener; none if empty.
    #[arg(default = ":9125")]
    pub listen_tcp: String,
    /// Path of the Unix datagram socket to listen on.
    pub listen_unixgram: String,
    /// Permissions of the Unix socket, octal.
    #[arg(default = "755")]
    pub unix_socket_mode: String,
    /// YAML file that says which names become which metrics.
    pub mapping_config_path: String,
    /// Bytes of the receive buffer of UDP and Unix sockets; the system's default if 0.
    #[arg(default = 0)]
    pub read_buffer: i64,
    /// How many names' mappings are remembered; none if 0.
    #[arg(default = 1000)]
    pub cache_size: i64,
    /// How the cache forgets. Either way it begins anew when it is full.
    #[arg(default = "lru")]
    pub cache_type: String,
    /// Taken for compatibility: events are not queued.
    #[arg(default = 10000)]
    pub event_queue_size: i64,
    /// Taken for compatibility: events count at once.
    #[arg(default = 1000)]
    pub event_flush_threshold: i64,
    /// Taken for compatibility: events count at once.
    #[arg(default = "200ms")]
    pub event_flush_interval: Duration,
    /// Read tags as DogStatsD writes them.
    #[arg(default = true)]
    pub parse_dogstatsd_tags: bool,
    /// Read tags as InfluxDB writes them.
    #[arg(default = true)]
    pub parse_influxdb_tags: bool,
    /// Read tags as Librato writes them.
    #[arg(default = true)]
    pub parse_librato_tags: bool,
    /// Read tags as SignalFX writes them.
    #[arg(default = true)]
    pub parse_signalfx_tags: bool,
    /// Address of a StatsD server to pass lines on to by UDP.
    pub relay_addr: String,
    /// Bytes of the packets that are passed on.
    #[arg(default = 1400)]
    pub relay_packet_length: i64,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        let listeners = [&self.listen_udp, &self.listen_tcp, &self.listen_unixgram];
        if listeners.iter().all(|address| address.is_empty()) {
            check.body("at least one of listen_udp, listen_tcp and listen_unixgram must be set");
        }
        if self.cache_size != 0 && !matches!(self.cache_type.as_str(), "lru" | "random") {
            check.attribute("cache_type", "\"cache_type\" must be \"lru\" or \"random\"");
        }
    }

    fn mappings(&self) -> Result<Mappings, String> {
        if self.mapping_config_path.is_empty() {
            return Ok(Mappings::default());
        }
        let path = &self.mapping_config_path;
        let text = file::read(Path::new(path));
        let text = text.map_err(|error| format!("cannot read \"{path}\": {error}"))?;
        Mappings::parse(&text).map_err(|error| format!("mapping \"{path}\": {error}"))
    }

    fn sockets(&self) -> io::Result<Sockets> {
        let mut sockets = Sockets::default();
        if !self.listen_udp.is_empty() {
            let socket = UdpSocket::bind(&addresses(&self.listen_udp)?[..])?;
            socket.set_nonblocking(true)?;
            if self.read_buffer > 0 {
                let socket = socket2::SockRef::from(&socket);
                socket.set_recv_buffer_size(self.read_buffer as usize)?;
            }
            sockets.udp = Some(socket);
        }
        if !self.listen_tcp.is_empty() {
            let listener = TcpListener::bind(&addresses(&self.listen_tcp)?[..])?;
            listener.set_nonblocking(true)?;
            sockets.tcp = Some(listener);
        }
        if !self.listen_unixgram.is_empty() {
            self.unix_socket(&mut sockets)?;
        }
        Ok(sockets)
    }

    #[cfg(unix)]
    fn unix_socket(&self, sockets: &mut Sockets) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;

        let path = std::path::PathBuf::from(&self.listen_unixgram);
        let socket = std::os::unix::net::UnixDatagram::bind(&path)?;
        socket.set_nonblocking(true)?;
        if self.read_buffer > 0 {
            let socket = socket2::SockRef::from(&socket);
            socket.set_recv_buffer_size(self.read_buffer as usize)?;
        }
        match u32::from_str_radix(&self.unix_socket_mode, 8) {
            Ok(mode) => {
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
            }
            Err(_) => tracing::warn!(
                mode = self.unix_socket_mode,
                "unix_socket_mode is no octal number and is not set"
            ),
        }
        sockets.unix = Some(listen::UnixSocket { socket, path });
        Ok(())
    }

    #[cfg(not(unix))]
    fn unix_socket(&self, _: &mut Sockets) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

struct Statsd {
    shared: Arc<Shared>,
    /// None if it cannot listen.
    listener: Option<Listener>,
}

impl Exporter for Statsd {
    type Arguments = Arguments;

    const NAME: &'static str = "prometheus.exporter.statsd";
    const JOB: &'static str = "statsd";

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Statsd, ResolverError> {
        let mappings = arguments.mappings().map_err(ResolverError::new)?;
        let cache_size = usize::try_from(arguments.cache_size).unwrap_or(0);
        let dialects = Dialects {
            dogstatsd: arguments.parse_dogstatsd_tags,
            influxdb: arguments.parse_influxdb_tags,
            librato: arguments.parse_librato_tags,
            signalfx: arguments.parse_signalfx_tags,
        };
        let relay = match arguments.relay_addr.as_str() {
            "" => None,
            address => {
                let bytes = usize::try_from(arguments.relay_packet_length).unwrap_or(1400);
                let relay = Relay::new(address, bytes);
                Some(relay.map_err(|error| {
                    ResolverError::new(format!("cannot relay to \"{address}\": {error}"))
                })?)
            }
        };
        let registry = Registry::new(mappings, cache_size);
        let shared = Arc::new(Shared::new(registry, dialects, relay));
        let sockets = arguments.sockets();
        let listener = sockets.and_then(|sockets| Listener::start(sockets, shared.clone()));
        // Compat: the component stays, and its page is empty.
        let listener = listener.inspect_err(|error| {
            tracing::error!(component = cx.id(), err = %error, "statsd cannot listen");
        });
        Ok(Statsd {
            shared,
            listener: listener.ok(),
        })
    }

    /// The old sockets are closed first, since the new ones may have the same addresses. Settings
    /// that are wrong leave them as they are.
    async fn update(
        &mut self,
        arguments: Arc<Arguments>,
        cx: ResolverCx,
    ) -> Result<(), ResolverError> {
        arguments.mappings().map_err(ResolverError::new)?;
        self.listener = None;
        *self = Self::start(arguments, cx).await?;
        Ok(())
    }

    fn page(&self) -> Option<Arc<dyn Page>> {
        Some(Arc::new(Gathered(self.shared.clone())))
    }
}

impl Gather for Shared {
    fn gather(&self) -> Families {
        let mut out = Families::new();
        let mut state = self.lock();
        state.registry.write(Instant::now(), &mut out);
        let (lines, counts) = (&state.lines, &state.counts);
        for (name, help, count) in [
            (
                "lines_total",
                "The total number of StatsD lines received.",
                counts.lines,
            ),
            (
                "samples_total",
                "The total number of StatsD samples received.",
                lines.samples,
            ),
            (
                "tags_total",
                "The total number of DogStatsD tags processed.",
                lines.tags,
            ),
            (
                "tag_errors_total",
                "The number of errors parsing DogStatsD tags.",
                lines.tag_errors,
            ),
            (
                "udp_packets_total",
                "The total number of StatsD packets received over UDP.",
                counts.udp_packets,
            ),
            (
                "unixgram_packets_total",
                "The total number of StatsD packets received over Unixgram.",
                counts.unix_packets,
            ),
            (
                "tcp_connections_total",
                "The total number of TCP connections handled.",
                counts.connections,
            ),
            (
                "tcp_connection_errors_total",
                "The number of errors encountered reading from TCP.",
                counts.connection_errors,
            ),
            (
                "tcp_too_long_lines_total",
                "The number of lines discarded due to being too long.",
                counts.long_lines,
            ),
            (
                "event_queue_flushed_total",
                "Number of times events were flushed to exporter",
                counts.flushed,
            ),
        ] {
            out.counter(&format!("statsd_exporter_{name}"), help, &[], count as f64);
        }
        write_errors(lines, &mut out);
        out
    }
}

fn write_errors(lines: &line::LineCounts, out: &mut Families) {
    for (reason, count) in &lines.errors {
        let help = "The total number of errors parsing StatsD samples.";
        let name = "statsd_exporter_sample_errors_total";
        out.counter(name, help, &[("reason", *reason)], *count as f64);
    }
}
