//! The series that a scrape adds about itself.

use batch::{LabelsBuf, Metadata, MetricKind, MetricsBatch, STALE_NAN, Sample};
use batch::{SeriesId, SeriesTable};

/// What one scrape came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    pub up: bool,
    pub duration_seconds: f64,
    pub samples: usize,
    pub samples_kept: usize,
    pub series_added: usize,
    /// With `extra_metrics`.
    pub extra: Option<Extra>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extra {
    pub timeout_seconds: f64,
    pub sample_limit: u64,
    /// Uncompressed; -1 when it was over its limit.
    pub body_bytes: i64,
}

/// The report series of one target, interned when first written.
#[derive(Default)]
pub struct ReportSeries {
    always: Vec<SeriesId>,
    extra: Vec<SeriesId>,
}

const ALWAYS: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

const EXTRA: [&str; 3] = [
    "scrape_timeout_seconds",
    "scrape_sample_limit",
    "scrape_body_size_bytes",
];

/// Help and unit of the series, in the reference's words.
const MEANINGS: [(&str, &str); ALWAYS.len() + EXTRA.len()] = [
    (
        "Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed.",
        "targets",
    ),
    ("Duration of the last scrape in seconds.", "seconds"),
    ("Number of samples last scraped.", "samples"),
    (
        "Number of samples remaining after metric relabeling was applied.",
        "samples",
    ),
    ("Number of series in the last scrape.", "series"),
    ("The configured scrape timeout for a target.", "seconds"),
    (
        "The configured sample limit for a target. Returns zero if there is no limit configured.",
        "samples",
    ),
    (
        "The uncompressed size of the last scrape response, if successful. Scrapes failing because \
         body_size_limit is exceeded report -1, other scrape failures report 0.",
        "bytes",
    ),
];

/// What the series mean.
pub fn metadata(extra: bool) -> impl Iterator<Item = Metadata> {
    let count = if extra { MEANINGS.len() } else { ALWAYS.len() };
    let names = ALWAYS.iter().chain(&EXTRA).take(count);
    names.zip(MEANINGS).map(|(name, (help, unit))| Metadata {
        name: (*name).to_owned(),
        kind: MetricKind::Gauge,
        help: help.to_owned(),
        unit: unit.to_owned(),
    })
}

impl ReportSeries {
    /// Appends the report to the batch of its scrape.
    pub fn append(
        &mut self,
        table: &mut SeriesTable,
        target: &LabelsBuf,
        timestamp_ms: i64,
        report: &Report,
        batch: &mut MetricsBatch,
    ) {
        let values = [
            f64::from(u8::from(report.up)),
            report.duration_seconds,
            report.samples as f64,
            report.samples_kept as f64,
            report.series_added as f64,
        ];
        intern(&mut self.always, &ALWAYS, table, target);
        push(&self.always, timestamp_ms, &values, batch);
        if let Some(extra) = &report.extra {
            let values = [
                extra.timeout_seconds,
                extra.sample_limit as f64,
                extra.body_bytes as f64,
            ];
            intern(&mut self.extra, &EXTRA, table, target);
            push(&self.extra, timestamp_ms, &values, batch);
        }
    }

    /// Ends the series, with markers if they were ever written. The references go to `release`.
    pub fn end(
        &mut self,
        timestamp_ms: i64,
        batch: &mut MetricsBatch,
        release: &mut Vec<SeriesId>,
    ) {
        for series in self.always.drain(..).chain(self.extra.drain(..)) {
            batch.samples.push(Sample {
                series,
                timestamp_ms,
                value: STALE_NAN,
            });
            release.push(series);
        }
    }
}

fn intern(known: &mut Vec<SeriesId>, names: &[&str], table: &mut SeriesTable, target: &LabelsBuf) {
    if !known.is_empty() {
        return;
    }
    let mut labels = target.clone();
    for name in names {
        labels.set("__name__", name);
        known.push(table.intern(&labels));
    }
}

fn push(series: &[SeriesId], timestamp_ms: i64, values: &[f64], batch: &mut MetricsBatch) {
    assert_eq!(series.len(), values.len(), "each report series has a value");
    for (series, value) in series.iter().zip(values) {
        batch.samples.push(Sample {
            series: *series,
            timestamp_ms,
            value: *value,
        });
    }
}
