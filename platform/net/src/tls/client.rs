//! TLS towards servers: whom we trust, and who we are if they ask.

use std::sync::{Arc, OnceLock};

use hyper_util::rt::TokioIo;
use runtime::net::{AsyncRead, AsyncWrite};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_rustls::{TlsConnector, client};

use super::peer::Peer;
use super::texts::{Reloading, Source, Texts, certificates, private_key};
use super::{ClientTls, HTTP1, HTTP2, TlsError, TlsStream, explain, provider, versions};
use crate::stream::Stream;

/// Makes TLS connections to servers.
pub(crate) struct Connector {
    settings: ClientTls,
    protocols: Vec<Vec<u8>>,
    config: Reloading<ClientConfig>,
}

impl Connector {
    pub(crate) fn new(settings: &ClientTls, offer_http2: bool) -> Connector {
        let protocols = match offer_http2 {
            true => vec![HTTP2.to_vec(), HTTP1.to_vec()],
            false => vec![HTTP1.to_vec()],
        };
        Connector::offering(settings, protocols)
    }

    /// For another protocol than HTTP, which is not negotiated.
    pub(crate) fn plain(settings: &ClientTls) -> Connector {
        Connector::offering(settings, Vec::new())
    }

    fn offering(settings: &ClientTls, protocols: Vec<Vec<u8>>) -> Connector {
        let mut sources = Vec::new();
        if let Some(ca) = &settings.ca {
            sources.push(Source::new("ca", ca));
        }
        if let Some(identity) = &settings.identity {
            sources.push(Source::new("cert", &identity.certificate));
            sources.push(Source::new("key", &identity.key));
        }
        Connector {
            settings: settings.clone(),
            protocols,
            config: Reloading::new(sources),
        }
    }

    /// Handshakes with `host` over `stream`; tells of the server.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: Stream,
    ) -> Result<(Stream, Peer), TlsError> {
        let tls = self.handshake(host, TokioIo::new(stream)).await?;
        let peer = Peer::of(&tls, !self.settings.insecure_skip_verify);
        Ok((Stream::tls(TlsStream::Client(tls)), peer))
    }

    /// Handshakes with `host` over any stream.
    pub(super) async fn handshake<S>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<client::TlsStream<S>, TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
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
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| explain(&error))
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

pub(super) struct Roots {
    pub(super) store: Arc<RootCertStore>,
    /// The certificates themselves, for servers that present one of them.
    pinned: Vec<CertificateDer<'static>>,
}

impl Roots {
    pub(super) fn of(trusted: Vec<CertificateDer<'static>>) -> Result<Roots, String> {
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
