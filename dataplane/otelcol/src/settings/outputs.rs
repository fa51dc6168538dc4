//! output: where the data of each signal goes.

use std::rc::Rc;
use std::time::Duration;

use batch::otlp::{OtlpBatch, OtlpSignal};
use engine::{Batch, Build, Fanout, Nack};
use schema::{Arguments, Port};

/// Where data goes.
#[derive(Arguments, Clone)]
pub struct Outputs {
    /// Where logs go.
    #[arg(port = Otlp)]
    pub logs: Vec<Port>,
    /// Where metrics go.
    #[arg(port = Otlp)]
    pub metrics: Vec<Port>,
    /// Where traces go.
    #[arg(port = Otlp)]
    pub traces: Vec<Port>,
}

impl Outputs {
    /// The ways to the nodes behind.
    pub fn forward(&self, cx: &Build) -> Forward {
        Forward {
            traces: cx.fanout(&self.traces),
            metrics: cx.fanout(&self.metrics),
            logs: cx.fanout(&self.logs),
        }
    }

    /// Whether any node takes this signal.
    pub fn takes(&self, signal: OtlpSignal) -> bool {
        let ports = match signal {
            OtlpSignal::Traces => &self.traces,
            OtlpSignal::Metrics => &self.metrics,
            OtlpSignal::Logs => &self.logs,
        };
        !ports.is_empty()
    }
}

/// The ways of all three signals.
#[derive(Clone)]
pub struct Forward {
    traces: Fanout,
    metrics: Fanout,
    logs: Fanout,
}

impl Forward {
    /// Passes a batch on; one without content is done with.
    pub async fn consume(&self, batch: impl Into<Rc<OtlpBatch>>) -> Result<(), Nack> {
        let batch = batch.into();
        if batch.is_empty() {
            return Ok(());
        }
        self.fanout(batch.signal())
            .consume(Batch::Otlp(batch))
            .await
    }

    /// Passes on what nobody outside can be asked for again: offers it until it is taken, for so
    /// long.
    pub async fn deliver(&self, batch: OtlpBatch, patience: Duration) -> Result<(), Nack> {
        if batch.is_empty() {
            return Ok(());
        }
        let deadline = runtime::now() + patience;
        let fanout = self.fanout(batch.signal());
        fanout
            .consume_until(Batch::Otlp(Rc::new(batch)), deadline)
            .await
    }

    fn fanout(&self, signal: OtlpSignal) -> &Fanout {
        match signal {
            OtlpSignal::Traces => &self.traces,
            OtlpSignal::Metrics => &self.metrics,
            OtlpSignal::Logs => &self.logs,
        }
    }
}
