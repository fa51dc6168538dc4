//! oauth2: a token, fetched and renewed, on each request.

use std::collections::BTreeMap;

use net::{OAuth2Options, Target, tls::ClientTls};
use schema::{Arguments, Check, Secret};

use crate::auth::secret_source;
use crate::proxy::ProxyConfig;
use crate::tls::TlsConfig;

/// OAuth 2 client credentials.
#[derive(Arguments, Clone, PartialEq)]
#[arg(check = OAuth2::check)]
pub struct OAuth2 {
    /// Id of the client.
    pub client_id: String,
    /// File with the client's secret, read again when it changes.
    pub client_secret_file: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// Further fields of the token request.
    pub endpoint_params: BTreeMap<String, String>,
    /// Proxy towards the token endpoint.
    #[arg(flatten)]
    pub proxy: ProxyConfig,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
    /// Where tokens are fetched.
    pub token_url: String,
    /// TLS towards the token endpoint.
    #[arg(block)]
    pub tls_config: Option<TlsConfig>,
}

impl OAuth2 {
    fn check(&self, check: &mut Check<'_>) {
        if self.client_id.is_empty() {
            check.body("oauth2 client_id must be configured");
        }
        match (
            self.client_secret.is_empty(),
            self.client_secret_file.is_empty(),
        ) {
            (true, true) => {
                check.body("either oauth2 client_secret or client_secret_file must be configured");
            }
            (false, false) => check.attribute(
                "client_secret_file",
                "at most one of oauth2 client_secret & client_secret_file must be configured",
            ),
            _ => {}
        }
        if self.token_url.is_empty() {
            check.body("oauth2 token_url must be configured");
        } else if let Err(error) = Target::parse(&self.token_url) {
            check.attribute("token_url", error.to_string());
        }
    }

    /// The settings of `net`.
    pub fn options(&self) -> OAuth2Options {
        let tls = self
            .tls_config
            .as_ref()
            .map_or_else(ClientTls::system, TlsConfig::client);
        let params = self.endpoint_params.iter();
        OAuth2Options {
            client_id: self.client_id.clone(),
            client_secret: secret_source(&self.client_secret, &self.client_secret_file)
                .expect("the check wants one of them"),
            scopes: self.scopes.clone(),
            token_url: self.token_url.clone(),
            endpoint_params: params
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            proxy: self.proxy.options(),
            tls,
        }
    }
}
