//! The client: one per component and shard, with its own connections, DNS answers and tokens.
//!
//! Flow of a request: credentials -> kept or new connection -> send -> (a dead kept connection:
//! once more on a new one) -> body into the caller's buffer -> (a redirect: from the start).
//! What it promises: at most one answer; a request may reach the server twice when a connection
//! breaks, as with every HTTP client that keeps connections.

mod connection;
mod dial;
mod exchange;
mod pool;
mod streamed;
mod tunnel;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

pub(crate) use connection::LocalTasks;
pub use dial::DialTrace;
pub use pool::PoolOptions;
pub use streamed::Streamed;

use crate::auth::{Authenticator, basic};
use crate::body::{BodyError, Received, is_gzip};
use crate::pieces::Chunks;
use crate::{Auth, BodyLimits, HttpError, ProxyOptions, Scheme, Target, tls};
use connection::{Answer, Cause, SendError};
use dial::{Dialer, proxy_credentials};
use pool::Pool;

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
    /// Speak HTTP/2 and nothing else, without asking where there is no TLS: gRPC.
    pub http2_only: bool,
    /// Ask for gzip. A body that comes as gzip is unpacked in any case.
    pub accept_gzip: bool,
    /// Begin at another address of a name for each connection.
    pub round_robin_dns: bool,
    /// `host:port` that are reached at this address, without DNS and proxy: internal addresses.
    pub overrides: Vec<(String, SocketAddr)>,
    /// A socket of this machine that all requests go to, whatever their targets say.
    pub socket_path: Option<PathBuf>,
    pub pool: PoolOptions,
    /// Who wants to know of connections.
    pub trace: Option<Rc<DialTrace>>,
}

impl ClientOptions {
    /// No authentication, the system's certificates, redirects followed, HTTP/2 and gzip offered.
    pub fn new(user_agent: &str) -> ClientOptions {
        ClientOptions {
            user_agent: user_agent.to_owned(),
            headers: HeaderMap::new(),
            auth: Auth::None,
            tls: tls::ClientTls::system(),
            proxy: ProxyOptions::direct(),
            follow_redirects: true,
            enable_http2: true,
            http2_only: false,
            accept_gzip: true,
            round_robin_dns: false,
            overrides: Vec::new(),
            socket_path: None,
            pool: PoolOptions::standard(),
            trace: None,
        }
    }
}

/// A request. Its body is in memory, so it can be sent again.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub target: Target,
    pub headers: HeaderMap,
    pub body: Chunks,
}

impl Request {
    pub fn get(target: &Target) -> Request {
        Request {
            method: Method::GET,
            target: target.clone(),
            headers: HeaderMap::new(),
            body: Chunks::default(),
        }
    }

