//! Servers as the Collector has them: gRPC and HTTP, and the address that they listen on.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use net::{Protocols, ServerOptions};
use schema::{Arguments, Bytes, Check};

use super::{Handler, TlsServer};

/// What Alloy's "infinity" is: the longest time that it can write down.
const INFINITY: Duration = Duration::from_nanos(i64::MAX.cast_unsigned());

/// What every gRPC server has, its endpoint apart.
#[derive(Arguments, Clone)]
#[arg(check = GrpcServer::check)]
pub struct GrpcServer {
    /// Who may send: a handler of `otelcol.auth`.
    pub auth: Option<Handler>,
    /// Keep the metadata of requests beside their data.
    #[arg(default = false)]
    pub include_metadata: bool,
    /// Requests at once on one connection; 0 leaves the server's own limit.
    pub max_concurrent_streams: u32,
    /// Most bytes of a message.
    #[arg(default = Bytes(4 << 20))]
    pub max_recv_msg_size: Bytes,
    /// Taken for compatibility: buffers grow with what arrives.
    #[arg(default = Bytes(512 << 10))]
    pub read_buffer_size: Bytes,
    /// What is listened on.
    #[arg(default = "tcp", one_of("tcp", "tcp4", "tcp6"))]
    pub transport: String,
    /// Taken for compatibility: answers are written at once.
    pub write_buffer_size: Bytes,
    /// How long connections live.
    #[arg(block)]
    pub keepalive: Option<Keepalive>,
    /// TLS towards clients; none without it.
    #[arg(block)]
    pub tls: Option<TlsServer>,
}

/// How long connections live.
#[derive(Arguments, Clone)]
pub struct Keepalive {
    /// What clients may do to keep connections.
    #[arg(block)]
    pub enforcement_policy: Option<EnforcementPolicy>,
    /// What the server does.
    #[arg(block)]
    pub server_parameters: Option<ServerParameters>,
}

/// What clients may do to keep connections. Taken for compatibility: pings cost nothing and are
/// answered.
#[derive(Arguments, Clone)]
pub struct EnforcementPolicy {
    /// Shortest time between two pings of a client.
    #[arg(default = "5m")]
    pub min_time: Duration,
    /// Whether pings may come while there is no request.
    #[arg(default = false)]
    pub permit_without_stream: bool,
}

/// What the server does about its connections.
#[derive(Arguments, Clone)]
pub struct ServerParameters {
    /// How much longer a connection may live when requests are under way.
    #[arg(default = INFINITY)]
    pub max_connection_age_grace: Duration,
    /// How long a connection may live, a tenth more or less.
    #[arg(default = INFINITY)]
    pub max_connection_age: Duration,
    /// How long a connection may carry no request.
    #[arg(default = INFINITY)]
    pub max_connection_idle: Duration,
    /// Taken for compatibility: a silent connection costs next to nothing and is left alone.
    #[arg(default = "2h")]
    pub time: Duration,
    /// Taken for compatibility, as `time`.
    #[arg(default = "20s")]
    pub timeout: Duration,
}

impl GrpcServer {
    fn check(&self, check: &mut Check<'_>) {
        refuse_handler(self.auth.as_ref(), check);
    }

    pub fn options(&self) -> ServerOptions {
        let mut options = ServerOptions::standard();
        options.protocols = Protocols::Http2;
        options.tls = self.tls.as_ref().map(TlsServer::server);
        if self.max_concurrent_streams > 0 {
            options.streams_max = self.max_concurrent_streams;
        }
        // gRPC clients keep a connection for as long as they live.
        options.idle_timeout = INFINITY;
        let parameters = self.keepalive.as_ref();
        if let Some(parameters) = parameters.and_then(|it| it.server_parameters.as_ref()) {
            let finite = |time: Duration| (time < INFINITY && !time.is_zero()).then_some(time);
            options.idle_timeout = finite(parameters.max_connection_idle).unwrap_or(INFINITY);
            options.age_max = finite(parameters.max_connection_age);
            options.age_grace = finite(parameters.max_connection_age_grace);
        }
        options
    }
}

