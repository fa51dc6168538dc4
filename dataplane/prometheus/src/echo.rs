//! prometheus.echo: writes the samples that it gets to the standard output, for looking at a
//! pipeline.
//!
//! Each sample becomes a line of the text format. Promises nothing about what a reader of the
//! output does with it; an output that cannot be written to is a retryable nack. Compatible with
//! prometheus.echo of Alloy.

use std::fmt::Write as _;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use batch::{LabelsBuf, MetricsBatch, SeriesId, SeriesTable};
use engine::{Batch, Build, BuildError, Built, Component, Consume, DataComponent, Ledger, Nack};
use engine::{Role, Spread};
use runtime::LocalBoxFuture;
use schema::{Arguments, ExportField, Stability};

pub static COMPONENT: Component = Component::of::<Echo>();

/// The component.
pub struct Echo;

#[derive(Arguments)]
pub struct EchoArguments {
    /// The format to write, text or openmetrics.
    #[arg(default = "text", one_of("text", "openmetrics"))]
    pub format: String,
}

impl DataComponent for Echo {
    type Arguments = EchoArguments;
    const NAME: &'static str = "prometheus.echo";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::All;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "receiver",
        type_name: "MetricsReceiver",
    }];

    async fn build(arguments: Arc<EchoArguments>, cx: &Build) -> Result<Built, BuildError> {
        let format = match arguments.format.as_str() {
            "openmetrics" => Format::OpenMetrics,
            _ => Format::Text,
        };
        let printer = Printer {
            cx: cx.clone(),
            format,
            ledger: cx.ledger("stdout"),
        };
        Ok(Built::new().port("receiver", Rc::new(printer)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    OpenMetrics,
}

struct Printer {
    cx: Build,
    format: Format,
    ledger: Ledger,
}

impl Consume for Printer {
    fn consume(&self, batch: Batch) -> LocalBoxFuture<'_, Result<(), Nack>> {
        Box::pin(async move {
            let items = batch.items();
            self.ledger.take(items);
            let metrics = batch.into_metrics();
            let mut page = String::new();
            write_batch(&self.cx.series.borrow(), self.format, &metrics, &mut page);
            match std::io::stdout().lock().write_all(page.as_bytes()) {
                Ok(()) => {
                    self.ledger.pass(items);
                    Ok(())
                }
                Err(error) => {
                    self.ledger.refuse(items);
                    Err(Nack::retry(
                        "output_failed",
                        format!("cannot write to stdout: {error}"),
                    ))
                }
            }
        })
    }
}

fn write_batch(table: &SeriesTable, format: Format, batch: &MetricsBatch, page: &mut String) {
    for metadata in &batch.metadata {
        let name = &metadata.name;
        let help = metadata.help.replace('\\', "\\\\").replace('\n', "\\n");
        if !help.is_empty() {
            push(page, format_args!("# HELP {name} {help}\n"));
        }
        push(
            page,
            format_args!("# TYPE {name} {}\n", metadata.kind.name()),
        );
    }
    for sample in &batch.samples {
        write_series(table, sample.series, page);
        push(page, format_args!(" {} ", Number(sample.value)));
        write_time(format, sample.timestamp_ms, page);
        for exemplar in batch
            .exemplars
            .iter()
            .filter(|exemplar| format == Format::OpenMetrics && exemplar.series == sample.series)
        {
            page.push_str(" # ");
            write_labels(exemplar.labels.iter(), page);
            push(page, format_args!(" {} ", Number(exemplar.value)));
            write_time(format, exemplar.timestamp_ms, page);
        }
        page.push('\n');
    }
    for sample in &batch.histograms {
        write_series(table, sample.series, page);
        push(page, format_args!(" {:?} ", sample.histogram));
        write_time(format, sample.timestamp_ms, page);
        page.push('\n');
    }
}

fn write_series(table: &SeriesTable, series: SeriesId, page: &mut String) {
    let mut labels = LabelsBuf::new();
    table.read_labels(series, &mut labels);
    page.push_str(labels.get("__name__").unwrap_or_default());
    labels.remove("__name__");
    if !labels.is_empty() {
        write_labels(labels.iter(), page);
    }
}

fn write_labels<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>, page: &mut String) {
    page.push('{');
    for (index, (name, value)) in labels.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let value = value
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('"', "\\\"");
        push(page, format_args!("{comma}{name}=\"{value}\""));
    }
    page.push('}');
}

/// Milliseconds in the text format, seconds in OpenMetrics.
fn write_time(format: Format, timestamp_ms: i64, page: &mut String) {
    match format {
        Format::Text => push(page, format_args!("{timestamp_ms}")),
        Format::OpenMetrics => push(page, format_args!("{}", timestamp_ms as f64 / 1000.0)),
    }
}

/// A value as the text format spells it.
struct Number(f64);

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("+Inf"),
            f64::NEG_INFINITY => f.write_str("-Inf"),
            value => write!(f, "{value}"),
        }
    }
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a string takes any text");
}
