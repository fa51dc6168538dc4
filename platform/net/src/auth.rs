//! Who we say we are: the `Authorization` header of each request.

use std::path::PathBuf;

use crate::{ProxyOptions, Secret, tls};

/// Where a secret comes from. A file is read again when it changes.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    Inline(Secret),
    File(PathBuf),
}

/// How requests authenticate. At most one way, as in the configuration.
#[derive(Clone)]
pub enum Auth {
    None,
    Basic {
        username: String,
        password: Option<SecretSource>,
    },
    /// `Authorization: scheme credentials`; the scheme is `Bearer` for bearer tokens.
    Authorization {
        scheme: String,
        credentials: Option<SecretSource>,
    },
    OAuth2(Box<OAuth2Options>),
}

/// OAuth 2 client credentials: a token is fetched once, shared, and fetched again near its end.
#[derive(Clone)]
pub struct OAuth2Options {
    pub client_id: String,
    pub client_secret: Option<SecretSource>,
    pub scopes: Vec<String>,
    pub token_url: String,
    /// Further form fields of the token request.
    pub endpoint_params: Vec<(String, String)>,
    pub proxy: ProxyOptions,
    pub tls: tls::ClientTls,
}
