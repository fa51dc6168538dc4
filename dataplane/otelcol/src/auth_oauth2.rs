//! otelcol.auth.oauth2: a token of OAuth 2 client credentials on each request.
//!
//! Exports a handler and does nothing else; who uses it fetches the token. Compatible with
//! otelcol.auth.oauth2 of Alloy; grants other than client credentials are refused.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use net::tls::ClientTls;
use net::{SecretSource, Target};
use schema::{Argument, Arguments, Check, ExportField, Secret, Stability, Value};

use crate::settings::{ClientAuth, DebugMetrics, Handler, OAuth2, TlsClient};

pub static COMPONENT: Component = Component::of::<AuthOAuth2>();

/// The component.
pub struct AuthOAuth2;

#[derive(Arguments)]
#[arg(check = AuthOAuth2Arguments::check)]
pub struct AuthOAuth2Arguments {
    /// Taken for compatibility: of the grant that is not supported.
    #[arg(default = "")]
    pub audience: String,
    /// Taken for compatibility: of the grant that is not supported.
    pub claims: BTreeMap<String, Value>,
    /// Taken for compatibility: of the grant that is not supported.
    #[arg(default = Secret::default())]
    pub client_certificate_key: Secret,
    /// Taken for compatibility: of the grant that is not supported.
    #[arg(default = "")]
    pub client_certificate_key_file: String,
    /// Taken for compatibility: of the grant that is not supported.
    #[arg(default = "")]
    pub client_certificate_key_id: String,
    /// Id of the client.
    #[arg(default = "")]
    pub client_id: String,
    /// Taken for compatibility, and refused when set: the id is not read from a file.
    #[arg(default = "")]
    pub client_id_file: String,
    /// The client's secret.
    #[arg(default = Secret::default())]
    pub client_secret: Secret,
    /// File with the client's secret, read again when it changes.
    #[arg(default = "")]
    pub client_secret_file: String,
    /// Further fields of the token request.
    pub endpoint_params: BTreeMap<String, Vec<String>>,
    /// Taken for compatibility: a token is renewed ten seconds before its end.
    #[arg(default = Duration::ZERO)]
    pub expiry_buffer: Duration,
    /// How tokens are asked for.
    #[arg(default = "client_credentials")]
    pub grant_type: String,
    /// Taken for compatibility: of the grant that is not supported.
    #[arg(default = "")]
    pub iss: String,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
    /// Taken for compatibility: of the grant that is not supported.
    #[arg(default = "RS256")]
    pub signature_algorithm: String,
    /// Taken for compatibility: the request that needs a token has a timeout.
    #[arg(default = Duration::ZERO)]
    pub timeout: Duration,
    /// Where tokens are fetched.
    #[arg(required)]
    pub token_url: String,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// TLS towards the token endpoint.
    #[arg(block)]
    pub tls: Option<TlsClient>,
}

impl AuthOAuth2Arguments {
    fn check(&self, check: &mut Check<'_>) {
        if self.grant_type != "client_credentials" {
            let text = format!("grant \"{}\" is not supported yet", self.grant_type);
            check.attribute("grant_type", text);
        }
        if !self.client_id_file.is_empty() {
            let text = "client_id_file is not supported yet; use client_id";
            check.attribute("client_id_file", text);
        } else if self.client_id.is_empty() {
            check.body("no ClientID provided in the OAuth2 exporter configuration");
        }
        if self.client_secret.is_empty() && self.client_secret_file.is_empty() {
            check.body("no ClientSecret provided in OAuth Client Credentials configuration");
        }
        if let Err(error) = Target::parse(&self.token_url) {
            check.attribute("token_url", error.to_string());
        }
    }

    fn oauth2(&self) -> OAuth2 {
        let params = self.endpoint_params.iter();
        OAuth2 {
            client_id: self.client_id.clone(),
            client_secret: match self.client_secret_file.as_str() {
                "" => SecretSource::Inline(net::Secret::new(self.client_secret.expose())),
                file => SecretSource::File(PathBuf::from(file)),
            },
            token_url: self.token_url.clone(),
            scopes: self.scopes.clone(),
            endpoint_params: params
                .flat_map(|(name, values)| {
                    values
                        .iter()
                        .map(move |value| (name.clone(), value.clone()))
                })
                .collect(),
            tls: self
                .tls
                .as_ref()
                .map_or_else(ClientTls::system, TlsClient::client),
        }
    }
}

impl DataComponent for AuthOAuth2 {
    type Arguments = AuthOAuth2Arguments;
    const NAME: &'static str = "otelcol.auth.oauth2";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "handler",
        type_name: "otelcol.Handler",
    }];

    async fn build(_arguments: Arc<AuthOAuth2Arguments>, _cx: &Build) -> Result<Built, BuildError> {
        Ok(Built::new())
    }

    fn exports(arguments: &AuthOAuth2Arguments, _node: &str) -> Vec<(&'static str, Value)> {
        let client = ClientAuth::OAuth2(Arc::new(arguments.oauth2()));
        vec![("handler", Handler::auth(Some(client), None).to_value())]
    }
}
