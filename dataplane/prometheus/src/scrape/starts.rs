//! When the series of an OpenMetrics body began: its `_created` lines.

use std::collections::HashMap;

use batch::{LabelsBuf, MetricKind};
use formats::exposition::{Entry, Format, Line, Parser, read_series};

const CREATED: &str = "_created";

/// Starts by the labels of a metric, in milliseconds. Made for each scrape, since a metric's start
/// stands behind its values; only with `start_timestamp_zero_ingestion`.
pub struct OpenMetricsStarts {
    by_metric: HashMap<String, i64>,
}

impl OpenMetricsStarts {
    /// Errors are left to the reading that follows.
    pub fn read(body: &[u8]) -> OpenMetricsStarts {
        let mut by_metric = HashMap::new();
        let mut parser = Parser::new(body, Format::OpenMetrics);
        while let Ok(Some(entry)) = parser.next() {
            if let Entry::Sample(line) = entry
                && let Some((metric, true)) = metric(&line)
            {
                by_metric.insert(metric, (line.value * 1000.0) as i64);
            }
        }
        OpenMetricsStarts { by_metric }
    }

    /// Whether a line is a start itself, and so no series.
    pub fn is_start(&self, line: &Line<'_>) -> bool {
        matches!(metric(line), Some((_, true)))
    }

    pub fn of(&self, line: &Line<'_>) -> Option<i64> {
        let (metric, _) = metric(line)?;
        self.by_metric.get(&metric).copied()
    }
}

/// What the lines of one metric have in common, and whether this one is its start. None for kinds
/// that have no start.
fn metric(line: &Line<'_>) -> Option<(String, bool)> {
    let suffixes: &[&str] = match line.kind {
        MetricKind::Counter => &["_total"],
        MetricKind::Histogram => &["_bucket", "_count", "_sum"],
        MetricKind::Summary => &["_count", "_sum"],
        _ => return None,
    };
    let mut labels = LabelsBuf::new();
    read_series(line.text, line.kind, &mut labels).ok()?;
    let name = labels.get("__name__")?.to_owned();
    labels.remove("le");
    labels.remove("quantile");
    let start = name.strip_suffix(CREATED);
    let stem = start.or_else(|| suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)));
    labels.set("__name__", stem.unwrap_or(&name));
    Some((format!("{labels:?}"), start.is_some()))
}
