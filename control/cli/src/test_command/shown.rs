//! Telemetry of tests: from what is written to batches, and from batches to lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

use batch::otlp::{
    AnyValue, Attributes, Lazy, OtlpBatch, OtlpSignal, Resource, ResourceGroup, Scope, ScopeGroup,
    Span as OtlpSpan, Text, Tree,
};
use batch::{LabelsBuf, LogEntry, LogsBatch, MetricsBatch, Sample};
use engine::{Batch, Build};
use formats::exposition::{Entry, Format, Parser, read_series};
use schema::{Number, PortKind, Value};

use super::bench::signal;
use super::case::{Input, Span};

/// Makes a batch on the shard that it is for.
pub(super) type Make = Box<dyn FnOnce(&Build) -> Batch>;

/// What the simulated clock shows at the start; items bear it unless they have another time.
const START_MS: i64 = 1_700_000_000_000;

/// One for each input, or why it cannot be fed to a port of this kind.
pub(super) fn batches(inputs: &[Input], kind: PortKind) -> Result<Vec<Make>, String> {
    let makes = inputs.iter().map(|input| match kind {
        PortKind::Metrics if !input.metrics.is_empty() => metrics(&input.metrics),
        PortKind::Logs if !input.lines.is_empty() => Ok(logs(input)),
        PortKind::Otlp if !input.span.is_empty() => Ok(spans(input)),
        kind => Err(format!("this component takes {} as input", signal(kind))),
    });
    makes.collect()
}

fn metrics(text: &str) -> Result<Make, String> {
    let mut body: String = text
        .lines()
        .map(|line| line.trim().to_owned() + "\n")
        .collect();
    body.retain(|letter| letter != '\r');
    let mut samples: Vec<(LabelsBuf, f64, i64)> = Vec::new();
    let mut parser = Parser::new(body.as_bytes(), Format::Text);
    while let Some(entry) = parser.next().map_err(|error| format!("metrics: {error}"))? {
        if let Entry::Sample(line) = entry {
            let mut labels = LabelsBuf::new();
            read_series(line.text, line.kind, &mut labels)
                .map_err(|error| format!("metrics: {error}"))?;
            samples.push((labels, line.value, line.timestamp_ms.unwrap_or(START_MS)));
        }
    }
    Ok(Box::new(move |cx| {
        let mut table = cx.series.borrow_mut();
        let mut batch = MetricsBatch::default();
        for (labels, value, timestamp_ms) in &samples {
            let series = table.intern(labels);
            batch.samples.push(Sample {
                series,
                timestamp_ms: *timestamp_ms,
                value: *value,
            });
        }
        Batch::Metrics(Rc::new(batch))
    }))
}

fn labels_of(pairs: &BTreeMap<String, String>) -> LabelsBuf {
    let mut labels = LabelsBuf::new();
    for (name, value) in pairs {
        labels.set(name, value);
    }
    labels
}

fn logs(input: &Input) -> Make {
    let labels = labels_of(&input.labels);
    let metadata = input.structured_metadata.clone();
    let lines = input.lines.clone();
    Box::new(move |_| {
        let mut batch = LogsBatch::default();
        let labels = Rc::new(labels);
        for line in &lines {
            let line = batch.add_text(line.as_bytes());
            let start = batch.pairs_begin();
            for (name, value) in &metadata {
                batch.add_pair(name.as_bytes(), value.as_bytes());
            }
            let entry = LogEntry {
                timestamp_ns: START_MS * 1_000_000,
                line,
                metadata: batch.pairs_since(start),
            };
            batch.add_entry(&labels, entry);
        }
        Batch::Logs(Rc::new(batch))
    })
}

fn spans(input: &Input) -> Make {
    let mut resource = Resource::default();
    for (name, value) in &input.resource {
        resource.attributes.set(name.clone(), otlp_value(value));
    }
    let items = input.span.iter().enumerate();
    let items = items
        .map(|(at, span)| Lazy::new(otlp_span(at, span)))
        .collect();
    let tree = Tree {
        client: None,
        resources: vec![ResourceGroup {
            resource: Lazy::new(resource),
            scopes: vec![ScopeGroup {
                scope: Lazy::new(Scope::default()),
                items,
                schema_url: Text::default(),
            }],
            schema_url: Text::default(),
        }],
    };
    let batch = tree.encode();
    Box::new(move |_| Batch::Otlp(Rc::new(batch)))
}