    pub fn post(target: &Target, body: impl Into<Chunks>) -> Request {
        Request {
            method: Method::POST,
            target: target.clone(),
            headers: HeaderMap::new(),
            body: body.into(),
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
    /// Fields after the body.
    pub trailers: HeaderMap,
}

impl Head {
    /// When to come again, as the header says it: seconds or a date.
    #[must_use]
    pub fn retry_after(&self) -> Option<&str> {
        self.headers.get(http::header::RETRY_AFTER)?.to_str().ok()
    }

    /// What the status means, in words.
    #[must_use]
    pub fn phrase(&self) -> &'static str {
        let phrase = self.status.canonical_reason();
        phrase.unwrap_or("<unknown status code>")
    }
}

/// An answer with its body.
#[derive(Debug)]
pub struct Response {
    pub head: Head,
    pub body: Vec<u8>,
}

/// Limit: redirects of one request; Go's value, at it the request fails.
const REDIRECTS_MAX: u32 = 10;
/// Limit: body of a redirect that is read so that its connection can be used again.
const REDIRECT_BODY_BYTES_MAX: u64 = 64 * 1024;

/// Sends requests. Clones share connections.
#[derive(Clone)]
pub struct Client(Rc<Inner>);

struct Inner {
    user_agent: HeaderValue,
    headers: HeaderMap,
    follow_redirects: bool,
    accept_gzip: bool,
    authenticator: Authenticator,
    dialer: Dialer,
    pool: Rc<Pool>,
}

impl Client {
    /// Refuses what can be refused without connecting: URLs of proxies and token endpoints.
    /// Files are read when they are needed.
    pub fn new(options: ClientOptions) -> Result<Client, HttpError> {
        let user_agent = HeaderValue::from_str(&options.user_agent)
            .expect("a program's name and version fit into a header");
        Ok(Client(Rc::new(Inner {
            user_agent,
            authenticator: Authenticator::new(&options.auth, &options.user_agent)?,
            dialer: Dialer::new(&options)?,
            headers: options.headers,
            follow_redirects: options.follow_redirects,
            accept_gzip: options.accept_gzip,
            pool: Rc::new(Pool::new(options.pool)),
        })))
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
    /// capacity: a caller that asks again and again grows it once. `timeout` covers all of it,
    /// names, connecting and redirects included.
    pub async fn send_into(
        &self,
        request: &Request,
        timeout: Duration,
        limits: BodyLimits,
        body: &mut Vec<u8>,
    ) -> Result<Head, HttpError> {
        body.clear();
        let exchange = self.0.follow(request, limits, body);
        match runtime::timeout(timeout, exchange).await {
            Ok(result) => result,
            Err(_) => Err(HttpError::Timeout {
                authority: request.target.authority().to_owned(),
                after: timeout,
            }),
        }
    }

    /// Connections that are kept and idle, for tests and metrics.
    pub fn kept_connections(&self) -> usize {
        self.0.pool.len()
    }
}

/// One hop of a request.
struct Hop {
    method: Method,
    target: Target,
    body: Chunks,
    /// Whether the credentials may be shown to this target.
    trusted: bool,
}

impl Inner {
    async fn follow(
        &self,
        request: &Request,
        limits: BodyLimits,
        body: &mut Vec<u8>,
    ) -> Result<Head, HttpError> {
        let mut hop = Hop {
            method: request.method.clone(),
            target: request.target.clone(),
            body: request.body.clone(),
            trusted: true,
        };
        for _ in 0..=REDIRECTS_MAX {
            let head = self.exchange(request, &hop, limits, body).await?;
            let Some(location) = self.location(&head) else {
                return Ok(head);
            };
            body.clear();
            hop = hop.redirected(&request.target, head.status, &location)?;
        }
        Err(HttpError::Redirects {
            limit: REDIRECTS_MAX,
        })
    }

    /// Where an answer sends us, if it does and we follow.
    fn location(&self, head: &Head) -> Option<String> {
        let location = head.headers.get(header::LOCATION)?;
        let followed = self.follow_redirects && is_redirect(head.status);
        followed.then(|| String::from_utf8_lossy(location.as_bytes()).into_owned())
    }

    async fn exchange(
        &self,
        request: &Request,
        hop: &Hop,
        limits: BodyLimits,
        body: &mut Vec<u8>,
    ) -> Result<Head, HttpError> {
        let headers = self.headers(request, hop).await?;
        let mut answer = self.send_hop(hop, headers).await?;
        let status = answer.status();
        let redirected = self.follow_redirects
            && is_redirect(status)
            && answer.headers().contains_key(header::LOCATION);
        let (gzip, limits) = match redirected {
            true => (false, BodyLimits::both(REDIRECT_BODY_BYTES_MAX)),
            false => (is_gzip(answer.headers()), limits),
        };
        let read = answer.read_into(gzip, limits, body).await;
        let headers = answer.take_headers();
        let received = match read {
            Ok(received) => {
                if let Some(connection) = answer.end() {
                    self.pool.give(hop.target.origin(), connection);
                }
                received
            }
            // What a redirect says beside its location is nobody's loss. A body that was not read
            // to its end takes its connection along.
            Err(_) if redirected => Received::default(),
            Err(error) => return Err(body_failed(&hop.target, limits, error)),
        };
        Ok(Head {
            status,
            headers,
            wire_bytes: received.wire_bytes,
            trailers: received.trailers,
        })
    }

