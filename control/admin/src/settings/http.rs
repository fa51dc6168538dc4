//! http: TLS and authentication of the admin server.
//! Reference: docs/sources/reference/config-blocks/http.md

use std::time::Duration;

use schema::{Check, Descriptor, Secret};

use crate::{Gate, GateRules};

pub static DESCRIPTOR: Descriptor = super::block::<Http>("http");

#[derive(schema::Arguments)]
pub struct Http {
    /// Who may ask.
    #[arg(block)]
    pub auth: Option<Auth>,
    /// TLS of the server.
    #[arg(block)]
    pub tls: Option<Tls>,
}

#[derive(schema::Arguments)]
pub struct Auth {
    /// A name and a password.
    #[arg(block)]
    pub basic: Option<Basic>,
    /// Which paths it is for.
    #[arg(block)]
    pub filter: Option<Filter>,
}

#[derive(schema::Arguments)]
pub struct Basic {
    /// User name to ask for.
    #[arg(required)]
    pub username: String,
    /// Password to ask for.
    #[arg(required)]
    pub password: Secret,
}

#[derive(schema::Arguments)]
pub struct Filter {
    /// Beginnings of paths.
    pub paths: Vec<String>,
    /// Whether `paths` are those to authenticate, or those to leave open.
    #[arg(default = true)]
    pub authenticate_matching_paths: bool,
}

#[derive(schema::Arguments)]
#[arg(check = Tls::check)]
pub struct Tls {
    /// File with the certificate of the server, PEM.
    #[arg(default = "")]
    pub cert_file: String,
    /// Certificate of the server, PEM.
    #[arg(default = "")]
    pub cert_pem: String,
    /// File with its key, PEM.
    #[arg(default = "")]
    pub key_file: String,
    /// Its key, PEM.
    pub key_pem: Secret,
    /// Cipher suites to offer.
    pub cipher_suites: Vec<String>,
    /// Whether clients show a certificate.
    #[arg(default = "NoClientCert")]
    pub client_auth_type: String,
    /// File with the authorities of clients, PEM.
    #[arg(default = "")]
    pub client_ca_file: String,
    /// Authorities of clients, PEM.
    #[arg(default = "")]
    pub client_ca_pem: String,
    /// Curves to offer.
    pub curve_preferences: Vec<String>,
    /// Highest version of TLS.
    #[arg(default = "")]
    pub max_version: String,
    /// Lowest version of TLS.
    #[arg(default = "")]
    pub min_version: String,
    /// Certificate of the Windows store.
    #[arg(block)]
    pub windows_certificate_filter: Option<WindowsCertificateFilter>,
}

impl Tls {
    /// Serving in the clear what was to be encrypted would give the password of `auth` away.
    fn check(&self, check: &mut Check<'_>) {
        check.body(
            "the tls block is not available yet; remove it, or put a proxy that ends TLS in front",
        );
    }
}

/// A certificate of the Windows store.
#[derive(schema::Arguments)]
pub struct WindowsCertificateFilter {
    /// Which certificates of clients fit.
    #[arg(block, required)]
    pub client: WindowsClient,
    /// Which certificate is the server's.
    #[arg(block, required)]
    pub server: WindowsServer,
}

#[derive(schema::Arguments)]
pub struct WindowsClient {
    /// Names of issuers that fit.
    pub issuer_common_names: Vec<String>,
    /// Subjects that fit.
    #[arg(default = "")]
    pub subject_regex: String,
    /// Template that fits.
    #[arg(default = "")]
    pub template_id: String,
}

#[derive(schema::Arguments)]
pub struct WindowsServer {
    /// Name of the store.
    #[arg(default = "")]
    pub store: String,
    /// Name of the system store.
    #[arg(default = "")]
    pub system_store: String,
    /// Names of issuers that fit.
    pub issuer_common_names: Vec<String>,
    /// How often to look for a new certificate.
    #[arg(default = "5m")]
    pub refresh_interval: Duration,
    /// Template that fits.
    #[arg(default = "")]
    pub template_id: String,
}

pub fn apply(arguments: Option<&Http>, gate: &Gate) {
    let rules = arguments
        .and_then(|arguments| arguments.auth.as_ref())
        .and_then(|auth| {
            let basic = auth.basic.as_ref()?;
            let filter = auth.filter.as_ref();
            Some(GateRules {
                username: basic.username.clone(),
                password: basic.password.clone(),
                paths: filter
                    .map(|filter| filter.paths.clone())
                    .unwrap_or_default(),
                matching: filter.is_none_or(|filter| filter.authenticate_matching_paths),
            })
        });
    gate.set(rules);
}
