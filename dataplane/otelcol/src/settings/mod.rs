//! Settings that components of this family share: where data goes, TLS as the Collector has it,
//! handlers, queue and retries.

mod debug_metrics;
mod handler;
mod lines;
mod outputs;
mod queue;
mod server;
mod tls;

pub use debug_metrics::DebugMetrics;
pub use handler::{
    ClientAuth, Handler, HeaderAction, HeaderRule, HeaderSource, OAuth2, ServerAuth,
};
pub use lines::{Multiline, RetryOnFailure, refuse_encoding, splitter};
pub use outputs::{Forward, Outputs};
pub use queue::{Retry, SendingQueue};
pub use server::{Cors, GrpcServer, HttpServer, address, refuse_endpoint, refuse_listen_address};
pub use tls::{TlsClient, TlsServer};
