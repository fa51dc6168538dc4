//! TLS: the only module that names rustls. Client and server settings in, handshakes out.

use std::path::PathBuf;

use crate::Secret;

/// A PEM text, in the configuration or in a file that is read again when it changes.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    Inline(Secret),
    File(PathBuf),
}

/// A certificate chain and its private key.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    pub certificate: Pem,
    pub key: Pem,
}

/// The oldest protocol version that is spoken. TLS 1.0 and 1.1 are gone from rustls: a
/// configuration that allows them gets 1.2, which every such peer also speaks today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinVersion {
    Tls12,
    Tls13,
}

/// TLS towards servers.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// Trusted roots; the system's when absent, loaded when the first https URL is used.
    pub ca: Option<Pem>,
    pub identity: Option<Identity>,
    /// Name to expect in the certificate, when it is not the URL's host.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
    pub min_version: MinVersion,
}

impl ClientTls {
    /// The system's roots, no client certificate.
    pub fn system() -> ClientTls {
        ClientTls {
            ca: None,
            identity: None,
            server_name: None,
            insecure_skip_verify: false,
            min_version: MinVersion::Tls12,
        }
    }
}

/// TLS towards clients.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerTls {
    pub identity: Identity,
    /// Roots of client certificates; clients need none when absent.
    pub client_ca: Option<Pem>,
    pub client_auth: ClientAuth,
    pub min_version: MinVersion,
}

/// What a server asks of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    None,
    /// A certificate is verified when one is given.
    VerifyIfGiven,
    Required,
}