    /// Sends on a kept connection or a new one. A kept one may have been closed by the server while
    /// the request was on its way: then, as long as no byte of an answer came, once more.
    async fn send_hop(&self, hop: &Hop, headers: HeaderMap) -> Result<Answer, HttpError> {
        let origin = hop.target.origin();
        if let Some(connection) = self.pool.take(origin) {
            let request = self.request(hop, headers.clone(), connection.is_http2());
            match connection.send(request).await {
                Ok(answer) => return Ok(answer),
                Err(failure) if failure.answered => return Err(send_failed(&hop.target, failure)),
                Err(failure) => {
                    tracing::debug!("kept connection to {origin} is dead: {failure}");
                    self.pool.forget(origin);
                }
            }
        }
        let connection = self.dialer.dial(&hop.target).await?;
        let request = self.request(hop, headers, connection.is_http2());
        let shared = connection.share();
        let answer = connection.send(request).await;
        let answer = answer.map_err(|failure| send_failed(&hop.target, failure))?;
        if let Some(shared) = shared {
            self.pool.give(origin, shared);
        }
        Ok(answer)
    }

    fn request(&self, hop: &Hop, mut headers: HeaderMap, http2: bool) -> http::Request<Chunks> {
        let target = &hop.target;
        let plain_proxy = self.dialer.plain_proxy(target);
        let uri = match http2 || plain_proxy.is_some() {
            true => target.absolute().clone(),
            false => target.path_and_query().clone(),
        };
        if !http2 && !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, target.host_header().clone());
        }
        if let Some(credentials) = plain_proxy.and_then(proxy_credentials) {
            headers.insert(header::PROXY_AUTHORIZATION, credentials);
        }
        let mut request = http::Request::new(hop.body.clone());
        *request.method_mut() = hop.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request
    }

    async fn headers(&self, request: &Request, hop: &Hop) -> Result<HeaderMap, HttpError> {
        let mut headers = request.headers.clone();
        if hop.method != request.method {
            // The body was dropped on the way, and what described it goes with it.
            for name in [
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::CONTENT_LENGTH,
            ] {
                headers.remove(name);
            }
        }
        if !headers.contains_key(header::USER_AGENT) {
            headers.insert(header::USER_AGENT, self.user_agent.clone());
        }
        if self.accept_gzip && !headers.contains_key(header::ACCEPT_ENCODING) {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        if !hop.trusted {
            headers.remove(header::AUTHORIZATION);
            headers.remove(header::COOKIE);
        } else if let Some(signer) = self.authenticator.signer() {
            let Hop {
                method,
                target,
                body,
                ..
            } = hop;
            signer.sign(method, target, body, &mut headers).await?;
        } else if !headers.contains_key(header::AUTHORIZATION) {
            let configured = self.authenticator.header().await?;
            let value = match (configured, hop.target.user_info()) {
                (Some(value), _) => Some(value),
                (None, Some((user, password))) => Some(basic(&user, &password)),
                (None, None) => None,
            };
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, value);
            }
        }
        Ok(headers)
    }
}

impl Hop {
    /// The next hop. As Go does it: 307 and 308 repeat the request, the others become a GET.
    /// Credentials do not follow to a host outside of the first one's, and once left behind they
    /// stay there.
    fn redirected(
        self,
        first: &Target,
        status: StatusCode,
        location: &str,
    ) -> Result<Hop, HttpError> {
        let target = self.target.redirected(location)?;
        let trusted = self.trusted && first.trusts(&target);
        let repeats = matches!(
            status,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
        );
        if repeats || self.method == Method::HEAD {
            return Ok(Hop {
                target,
                trusted,
                ..self
            });
        }
        Ok(Hop {
            method: Method::GET,
            target,
            body: Chunks::default(),
            trusted,
        })
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn send_failed(target: &Target, failure: SendError) -> HttpError {
    let authority = target.authority().to_owned();
    match failure.cause {
        Cause::Tls(cause) => HttpError::Tls { authority, cause },
        Cause::Closed(cause) => HttpError::Closed { authority, cause },
        Cause::NotHttp(mut cause) => {
            if target.scheme() == Scheme::Http {
                cause.push_str("; check scheme and port");
            }
            HttpError::Protocol { authority, cause }
        }
    }
}

fn body_failed(target: &Target, limits: BodyLimits, error: BodyError) -> HttpError {
    match error {
        BodyError::WireTooLarge => HttpError::WireTooLarge {
            limit: limits.wire_bytes,
        },
        BodyError::DecodedTooLarge => HttpError::DecodedTooLarge {
            limit: limits.decoded_bytes,
        },
        BodyError::Encoding(cause) => HttpError::Encoding { cause },
        BodyError::Broken(cause) => HttpError::Closed {
            authority: target.authority().to_owned(),
            cause,
        },
    }
}
