//! http: where a receiver listens, and how.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use net::ServerOptions;
use net::tls::{ClientAuth, Identity, MinVersion, Pem, ServerTls};
use schema::{Arguments, Check, Secret};

/// An HTTP server of a component.
#[derive(Arguments, Clone)]
#[arg(check = HttpServerConfig::check)]
pub struct HttpServerConfig {
    /// Address to listen on; all addresses when empty.
    pub listen_address: String,
    /// Port to listen on; 0 lets the system choose one.
    #[arg(default = 8080, min = 0, max = 65535)]
    pub listen_port: i64,
    /// Most connections at a time; 0 leaves the server's own limit.
    #[arg(default = 0, min = 0)]
    pub conn_limit: i64,
    /// How long reading one request may take.
    #[arg(default = Duration::from_secs(30))]
    pub server_read_timeout: Duration,
    /// How long answering one request may take.
    #[arg(default = Duration::from_secs(30))]
    pub server_write_timeout: Duration,
    /// How long a connection may carry no request.
    #[arg(default = Duration::from_secs(120))]
    pub server_idle_timeout: Duration,
    /// TLS towards clients; plain HTTP without it.
    #[arg(block)]
    pub tls: Option<TlsServerConfig>,
    /// How HTTP/2 is served.
    #[arg(block)]
    pub http2: Http2ServerConfig,
}

impl HttpServerConfig {
    fn check(&self, check: &mut Check<'_>) {
        if self.address().is_none() {
            let message = format!(
                "\"{}\" is not an IP address; name the address of an interface, or leave it empty \
                 for all",
                self.listen_address
            );
            check.attribute("listen_address", message);
        }
    }

    /// Where to listen. `localhost` is taken for its IPv4 address, as configurations name it.
    pub fn address(&self) -> Option<SocketAddr> {
        let ip = match self.listen_address.as_str() {
            "" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            text => text.parse().ok()?,
        };
        Some(SocketAddr::new(ip, u16::try_from(self.listen_port).ok()?))
    }

    /// The settings of `net`, for one of `shards` servers that share the port.
    pub fn options(&self, shards: usize) -> ServerOptions {
        let mut options = ServerOptions::standard();
        options.idle_timeout = self.server_idle_timeout;
        options.header_timeout = self.server_read_timeout;
        options.body_timeout = self.server_read_timeout;
        if self.conn_limit > 0 {
            let share = (self.conn_limit as u64).div_ceil(shards as u64);
            options.connections_max = u32::try_from(share).unwrap_or(u32::MAX);
        }
        options.tls = self.tls.as_ref().map(TlsServerConfig::server);
        options
    }
}

/// TLS towards clients.
#[derive(Arguments, Clone)]
#[arg(check = TlsServerConfig::check)]
pub struct TlsServerConfig {
    /// Our certificate with its chain, as PEM text.
    pub cert_pem: String,
    /// File with our certificate and its chain.
    pub cert_file: String,
    /// Our certificate's key, as PEM text.
    pub key_pem: Secret,
    /// File with our certificate's key.
    pub key_file: String,
    /// What is asked of clients.
    #[arg(
        default = "NoClientCert",
        one_of(
            "",
            "NoClientCert",
            "RequestClientCert",
            "RequireAnyClientCert",
            "VerifyClientCertIfGiven",
            "RequireAndVerifyClientCert"
        )
    )]
    pub client_auth_type: String,
    /// Certificates that clients must be signed by, as PEM text.
    pub client_ca: String,
    /// File with the certificates that clients must be signed by.
    pub client_ca_file: String,
    /// Taken for compatibility: rustls offers only suites that are safe.
    pub cipher_suites: String,
    /// Oldest TLS version to speak, such as `VersionTLS13`; older than 1.2 means 1.2.
    pub min_version: String,
}

