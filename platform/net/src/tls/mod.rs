//! TLS: the only module that names rustls. Settings in, handshakes out; `client` makes connections
//! to servers, `server` those of clients, `texts` the certificates and keys of both.
//!
//! Files are read again when they change (seconds later, when the next connection is made); a
//! change that does not parse is logged once and the last good settings go on. The system's
//! certificates are loaded when the first https URL that needs them is used, once per process:
//! they are 0.5 MiB that a gateway without https need not carry. The decision and its costs stand
//! in `platform/decisions/0002-tls.md`.

mod client;
mod narrow;
mod peer;
mod server;
mod texts;

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, SupportedProtocolVersion};

use crate::secret::Secret;

pub(crate) use client::Connector;
pub use narrow::Narrow;
pub use peer::{Peer, secure};
pub(crate) use server::Acceptor;
pub use server::{Handshakes, Secured, ServerConfigs};
pub(crate) use tokio_rustls::TlsStream;

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

/// The oldest protocol version that is spoken. rustls has no TLS 1.0 and 1.1: a configuration that
/// allows them gets 1.2, which such peers speak as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MinVersion {
    Tls12,
    Tls13,
}

/// TLS towards servers.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientTls {
    /// Trusted certificates; the system's when absent.
    pub ca: Option<Pem>,
    pub identity: Option<Identity>,
    /// Name to expect in the certificate, when it is not the URL's host.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
    pub min_version: MinVersion,
}

impl ClientTls {
    /// The system's certificates, no client certificate.
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
    pub client_auth: ClientAuth,
    pub min_version: MinVersion,
}

/// What a server asks of its clients.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientAuth {
    None,
    /// A certificate is verified when one is given.
    IfGiven(Pem),
    Required(Pem),
}

/// Why there is no TLS, with the setting to look at.
#[derive(Debug)]
pub(crate) struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Protocols offered in the handshake.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Whether `pem` holds at least one certificate; the cause if not.
pub fn check_certificates(pem: &str) -> Result<(), String> {
    texts::certificates(pem.as_bytes()).map(|_| ())
}

/// Whether `pem` holds a private key; the cause if not.
pub fn check_key(pem: &str) -> Result<(), String> {
    texts::private_key(pem.as_bytes()).map(|_| ())
}

/// The cryptography of this build, chosen by the crate's features; nothing is installed globally.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    #[cfg(feature = "tls-aws-lc")]
    use rustls::crypto::aws_lc_rs::default_provider;
    #[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc")))]
    use rustls::crypto::ring::default_provider;
    PROVIDER
        .get_or_init(|| Arc::new(default_provider()))
        .clone()
}

#[cfg(not(any(feature = "tls-aws-lc", feature = "tls-ring")))]
compile_error!("choose the cryptography of TLS: feature tls-aws-lc (default) or tls-ring");

fn versions(min_version: MinVersion) -> &'static [&'static SupportedProtocolVersion] {
    static SPOKEN: [&SupportedProtocolVersion; 2] =
        [&rustls::version::TLS13, &rustls::version::TLS12];
    match min_version {
        MinVersion::Tls12 => &SPOKEN,
        MinVersion::Tls13 => &SPOKEN[..1],
    }
}

/// The TLS failure inside `error`, if that is what it is: with TLS 1.3 a server refuses a client's
/// certificate after the client's handshake has ended, so it shows while reading.
pub(crate) fn failure_in(error: &(dyn Error + 'static)) -> Option<TlsError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(TlsError(describe(tls)));
        }
        next = match error.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

fn explain(error: &std::io::Error) -> TlsError {
    failure_in(error).unwrap_or_else(|| TlsError(error.to_string()))
}

/// rustls's text, and the setting that changes it where one does.
fn describe(error: &rustls::Error) -> String {
    use rustls::AlertDescription as Alert;
    let knob = match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "; name its issuer in tls_config.ca_file"
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "; set tls_config.server_name to a name that it has",
        rustls::Error::InvalidMessage(_) => "; check that the port speaks TLS",
        rustls::Error::AlertReceived(
            Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA,
        ) => "; check tls_config.cert_file and key_file",
        rustls::Error::AlertReceived(Alert::ProtocolVersion) => "; check tls_config.min_version",
        _ => "",
    };
    format!("{error}{knob}")
}
