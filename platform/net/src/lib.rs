//! net: HTTP over the shard runtime. A client with its connection pool, a server, DNS, proxies,
//! authentication, and TLS, which lives in `tls` and nowhere else.
//!
//! Nouns: a *target* is a parsed URL; a *client* belongs to one component on one shard and owns its
//! connections; *wire bytes* are counted before decompression, *decoded bytes* after it; an
//! *override* is a name of ours that is reached at an address of ours.
//! Not here: what the bytes mean (formats), when to try again later (engine's outbox).

mod target;

mod client;
mod server;

mod body;
pub mod codec;
mod error;
pub mod grpc;
pub mod http1;
mod pieces;
mod secret;

mod auth;
mod oauth2;
mod proxy;
mod sigv4;

mod dns;
mod file;
mod stream;
pub mod tls;

#[cfg(test)]
mod tests;

pub use auth::{Auth, OAuth2Options, SecretSource};
pub use body::BodyLimits;
pub use client::{
    Client, ClientOptions, DialTrace, Head, PoolOptions, Request, Response, Streamed,
};
pub use error::{ErrorKind, HttpError};
pub use pieces::Chunks;
pub use proxy::{Proxy, ProxyOptions};
pub use secret::Secret;
pub use server::{Answer, Handler, Incoming, Protocols, Server, ServerOptions, serve};
pub use sigv4::SigV4Options;
pub use target::{Scheme, Target};

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
