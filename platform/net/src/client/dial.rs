//! From a target to a connected stream: overrides, proxies, DNS, several addresses, TLS.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use http::HeaderValue;
use runtime::Instant;
use runtime::net::TcpStream;

use super::ClientOptions;
use super::connection::Connection;
use super::tunnel;
use crate::auth::basic;
use crate::body::chain;
use crate::dns::Resolver;
use crate::proxy::ProxyRules;
use crate::stream::Stream;
use crate::tls::{Connector, Peer, TlsError};
use crate::{HttpError, Scheme, Target};

/// RFC 8305, section 5: how long an address may take before the next one is tried beside it.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

pub(crate) struct Dialer {
    resolver: Resolver,
    proxies: ProxyRules,
    connect_headers: http::HeaderMap,
    tls: Connector,
    /// To a proxy that is itself reached by TLS: HTTP/2 would not do there.
    tls_to_proxy: Connector,
    round_robin: bool,
    http2_only: bool,
    overrides: Vec<(String, SocketAddr)>,
    socket_path: Option<PathBuf>,
    trace: Option<Rc<DialTrace>>,
}

/// What is told of the connections of a client, for those who measure servers.
#[derive(Debug, Default)]
pub struct DialTrace {
    /// Until the server, or the proxy before it, took the connection; summed over connections.
    pub connecting: Cell<Duration>,
    /// The handshakes with servers; summed over connections.
    pub handshakes: Cell<Duration>,
    /// The server of the last connection; None without TLS.
    pub peer: RefCell<Option<Peer>>,
}

impl DialTrace {
    fn connected(&self, since: Instant) {
        let took = runtime::now() - since;
        self.connecting.set(self.connecting.get() + took);
        self.peer.replace(None);
    }

    fn secured(&self, since: Instant, peer: &Peer) {
        let took = runtime::now() - since;
        self.handshakes.set(self.handshakes.get() + took);
        self.peer.replace(Some(peer.clone()));
    }
}

impl Dialer {
    pub(crate) fn new(options: &ClientOptions) -> Result<Dialer, HttpError> {
        Ok(Dialer {
            resolver: Resolver::new(),
            proxies: ProxyRules::new(&options.proxy.proxy)?,
            connect_headers: options.proxy.connect_headers.clone(),
            tls: Connector::new(&options.tls, options.enable_http2),
            tls_to_proxy: Connector::new(&options.tls, false),
            round_robin: options.round_robin_dns,
            http2_only: options.http2_only,
            overrides: options.overrides.clone(),
            socket_path: options.socket_path.clone(),
            trace: options.trace.clone(),
        })
    }

    /// The proxy that plain requests to `target` are addressed to.
    pub(crate) fn plain_proxy(&self, target: &Target) -> Option<&Target> {
        match target.scheme() {
            Scheme::Http => self.proxy_of(target),
            Scheme::Https => None,
        }
    }

    /// A new connection on which requests to `target` can be sent.
    pub(crate) async fn dial(&self, target: &Target) -> Result<Connection, HttpError> {
        let began = runtime::now();
        let stream = match self.proxy_of(target) {
            None => self.reach(target).await?,
            Some(proxy) => self.reach_through(proxy, target).await?,
        };
        if let Some(trace) = &self.trace {
            trace.connected(began);
        }
        let (stream, http2) = match target.scheme() {
            Scheme::Http => (stream, false),
            Scheme::Https => self.secure(target, stream).await?,
        };
        if self.http2_only && !http2 && target.scheme() == Scheme::Https {
            return Err(HttpError::Protocol {
                authority: target.authority().to_owned(),
                cause: "it does not speak HTTP/2 over TLS, which gRPC needs".to_owned(),
            });
        }
        Connection::open(stream, http2 || self.http2_only)
            .await
            .map_err(|error| HttpError::Protocol {
                authority: target.authority().to_owned(),
                cause: chain(&error),
            })
    }

    /// TLS with the target itself; says whether it chose HTTP/2.
    async fn secure(&self, target: &Target, stream: Stream) -> Result<(Stream, bool), HttpError> {
        let began = runtime::now();
        let secured = self.tls.connect(target.host(), stream).await;
        let (stream, peer) = secured.map_err(|error| tls_failed(target, &error))?;
        if let Some(trace) = &self.trace {
            trace.secured(began, &peer);
        }
        Ok((stream, peer.http2))
    }

    fn proxy_of(&self, target: &Target) -> Option<&Target> {
        match self.override_of(target) {
            _ if self.socket_path.is_some() => None,
            Some(_) => None,
            None => self.proxies.choose(target),
        }
    }

