//! TLS: the only module that names rustls. Settings in, handshakes out.
//!
//! Files are read again when they change (seconds later, when the next connection is made); a
//! change that does not parse is logged once and the last good settings go on. The system's
//! certificates are loaded when the first https URL that needs them is used, once per process:
//! they are 0.5 MiB that a gateway without https need not carry. The decision and its costs stand
//! in `platform/decisions/0002-tls.md`.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme, SupportedProtocolVersion,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::file::WatchedFile;
use crate::secret::Secret;
use crate::stream::Stream;

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

/// How long a client that was refused may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// Protocols offered in the handshake.
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

// ---- PEM texts, checked before any connection is made

/// Whether `pem` holds at least one certificate; the cause if not.
pub fn check_certificates(pem: &str) -> Result<(), String> {
    certificates(pem.as_bytes()).map(|_| ())
}

/// Whether `pem` holds a private key; the cause if not.
pub fn check_key(pem: &str) -> Result<(), String> {
    private_key(pem.as_bytes()).map(|_| ())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("it holds no certificate in PEM form".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("it is not valid PEM: {error}")),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    // The key's own text is in no message: PEM errors quote section names and no content.
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => {
            "it holds no private key in PEM form that is not encrypted".to_owned()
        }
        error => format!("it is not valid PEM: {error}"),
    })
}

/// Where one PEM text comes from, with its name in messages.
enum Source {
    Inline {
        what: &'static str,
        text: Rc<[u8]>,
    },
    File {
        what: &'static str,
        file: WatchedFile,
    },
}

impl Source {
    fn new(what: &'static str, pem: &Pem) -> Source {
        match pem {
            Pem::Inline(text) => Source::Inline {
                what,
                text: text.expose().as_bytes().into(),
            },
            Pem::File(path) => Source::File {
                what,
                file: WatchedFile::new(path),
            },
        }
    }

    async fn text(&self) -> Result<Rc<[u8]>, TlsError> {
        match self {
            Source::Inline { text, .. } => Ok(text.clone()),
            Source::File { what, file } => file.content().await.map_err(|error| {
                let path = file.path().display();
                TlsError(format!("cannot read {what} \"{path}\": {error}"))
            }),
        }
    }

    fn refuse(&self, cause: String) -> TlsError {
        TlsError(match self {
            Source::Inline { what, .. } => format!("{what} is not usable: {cause}"),
            Source::File { what, file } => {
                format!(
                    "{what} \"{}\" is not usable: {cause}",
                    file.path().display()
                )
            }
        })
    }
}

/// The texts that a configuration was made of, by source.
type Texts = Vec<Rc<[u8]>>;

/// A configuration made of texts, made again when they change.
struct Reloading<C> {
    sources: Vec<Source>,
    made: RefCell<Option<(Texts, Arc<C>)>>,
    /// Texts that did not parse, so that they are tried and logged once.
    refused: RefCell<Option<Texts>>,
}

impl<C> Reloading<C> {
    fn new(sources: Vec<Source>) -> Reloading<C> {
        Reloading {
            sources,
            made: RefCell::new(None),
            refused: RefCell::new(None),
        }
    }

    async fn get(
        &self,
        make: impl AsyncFnOnce(&Texts) -> Result<C, TlsError>,
    ) -> Result<Arc<C>, TlsError> {
        let mut texts = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            texts.push(source.text().await?);
        }
        let current = self.made.borrow().as_ref().map(|(from, config)| {
            let known = *from == texts || self.refused.borrow().as_ref() == Some(&texts);
            (known, config.clone())
        });
        if let Some((true, config)) = current {
            return Ok(config);
        }
        match make(&texts).await {
            Ok(config) => {
                let config = Arc::new(config);
                *self.made.borrow_mut() = Some((texts, config.clone()));
                Ok(config)
            }
            Err(error) => {
                let Some((_, config)) = current else {
                    return Err(error);
                };
                tracing::warn!("changed TLS settings are refused: {error}; the last ones go on");
                *self.refused.borrow_mut() = Some(texts);
                Ok(config)
            }
        }
    }
}

// ---- towards servers

/// Makes TLS connections to servers.
pub(crate) struct Connector {
    settings: ClientTls,
    protocols: Vec<Vec<u8>>,
    config: Reloading<ClientConfig>,
}