impl TlsServerConfig {
    fn check(&self, check: &mut Check<'_>) {
        if self.cert_pem.is_empty() && self.cert_file.is_empty() {
            check.body("exactly one of cert_pem or cert_file must be configured");
        }
        if self.key_pem.is_empty() && self.key_file.is_empty() {
            check.body("exactly one of key_pem or key_file must be configured");
        }
        let asks = matches!(
            self.client_auth_type.as_str(),
            "VerifyClientCertIfGiven" | "RequireAndVerifyClientCert" | "RequireAnyClientCert"
        );
        if asks && self.client_ca.is_empty() && self.client_ca_file.is_empty() {
            check.attribute(
                "client_auth_type",
                "client certificates cannot be verified without client_ca_file".to_owned(),
            );
        }
    }

    fn server(&self) -> ServerTls {
        let ca = pem(&self.client_ca, &self.client_ca_file);
        let client_auth = match (self.client_auth_type.as_str(), ca) {
            ("VerifyClientCertIfGiven", Some(ca)) => ClientAuth::IfGiven(ca),
            // Any certificate that nobody vouches for proves nothing: it has to verify.
            ("RequireAndVerifyClientCert" | "RequireAnyClientCert", Some(ca)) => {
                ClientAuth::Required(ca)
            }
            _ => ClientAuth::None,
        };
        let identity = Identity {
            certificate: pem(&self.cert_pem, &self.cert_file).expect("checked: one is given"),
            key: pem(self.key_pem.expose(), &self.key_file).expect("checked: one is given"),
        };
        let min_version = match self.min_version.as_str() {
            "VersionTLS13" | "TLS13" => MinVersion::Tls13,
            _ => MinVersion::Tls12,
        };
        ServerTls {
            identity,
            client_auth,
            min_version,
        }
    }
}

fn pem(text: &str, file: &str) -> Option<Pem> {
    if !text.is_empty() {
        return Some(Pem::Inline(net::Secret::new(text)));
    }
    (!file.is_empty()).then(|| Pem::File(PathBuf::from(file)))
}

/// HTTP/2 of a server: spoken where TLS agrees on it. The numbers are taken for compatibility; the
/// limits that hold are those of the library, which are stricter.
#[derive(Arguments, Clone)]
pub struct Http2ServerConfig {
    /// Taken for compatibility: HTTP/2 is spoken where TLS agrees on it.
    #[arg(default = false)]
    pub enabled: bool,
    /// Taken for compatibility: requests are bounded by the connection.
    #[arg(default = 0)]
    pub max_handlers: i64,
    /// Requests at once on one connection.
    #[arg(default = 100)]
    pub max_concurrent_streams: u32,
    /// Bytes of the table of headers that clients fill.
    #[arg(default = 4096)]
    pub max_decoder_header_table_size: u32,
    /// Bytes of the table of headers that we fill.
    #[arg(default = 4096)]
    pub max_encoder_header_table_size: u32,
    /// Bytes of the largest frame that is taken.
    #[arg(default = 0)]
    pub max_read_frame_size: u32,
    /// Taken for compatibility: rustls offers only suites that are safe.
    #[arg(default = false)]
    pub permit_prohibited_ciphers: bool,
    /// How long a connection may carry no request.
    #[arg(default = Duration::ZERO)]
    pub idle_timeout: Duration,
    /// How long a silent connection is left alone before it is probed.
    #[arg(default = Duration::ZERO)]
    pub read_idle_timeout: Duration,
    /// How long an answer to a probe may take.
    #[arg(default = Duration::from_secs(15))]
    pub ping_timeout: Duration,
    /// How long a write may make no progress.
    #[arg(default = Duration::ZERO)]
    pub write_byte_timeout: Duration,
    /// Bytes that all requests of a connection may have on the way.
    #[arg(default = 0)]
    pub max_upload_buffer_per_connection: i64,
    /// Bytes that one request may have on the way.
    #[arg(default = 0)]
    pub max_upload_buffer_per_stream: i64,
}
