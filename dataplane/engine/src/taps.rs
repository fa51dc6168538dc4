//! Live debugging: what passes a node, as text, for as long as somebody looks.
//!
//! Costs one load a batch and fan-out while nobody does. Text is made only for nodes that are
//! looked at, and what a slow reader does not fetch is left out: nothing here holds up a batch.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::rc::Rc;

use batch::otlp::{OtlpBatch, OtlpSignal};
use batch::{LogsBatch, MetricsBatch, SeriesTable};

use crate::flow::Batch;

/// Somebody who looks at a node.
#[derive(Clone)]
pub struct Tap {
    pub node: String,
    /// Part of the items that are shown, 0 to 1.
    pub probability: f64,
    /// Bounded; the tap ends when its other side is gone.
    pub events: flume::Sender<String>,
}

struct Open {
    tap: Tap,
    /// Whether the node passes nothing on.
    is_end: bool,
}

/// The taps of a shard.
pub(crate) struct Taps {
    open: RefCell<Vec<Open>>,
    count: Cell<usize>,
    series: Rc<RefCell<SeriesTable>>,
}

impl Taps {
    pub fn new(series: Rc<RefCell<SeriesTable>>) -> Taps {
        Taps {
            open: RefCell::default(),
            count: Cell::new(0),
            series,
        }
    }

    pub fn add(&self, tap: Tap, is_end: bool) {
        let mut open = self.open.borrow_mut();
        open.retain(|it| !it.tap.events.is_disconnected());
        open.push(Open { tap, is_end });
        self.count.set(open.len());
    }

    pub fn is_idle(&self) -> bool {
        self.count.get() == 0
    }

    /// A batch leaves a node.
    pub fn leaves(&self, node: &str, batch: &Batch) {
        self.show(node, "[OUT]", batch, |_| true);
    }

    /// A batch arrives at a node. Samples are shown where they arrive only of nodes that pass
    /// nothing on; of the others they are shown when they leave.
    pub fn arrives(&self, node: &str, batch: &Batch) {
        let samples = matches!(batch, Batch::Metrics(_));
        self.show(node, "[IN]", batch, |it| it.is_end || !samples);
    }

    fn show(&self, node: &str, way: &str, batch: &Batch, wanted: impl Fn(&Open) -> bool) {
        let mut open = self.open.borrow_mut();
        open.retain(|it| !it.tap.events.is_disconnected());
        self.count.set(open.len());
        for Open { tap, .. } in open.iter().filter(|it| it.tap.node == node && wanted(it)) {
            self.send(tap, way, batch);
        }
    }

    fn send(&self, tap: &Tap, way: &str, batch: &Batch) {
        let mut event = |text: &mut dyn FnMut() -> String| {
            // One in 2^32 steps is fine enough for a part that a person asks for.
            let dice = f64::from(runtime::random_u64() as u32) / f64::from(u32::MAX);
            if dice <= tap.probability && !tap.events.is_full() {
                // The reader may have gone in between.
                drop(tap.events.try_send(text()));
            }
        };
        match batch {
            Batch::Metrics(metrics) => samples(&self.series.borrow(), metrics, &mut event),
            Batch::Logs(logs) => entries(way, logs, &mut event),
            Batch::Otlp(otlp) => event(&mut || request(way, otlp)),
        }
    }
}

type Event<'a> = &'a mut dyn FnMut(&mut dyn FnMut() -> String);

/// Compat: the text that Alloy's page shows of a sample.
fn samples(table: &SeriesTable, metrics: &MetricsBatch, event: Event<'_>) {
    for sample in &metrics.samples {
        event(&mut || {
            let labels = table.labels(sample.series);
            let labels = labels_text(labels);
            format!(
                "sample: ts={}, labels={labels}, value={:.6}",
                sample.timestamp_ms, sample.value
            )
        });
    }
    for sample in &metrics.histograms {
        event(&mut || {
            let labels = table.labels(sample.series);
            let labels = labels_text(labels);
            format!(
                "histogram: ts={}, labels={labels}, sum={:.6}",
                sample.timestamp_ms, sample.histogram.sum
            )
        });
    }
}

/// Compat: the text that Alloy's page shows of an entry.
fn entries(way: &str, logs: &LogsBatch, event: Event<'_>) {
    for stream in &logs.streams {
        for entry in &stream.entries {
            event(&mut || {
                let metadata = logs.metadata(entry);
                let metadata: Vec<_> = metadata
                    .map(|(name, value)| (text(name), text(value)))
                    .collect();
                let metadata = metadata.iter().map(|(name, value)| (&**name, &**value));
                format!(
                    "{way}: timestamp: {}, entry: {}, labels: {}, structured_metadata: {}",
                    time(entry.timestamp_ns),
                    text(logs.line(entry)),
                    labels_text(stream.labels.iter()),
                    labels_text(metadata),
                )
            });
        }
    }
}

fn request(way: &str, otlp: &OtlpBatch) -> String {
    let what = match otlp.signal() {
        OtlpSignal::Traces => "spans",
        OtlpSignal::Metrics => "data points",
        OtlpSignal::Logs => "log records",
    };
    format!("{way}: {} {what} in {} bytes", otlp.items(), otlp.bytes())
}

fn time(nanoseconds: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(nanoseconds.into());
    time.map_or_else(|_| nanoseconds.to_string(), |time| time.to_string())
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn labels_text<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = "{".to_owned();
    for (name, value) in labels {
        let comma = if text.len() > 1 { ", " } else { "" };
        write!(text, "{comma}{name}={value:?}").expect("writing to a string does not fail");
    }
    text.push('}');
    text
}
