//! grpc: what receivers of pushes take beside `http`, though they serve nothing over gRPC.

use std::time::Duration;

use schema::Arguments;

use crate::http_server::TlsServerConfig;

/// What Alloy's "infinity" is: the longest time that it can write down.
const INFINITY: Duration = Duration::from_nanos(i64::MAX.cast_unsigned());

/// grpc of receivers that serve nothing over gRPC, in Alloy either: taken for compatibility.
#[derive(Arguments, Clone)]
pub struct GrpcServerConfig {
    /// Address to listen on; all addresses when empty.
    pub listen_address: String,
    /// Port to listen on; 0 lets the system choose one.
    #[arg(default = 0)]
    pub listen_port: i64,
    /// Most connections at a time; 0 sets no limit.
    #[arg(default = 0)]
    pub conn_limit: i64,
    /// How long a connection may live.
    #[arg(default = INFINITY)]
    pub max_connection_age: Duration,
    /// How much longer a connection may live when requests are under way.
    #[arg(default = INFINITY)]
    pub max_connection_age_grace: Duration,
    /// How long a connection may carry no request.
    #[arg(default = INFINITY)]
    pub max_connection_idle: Duration,
    /// Most bytes of a message that is received.
    #[arg(default = 4194304)]
    pub server_max_recv_msg_size: i64,
    /// Most bytes of a message that is sent.
    #[arg(default = 4194304)]
    pub server_max_send_msg_size: i64,
    /// Requests at once on one connection.
    #[arg(default = 100)]
    pub server_max_concurrent_streams: u32,
    /// TLS towards clients.
    #[arg(block)]
    pub tls: Option<TlsServerConfig>,
}
