//! What receivers tell of themselves, under the Collector's names.

use batch::otlp::OtlpSignal;
use engine::Build;
use runtime::metrics::Counter;
use schema::{MetricDecl, MetricKind};

macro_rules! declared {
    ($($constant:ident $kind:ident $name:literal $help:literal;)*) => {
        $(pub const $constant: MetricDecl = MetricDecl {
            name: $name,
            kind: MetricKind::$kind,
            help: $help,
        };)*
        pub const DECLARED: &[MetricDecl] = &[$($constant),*];
    };
}

declared! {
    ACCEPTED_SPANS Counter "otelcol_receiver_accepted_spans_total"
        "Number of spans successfully pushed into the pipeline.";
    REFUSED_SPANS Counter "otelcol_receiver_refused_spans_total"
        "Number of spans that could not be pushed into the pipeline.";
    ACCEPTED_POINTS Counter "otelcol_receiver_accepted_metric_points_total"
        "Number of metric points successfully pushed into the pipeline.";
    REFUSED_POINTS Counter "otelcol_receiver_refused_metric_points_total"
        "Number of metric points that could not be pushed into the pipeline.";
    ACCEPTED_LOGS Counter "otelcol_receiver_accepted_log_records_total"
        "Number of log records successfully pushed into the pipeline.";
    REFUSED_LOGS Counter "otelcol_receiver_refused_log_records_total"
        "Number of log records that could not be pushed into the pipeline.";
}

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Grpc,
    Http,
    Tcp,
    Udp,
    /// Read from files.
    File,
}

impl Transport {
    /// The label's value.
    fn name(self) -> &'static str {
        match self {
            Transport::Grpc => "grpc",
            Transport::Http => "http",
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
            Transport::File => "",
        }
    }
}

/// Items that were taken and refused.
pub struct Counts {
    transports: &'static [Transport],
    /// By signal, transport and outcome.
    counters: Vec<Counter>,
}

impl Counts {
    pub fn new(cx: &Build, receiver: &str, transports: &'static [Transport]) -> Counts {
        let mut counters = Vec::new();
        for signal in OtlpSignal::ALL {
            let (accepted, refused) = match signal {
                OtlpSignal::Traces => (ACCEPTED_SPANS, REFUSED_SPANS),
                OtlpSignal::Metrics => (ACCEPTED_POINTS, REFUSED_POINTS),
                OtlpSignal::Logs => (ACCEPTED_LOGS, REFUSED_LOGS),
            };
            for transport in transports {
                let labels = [
                    ("component_id", &*cx.node),
                    ("receiver", receiver),
                    ("transport", transport.name()),
                ];
                for decl in [accepted, refused] {
                    counters.push(cx.registry.counter(decl.name, decl.help, &labels));
                }
            }
        }
        Counts {
            transports,
            counters,
        }
    }

    pub fn count(&self, signal: OtlpSignal, transport: Transport, items: u64, accepted: bool) {
        let signal = OtlpSignal::ALL.iter().position(|known| *known == signal);
        let transport = self.transports.iter().position(|known| *known == transport);
        let signal = signal.expect("all signals are listed");
        let transport = transport.expect("a receiver lists its transports");
        let row = signal * self.transports.len() + transport;
        self.counters[row * 2 + usize::from(!accepted)].add(items);
    }
}
