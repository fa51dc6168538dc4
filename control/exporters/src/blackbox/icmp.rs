//! The prober `icmp`: one echo request, and the reply to it.
//!
//! A datagram socket of ICMP needs no privileges where the system allows it (on Linux by
//! `net.ipv4.ping_group_range`); else a raw one is tried, which needs root or `CAP_NET_RAW`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::modules::Icmp;
use super::resolve::resolve;
use crate::families::Families;

/// Bytes of the head of an IP packet without options.
const IP_HEAD_BYTES: usize = 20;

/// Hops that a packet may take where nothing is set.
const HOPS: u8 = 64;

/// Limit: bytes of an IP packet.
const PACKET_BYTES_MAX: usize = 65_536;

/// What a request carries.
const CONTENT: &[u8] = b"Prometheus Blackbox Exporter";

/// Durations of a probe; zeros for what did not happen.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    setup: Duration,
    round_trip: Duration,
    /// None if the socket does not tell.
    hop_limit: Option<u8>,
}

/// Whether the probe has succeeded.
pub async fn probe(target: &str, icmp: &Icmp, timeout: Duration, out: &mut Families) -> bool {
    let began = Instant::now();
    let address = resolve(target, icmp.ip, out).await;
    let resolve_seconds = began.elapsed().as_secs_f64();
    let left = timeout.saturating_sub(began.elapsed());
    let mut seen = Seen::default();
    let success = match address {
        None => false,
        Some(address) => {
            let echo = Echo::new(address, icmp);
            // The socket blocks: a thread for such calls waits until the deadline at most.
            let asked = tokio::task::spawn_blocking(move || echo.ask(left));
            match asked.await {
                Ok(Ok(found)) => {
                    seen = found;
                    true
                }
                Ok(Err(error)) => {
                    tracing::debug!(target, err = %error, "an icmp probe has failed");
                    false
                }
                Err(error) => {
                    tracing::error!(target, err = %error, "an icmp probe has broken");
                    false
                }
            }
        }
    };
    let help = "Duration of icmp request by phase";
    for (phase, seconds) in [
        ("resolve", resolve_seconds),
        ("setup", seen.setup.as_secs_f64()),
        ("rtt", seen.round_trip.as_secs_f64()),
    ] {
        let labels = [("phase", phase)];
        out.gauge("probe_icmp_duration_seconds", help, &labels, seconds);
    }
    if let Some(limit) = seen.hop_limit {
        let help = "Replied packet hop limit (TTL for ipv4)";
        out.gauge("probe_icmp_reply_hop_limit", help, &[], f64::from(limit));
    }
    success
}

/// A request to send.
struct Echo {
    address: IpAddr,
    source: Option<IpAddr>,
    hop_limit: Option<u32>,
    whole: bool,
    id: u16,
    sequence: u16,
    content: Vec<u8>,
}

impl Echo {
    fn new(address: IpAddr, icmp: &Icmp) -> Echo {
        // Numbers that differ between probes are enough: keys of hash tables are such.
        let random = RandomState::new().build_hasher().finish();
        let mut content = CONTENT.to_vec();
        if let Some(bytes) = icmp.payload_bytes {
            content.resize(bytes, 0);
        }
        Echo {
            address,
            source: icmp.source,
            hop_limit: icmp.hop_limit,
            whole: icmp.dont_fragment,
            id: (random >> 16) as u16,
            sequence: random as u16,
            content,
        }
    }

