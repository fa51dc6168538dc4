//! What every component that sends HTTP requests takes: authentication, TLS, proxy, redirects,
//! headers. Flattened into the component's own body.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use net::{Auth, Client, ClientOptions, HeaderMap, HeaderName, HeaderValue, HttpError};
use net::{SecretSource, tls::ClientTls};
use schema::{Arguments, Check, Secret};

use crate::auth::{Authorization, BasicAuth, secret_source};
use crate::oauth2::OAuth2;
use crate::proxy::ProxyConfig;
use crate::tls::TlsConfig;

/// The client's settings, used as `#[arg(flatten)]`.
#[derive(Arguments, Clone, PartialEq)]
#[arg(check = HttpClientConfig::check)]
pub struct HttpClientConfig {
    /// File with a bearer token, read again when it changes.
    pub bearer_token_file: String,
    /// Bearer token to send with each request.
    pub bearer_token: Secret,
    /// Speak HTTP/2 to https servers that offer it.
    #[arg(default = true)]
    pub enable_http2: bool,
    /// Follow redirects, at most 10 a request.
    #[arg(default = true)]
    pub follow_redirects: bool,
    /// Headers to send with each request.
    pub http_headers: BTreeMap<String, Vec<Secret>>,
    /// Proxy that requests go through.
    #[arg(flatten)]
    pub proxy: ProxyConfig,
    /// The `Authorization` header of each request.
    #[arg(block)]
    pub authorization: Option<Authorization>,
    /// User name and password on each request.
    #[arg(block)]
    pub basic_auth: Option<BasicAuth>,
    /// A token from an OAuth 2 endpoint on each request.
    #[arg(block)]
    pub oauth2: Option<OAuth2>,
    /// TLS towards servers.
    #[arg(block)]
    pub tls_config: Option<TlsConfig>,
}

/// What a client needs to know of its process.
pub struct ClientContext<'a> {
    /// `invar/1.2.3`.
    pub user_agent: &'a str,
    /// Names of ours, `host:port`, and where they are reached.
    pub overrides: &'a [(String, SocketAddr)],
}

impl HttpClientConfig {
    fn check(&self, check: &mut Check<'_>) {
        let ways = [
            ("basic_auth", self.basic_auth.is_some()),
            ("authorization", self.authorization.is_some()),
            ("oauth2", self.oauth2.is_some()),
            ("bearer_token", !self.bearer_token.is_empty()),
            ("bearer_token_file", !self.bearer_token_file.is_empty()),
        ];
        // At the second way that the text gives: the first one alone would be fine.
        if let Some((second, _)) = ways.iter().filter(|(_, given)| *given).nth(1) {
            let message = "at most one of basic_auth, authorization, oauth2, bearer_token & \
                           bearer_token_file must be configured";
            match second.starts_with("bearer") {
                true => check.attribute(second, message),
                false => check.block(second, 0, message),
            }
        }
        refuse_invalid_headers("http_headers", each_value(&self.http_headers), check);
        refuse_reserved_headers("http_headers", self.http_headers.keys(), check);
    }

    /// Whether requests authenticate in one of the ways declared here.
    pub fn authenticates(&self) -> bool {
        !matches!(self.auth(), Auth::None)
    }

    fn auth(&self) -> Auth {
        if let Some(basic) = &self.basic_auth {
            return basic.auth();
        }
        if let Some(authorization) = &self.authorization {
            return authorization.auth();
        }
        if let Some(oauth2) = &self.oauth2 {
            return Auth::OAuth2(Box::new(oauth2.options()));
        }
        let token = secret_source(&self.bearer_token, &self.bearer_token_file);
        token.map_or(Auth::None, |token: SecretSource| Auth::Authorization {
            scheme: "Bearer".to_owned(),
            credentials: Some(token),
        })
    }

    /// The client's options, for components that change some before they build it.
    pub fn options(&self, cx: &ClientContext<'_>) -> ClientOptions {
        let mut options = ClientOptions::new(cx.user_agent);
        options.auth = self.auth();
        options.tls = self
            .tls_config
            .as_ref()
            .map_or_else(ClientTls::system, TlsConfig::client);
        options.proxy = self.proxy.options();
        options.follow_redirects = self.follow_redirects;
        options.enable_http2 = self.enable_http2;
        options.overrides = cx.overrides.to_vec();
        // Compat: of several values the last one is sent (conformance case
        // metrics/request_headers).
        options.headers = header_map(self.http_headers.iter().filter_map(|(name, values)| {
            values.last().map(|value| (name.as_str(), value.expose()))
        }));
        options
    }

    pub fn build(&self, cx: &ClientContext<'_>) -> Result<Client, HttpError> {
        Client::new(self.options(cx))
    }
}

/// Headers that the client or the protocol sets and no configuration may, as Prometheus has them.
const RESERVED: [&str; 18] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "user-agent",
    "www-authenticate",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-prometheus-remote-read-version",
    "x-prometheus-remote-write-version",
    "x-prometheus-scrape-timeout-seconds",
];

/// Refuses names in the attribute `attribute` that are not a configuration's to set.
pub fn refuse_reserved_headers<'a>(
    attribute: &str,
    names: impl Iterator<Item = &'a String>,
    check: &mut Check<'_>,
) {
    for name in names {
        if RESERVED
            .iter()
            .any(|reserved| name.eq_ignore_ascii_case(reserved))
        {
            check.attribute(attribute, format!("setting header {name:?} is not allowed"));
        }
    }
}

/// Refuses names and values that no header can have.
pub fn refuse_invalid_headers<'a>(
    attribute: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    check: &mut Check<'_>,
) {
    for (name, value) in headers {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            check.attribute(attribute, format!("{name:?} is not a header name"));
        }
        if HeaderValue::from_str(value).is_err() {
            let message = format!(
                "the value of header {name:?} holds a character that no header \
                                   can carry"
            );
            check.attribute(attribute, message);
        }
    }
}

/// Each value of each header.
pub(crate) fn each_value(
    headers: &BTreeMap<String, Vec<Secret>>,
) -> impl Iterator<Item = (&str, &str)> {
    headers
        .iter()
        .flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.expose())))
}

/// Headers for `net`, hidden in its debug output. Invalid ones were refused when they were decoded.
pub fn header_map<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
        if let Some((name, mut value)) = parsed.zip(HeaderValue::from_str(value).ok()) {
            value.set_sensitive(true);
            map.append(name, value);
        }
    }
    map
}
