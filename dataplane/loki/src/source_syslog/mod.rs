//! loki.source.syslog: takes syslog messages over TCP and UDP.
//!
//! ```text
//! connection or datagram -> frames -> messages -> labels, rules -> forward_to
//! ```
//!
//! Syslog knows no acknowledgement: what was read is offered until it is taken, and the sender is
//! held back meanwhile; datagrams that come too fast are lost in the kernel. The order of a
//! connection is kept. What is no message is counted and left out. Compatible with
//! loki.source.syslog of Alloy. Not yet: `rfc3164_cisco_components`, the name of a connection's
//! host.

mod listen;
mod message;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use blocks::{RelabelRules, TlsConfig};
use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread, TaskSet};
use schema::{Arguments, Check, MetricDecl, MetricKind, Port, Stability};

pub static COMPONENT: Component = Component::of::<SourceSyslog>();

/// The component.
pub struct SourceSyslog;

#[derive(Arguments)]
pub struct SourceSyslogArguments {
    /// Where messages go.
    #[arg(required, port = Logs)]
    pub forward_to: Vec<Port>,
    /// Rules that make labels of what messages say.
    pub relabel_rules: RelabelRules,
    /// Where to listen, and how.
    #[arg(block, name = "listener", required)]
    pub listeners: Vec<Listener>,
}

/// Where to listen, and how.
#[derive(Arguments, Clone)]
#[arg(check = Listener::check)]
pub struct Listener {
    /// Address and port to listen on.
    #[arg(required)]
    pub address: String,
    /// What is listened to.
    #[arg(default = "tcp", one_of("tcp", "udp"))]
    pub protocol: String,
    /// How long a connection may be silent.
    #[arg(default = Duration::from_secs(120))]
    pub idle_timeout: Duration,
    /// Make labels of structured data.
    #[arg(default = false)]
    pub label_structured_data: bool,
    /// Labels that every message gets.
    pub labels: BTreeMap<String, String>,
    /// Keep the time of the message, instead of that of the arrival.
    #[arg(default = false)]
    pub use_incoming_timestamp: bool,
    /// Pass on the whole message, instead of its text.
    #[arg(default = false)]
    pub use_rfc5424_message: bool,
    /// Take times of RFC 3164 for ones of this year.
    #[arg(default = false)]
    pub rfc3164_default_to_current_year: bool,
    /// Pass on messages without text, too.
    #[arg(default = false)]
    pub rfc5424_allow_empty_msg: bool,
    /// Most bytes of a message.
    #[arg(default = 8192, min = 1)]
    pub max_message_length: i64,
    /// How messages are written.
    #[arg(default = "rfc5424", one_of("rfc5424", "rfc3164", "raw"))]
    pub syslog_format: String,
    /// Taken for compatibility: datagrams wait in the kernel.
    #[arg(default = 10)]
    pub udp_queue_size: i64,
    /// Taken for compatibility: names of hosts are not looked up.
    #[arg(default = 128)]
    pub udp_host_cache_size: i64,
    /// TLS towards clients: our certificate, and with a `ca_pem` or `ca_file` theirs.
    #[arg(block)]
    pub tls_config: Option<TlsConfig>,
    /// How raw messages end.
    #[arg(block)]
    pub raw_format_options: Option<RawFormatOptions>,
    /// What Cisco's devices add to RFC 3164; not supported yet.
    #[arg(block)]
    pub rfc3164_cisco_components: Option<CiscoComponents>,
}

/// How raw messages end.
#[derive(Arguments, Clone)]
pub struct RawFormatOptions {
    /// With a zero byte, instead of a line feed.
    #[arg(default = false)]
    pub use_null_terminator_delimiter: bool,
}

/// What Cisco's devices add to RFC 3164.
#[derive(Arguments, Clone)]
pub struct CiscoComponents {
    /// All of it.
    #[arg(default = false)]
    pub enable_all: bool,
    /// A count of messages.
    #[arg(default = false)]
    pub message_counter: bool,
    /// The number of a message.
    #[arg(default = false)]
    pub sequence_number: bool,
    /// The name of the host.
    #[arg(default = false)]
    pub hostname: bool,
    /// Fractions of seconds.
    #[arg(default = false)]
    pub second_fractions: bool,
}

impl Listener {
    fn check(&self, check: &mut Check<'_>) {
        if self.socket_address().is_none() {
            let message = format!("\"{}\" is not an IP address with a port", self.address);
            check.attribute("address", message);
        }
        let format = self.syslog_format.as_str();
        let without_effect = |name: &str| {
            format!("\"{name}\" has no effect when syslog format is set to \"{format}\"")
        };
        if format != "rfc5424" && self.rfc5424_allow_empty_msg {
            let name = "rfc5424_allow_empty_msg";
            check.attribute(name, without_effect(name));
        }
        if format == "raw" {
            for (name, set) in [
                ("use_rfc5424_message", self.use_rfc5424_message),
                (
                    "rfc3164_default_to_current_year",
                    self.rfc3164_default_to_current_year,
                ),
                ("use_incoming_timestamp", self.use_incoming_timestamp),
            ] {
                if set {
                    check.attribute(name, without_effect(name));
                }
            }
        } else if self.raw_format_options.is_some() {
            let message = "raw_format_options has no effect when syslog format is not \"raw\"";
            check.block("raw_format_options", 0, message);
        }
        if let Some(Err(error)) = self.tls_config.as_ref().map(TlsConfig::server) {
            check.block("tls_config", 0, error);
        }
        if self.rfc3164_cisco_components.is_some() {
            let message = "additions of Cisco are not supported here yet";
            check.block("rfc3164_cisco_components", 0, message);
        }
    }

    /// Where to listen; all addresses when only the port is named.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        let (host, port) = self.address.rsplit_once(':')?;
        let ip = match host {
            "" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            host => host.trim_matches(['[', ']']).parse().ok()?,
        };
        Some(SocketAddr::new(ip, port.parse().ok()?))
    }
}

const fn counter(name: &'static str, help: &'static str) -> MetricDecl {
    let kind = MetricKind::Counter;
    MetricDecl { name, kind, help }
}

const ENTRIES: MetricDecl = counter(
    "loki_source_syslog_entries_total",
    "Total number of successful entries sent to the syslog target",
);
const ERRORS: MetricDecl = counter(
    "loki_source_syslog_parsing_errors_total",
    "Total number of parsing errors while receiving syslog messages",
);
const EMPTY: MetricDecl = counter(
    "loki_source_syslog_empty_messages_total",
    "Total number of empty messages received from syslog",
);

impl DataComponent for SourceSyslog {
    type Arguments = SourceSyslogArguments;
    const NAME: &'static str = "loki.source.syslog";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Receiver;
    const SPREAD: Spread = Spread::ByConnection;
    const METRICS: &'static [MetricDecl] = &[EMPTY, ENTRIES, ERRORS];

    async fn build(arguments: Arc<SourceSyslogArguments>, cx: &Build) -> Result<Built, BuildError> {
        let mut sockets = Vec::new();
        for listener in &arguments.listeners {
            let target = Rc::new(listen::Target::new(cx, &arguments, listener));
            sockets.extend(listen::bind(cx, listener, target)?);
        }
        Ok(Built::new().run(async move {
            let tasks = TaskSet::new();
            for socket in sockets {
                tasks.spawn(socket.run());
            }
            std::future::pending().await
        }))
    }
}
