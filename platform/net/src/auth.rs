//! Who we say we are: the `Authorization` header of each request.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::file::WatchedFile;
use crate::oauth2::TokenSource;
use crate::sigv4::{SigV4Options, Signer};
use crate::{HttpError, ProxyOptions, Secret, tls};

/// Where a secret comes from. A file is read again when it changes.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    Inline(Secret),
    File(PathBuf),
}

/// How requests authenticate: at most one way.
#[derive(Clone)]
pub enum Auth {
    None,
    Basic {
        username: String,
        password: Option<SecretSource>,
    },
    /// `Authorization: scheme credentials`, the scheme being `Bearer` for bearer tokens.
    Authorization {
        scheme: String,
        credentials: Option<SecretSource>,
    },
    OAuth2(Box<OAuth2Options>),
    /// AWS Signature Version 4.
    SigV4(Box<SigV4Options>),
}

/// OAuth 2 client credentials: a token is fetched once, shared, and fetched again near its end.
#[derive(Clone)]
pub struct OAuth2Options {
    pub client_id: String,
    pub client_secret: SecretSource,
    pub scopes: Vec<String>,
    pub token_url: String,
    /// Further form fields of the token request.
    pub endpoint_params: Vec<(String, String)>,
    pub proxy: ProxyOptions,
    pub tls: tls::ClientTls,
}

/// A secret that can be asked for again and again.
pub(crate) enum Stored {
    Inline(Secret),
    File(WatchedFile),
}

impl Stored {
    pub(crate) fn new(source: &SecretSource) -> Stored {
        match source {
            SecretSource::Inline(secret) => Stored::Inline(secret.clone()),
            SecretSource::File(path) => Stored::File(WatchedFile::new(path)),
        }
    }

    pub(crate) async fn get(&self) -> Result<Secret, HttpError> {
        let file = match self {
            Stored::Inline(secret) => return Ok(secret.clone()),
            Stored::File(file) => file,
        };
        let path = || file.path().display().to_string();
        let content = file.content().await.map_err(|cause| HttpError::File {
            path: path(),
            cause,
        })?;
        match std::str::from_utf8(&content) {
            // Editors end files with a newline that belongs to no password.
            Ok(text) => Ok(Secret::new(text.trim())),
            Err(error) => {
                let cause = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
                Err(HttpError::File {
                    path: path(),
                    cause,
                })
            }
        }
    }
}

/// Makes the header of each request.
pub(crate) enum Authenticator {
    None,
    /// Nothing in it changes.
    Fixed(HeaderValue),
    Basic {
        username: String,
        password: Stored,
    },
    Authorization {
        scheme: String,
        credentials: Stored,
    },
    OAuth2(Box<TokenSource>),
    SigV4(Box<Signer>),
}

impl Authenticator {
    pub(crate) fn new(auth: &Auth, user_agent: &str) -> Result<Authenticator, HttpError> {
        Ok(match auth {
            Auth::None => Authenticator::None,
            Auth::Basic {
                username,
                password: None,
            } => Authenticator::Fixed(basic(username, "")),
            Auth::Basic {
                username,
                password: Some(SecretSource::Inline(password)),
            } => Authenticator::Fixed(basic(username, password.expose())),
            Auth::Basic {
                username,
                password: Some(file),
            } => Authenticator::Basic {
                username: username.clone(),
                password: Stored::new(file),
            },
            Auth::Authorization {
                scheme,
                credentials: None,
            } => Authenticator::Fixed(authorization(scheme, "")?),
            Auth::Authorization {
                scheme,
                credentials: Some(SecretSource::Inline(secret)),
            } => Authenticator::Fixed(authorization(scheme, secret.expose())?),
            Auth::Authorization {
                scheme,
                credentials: Some(file),
            } => {
                let credentials = Stored::new(file);
                Authenticator::Authorization {
                    scheme: scheme.clone(),
                    credentials,
                }
            }
            Auth::OAuth2(options) => {
                Authenticator::OAuth2(Box::new(TokenSource::new(options, user_agent)?))
            }
            Auth::SigV4(options) => Authenticator::SigV4(Box::new(Signer::new(options)?)),
        })
    }

    /// The header for a request that is about to be sent.
    pub(crate) async fn header(&self) -> Result<Option<HeaderValue>, HttpError> {
        match self {
            // A signature is of a whole request; its signer is asked for it.
            Authenticator::None | Authenticator::SigV4(_) => Ok(None),
            Authenticator::Fixed(value) => Ok(Some(value.clone())),
            Authenticator::Basic { username, password } => {
                Ok(Some(basic(username, password.get().await?.expose())))
            }
            Authenticator::Authorization {
                scheme,
                credentials,
            } => authorization(scheme, credentials.get().await?.expose()).map(Some),
            Authenticator::OAuth2(tokens) => tokens.header().await.map(Some),
        }
    }

    /// Who signs requests, if that is how they authenticate.
    pub(crate) fn signer(&self) -> Option<&Signer> {
        match self {
            Authenticator::SigV4(signer) => Some(signer),
            _ => None,
        }
    }
}

/// `Basic` with user and password.
pub(crate) fn basic(username: &str, password: &str) -> HeaderValue {
    let credentials = STANDARD.encode(format!("{username}:{password}"));
    authorization("Basic", &credentials).expect("base64 fits into a header")
}

/// `scheme credentials`, hidden in debug output and from HTTP/2's header compression.
pub(crate) fn authorization(scheme: &str, credentials: &str) -> Result<HeaderValue, HttpError> {
    let text = format!("{scheme} {credentials}");
    let mut value = HeaderValue::from_str(text.trim_end()).map_err(|_| HttpError::Credentials)?;
    value.set_sensitive(true);
    Ok(value)
}
