//! What a handshake tells of a server, and TLS over streams of others.

use std::io;

use runtime::net::{AsyncRead, AsyncWrite};
use rustls::ProtocolVersion;
use tokio_rustls::client::TlsStream;

use super::{ClientTls, Connector, HTTP2};

/// A server as its handshake shows it.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The version that is spoken, such as `TLS 1.3`.
    pub version: &'static str,
    /// The certificates that it has sent, its own first.
    pub certificates: Vec<Vec<u8>>,
    /// Whether they were verified.
    pub verified: bool,
    /// It has chosen HTTP/2.
    pub http2: bool,
}

impl Peer {
    pub(super) fn of<S>(tls: &TlsStream<S>, verified: bool) -> Peer {
        let session = tls.get_ref().1;
        let certificates = session.peer_certificates().unwrap_or_default();
        Peer {
            version: match session.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
                Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
                _ => "unknown",
            },
            certificates: certificates.iter().map(|it| it.to_vec()).collect(),
            verified,
            http2: session.alpn_protocol() == Some(HTTP2),
        }
    }
}

/// TLS over a connected stream, for protocols that begin without it.
pub async fn secure<S>(
    stream: S,
    settings: &ClientTls,
    host: &str,
) -> io::Result<(impl AsyncRead + AsyncWrite + Unpin + use<S>, Peer)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let connector = Connector::plain(settings);
    let tls = connector.handshake(host, stream).await;
    let tls = tls.map_err(|error| io::Error::other(error.to_string()))?;
    let peer = Peer::of(&tls, !settings.insecure_skip_verify);
    Ok((tls, peer))
}
