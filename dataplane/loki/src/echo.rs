//! loki.echo: writes the entries that it gets into the gateway's own log, for looking at a
//! pipeline.
//!
//! Each entry becomes a log line at level info, before it is acked. Promises nothing about what
//! becomes of those lines. Compatible with loki.echo of Alloy.

use std::rc::Rc;
use std::sync::Arc;

use batch::{LabelsBuf, LogEntry, LogsBatch};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Stability};

pub static COMPONENT: Component = Component::of::<Echo>();

/// The component.
pub struct Echo;

#[derive(Arguments)]
pub struct EchoArguments {}

impl DataComponent for Echo {
    type Arguments = EchoArguments;
    const NAME: &'static str = "loki.echo";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "LogsReceiver",
    }];

    async fn build(_arguments: Arc<EchoArguments>, cx: &Build) -> Result<Built, BuildError> {
        let printer = Printer {
            node: cx.node.clone(),
            ledger: cx.ledger("log"),
        };
        Ok(Built::new().port("receiver", Rc::new(printer)))
    }
}

struct Printer {
    node: Rc<str>,
    ledger: Ledger,
}

impl Consume for Printer {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let items = batch.items();
            self.ledger.take(items);
            let logs = batch.into_logs();
            for stream in &logs.streams {
                let labels = shown(&stream.labels);
                for entry in &stream.entries {
                    self.print(&logs, &labels, entry);
                }
            }
            self.ledger.pass(items);
            Ok(())
        })
    }
}

impl Printer {
    fn print(&self, logs: &LogsBatch, labels: &str, entry: &LogEntry) {
        let line = String::from_utf8_lossy(logs.line(entry));
        let time = jiff::Timestamp::from_nanosecond(i128::from(entry.timestamp_ns));
        let time = time.expect("any 64-bit number of nanoseconds is a time");
        let metadata = logs.metadata(entry).map(|(name, value)| {
            let (name, value) = (
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            );
            (name.into_owned(), value.into_owned().into())
        });
        let metadata = serde_json::Value::Object(metadata.collect());
        tracing::info!(
            component_id = &*self.node,
            entry = &*line,
            entry_timestamp = %time,
            labels,
            structured_metadata = %metadata,
            "received log entry"
        );
    }
}

/// Labels as Prometheus' libraries print them, internal ones included.
fn shown(labels: &LabelsBuf) -> String {
    let pairs = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", stdx::quote(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use engine::testing::{TestShard, body, log_source, logs, node, offer};
    use runtime::sim::check;

    use super::*;

    #[test]
    fn entries_are_acked_and_counted() {
        check(1, || async {
            let shard = TestShard::start();
            let source = log_source("test.logs.in", &["loki.echo.out"]);
            let errors = shard
                .apply(&[source, node(&COMPONENT, "loki.echo.out", body([]))])
                .await;
            assert!(errors.is_empty(), "{errors:?}");
            let taken = offer("test.logs.in", logs(&[(&[("a", "1")], &["x", "y"])])).await;
            assert_eq!(taken, Ok(()));
            let books = shard.verify_ledgers().await;
            assert_eq!(
                books[0],
                "loki.echo.out -> log: 2 in, 2 out, 0 held, 0 dropped"
            );
        });
    }

    #[test]
    fn labels_are_shown_sorted_and_quoted() {
        let labels: LabelsBuf = [("b", "2\n"), ("__a", "1")].into_iter().collect();
        assert_eq!(shown(&labels), r#"{__a="1", b="2\n"}"#);
    }
}
