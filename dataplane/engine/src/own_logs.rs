//! The process's own log lines as telemetry, for the ports that the `logging` block names.
//!
//! Lines are no telemetry that anybody was promised: what finds the channel full, or no receiver in
//! time, is left out, and standard error has it all the same.

use std::rc::Rc;
use std::time::Duration;

use batch::{LabelsBuf, LogsBatch};
use runtime::metrics::Registry;
use schema::Port;

use crate::fanout::{Fanout, Slots};
use crate::flow::Batch;

/// Where lines go, and where they come from; ends when the other side of the channel is dropped.
pub struct OwnLogs {
    pub ports: Vec<Port>,
    pub lines: flume::Receiver<OwnLine>,
}

pub struct OwnLine {
    /// Nanoseconds since 1970.
    pub timestamp_ns: i64,
    pub line: String,
}

/// Limit: lines of one batch. Some 20 KiB of text, and a tenth of what may wait.
const BATCH_LINES_MAX: usize = 100;

/// How long a batch may be offered. At a start the plan comes a moment after the first lines.
const OFFER_MAX: Duration = Duration::from_secs(10);

/// Compat: the one label that Alloy gives its own lines.
const LABEL: (&str, &str) = ("component", "alloy");

pub(crate) async fn forward(own: OwnLogs, slots: Rc<Slots>, registry: Registry) {
    let fanout = Fanout::new(&slots, &registry, &Rc::from("logging"), &own.ports);
    // The slots are looked up once; holding them all would keep those of removed nodes.
    drop(slots);
    let mut labels = LabelsBuf::new();
    labels.set(LABEL.0, LABEL.1);
    let labels = Rc::new(labels);
    while let Ok(first) = own.lines.recv_async().await {
        let mut batch = LogsBatch::default();
        let more = own.lines.try_iter().take(BATCH_LINES_MAX - 1);
        for OwnLine { timestamp_ns, line } in std::iter::once(first).chain(more) {
            batch.add_line(&labels, timestamp_ns, line.as_bytes());
        }
        let until = runtime::now() + OFFER_MAX;
        // A line about this would be the next to be lost; the books of the edge have it.
        drop(
            fanout
                .consume_until(Batch::Logs(Rc::new(batch)), until)
                .await,
        );
    }
}
