//! net: HTTP over the shard runtime. A client with its connection pool, a server, DNS, proxies,
//! authentication, and TLS, which lives in `tls` and nowhere else.
//!
//! Nouns: a *target* is a parsed URL; a *client* belongs to one component on one shard and owns its
//! connections; *wire bytes* are counted before decompression, *decoded bytes* after it.
//! Not here: what the bytes mean (formats), when to try again later (engine's outbox).

mod target;
pub use target::{Scheme, Target};
mod error;
pub use error::{ErrorKind, HttpError};
mod secret;
pub use secret::Secret;
mod body;
pub use body::BodyLimits;
mod auth;
pub use auth::{Auth, OAuth2Options, SecretSource};
mod proxy;
pub use proxy::{Proxy, ProxyOptions};
mod client;
pub mod tls;
pub use client::{Client, ClientOptions, Head, PoolOptions, Request, Response};
mod server;
pub use server::{Answer, Handler, Incoming, Server, ServerOptions};

pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
