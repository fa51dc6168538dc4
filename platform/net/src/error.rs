//! What can go wrong between a request and its answer: the world's failures, each with its cause
//! and, where there is one, the setting that changes it.

use std::fmt;
use std::io;
use std::time::Duration;

/// A request that got no usable answer. An HTTP status is an answer, never an error here.
#[derive(Debug)]
pub enum HttpError {
    /// no answer from "host:port" within 10s; raise the timeout or check the endpoint
    Timeout { authority: String, after: Duration },
    /// cannot resolve "host": cause
    Resolve { host: String, cause: io::Error },
    /// cannot connect to "host:port": cause
    Connect { authority: String, cause: io::Error },
    /// proxy "host:port" refused the tunnel to "host:port": cause
    Tunnel {
        proxy: String,
        authority: String,
        cause: String,
    },
    /// TLS with "host:port" failed: cause
    Tls { authority: String, cause: String },
    /// connection to "host:port" broke: cause
    Closed { authority: String, cause: String },
    /// "host:port" does not speak HTTP: cause
    Protocol { authority: String, cause: String },
    /// body is larger than 10 bytes before decompression
    WireTooLarge { limit: u64 },
    /// body is larger than 10 bytes after decompression
    DecodedTooLarge { limit: u64 },
    /// body is not valid gzip: cause
    Encoding { cause: String },
    /// stopped after 10 redirects
    Redirects { limit: u32 },
    /// cannot follow the redirect to "location": cause
    Location { location: String, cause: String },
    /// "url" is not a usable URL: cause
    Url { url: String, cause: String },
    /// cannot read "path": cause
    File { path: String, cause: io::Error },
    /// the credentials hold a character that no header can carry
    Credentials,
    /// no token from "url": cause
    Token { url: String, cause: String },
    /// cannot sign requests: cause
    Signing { cause: String },
}

/// The part of the world that failed, for `reason` labels and for deciding what to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    Timeout,
    Resolve,
    Connect,
    Tls,
    /// The connection broke or carried something that is not HTTP.
    Protocol,
    BodyTooLarge,
    /// Credentials could not be read or fetched.
    Auth,
    /// The request itself cannot be sent as configured: trying again will not help.
    Request,
}

impl ErrorKind {
    /// The word of `reason` labels.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Timeout => "timeout",
            ErrorKind::Resolve => "resolve",
            ErrorKind::Connect => "connect",
            ErrorKind::Tls => "tls",
            ErrorKind::Protocol => "protocol",
            ErrorKind::BodyTooLarge => "body_too_large",
            ErrorKind::Auth => "auth",
            ErrorKind::Request => "request",
        }
    }
}

impl HttpError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            HttpError::Timeout { .. } => ErrorKind::Timeout,
            HttpError::Resolve { .. } => ErrorKind::Resolve,
            HttpError::Connect { .. } | HttpError::Tunnel { .. } => ErrorKind::Connect,
            HttpError::Tls { .. } => ErrorKind::Tls,
            HttpError::Closed { .. } | HttpError::Protocol { .. } | HttpError::Encoding { .. } => {
                ErrorKind::Protocol
            }
            HttpError::WireTooLarge { .. } | HttpError::DecodedTooLarge { .. } => {
                ErrorKind::BodyTooLarge
            }
            HttpError::File { .. }
            | HttpError::Token { .. }
            | HttpError::Signing { .. }
            | HttpError::Credentials => ErrorKind::Auth,
            HttpError::Redirects { .. } | HttpError::Location { .. } | HttpError::Url { .. } => {
                ErrorKind::Request
            }
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Timeout { authority, after } => write!(
                f,
                "no answer from \"{authority}\" within {}; raise the timeout or check the endpoint",
                stdx::format_duration(*after)
            ),
            HttpError::Resolve { host, cause } => {
                write!(
                    f,
                    "cannot resolve \"{host}\": {cause}; check the name and the resolver"
                )
            }
            HttpError::Connect { authority, cause } => {
                write!(f, "cannot connect to \"{authority}\": {cause}")
            }
            HttpError::Tunnel {
                proxy,
                authority,
                cause,
            } => {
                write!(
                    f,
                    "proxy \"{proxy}\" gave no tunnel to \"{authority}\": {cause}; check proxy_url"
                )
            }
            HttpError::Tls { authority, cause } => {
                write!(f, "TLS with \"{authority}\" failed: {cause}")
            }
            HttpError::Closed { authority, cause } => {
                write!(f, "connection to \"{authority}\" broke: {cause}")
            }
            HttpError::Protocol { authority, cause } => {
                write!(f, "\"{authority}\" did not answer in HTTP: {cause}")
            }
            HttpError::WireTooLarge { limit } => {
                write!(f, "body is larger than {limit} bytes before decompression")
            }
            HttpError::DecodedTooLarge { limit } => {
                write!(f, "body is larger than {limit} bytes after decompression")
            }
            HttpError::Encoding { cause } => write!(f, "body is not valid gzip: {cause}"),
            HttpError::Redirects { limit } => write!(f, "stopped after {limit} redirects"),
            HttpError::Location { location, cause } => {
                write!(f, "cannot follow the redirect to \"{location}\": {cause}")
            }
            HttpError::Url { url, cause } => write!(f, "\"{url}\" is not a usable URL: {cause}"),
            HttpError::File { path, cause } => write!(f, "cannot read \"{path}\": {cause}"),
            HttpError::Credentials => {
                f.write_str("the credentials hold a character that no header can carry")
            }
            HttpError::Token { url, cause } => write!(f, "no token from \"{url}\": {cause}"),
            HttpError::Signing { cause } => write!(f, "cannot sign requests: {cause}"),
        }
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HttpError::Resolve { cause, .. }
            | HttpError::Connect { cause, .. }
            | HttpError::File { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
