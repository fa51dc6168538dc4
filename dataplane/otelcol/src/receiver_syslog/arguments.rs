//! The settings of the receiver and of its two sockets.

use ops::gotime::Zone;
use ops::stanza::Splitter;
use schema::{Arguments, Bytes, Check};

use crate::receiving::Trim;
use crate::settings::{
    DebugMetrics, Multiline, Outputs, RetryOnFailure, TlsServer, refuse_encoding,
    refuse_listen_address, splitter,
};

#[derive(Arguments)]
#[arg(check = ReceiverSyslogArguments::check)]
pub struct ReceiverSyslogArguments {
    /// Take messages that do not say their priority.
    #[arg(default = false)]
    pub allow_skip_pri_header: bool,
    /// Messages of a connection are preceded by their length.
    #[arg(default = false)]
    pub enable_octet_counting: bool,
    /// Zone of times that do not say theirs.
    #[arg(default = "UTC")]
    pub location: String,
    /// Most bytes of a message with its length in front.
    #[arg(default = 8192)]
    pub max_octets: i64,
    /// What ends messages of a connection: a line feed or a zero byte.
    #[arg(one_of("", "LF", "NUL"))]
    pub non_transparent_framing_trailer: String,
    /// What is done about a message that cannot be read: it is sent on as it is, or dropped.
    #[arg(default = "send", one_of("send", "send_quiet", "drop", "drop_quiet"))]
    pub on_error: String,
    /// Which of the two forms messages have.
    #[arg(default = "rfc5424", one_of("rfc5424", "rfc3164"))]
    pub protocol: String,
    /// Where to listen for connections.
    #[arg(block)]
    pub tcp: Option<Tcp>,
    /// Where to listen for packets.
    #[arg(block)]
    pub udp: Option<Udp>,
    /// What is done about a refusal.
    #[arg(block)]
    pub retry_on_failure: Option<RetryOnFailure>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

/// Where to listen for connections.
#[derive(Arguments, Clone)]
#[arg(check = Tcp::check)]
pub struct Tcp {
    /// Address and port to listen on.
    #[arg(required)]
    pub listen_address: String,
    /// Add attributes with the addresses of both ends.
    #[arg(default = false)]
    pub add_attributes: bool,
    /// Encoding of messages.
    #[arg(default = "utf-8")]
    pub encoding: String,
    /// Most bytes of a message; longer ones are cut.
    #[arg(default = Bytes(1 << 20))]
    pub max_log_size: Bytes,
    /// Take all that a connection sends for one message.
    #[arg(default = false)]
    pub one_log_per_packet: bool,
    /// Keep blanks in front of messages.
    #[arg(default = false)]
    pub preserve_leading_whitespaces: bool,
    /// Keep blanks behind messages.
    #[arg(default = false)]
    pub preserve_trailing_whitespaces: bool,
    /// Messages of several lines.
    #[arg(block)]
    pub multiline: Option<Multiline>,
    /// TLS towards clients: declared, and refused.
    #[arg(block)]
    pub tls: Option<TlsServer>,
}

/// Where to listen for packets.
#[derive(Arguments, Clone)]
#[arg(check = Udp::check)]
pub struct Udp {
    /// Address and port to listen on.
    #[arg(required)]
    pub listen_address: String,
    /// Add attributes with the addresses of both ends.
    #[arg(default = false)]
    pub add_attributes: bool,
    /// Encoding of messages.
    #[arg(default = "utf-8")]
    pub encoding: String,
    /// Take a packet for one message, line feeds and all.
    #[arg(default = false)]
    pub one_log_per_packet: bool,
    /// Keep blanks in front of messages.
    #[arg(default = false)]
    pub preserve_leading_whitespaces: bool,
    /// Keep blanks behind messages.
    #[arg(default = false)]
    pub preserve_trailing_whitespaces: bool,
    /// Read and process beside each other.
    #[arg(block, name = "async")]
    pub concurrency: Option<Async>,
    /// Messages of several lines.
    #[arg(block)]
    pub multiline: Option<Multiline>,
}

/// Read and process beside each other. Taken for compatibility: a thread reads, a shard processes.
#[derive(Arguments, Clone)]
pub struct Async {
    /// Packets that may wait.
    #[arg(default = 100)]
    pub max_queue_length: i64,
    /// How many process.
    #[arg(default = 1)]
    pub processors: i64,
    /// How many read.
    #[arg(default = 1)]
    pub readers: i64,
}

impl ReceiverSyslogArguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.tcp.is_none() && self.udp.is_none() {
            check.body("at least one of tcp and udp must be configured");
        }
        if Zone::named(&self.location).is_err() {
            let text = format!("unknown time zone {}", self.location);
            check.attribute("location", text);
        }
        let framed = !self.non_transparent_framing_trailer.is_empty();
        if self.enable_octet_counting && framed {
            let text = "octet counting and non-transparent framing are mutually exclusive";
            check.attribute("enable_octet_counting", text);
        }
        if self.protocol == "rfc3164" && (self.enable_octet_counting || framed) {
            check.attribute(
                "protocol",
                "octet counting and non-transparent framing are of rfc5424 only",
            );
        }
    }

    /// Where messages of a connection end.
    pub fn stream_splitter(&self, tcp: &Tcp) -> Splitter {
        let bytes_max = tcp.max_log_size.0 as usize;
        if self.enable_octet_counting {
            return Splitter::counted(usize::try_from(self.max_octets).unwrap_or(bytes_max));
        }
        if self.non_transparent_framing_trailer == "NUL" {
            let ended = Splitter::end("\\x00", true, bytes_max);
            return ended.expect("it is a pattern");
        }
        match tcp.one_log_per_packet {
            true => Splitter::whole(bytes_max),
            false => splitter(tcp.multiline.as_ref(), bytes_max),
        }
    }
}

impl Tcp {
    fn check(&self, check: &mut Check<'_>) {
        refuse_listen_address(&self.listen_address, check);
        refuse_encoding(&self.encoding, check);
        if self.tls.is_some() {
            check.body("tls is not supported here yet; terminate it in front");
        }
    }

    pub fn trim(&self) -> Trim {
        Trim {
            leading: !self.preserve_leading_whitespaces,
            trailing: !self.preserve_trailing_whitespaces,
        }
    }
}

impl Udp {
    fn check(&self, check: &mut Check<'_>) {
        refuse_listen_address(&self.listen_address, check);
        refuse_encoding(&self.encoding, check);
    }

    pub fn splitter(&self, bytes_max: usize) -> Splitter {
        match self.one_log_per_packet {
            true => Splitter::whole(bytes_max),
            false => splitter(self.multiline.as_ref(), bytes_max),
        }
    }

    pub fn trim(&self) -> Trim {
        Trim {
            leading: !self.preserve_leading_whitespaces,
            trailing: !self.preserve_trailing_whitespaces,
        }
    }
}