impl Connector {
    pub(crate) fn new(settings: &ClientTls, offer_http2: bool) -> Connector {
        let mut sources = Vec::new();
        if let Some(ca) = &settings.ca {
            sources.push(Source::new("ca", ca));
        }
        if let Some(identity) = &settings.identity {
            sources.push(Source::new("cert", &identity.certificate));
            sources.push(Source::new("key", &identity.key));
        }
        let protocols = match offer_http2 {
            true => vec![HTTP2.to_vec(), HTTP1.to_vec()],
            false => vec![HTTP1.to_vec()],
        };
        Connector {
            settings: settings.clone(),
            protocols,
            config: Reloading::new(sources),
        }
    }

    /// Handshakes with `host` over `stream`; says whether the server chose HTTP/2.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: Stream,
    ) -> Result<(Stream, bool), TlsError> {
        let expected = self.settings.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(expected.to_owned()).map_err(|_| {
            TlsError(format!(
                "\"{expected}\" is not a name that a certificate can have"
            ))
        })?;
        let config = self
            .config
            .get(async |texts| self.make(texts).await)
            .await?;
        let tls = TlsConnector::from(config)
            .connect(name, TokioIo::new(stream))
            .await
            .map_err(|error| explain(&error))?;
        let http2 = tls.get_ref().1.alpn_protocol() == Some(HTTP2);
        Ok((Stream::tls(TlsStream::Client(tls)), http2))
    }

    async fn make(&self, texts: &Texts) -> Result<ClientConfig, TlsError> {
        let mut sources = self.config.sources.iter().zip(texts);
        let mut next = || {
            sources
                .next()
                .expect("as many sources as settings, see new")
        };
        let roots = match (&self.settings.ca, self.settings.insecure_skip_verify) {
            (Some(_), _) => {
                let (source, text) = next();
                let trusted = certificates(text).map_err(|cause| source.refuse(cause))?;
                Some(Roots::of(trusted).map_err(|cause| source.refuse(cause))?)
            }
            (None, true) => None,
            (None, false) => Some(Roots {
                store: system_roots().await?,
                pinned: Vec::new(),
            }),
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.settings.min_version))
            .map_err(|error| TlsError(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier(roots)?);
        let mut config = match &self.settings.identity {
            None => builder.with_no_client_auth(),
            Some(_) => {
                let (cert_source, cert) = next();
                let (key_source, key) = next();
                let chain = certificates(cert).map_err(|cause| cert_source.refuse(cause))?;
                let key = private_key(key).map_err(|cause| key_source.refuse(cause))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| cert_source.refuse(error.to_string()))?
            }
        };
        config.alpn_protocols.clone_from(&self.protocols);
        Ok(config)
    }

    fn verifier(&self, roots: Option<Roots>) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
        let verification = match roots {
            Some(roots) if !self.settings.insecure_skip_verify => {
                let chains = WebPkiServerVerifier::builder_with_provider(roots.store, provider())
                    .build()
                    .map_err(|error| TlsError(error.to_string()))?;
                Verification::Chain {
                    chains,
                    pinned: roots.pinned,
                }
            }
            _ => Verification::None,
        };
        Ok(Arc::new(Verifier(verification)))
    }
}

struct Roots {
    store: Arc<RootCertStore>,
    /// The certificates themselves, for servers that present one of them.
    pinned: Vec<CertificateDer<'static>>,
}

impl Roots {
    fn of(trusted: Vec<CertificateDer<'static>>) -> Result<Roots, String> {
        let mut store = RootCertStore::empty();
        for certificate in &trusted {
            store
                .add(certificate.clone())
                .map_err(|error| error.to_string())?;
        }
        Ok(Roots {
            store: Arc::new(store),
            pinned: trusted,
        })
    }
}

/// The system's certificates, parsed once per process since they never change what they mean to
/// one shard or another.
async fn system_roots() -> Result<Arc<RootCertStore>, TlsError> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(roots.clone());
    }
    // Some 150 files or one of 200 KiB: not for a shard's thread.
    let (store, errors) = runtime::service::blocking(|| {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        (store, found.errors)
    })
    .await;
    if store.is_empty() {
        let causes: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let causes = if causes.is_empty() {
            "none found".to_owned()
        } else {
            causes.join(", ")
        };
        return Err(TlsError(format!(
            "the system has no trusted certificates: {causes}; install ca-certificates or set \
             tls_config.ca_file"
        )));
    }
    Ok(ROOTS.get_or_init(|| Arc::new(store)).clone())
}

