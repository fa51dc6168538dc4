//! The settings of the receiver and of its protocols.

use formats::thrift::Protocol;
use schema::{Arguments, Bytes, Check};

use crate::settings::{self, DebugMetrics, Outputs, refuse_endpoint};

#[derive(Arguments)]
pub struct ReceiverJaegerArguments {
    /// Which protocols are spoken, and where.
    #[arg(block, required)]
    pub protocols: Protocols,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

/// Which protocols are spoken: at least one.
#[derive(Arguments, Clone)]
#[arg(check = Protocols::check)]
pub struct Protocols {
    /// gRPC, as Jaeger's agents speak it.
    #[arg(block)]
    pub grpc: Option<GrpcServer>,
    /// Thrift over HTTP, as Jaeger's clients speak it.
    #[arg(block)]
    pub thrift_http: Option<HttpServer>,
    /// Thrift in the binary protocol over UDP.
    #[arg(block)]
    pub thrift_binary: Option<ThriftBinary>,
    /// Thrift in the compact protocol over UDP.
    #[arg(block)]
    pub thrift_compact: Option<ThriftCompact>,
}

impl Protocols {
    fn check(&self, check: &mut Check<'_>) {
        let none = self.grpc.is_none()
            && self.thrift_http.is_none()
            && self.thrift_binary.is_none()
            && self.thrift_compact.is_none();
        if none {
            check.body(
                "at least one protocol must be enabled: grpc, thrift_http, thrift_binary, \
                 thrift_compact",
            );
        }
    }
}

impl Protocols {
    /// What is listened on over UDP.
    pub fn packets(&self) -> impl Iterator<Item = (Protocol, &String, &Packets)> {
        let binary = self.thrift_binary.as_ref();
        let binary = binary.map(|it| (Protocol::Binary, &it.endpoint, &it.packets));
        let compact = self.thrift_compact.as_ref();
        let compact = compact.map(|it| (Protocol::Compact, &it.endpoint, &it.packets));
        binary.into_iter().chain(compact)
    }
}

/// A gRPC server.
#[derive(Arguments, Clone)]
#[arg(check = GrpcServer::check)]
pub struct GrpcServer {
    /// Address and port to listen on.
    #[arg(default = "0.0.0.0:14250")]
    pub endpoint: String,
    /// What every server has.
    #[arg(flatten)]
    pub server: settings::GrpcServer,
}

impl GrpcServer {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }
}

/// An HTTP server.
#[derive(Arguments, Clone)]
#[arg(check = HttpServer::check)]
pub struct HttpServer {
    /// Address and port to listen on.
    #[arg(default = "0.0.0.0:14268")]
    pub endpoint: String,
    /// What every server has.
    #[arg(flatten)]
    pub server: settings::HttpServer,
}

impl HttpServer {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }
}

/// Packets in the binary protocol.
#[derive(Arguments, Clone)]
#[arg(check = ThriftBinary::check)]
pub struct ThriftBinary {
    /// Address and port to listen on.
    #[arg(default = "0.0.0.0:6832")]
    pub endpoint: String,
    /// How packets are taken.
    #[arg(flatten)]
    pub packets: Packets,
}

/// Packets in the compact protocol.
#[derive(Arguments, Clone)]
#[arg(check = ThriftCompact::check)]
pub struct ThriftCompact {
    /// Address and port to listen on.
    #[arg(default = "0.0.0.0:6831")]
    pub endpoint: String,
    /// How packets are taken.
    #[arg(flatten)]
    pub packets: Packets,
}

impl ThriftBinary {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }
}

impl ThriftCompact {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }
}

/// How packets are taken.
#[derive(Arguments, Clone)]
pub struct Packets {
    /// Most bytes of a packet.
    #[arg(default = Bytes(65 << 10))]
    pub max_packet_size: Bytes,
    /// Taken for compatibility: packets that are not taken yet wait in a queue of 1024.
    #[arg(default = 1000)]
    pub queue_size: i64,
    /// Taken for compatibility: the system keeps as much as it does by itself.
    pub socket_buffer_size: Bytes,
    /// Taken for compatibility: a shard decodes what it reads.
    #[arg(default = 10)]
    pub workers: i64,
}
