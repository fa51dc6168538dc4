//! tracing: traces of this process itself.
//! Reference: docs/sources/reference/config-blocks/tracing.md

use std::time::Duration;

use schema::{Descriptor, Port};

pub static DESCRIPTOR: Descriptor = super::block::<Tracing>("tracing");

#[derive(schema::Arguments)]
pub struct Tracing {
    /// Part of all traces that is kept.
    #[arg(default = 0.1, min = 0, max = 1)]
    pub sampling_fraction: f64,
    /// Consumers that get the traces.
    #[arg(port = Otlp)]
    pub write_to: Vec<Port>,
    /// Whether requests bear the trace on.
    #[arg(default = false)]
    pub send_traceparent: bool,
    /// Where sampling decisions come from.
    #[arg(block)]
    pub sampler: Option<Sampler>,
}

#[derive(schema::Arguments)]
pub struct Sampler {
    /// A Jaeger server that decides.
    #[arg(block)]
    pub jaeger_remote: Option<JaegerRemote>,
}

/// A Jaeger server that decides.
#[derive(schema::Arguments)]
pub struct JaegerRemote {
    /// Operations that are told apart.
    #[arg(default = 256)]
    pub max_operations: i64,
    /// How often to ask.
    #[arg(default = "1m")]
    pub refresh_interval: Duration,
    /// Address of the server.
    #[arg(default = "http://127.0.0.1:5778/sampling")]
    pub url: String,
}

pub fn apply(arguments: Option<&Tracing>) {
    if arguments.is_some_and(|arguments| !arguments.write_to.is_empty()) {
        tracing::warn!("tracing: traces of the process itself are not available yet");
    }
}