    fn ask(&self, timeout: Duration) -> io::Result<Seen> {
        let began = Instant::now();
        let (mut socket, own_id) = self.open()?;
        // Only what comes from there is taken then.
        socket.connect(&SocketAddr::new(self.address, 0).into())?;
        let request = match self.address {
            IpAddr::V4(to) if self.whole => {
                [self.head(to, self.packet(8).len()), self.packet(8)].concat()
            }
            IpAddr::V4(_) => self.packet(8),
            IpAddr::V6(_) => self.packet(128),
        };
        let setup = began.elapsed();
        let sent = Instant::now();
        socket.send(&request)?;
        let mut buffer = vec![0; PACKET_BYTES_MAX];
        loop {
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            socket.set_read_timeout(Some(left))?;
            let length = match socket.read(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if let Some(hop_limit) = self.reply(&buffer[..length], own_id) {
                return Ok(Seen {
                    setup,
                    round_trip: sent.elapsed(),
                    hop_limit,
                });
            }
        }
    }

    /// A socket, and whether replies bear our id: Linux gives datagram sockets ids of its own.
    fn open(&self) -> io::Result<(Socket, bool)> {
        let (domain, protocol) = match self.address {
            IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4),
            IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6),
        };
        let raw = || {
            Socket::new(domain, Type::RAW, Some(protocol)).map_err(|error| {
                let text = format!(
                    "cannot open an ICMP socket: {error}; allow the group in \
                     net.ipv4.ping_group_range, or give CAP_NET_RAW"
                );
                io::Error::new(error.kind(), text)
            })
        };
        // Datagram sockets leave the head of packets to the kernel.
        let headed = self.whole && self.address.is_ipv4();
        let unprivileged = match cfg!(any(target_os = "linux", target_os = "macos")) && !headed {
            true => Socket::new(domain, Type::DGRAM, Some(protocol)).ok(),
            false => None,
        };
        let (socket, own_id) = match unprivileged {
            Some(socket) => (socket, !cfg!(target_os = "linux")),
            None => (raw()?, true),
        };
        if headed {
            socket.set_header_included_v4(true)?;
        }
        if let Some(source) = self.source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        match (self.hop_limit, self.address) {
            (None, _) => {}
            (Some(limit), IpAddr::V4(_)) => socket.set_ttl_v4(limit)?,
            (Some(limit), IpAddr::V6(_)) => socket.set_unicast_hops_v6(limit)?,
        }
        Ok((socket, own_id))
    }

    /// A head that forbids routers to cut the packet. The kernel fills in checksum and id.
    fn head(&self, to: Ipv4Addr, length: usize) -> Vec<u8> {
        let length = (IP_HEAD_BYTES + length) as u16;
        let hops = self.hop_limit.map_or(HOPS, |it| it as u8);
        let source = match self.source {
            Some(IpAddr::V4(source)) => source,
            _ => Ipv4Addr::UNSPECIFIED,
        };
        let [high, low] = length.to_be_bytes();
        let mut head = vec![0x45, 0, high, low, 0, 0, 0x40, 0, hops, 1, 0, 0];
        head.extend(source.octets());
        head.extend(to.octets());
        head
    }

    fn packet(&self, kind: u8) -> Vec<u8> {
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(self.id.to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(&self.content);
        // The kernel makes the checksum of version 6, which covers addresses that it chooses.
        if self.address.is_ipv4() {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// The hop limit of a packet that is the reply; None if it is another.
    fn reply(&self, bytes: &[u8], own_id: bool) -> Option<Option<u8>> {
        let v4 = self.address.is_ipv4();
        // Where packets come with their head, that is its version; a reply begins with 0.
        let (hop_limit, packet) = match bytes.first()? {
            first if v4 && first >> 4 == 4 => {
                let head = usize::from(first & 0xf) * 4;
                (bytes.get(8).copied(), bytes.get(head..)?)
            }
            _ => (None, bytes),
        };
        let wanted = self.packet(if v4 { 0 } else { 129 });
        let same = packet.len() == wanted.len()
            && packet[..2] == wanted[..2]
            && (!own_id || packet[4..6] == wanted[4..6])
            && packet[6..] == wanted[6..];
        same.then_some(hop_limit)
    }
}

/// The internet checksum, RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |it| u32::from(*it));
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo() -> Echo {
        Echo {
            address: Ipv4Addr::LOCALHOST.into(),
            source: None,
            hop_limit: None,
            whole: true,
            id: 7,
            sequence: 9,
            content: CONTENT.to_vec(),
        }
    }

    #[test]
    fn only_the_reply_to_our_request_counts() {
        let echo = echo();
        let reply = echo.packet(0);
        assert_eq!(checksum(&reply), 0);
        assert_eq!(echo.reply(&reply, true), Some(None));
        let headed = [echo.head(Ipv4Addr::LOCALHOST, reply.len()), reply.clone()].concat();
        assert_eq!(echo.reply(&headed, true), Some(Some(HOPS)));
        let changed = |at: usize| {
            let mut bytes = reply.clone();
            bytes[at] ^= 1;
            bytes
        };
        assert_eq!(echo.reply(&changed(5), true), None);
        assert_eq!(echo.reply(&changed(5), false), Some(None));
        for at in [0, 1, 7, 20] {
            assert_eq!(echo.reply(&changed(at), false), None, "{at}");
        }
        assert_eq!(echo.reply(&echo.packet(8), true), None);
        for length in 0..headed.len() {
            assert_eq!(echo.reply(&headed[..length], true), None, "{length}");
        }
    }
}