/// Compressions that are taken by default; the first is none.
const ALGORITHMS: [&str; 7] = ["", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4"];

/// What every HTTP server has, its endpoint apart.
#[derive(Arguments, Clone)]
#[arg(check = HttpServer::check)]
pub struct HttpServer {
    /// Who may send: a handler of `otelcol.auth`.
    pub auth: Option<Handler>,
    /// Compressions that are taken.
    #[arg(default = ALGORITHMS.map(str::to_owned).to_vec())]
    pub compression_algorithms: Vec<String>,
    /// How long a connection may carry no request.
    #[arg(default = "1m")]
    pub idle_timeout: Duration,
    /// Keep the headers of requests beside their data.
    #[arg(default = false)]
    pub include_metadata: bool,
    /// Take several requests on one connection. Taken for compatibility: clients that want one
    /// request say so themselves.
    #[arg(default = true)]
    pub keep_alives_enabled: bool,
    /// Most bytes of a request, packed and unpacked.
    #[arg(default = Bytes(20 << 20))]
    pub max_request_body_size: Bytes,
    /// How long the headers of a request may take.
    #[arg(default = "1m")]
    pub read_header_timeout: Duration,
    /// How long a request may take to arrive; 0 leaves the server's own limit.
    pub read_timeout: Duration,
    /// Taken for compatibility: answers are small.
    #[arg(default = "30s")]
    pub write_timeout: Duration,
    /// Requests of browsers.
    #[arg(block)]
    pub cors: Option<Cors>,
    /// TLS towards clients; none without it.
    #[arg(block)]
    pub tls: Option<TlsServer>,
}

/// Requests that browsers send from the pages of others.
#[derive(Arguments, Clone)]
pub struct Cors {
    /// Origins that may send, with at most one `*` each.
    pub allowed_origins: Vec<String>,
    /// Headers that they may send.
    #[arg(default = vec!["X-Requested-With".to_owned()])]
    pub allowed_headers: Vec<String>,
    /// Headers of answers that they may read.
    pub exposed_headers: Vec<String>,
    /// How many seconds a browser may remember what is allowed.
    pub max_age: i64,
}

/// The longest that reading a body may take when nothing is set.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

impl HttpServer {
    fn check(&self, check: &mut Check<'_>) {
        refuse_handler(self.auth.as_ref(), check);
    }

    pub fn options(&self) -> ServerOptions {
        let mut options = ServerOptions::standard();
        options.tls = self.tls.as_ref().map(TlsServer::server);
        let given = |time: Duration, default| match time.is_zero() {
            true => default,
            false => time,
        };
        options.idle_timeout = given(self.idle_timeout, INFINITY);
        options.header_timeout = given(self.read_header_timeout, options.header_timeout);
        options.body_timeout = given(self.read_timeout, BODY_TIMEOUT);
        options
    }
}

/// Refuses what is not an address to listen on.
pub fn refuse_endpoint(endpoint: &str, check: &mut Check<'_>) {
    refuse_address("endpoint", endpoint, check);
}

/// As `refuse_endpoint`, for receivers of lines.
pub fn refuse_listen_address(address: &str, check: &mut Check<'_>) {
    refuse_address("listen_address", address, check);
}

fn refuse_address(field: &'static str, endpoint: &str, check: &mut Check<'_>) {
    if address(endpoint).is_none() {
        let message = format!(
            "\"{endpoint}\" is not an address to listen on; give an IP address and a port, such as \
             \"0.0.0.0:4317\""
        );
        check.attribute(field, message);
    }
}

fn refuse_handler(auth: Option<&Handler>, check: &mut Check<'_>) {
    if auth.is_some_and(|auth| auth.server().is_none()) {
        check.attribute(
            "auth",
            "this handler does not support server authentication",
        );
    }
}

/// Where to listen. `localhost` is taken for its IPv4 address, as configurations name it.
pub fn address(endpoint: &str) -> Option<SocketAddr> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let ip = match host {
        "" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        text => text.trim_matches(['[', ']']).parse().ok()?,
    };
    Some(SocketAddr::new(ip, port.parse().ok()?))
}
