//! http: TLS and authentication of the admin server.
//! Reference: docs/sources/reference/config-blocks/http.md

use std::time::Duration;

use schema::{Check, Descriptor, Secret};

pub static DESCRIPTOR: Descriptor = super::block::<Http>("http");

#[derive(schema::Arguments)]
pub struct Http {
    /// Who may ask.
    #[arg(block)]
    auth: Option<Auth>,
    /// TLS of the server.
    #[arg(block)]
    tls: Option<Tls>,
}

#[derive(schema::Arguments)]
struct Auth {
    #[arg(block)]
    basic: Option<Basic>,
    #[arg(block)]
    filter: Option<Filter>,
}

#[derive(schema::Arguments)]
struct Basic {
    #[arg(required)]
    username: String,
    #[arg(required)]
    password: Secret,
}

#[derive(schema::Arguments)]
struct Filter {
    /// Beginnings of paths.
    paths: Vec<String>,
    /// Whether `paths` are those to authenticate, or those to leave open.
    #[arg(default = true)]
    authenticate_matching_paths: bool,
}

#[derive(schema::Arguments)]
#[arg(check = Tls::check)]
pub struct Tls {
    #[arg(default = "")]
    pub cert_file: String,
    #[arg(default = "")]
    pub cert_pem: String,
    #[arg(default = "")]
    pub key_file: String,
    pub key_pem: Secret,
    pub cipher_suites: Vec<String>,
    #[arg(default = "NoClientCert")]
    pub client_auth_type: String,
    #[arg(default = "")]
    pub client_ca_file: String,
    #[arg(default = "")]
    pub client_ca_pem: String,
    pub curve_preferences: Vec<String>,
    #[arg(default = "")]
    pub max_version: String,
    #[arg(default = "")]
    pub min_version: String,
    #[arg(block)]
    pub windows_certificate_filter: Option<WindowsCertificateFilter>,
}

impl Tls {
    /// Serving in the clear what was to be encrypted would give the password of `auth` away.
    fn check(&self, check: &mut Check<'_>) {
        check.body("the tls block is not available yet; remove it, or put a proxy that ends TLS in front");
    }
}

/// A certificate of the Windows store.
#[derive(schema::Arguments)]
pub struct WindowsCertificateFilter {
    #[arg(block, required)]
    pub client: WindowsClient,
    #[arg(block, required)]
    pub server: WindowsServer,
}

#[derive(schema::Arguments)]
pub struct WindowsClient {
    pub issuer_common_names: Vec<String>,
    #[arg(default = "")]
    pub subject_regex: String,
    #[arg(default = "")]
    pub template_id: String,
}

#[derive(schema::Arguments)]
pub struct WindowsServer {
    #[arg(default = "")]
    pub store: String,
    #[arg(default = "")]
    pub system_store: String,
    pub issuer_common_names: Vec<String>,
    #[arg(default = "5m")]
    pub refresh_interval: Duration,
    #[arg(default = "")]
    pub template_id: String,
}

pub fn apply(arguments: Option<&Http>, gate: &admin::Gate) {
    let rules = arguments.and_then(|arguments| arguments.auth.as_ref()).and_then(|auth| {
        let basic = auth.basic.as_ref()?;
        let filter = auth.filter.as_ref();
        Some(admin::GateRules {
            username: basic.username.clone(),
            password: basic.password.clone(),
            paths: filter.map(|filter| filter.paths.clone()).unwrap_or_default(),
            matching: filter.is_none_or(|filter| filter.authenticate_matching_paths),
        })
    });
    gate.set(rules);
}