#[derive(Debug)]
struct Verifier(Verification);

#[derive(Debug)]
enum Verification {
    /// insecure_skip_verify: whoever answers is believed. The handshake's signature is checked all
    /// the same, it costs nothing and catches broken peers.
    None,
    Chain {
        chains: Arc<WebPkiServerVerifier>,
        pinned: Vec<CertificateDer<'static>>,
    },
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Verification::Chain { chains, pinned } = &self.0 else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = chains.verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            // Compat: a server may present the very certificate that ca_file holds, as
            // self-signed servers do. webpki refuses it when it is marked as an authority (after
            // having checked its dates), Go does not.
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(cause)))
                if is_ca_as_server(&cause) && pinned.iter().any(|p| p == certificate) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn is_ca_as_server(cause: &rustls::OtherError) -> bool {
    cause
        .0
        .downcast_ref::<webpki::Error>()
        .is_some_and(|error| *error == webpki::Error::CaUsedAsEndEntity)
}

// ---- towards clients

/// Makes TLS connections of accepted ones.
pub(crate) struct Acceptor {
    settings: ServerTls,
    config: Reloading<ServerConfig>,
}

impl Acceptor {
    pub(crate) fn new(settings: &ServerTls) -> Acceptor {
        let mut sources = vec![
            Source::new("cert", &settings.identity.certificate),
            Source::new("key", &settings.identity.key),
        ];
        if let ClientAuth::IfGiven(ca) | ClientAuth::Required(ca) = &settings.client_auth {
            sources.push(Source::new("client_ca", ca));
        }
        Acceptor {
            settings: settings.clone(),
            config: Reloading::new(sources),
        }
    }

    /// Handshakes with a client over `stream`; says whether HTTP/2 was chosen.
    pub(crate) async fn accept(&self, stream: Stream) -> Result<(Stream, bool), TlsError> {
        let config = self.config.get(async |texts| self.make(texts)).await?;
        let handshake = TlsAcceptor::from(config)
            .accept(TokioIo::new(stream))
            .into_fallible();
        match handshake.await {
            Ok(tls) => {
                let http2 = tls.get_ref().1.alpn_protocol() == Some(HTTP2);
                Ok((Stream::tls(TlsStream::Server(tls)), http2))
            }
            Err((error, stream)) => {
                // The alert that says why has been written. A socket that is closed with unread
                // bytes sends a reset, and with it the alert would be lost.
                let farewell = stream.into_inner().end();
                let _ = runtime::timeout(FAREWELL, farewell).await;
                Err(explain(&error))
            }
        }
    }

    fn make(&self, texts: &Texts) -> Result<ServerConfig, TlsError> {
        let refuse = |index: usize, cause: String| self.config.sources[index].refuse(cause);
        let chain = certificates(&texts[0]).map_err(|cause| refuse(0, cause))?;
        let key = private_key(&texts[1]).map_err(|cause| refuse(1, cause))?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions(self.settings.min_version))
            .map_err(|error| TlsError(error.to_string()))?;
        let client_roots = || {
            let trusted = certificates(&texts[2]).map_err(|cause| refuse(2, cause))?;
            let roots = Roots::of(trusted).map_err(|cause| refuse(2, cause))?;
            Ok(WebPkiClientVerifier::builder_with_provider(
                roots.store,
                provider(),
            ))
        };
        let verifier = match &self.settings.client_auth {
            ClientAuth::None => None,
            ClientAuth::IfGiven(_) => Some(client_roots()?.allow_unauthenticated().build()),
            ClientAuth::Required(_) => Some(client_roots()?.build()),
        };
        let builder = match verifier {
            None => builder.with_no_client_auth(),
            Some(verifier) => builder
                .with_client_cert_verifier(verifier.map_err(|error| refuse(2, error.to_string()))?),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| refuse(0, error.to_string()))?;
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(config)
    }
}

// ---- shared by both

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
