//! The prober `tcp`: connects, with TLS or without, and talks by lines where it is told to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use net::tls::{ClientTls, Peer, secure};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use super::modules::Tcp;
use super::resolve::resolve;
use super::tls::{self, Chain};
use crate::families::Families;

/// Limit: bytes of a line that a server answers, as in the reference.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// A connection, with TLS or without.
pub trait Wire: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire for S {}

/// Connects from an address of ours, if one is given.
pub async fn connect(to: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    socket.connect(to).await
}

/// A host, without the brackets of addresses, and a port.
pub fn split_host_port(target: &str) -> Option<(&str, u16)> {
    let (host, port) = target.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let host = match bare {
        Some(bare) => bare,
        None if host.contains(':') => return None,
        None => host,
    };
    Some((host, port.parse().ok()?))
}

/// What a conversation has shown.
#[derive(Default)]
struct Seen {
    regex_failed: bool,
    peer: Option<Peer>,
}

/// Whether the probe has succeeded.
pub async fn probe(target: &str, tcp: &Tcp, timeout: Duration, out: &mut Families) -> bool {
    let mut seen = Seen::default();
    let talked = tokio::time::timeout(timeout, talk(target, tcp, out, &mut seen)).await;
    let talked = talked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let success = match talked {
        Ok(success) => success,
        Err(error) => {
            tracing::debug!(target, err = %error, "a tcp probe has failed");
            false
        }
    };
    let help = "Indicates if probe failed due to regex";
    let failed = f64::from(u8::from(seen.regex_failed));
    out.gauge("probe_failed_due_to_regex", help, &[], failed);
    if let Some(peer) = &seen.peer {
        tls::write(peer, Chain::Told, out);
    }
    success
}

async fn talk(target: &str, tcp: &Tcp, out: &mut Families, seen: &mut Seen) -> io::Result<bool> {
    let (host, port) = split_host_port(target).ok_or(io::ErrorKind::InvalidInput)?;
    let Some(address) = resolve(host, tcp.ip, out).await else {
        return Ok(false);
    };
    let stream = connect(SocketAddr::new(address, port), tcp.source).await?;
    let mut wire: Box<dyn Wire> = Box::new(stream);
    if tcp.secure {
        wire = handshake(wire, &tcp.tls, host, seen).await?;
    }
    let mut reader = BufReader::new(wire);
    for exchange in &tcp.exchanges {
        let mut send = exchange.send.clone();
        if let Some(expect) = &exchange.expect {
            loop {
                let mut line = Vec::new();
                let mut limited = (&mut reader).take(LINE_BYTES_MAX);
                if limited.read_until(b'\n', &mut line).await? == 0 {
                    seen.regex_failed = true;
                    return Ok(false);
                }
                let line = String::from_utf8_lossy(&line);
                if let Some(captures) = expect.captures(line.trim_end_matches(['\r', '\n'])) {
                    send.clear();
                    captures.expand(&exchange.send, &mut send);
                    break;
                }
            }
        }
        if !send.is_empty() {
            send.push('\n');
            reader.write_all(send.as_bytes()).await?;
            reader.flush().await?;
        }
        if exchange.start_tls {
            let wire = handshake(reader.into_inner(), &tcp.tls, host, seen).await?;
            reader = BufReader::new(wire);
        }
    }
    Ok(true)
}

async fn handshake(
    wire: Box<dyn Wire>,
    settings: &ClientTls,
    host: &str,
    seen: &mut Seen,
) -> io::Result<Box<dyn Wire>> {
    let (wire, peer) = secure(wire, settings, host).await?;
    seen.peer = Some(peer);
    Ok(Box::new(wire))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_host_and_a_port() {
        for (target, expect) in [
            ("a:1", Some(("a", 1))),
            ("[::1]:25", Some(("::1", 25))),
            ("::1", None),
            ("a", None),
            ("a:x", None),
        ] {
            assert_eq!(split_host_port(target), expect);
        }
    }
}