/// Spans of one input are of one trace.
fn otlp_span(at: usize, span: &Span) -> OtlpSpan<'static> {
    let start = START_MS as u64 * 1_000_000;
    let mut made = OtlpSpan {
        trace_id: vec![1; 16].into(),
        span_id: (at as u64 + 1).to_be_bytes().to_vec().into(),
        name: span.name.clone().into(),
        start_unix_nano: start,
        end_unix_nano: start + span.duration.as_nanos() as u64,
        ..OtlpSpan::default()
    };
    for (name, value) in &span.attributes {
        made.attributes.set(name.clone(), otlp_value(value));
    }
    // STATUS_CODE_ERROR
    made.status.code = if span.error { 2 } else { 0 };
    made
}

fn otlp_value(value: &Value) -> AnyValue<'static> {
    match value {
        Value::Bool(value) => AnyValue::Bool(*value),
        Value::Number(Number::Float(value)) => AnyValue::Double(*value),
        Value::Number(number) => AnyValue::Int(number.as_i64().unwrap_or(i64::MAX)),
        Value::Array(values) => AnyValue::Array(values.iter().map(otlp_value).collect()),
        other => AnyValue::String(other.as_str().unwrap_or_default().to_owned().into()),
    }
}

/// A line an item, in its order.
pub(super) fn lines(cx: &Build, batch: &Batch) -> Vec<String> {
    match batch {
        Batch::Metrics(metrics) => samples(cx, metrics),
        Batch::Logs(logs) => entries(logs),
        Batch::Otlp(otlp) => items(otlp),
    }
}

fn samples(cx: &Build, metrics: &MetricsBatch) -> Vec<String> {
    let table = cx.series.borrow();
    let shown = metrics.samples.iter().map(|sample| {
        let labels: Vec<(&str, &str)> = table.labels(sample.series).collect();
        let is_name = |(name, _): &&(&str, &str)| *name == "__name__";
        let name = labels.iter().find(is_name).map_or("", |(_, name)| name);
        let others = labels.iter().filter(|label| !is_name(label)).copied();
        let mut line = format!("{name}{} ", pairs(others));
        formats::exposition::push_value(sample.value, &mut line);
        if sample.timestamp_ms != START_MS {
            write!(line, " {}", sample.timestamp_ms).expect("writing to a string does not fail");
        }
        line
    });
    let histograms = metrics.histograms.iter().map(|sample| {
        let labels = pairs(table.labels(sample.series));
        format!("{labels} {}", engine::testing::histogram(&sample.histogram))
    });
    shown.chain(histograms).collect()
}

fn entries(logs: &LogsBatch) -> Vec<String> {
    let mut lines = Vec::new();
    for stream in &logs.streams {
        for entry in &stream.entries {
            let labels = stream.labels.iter();
            let labels = format!("{{{}}}", inner(labels));
            let line = String::from_utf8_lossy(logs.line(entry));
            let metadata: Vec<_> = logs
                .metadata(entry)
                .map(|(name, value)| {
                    (
                        String::from_utf8_lossy(name),
                        String::from_utf8_lossy(value),
                    )
                })
                .collect();
            let metadata = pairs(metadata.iter().map(|(name, value)| (&**name, &**value)));
            lines.push(format!("{labels} {line} {metadata}").trim_end().to_owned());
        }
    }
    lines
}

fn items(otlp: &OtlpBatch) -> Vec<String> {
    if otlp.signal() != OtlpSignal::Traces {
        return vec![format!("{} {}", otlp.items(), otlp.signal().name())];
    }
    let mut lines = Vec::new();
    let mut tree = otlp.spans();
    tree.for_each(|resource, _, span| {
        let span = span.get();
        let error = if span.status.code == 2 { " error" } else { "" };
        let resource = attributes(&resource.get().attributes);
        let resource = match resource.as_str() {
            "" => String::new(),
            resource => format!(" resource {resource}"),
        };
        let own = attributes(&span.attributes);
        let name = span.name.to_str();
        lines.push(
            format!("{name} {own}{error}{resource}")
                .trim_end()
                .to_owned(),
        );
    });
    lines
}

fn attributes(list: &Attributes<'_>) -> String {
    let texts = list.iter().map(|pair| {
        let value = match &pair.value {
            AnyValue::String(text) => text.to_str().into_owned(),
            AnyValue::Int(value) => value.to_string(),
            AnyValue::Bool(value) => value.to_string(),
            AnyValue::Double(value) => value.to_string(),
            other => format!("{other:?}"),
        };
        (pair.key.to_str().into_owned(), value)
    });
    let texts: Vec<(String, String)> = texts.collect();
    pairs(texts.iter().map(|(name, value)| (&**name, &**value)))
}

/// `{a="b", c="d"}`, nothing for none.
fn pairs<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    match inner(labels) {
        text if text.is_empty() => text,
        text => format!("{{{text}}}"),
    }
}

fn inner<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let texts: Vec<String> = labels
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    texts.join(", ")
}