    fn override_of(&self, target: &Target) -> Option<SocketAddr> {
        let known = self
            .overrides
            .iter()
            .find(|(name, _)| name == target.authority());
        known.map(|(_, address)| *address)
    }

    async fn reach_through(&self, proxy: &Target, target: &Target) -> Result<Stream, HttpError> {
        let mut stream = self.reach(proxy).await?;
        if proxy.scheme() == Scheme::Https {
            (stream, _) = self
                .tls_to_proxy
                .connect(proxy.host(), stream)
                .await
                .map_err(|error| tls_failed(proxy, &error))?;
        }
        if target.scheme() == Scheme::Https {
            let head = tunnel::request(target, &self.connect_headers, proxy_credentials(proxy));
            tunnel::open(&mut stream, &head)
                .await
                .map_err(|cause| HttpError::Tunnel {
                    proxy: proxy.authority().to_owned(),
                    authority: target.authority().to_owned(),
                    cause,
                })?;
        }
        Ok(stream)
    }

    /// TCP to the target itself.
    async fn reach(&self, target: &Target) -> Result<Stream, HttpError> {
        if let Some(path) = &self.socket_path {
            let connected = TcpStream::connect_path(path).await;
            return connected
                .map(Stream::plain)
                .map_err(|cause| HttpError::Connect {
                    authority: path.display().to_string(),
                    cause,
                });
        }
        let addresses = match self.override_of(target) {
            Some(address) => vec![address],
            None => self.addresses(target).await?,
        };
        let connect_failed = |cause| HttpError::Connect {
            authority: target.authority().to_owned(),
            cause,
        };
        let tcp = connect_any(&addresses).await.map_err(connect_failed)?;
        // Requests are written whole: waiting for more to put into a segment only delays them.
        tcp.set_nodelay(true).map_err(connect_failed)?;
        Ok(Stream::plain(tcp))
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, HttpError> {
        let found = self.resolver.resolve(target.host()).await;
        let found = found.map_err(|cause| HttpError::Resolve {
            host: target.host().to_owned(),
            cause,
        })?;
        let mut addresses: Vec<SocketAddr> = found
            .iter()
            .map(|ip: &IpAddr| SocketAddr::new(*ip, target.port()))
            .collect();
        if self.round_robin && 1 < addresses.len() {
            let first = runtime::random_u64() % addresses.len() as u64;
            addresses.rotate_left(first as usize);
        }
        Ok(addresses)
    }
}

/// `Proxy-Authorization` from the proxy's URL.
pub(crate) fn proxy_credentials(proxy: &Target) -> Option<HeaderValue> {
    let (user, password) = proxy.user_info()?;
    Some(basic(&user, &password))
}

fn tls_failed(target: &Target, error: &TlsError) -> HttpError {
    HttpError::Tls {
        authority: target.authority().to_owned(),
        cause: error.to_string(),
    }
}

/// Connects to the first address that answers. Addresses are tried in order, each a little after
/// the one before it, so that one that swallows packets costs a quarter of a second and no more.
async fn connect_any(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut attempts = Vec::with_capacity(addresses.len());
    let mut waiting = addresses.iter();
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let Some(address) = waiting.next() else {
            return first_of(&mut attempts, None)
                .await
                .unwrap_or(Err(last_error));
        };
        attempts.push(Box::pin(TcpStream::connect(*address)));
        match first_of(&mut attempts, Some(NEXT_ADDRESS_AFTER)).await {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => last_error = error,
            None => {}
        }
    }
}

/// The first attempt that connects; else, once all have failed, the last error. Nothing when
/// `patience` ends first or there is no attempt.
async fn first_of<F>(
    attempts: &mut Vec<std::pin::Pin<Box<F>>>,
    patience: Option<Duration>,
) -> Option<io::Result<TcpStream>>
where
    F: Future<Output = io::Result<TcpStream>>,
{
    let mut patience = pin!(patience.map(runtime::sleep));
    let mut failed = None;
    std::future::poll_fn(|cx| {
        let mut index = 0;
        while index < attempts.len() {
            match attempts[index].as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(stream)) => return Poll::Ready(Some(Ok(stream))),
                Poll::Ready(Err(error)) => {
                    failed = Some(Err(error));
                    drop(attempts.swap_remove(index));
                }
            }
        }
        if attempts.is_empty() {
            return Poll::Ready(failed.take());
        }
        match patience.as_mut().as_pin_mut().map(|sleep| sleep.poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(None),
            _ => Poll::Pending,
        }
    })
    .await
}
