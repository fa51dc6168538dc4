//! tls_config: whom we trust and who we are, towards servers.

use std::path::PathBuf;

use net::tls::{ClientAuth, ClientTls, Identity, MinVersion, Pem, ServerTls};
use net::tls::{check_certificates, check_key};
use schema::{Arguments, Check, Secret};

/// TLS towards a server. Files are read again when they change.
#[derive(Arguments, Clone, PartialEq)]
#[arg(check = TlsConfig::check)]
pub struct TlsConfig {
    /// Certificates to trust, as PEM text; the system's when neither this nor `ca_file` is set.
    pub ca_pem: String,
    /// File with the certificates to trust.
    pub ca_file: String,
    /// Our certificate with its chain, as PEM text.
    pub cert_pem: String,
    /// File with our certificate and its chain.
    pub cert_file: String,
    /// Do not verify the server's certificate.
    pub insecure_skip_verify: bool,
    /// File with our certificate's key.
    pub key_file: String,
    /// Our certificate's key, as PEM text.
    pub key_pem: Secret,
    /// Oldest TLS version to speak. TLS10 and TLS11 are taken and mean TLS12, the oldest supported.
    #[arg(one_of("", "TLS10", "TLS11", "TLS12", "TLS13"))]
    pub min_version: String,
    /// Name that the server's certificate must have, when it is not the URL's host.
    pub server_name: String,
}

impl TlsConfig {
    fn check(&self, check: &mut Check<'_>) {
        let key_pem = self.key_pem.expose();
        let pairs = [
            ("ca_pem", &*self.ca_pem, "ca_file", &self.ca_file),
            ("cert_pem", &self.cert_pem, "cert_file", &self.cert_file),
            ("key_pem", key_pem, "key_file", &self.key_file),
        ];
        for (pem, pem_text, file, file_text) in pairs {
            if !pem_text.is_empty() && !file_text.is_empty() {
                let message = format!("at most one of {pem} and {file} must be configured");
                check.attribute(file, message);
            }
        }
        let certificate = !self.cert_pem.is_empty() || !self.cert_file.is_empty();
        let key = !key_pem.is_empty() || !self.key_file.is_empty();
        if certificate && !key {
            check.body(
                "exactly one of key_pem or key_file must be configured when a client certificate \
                 is configured",
            );
        }
        if key && !certificate {
            check.body(
                "exactly one of cert_pem or cert_file must be configured when a client key is \
                 configured",
            );
        }
        self.check_texts(check);
    }

    fn check_texts(&self, check: &mut Check<'_>) {
        let certificates = [("ca_pem", &self.ca_pem), ("cert_pem", &self.cert_pem)];
        for (name, text) in certificates {
            if !text.is_empty()
                && let Err(cause) = check_certificates(text)
            {
                check.attribute(name, format!("{name} is not usable: {cause}"));
            }
        }
        if !self.key_pem.is_empty()
            && let Err(cause) = check_key(self.key_pem.expose())
        {
            check.attribute("key_pem", format!("key_pem is not usable: {cause}"));
        }
    }

    /// The settings of `net`.
    pub fn client(&self) -> ClientTls {
        let certificate = pem(&self.cert_pem, &self.cert_file);
        let key = pem(self.key_pem.expose(), &self.key_file);
        let server_name = Some(self.server_name.clone()).filter(|name| !name.is_empty());
        ClientTls {
            ca: pem(&self.ca_pem, &self.ca_file),
            identity: certificate
                .zip(key)
                .map(|(certificate, key)| Identity { certificate, key }),
            server_name,
            insecure_skip_verify: self.insecure_skip_verify,
            min_version: self.min_version(),
        }
    }

    /// The settings for a server that shows the certificate; with `ca_pem` or `ca_file`, clients
    /// have to show one that those vouch for. Without any of the three there is no TLS.
    pub fn server(&self) -> Result<Option<ServerTls>, String> {
        let ca = pem(&self.ca_pem, &self.ca_file);
        let certificate = pem(&self.cert_pem, &self.cert_file);
        let key = pem(self.key_pem.expose(), &self.key_file);
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Identity { certificate, key },
            (None, None) if ca.is_none() => return Ok(None),
            _ => return Err("certificate and key must be configured".to_owned()),
        };
        Ok(Some(ServerTls {
            identity,
            client_auth: ca.map_or(ClientAuth::None, ClientAuth::Required),
            min_version: self.min_version(),
        }))
    }

    fn min_version(&self) -> MinVersion {
        match self.min_version.as_str() {
            "TLS13" => MinVersion::Tls13,
            _ => MinVersion::Tls12,
        }
    }
}

fn pem(text: &str, file: &str) -> Option<Pem> {
    if !text.is_empty() {
        return Some(Pem::Inline(net::Secret::new(text)));
    }
    (!file.is_empty()).then(|| Pem::File(PathBuf::from(file)))
}
