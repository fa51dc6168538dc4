//! Settings that several components share, declared once: the struct that a user fills in is the
//! one that documentation shows and that the runtime builds from.
//!
//! Each block builds the part that it describes (`http_client.build(..)` is a `net::Client`), and
//! refuses in its check what its text alone shows to be wrong. How the parts work is net's and
//! ops'.

#![forbid(unsafe_code)]

mod auth;
mod cloud_auth;
mod docker_host;
mod grpc_server;
mod http_client;
mod http_server;
mod oauth2;
mod proxy;
mod relabel_rule;
mod tls;

#[cfg(test)]
mod tests;

pub use auth::{Authorization, BasicAuth};
pub use cloud_auth::{AzureAd, GoogleIam, SigV4};
pub use docker_host::DockerHost;
pub use grpc_server::GrpcServerConfig;
pub use http_client::{ClientContext, HttpClientConfig, header_map};
pub use http_client::{refuse_invalid_headers, refuse_reserved_headers};
pub use http_server::{Http2ServerConfig, HttpServerConfig, TlsServerConfig};
pub use oauth2::OAuth2;
pub use proxy::ProxyConfig;
pub use relabel_rule::{RelabelRule, RelabelRules, rules};
pub use tls::TlsConfig;
