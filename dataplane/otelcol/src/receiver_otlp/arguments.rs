//! The settings of the receiver and of its two servers.

use std::net::SocketAddr;

use schema::{Arguments, Check};

use crate::settings::{self, DebugMetrics, Outputs, address, refuse_endpoint};

#[derive(Arguments)]
pub struct ReceiverOtlpArguments {
    /// Where to take gRPC, and how; not at all without this block.
    #[arg(block)]
    pub grpc: Option<GrpcServer>,
    /// Where to take HTTP, and how; not at all without this block.
    #[arg(block)]
    pub http: Option<HttpServer>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// Where data goes.
    #[arg(block, required)]
    pub output: Outputs,
}

/// A gRPC server.
#[derive(Arguments, Clone)]
#[arg(check = GrpcServer::check)]
pub struct GrpcServer {
    /// Address and port to listen on.
    #[arg(default = "0.0.0.0:4317")]
    pub endpoint: String,
    /// What every server has.
    #[arg(flatten)]
    pub server: settings::GrpcServer,
}

impl GrpcServer {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }

    pub fn address(&self) -> Option<SocketAddr> {
        address(&self.endpoint)
    }
}

/// An HTTP server.
#[derive(Arguments, Clone)]
#[arg(check = HttpServer::check)]
pub struct HttpServer {
    /// Address and port to listen on.
    #[arg(default = "0.0.0.0:4318")]
    pub endpoint: String,
    /// Path of logs.
    #[arg(default = "/v1/logs")]
    pub logs_url_path: String,
    /// Path of metrics.
    #[arg(default = "/v1/metrics")]
    pub metrics_url_path: String,
    /// Path of traces.
    #[arg(default = "/v1/traces")]
    pub traces_url_path: String,
    /// What every server has.
    #[arg(flatten)]
    pub server: settings::HttpServer,
}

impl HttpServer {
    fn check(&self, check: &mut Check<'_>) {
        refuse_endpoint(&self.endpoint, check);
    }

    pub fn address(&self) -> Option<SocketAddr> {
        address(&self.endpoint)
    }
}
