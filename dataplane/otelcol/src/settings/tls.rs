//! tls: as the Collector has it, towards servers and towards clients.

use std::path::PathBuf;
use std::time::Duration;

use net::tls::{ClientAuth, ClientTls, Identity, MinVersion, Pem, ServerTls};
use schema::{Arguments, Check, Secret};

/// What both sides have.
#[derive(Arguments, Clone)]
#[arg(check = TlsShared::check)]
pub struct TlsShared {
    /// File with the certificates to trust.
    pub ca_file: String,
    /// Certificates to trust, as PEM text.
    pub ca_pem: String,
    /// File with our certificate and its chain.
    pub cert_file: String,
    /// Our certificate with its chain, as PEM text.
    pub cert_pem: String,
    /// Taken for compatibility: rustls offers only suites that are safe.
    pub cipher_suites: Vec<String>,
    /// Taken for compatibility: rustls chooses among curves that are safe.
    pub curve_preferences: Vec<String>,
    /// Taken for compatibility: there are no insecure suites.
    #[arg(default = false)]
    pub include_insecure_cipher_suites: bool,
    /// Trust the system's certificates too. Taken for compatibility: they are trusted when no
    /// others are named.
    #[arg(default = false)]
    pub include_system_ca_certs_pool: bool,
    /// File with our certificate's key.
    pub key_file: String,
    /// Our certificate's key, as PEM text.
    pub key_pem: Secret,
    /// Newest TLS version to speak. Taken for compatibility: 1.3 is offered in any case.
    #[arg(default = "TLS 1.3")]
    pub max_version: String,
    /// Oldest TLS version to speak; older than 1.2 means 1.2.
    #[arg(
        default = "TLS 1.2",
        one_of("", "1.0", "1.1", "1.2", "1.3", "TLS 1.2", "TLS 1.3")
    )]
    pub min_version: String,
    /// How often files are looked at. Taken for compatibility: a changed file is seen within
    /// seconds.
    #[arg(default = Duration::ZERO)]
    pub reload_interval: Duration,
    /// A key in a trusted platform module.
    #[arg(block)]
    pub tpm: Option<Tpm>,
}

/// A key in a trusted platform module: declared, and refused when it is enabled.
#[derive(Arguments, Clone)]
#[arg(check = Tpm::check)]
pub struct Tpm {
    /// Authorization of the key.
    #[arg(default = "")]
    pub auth: String,
    /// Use the module.
    #[arg(default = false)]
    pub enabled: bool,
    /// Authorization of the owner.
    #[arg(default = "")]
    pub owner_auth: String,
    /// Where the module is.
    #[arg(default = "")]
    pub path: String,
}

impl Tpm {
    fn check(&self, check: &mut Check<'_>) {
        if self.enabled {
            check.attribute(
                "enabled",
                "keys in a TPM are not supported yet; use key_file",
            );
        }
    }
}

impl TlsShared {
    fn check(&self, check: &mut Check<'_>) {
        let key_pem = self.key_pem.expose();
        for (text, file, message) in [
            (
                &*self.ca_pem,
                &self.ca_file,
                "provide either a CA file or the PEM-encoded string, but not both",
            ),
            (
                &self.cert_pem,
                &self.cert_file,
                "provide either a certificate or the PEM-encoded string, but not both",
            ),
            (
                key_pem,
                &self.key_file,
                "provide either a key or the PEM-encoded string, but not both",
            ),
        ] {
            if !text.is_empty() && !file.is_empty() {
                check.body(message);
            }
        }
        let certificate = !self.cert_pem.is_empty() || !self.cert_file.is_empty();
        let key = !key_pem.is_empty() || !self.key_file.is_empty();
        if certificate != key {
            check.body("provide both certificate and key, or neither");
        }
    }

    fn ca(&self) -> Option<Pem> {
        pem(&self.ca_pem, &self.ca_file)
    }

    fn identity(&self) -> Option<Identity> {
        let certificate = pem(&self.cert_pem, &self.cert_file)?;
        let key = pem(self.key_pem.expose(), &self.key_file)?;
        Some(Identity { certificate, key })
    }

    fn min_version(&self) -> MinVersion {
        match self.min_version.ends_with("1.3") {
            true => MinVersion::Tls13,
            false => MinVersion::Tls12,
        }
    }
}

fn pem(text: &str, file: &str) -> Option<Pem> {
    if !text.is_empty() {
        return Some(Pem::Inline(net::Secret::new(text)));
    }
    (!file.is_empty()).then(|| Pem::File(PathBuf::from(file)))
}

/// TLS towards a server.
#[derive(Arguments, Clone)]
pub struct TlsClient {
    /// What both sides have.
    #[arg(flatten)]
    pub shared: TlsShared,
    /// Speak without TLS.
    pub insecure: bool,
    /// Do not verify the server's certificate.
    pub insecure_skip_verify: bool,
    /// Name that the server's certificate must have, when it is not that of the endpoint.
    pub server_name: String,
}

impl TlsClient {
    /// The settings of `net`.
    pub fn client(&self) -> ClientTls {
        ClientTls {
            ca: self.shared.ca(),
            identity: self.shared.identity(),
            server_name: Some(self.server_name.clone()).filter(|name| !name.is_empty()),
            insecure_skip_verify: self.insecure_skip_verify,
            min_version: self.shared.min_version(),
        }
    }
}

/// TLS towards clients.
#[derive(Arguments, Clone)]
#[arg(check = TlsServer::check)]
pub struct TlsServer {
    /// What both sides have.
    #[arg(flatten)]
    pub shared: TlsShared,
    /// File with the certificates that clients must be signed by.
    pub client_ca_file: String,
}

impl TlsServer {
    fn check(&self, check: &mut Check<'_>) {
        if self.shared.identity().is_none() {
            check.body(
                "provide the certificate and key that clients are shown: cert_file, key_file",
            );
        }
    }

    /// The settings of `net`.
    pub fn server(&self) -> ServerTls {
        ServerTls {
            identity: self.shared.identity().expect("checked: there is one"),
            client_auth: match pem("", &self.client_ca_file) {
                Some(ca) => ClientAuth::Required(ca),
                None => ClientAuth::None,
            },
            min_version: self.shared.min_version(),
        }
    }
}
