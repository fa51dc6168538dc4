//! http: TLS and authentication of the admin server.
//! Reference: docs/sources/reference/config-blocks/http.md

use std::time::Duration;

use net::tls::{ClientAuth, Identity, MinVersion, Narrow, Pem, ServerConfigs, ServerTls};
use schema::{Check, Descriptor, Secret};

use crate::{Gate, GateRules, TlsSwitch};

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
    /// Cipher suites of TLS 1.2 to offer, by Go's names. Those of TLS 1.3 are always offered.
    pub cipher_suites: Vec<String>,
    /// Whether clients show a certificate.
    #[arg(
        default = "NoClientCert",
        one_of(
            "NoClientCert",
            "RequestClientCert",
            "RequireAnyClientCert",
            "VerifyClientCertIfGiven",
            "RequireAndVerifyClientCert"
        )
    )]
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
    fn check(&self, check: &mut Check<'_>) {
        if self.windows_certificate_filter.is_some() {
            return check.body(
                "windows_certificate_filter needs the certificate store of Windows, which this \
                 build does not read; give cert_file and key_file",
            );
        }
        let key = self.key_pem.expose();
        for (pem, text, file, path) in [
            ("cert_pem", &*self.cert_pem, "cert_file", &self.cert_file),
            ("key_pem", key, "key_file", &self.key_file),
        ] {
            if text.is_empty() == path.is_empty() {
                check.body(format!(
                    "exactly one of {pem} and {file} must be configured"
                ));
            }
        }
        if !self.client_ca_pem.is_empty() && !self.client_ca_file.is_empty() {
            check.body("at most one of client_ca_pem and client_ca_file must be configured");
        }
        let ca = !self.client_ca_pem.is_empty() || !self.client_ca_file.is_empty();
        match self.client_auth_type.as_str() {
            "RequireAnyClientCert" => check.attribute(
                "client_auth_type",
                "a certificate that nobody verifies proves nothing, so \"RequireAnyClientCert\" \
                 is not available; use \"RequireAndVerifyClientCert\"",
            ),
            "VerifyClientCertIfGiven" | "RequireAndVerifyClientCert" if !ca => check.attribute(
                "client_auth_type",
                "client_ca_file or client_ca_pem must be configured to verify certificates",
            ),
            _ => {}
        }
        if let Err(error) = self.narrow() {
            check.body(error);
        }
    }

    fn narrow(&self) -> Result<Narrow, String> {
        let narrow = Narrow::default().suites(&self.cipher_suites)?;
        let narrow = narrow.curves(&self.curve_preferences)?;
        narrow.versions(&self.min_version, &self.max_version)
    }

    /// The settings of `net`, which reads files again when they change.
    fn configs(&self) -> ServerConfigs {
        let pem = |text: &str, file: &str| match file {
            "" => Pem::Inline(net::Secret::new(text)),
            file => Pem::File(file.into()),
        };
        let ca = || pem(&self.client_ca_pem, &self.client_ca_file);
        let settings = ServerTls {
            identity: Identity {
                certificate: pem(&self.cert_pem, &self.cert_file),
                key: pem(self.key_pem.expose(), &self.key_file),
            },
            client_auth: match self.client_auth_type.as_str() {
                "VerifyClientCertIfGiven" => ClientAuth::IfGiven(ca()),
                "RequireAndVerifyClientCert" => ClientAuth::Required(ca()),
                // One that is only asked for is not looked at by anybody.
                _ => ClientAuth::None,
            },
            min_version: MinVersion::Tls12,
        };
        let narrow = self.narrow().expect("it was checked");
        ServerConfigs::new(&settings, narrow)
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

pub fn apply(arguments: Option<&Http>, gate: &Gate, tls: &TlsSwitch) {
    let settings = arguments.and_then(|arguments| arguments.tls.as_ref());
    tls.set(settings.map(Tls::configs));
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
