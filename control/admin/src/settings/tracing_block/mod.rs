//! tracing: traces of this process itself.
//!
//! Evaluations of the configuration, reloads and requests to the admin server become spans (see
//! [`plan::Tracer`]), which the first shard hands to the consumers of `write_to`. The dataplane
//! makes none, so that `send_traceparent` only says whether requests to the admin server go on with
//! the trace that they bear.
//! Reference: docs/sources/reference/config-blocks/tracing.md

pub mod jaeger_remote;

use std::cell::RefCell;
use std::time::Duration;

use engine::{Command, OwnTraces};
use plan::{Sampler as SpanSampler, Strategy, Tracer, TracerSettings};
use schema::{Check, Descriptor, Port};
use tokio::task::AbortHandle;

pub static DESCRIPTOR: Descriptor = super::block::<Tracing>("tracing");

#[derive(schema::Arguments)]
pub struct Tracing {
    /// Part of all traces that is kept; 1 and above keep all, 0 and below none.
    #[arg(default = 0.1)]
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
#[derive(Clone, schema::Arguments)]
#[arg(check = JaegerRemote::check)]
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

impl JaegerRemote {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(error) = net::Target::parse(&self.url) {
            check.attribute("url", error.to_string());
        }
        if self.refresh_interval.is_zero() {
            check.attribute("refresh_interval", "must be greater than 0");
        }
    }
}

/// Limit: own spans that wait for a shard, some 400 bytes each: 800 KiB.
const OWN_SPANS_MAX: usize = 2_048;

/// What the block sets up, and what stays between two of its evaluations.
pub struct Tracers {
    pub tracer: Tracer,
    pub shards: Vec<flume::Sender<Command>>,
    pub version: &'static str,
    pub user_agent: String,
    /// Asks the Jaeger server, if there is one.
    pub polls: RefCell<Option<AbortHandle>>,
}

/// Call it inside of a local set of a tokio runtime.
pub fn apply(arguments: Option<&Tracing>, tracers: &Tracers) {
    if let Some(polls) = tracers.polls.take() {
        polls.abort();
    }
    let tracer = &tracers.tracer;
    let Some(arguments) = arguments else {
        return tracer.set(TracerSettings::default());
    };
    let remote = arguments.sampler.as_ref();
    let remote = remote.and_then(|sampler| sampler.jaeger_remote.as_ref());
    let sampler = match remote {
        // Compat: until the server has answered, what was before goes on.
        Some(_) => tracer.take_sampler(),
        None => SpanSampler::new(Strategy::Fraction(arguments.sampling_fraction)),
    };
    tracer.set(TracerSettings {
        sink: connect(&arguments.write_to, tracers),
        sampler,
        follows_requests: arguments.send_traceparent,
    });
    if let Some(remote) = remote {
        let polls = jaeger_remote::poll(remote.clone(), tracer.clone(), &tracers.user_agent);
        tracers.polls.replace(polls);
    }
}

/// Lets the first shard take spans for these ports.
fn connect(ports: &[Port], tracers: &Tracers) -> Option<flume::Sender<engine::OwnSpan>> {
    let shard = tracers.shards.first().filter(|_| !ports.is_empty())?;
    let (spans_in, spans) = flume::bounded(OWN_SPANS_MAX);
    let own = Command::OwnTraces(OwnTraces {
        ports: ports.to_vec(),
        spans,
        version: tracers.version,
    });
    // Without its shard the process is about to end.
    shard.send(own).is_ok().then_some(spans_in)
}
