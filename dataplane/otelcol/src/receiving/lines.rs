//! Streams and packets of lines as log records.

use std::net::SocketAddr;

use batch::otlp::{
    AnyValue, Attributes, Lazy, LogRecord, OtlpBatch, Resource, ResourceGroup, Scope, ScopeGroup,
    Text, Tree,
};
use ops::stanza::Splitter;
use runtime::net::TcpStream;

use super::{Intake, Transport};

/// Bytes that a read takes at once.
const READ_BYTES: usize = 64 << 10;

/// Which ends of records lose their blanks.
#[derive(Clone, Copy)]
pub struct Trim {
    pub leading: bool,
    pub trailing: bool,
}

impl Trim {
    pub fn of(self, mut record: &[u8]) -> &[u8] {
        if self.leading {
            record = record.trim_ascii_start();
        }
        if self.trailing {
            record = record.trim_ascii_end();
        }
        record
    }
}

/// How a source of lines is read: where records end, and what they become.
pub struct LineReader<F> {
    pub splitter: Splitter,
    pub trim: Trim,
    pub add_attributes: bool,
    /// Makes a record of a line that has the attributes; none when it is dropped.
    pub record: F,
}

impl<F: Fn(&[u8], Attributes<'static>) -> Option<LogRecord<'static>>> LineReader<F> {
    /// Reads a connection until it ends. It is not read while the output refuses.
    pub async fn stream(&self, mut stream: TcpStream, peer: SocketAddr, intake: &Intake) {
        let common = self.attributes("IP.TCP", peer, stream.local_addr().ok());
        let mut buffer = Vec::with_capacity(READ_BYTES);
        let mut held: Vec<u8> = Vec::new();
        let mut ended = false;
        while !ended {
            let read;
            (read, buffer) = stream.read(buffer).await;
            match read {
                Ok(0) => ended = true,
                Ok(_) => held.extend_from_slice(&buffer),
                Err(error) => {
                    tracing::debug!("connection of {peer} ended: {error}");
                    ended = true;
                }
            }
            let used = self
                .take(&held, ended, &common, intake, Transport::Tcp)
                .await;
            held.drain(..used);
        }
    }

    /// Takes a packet.
    pub async fn packet(
        &self,
        packet: &[u8],
        peer: SocketAddr,
        local: SocketAddr,
        intake: &Intake,
    ) {
        let end = packet.iter().rposition(|byte| !b"\n\r\0".contains(byte));
        let Some(end) = end else { return };
        let common = self.attributes("IP.UDP", peer, Some(local));
        self.take(&packet[..=end], true, &common, intake, Transport::Udp)
            .await;
    }

    /// Passes on the whole records of what is there; says how many bytes they took.
    async fn take(
        &self,
        bytes: &[u8],
        ended: bool,
        common: &Attributes<'static>,
        intake: &Intake,
        transport: Transport,
    ) -> usize {
        let mut used = 0;
        let mut records = Vec::new();
        while let Some(found) = self.splitter.next(&bytes[used..], ended) {
            let record = self.trim.of(&bytes[used..][found.record]);
            records.extend((self.record)(record, common.clone()));
            used += found.used;
        }
        if !records.is_empty() {
            intake
                .insist(batch_of(records, Attributes::default()), transport)
                .await;
        }
        used
    }

    fn attributes(
        &self,
        transport: &str,
        peer: SocketAddr,
        local: Option<SocketAddr>,
    ) -> Attributes<'static> {
        let mut attributes = Attributes::default();
        if !self.add_attributes {
            return attributes;
        }
        attributes.set("net.transport", AnyValue::from(transport.to_owned()));
        attributes.set("net.peer.ip", peer.ip().to_string().into());
        attributes.set("net.peer.port", peer.port().to_string().into());
        if let Some(local) = local {
            attributes.set("net.host.ip", local.ip().to_string().into());
            attributes.set("net.host.port", local.port().to_string().into());
        }
        attributes
    }
}

/// Records of one resource as a batch.
pub fn batch_of(records: Vec<LogRecord<'static>>, resource: Attributes<'static>) -> OtlpBatch {
    let scope = ScopeGroup {
        scope: Lazy::new(Scope::default()),
        items: records.into_iter().map(Lazy::new).collect(),
        schema_url: Text::default(),
    };
    let group = ResourceGroup {
        resource: Lazy::new(Resource {
            attributes: resource,
            ..Resource::default()
        }),
        scopes: vec![scope],
        schema_url: Text::default(),
    };
    Tree {
        client: None,
        resources: vec![group],
    }
    .encode()
}

/// Wall clock, for the time at which a record was seen.
pub fn now_ns() -> u64 {
    runtime::wall_ns().max(0).cast_unsigned()
}
