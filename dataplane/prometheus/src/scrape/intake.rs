//! From a body to samples of interned series: what one loop remembers of its target, and what a scrape
//! makes of it.

use std::collections::{HashMap, HashSet};
use std::fmt;

use batch::{Exemplar, Gone, LabelsBuf, Metadata, MetricsBatch, STALE_NAN, Sample, ScrapeCache};
use batch::{MetricKind, SeriesId, SeriesTable};
use formats::exposition::{Entry, Format, KnownOptions, Line, Parser, read_exemplar, read_series};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::settings::{LabelSettings, Settings};

/// Why a scrape failed.
#[derive(Clone, Debug, PartialEq)]
pub enum ScrapeError {
    /// no answer from "host:port" within 10s
    Http(String),
    /// server returned HTTP status 500
    Status(u16),
    /// content type is not one that can be parsed
    ContentType(String),
    /// line 3: expected ...
    Parse(String),
    /// more targets than target_limit
    TargetLimit { targets: usize, limit: u64 },
    /// body is not below body_size_limit
    BodySizeLimit { limit: u64 },
    /// more samples than sample_limit
    SampleLimit { limit: u64 },
    /// a series breaks a label limit
    LabelLimit(String),
}

impl fmt::Display for ScrapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScrapeError::Http(text) | ScrapeError::Parse(text) | ScrapeError::LabelLimit(text) => {
                f.write_str(text)
            }
            ScrapeError::Status(status) => write!(f, "server returned HTTP status {status}"),
            ScrapeError::ContentType(found) => write!(
                f,
                "content type {found:?} cannot be parsed; set scrape_fallback_protocol"
            ),
            ScrapeError::TargetLimit { targets, limit } => {
                write!(f, "target_limit exceeded (number of targets: {targets}, limit: {limit})")
            }
            ScrapeError::BodySizeLimit { limit } => {
                write!(f, "body reaches {limit} bytes; raise body_size_limit")
            }
            ScrapeError::SampleLimit { limit } => {
                write!(f, "more than {limit} samples; raise sample_limit")
            }
        }
    }
}

/// How far a scrape came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub samples: usize,
    /// Those that a relabelling would have kept: all that passed the label limits.
    pub kept: usize,
    /// Series that were not known before.
    pub added: usize,
    pub duplicates: usize,
    pub out_of_bounds: usize,
}

/// What all scrapes of an instance share, one at a time.
pub struct Scratch {
    pub labels: LabelsBuf,
    conflicts: Vec<(String, String)>,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch { labels: LabelsBuf::new(), conflicts: Vec::new() }
    }
}

/// One scrape's surroundings.
pub struct Scene<'a> {
    pub settings: &'a Settings,
    pub target: &'a LabelsBuf,
    pub table: &'a mut SeriesTable,
    pub scratch: &'a mut Scratch,
    pub timestamp_ms: i64,
    pub batch: &'a mut MetricsBatch,
    /// References to give back once the batch has been delivered.
    pub release: &'a mut Vec<SeriesId>,
}

/// Limit: how far ahead of the scrape an exposed timestamp may be; above it the sample is dropped.
/// Receivers refuse the future anyway, and one bad clock must not block a series.
const FUTURE_MS_MAX: i64 = 10 * 60 * 1000;

/// What one loop remembers of its target.
pub struct Intake {
    cache: ScrapeCache,
    labels: LabelSettings,
    /// Series of a cache that was thrown away and may not come again: they end with the next good
    /// scrape.
    leftover: Vec<SeriesId>,
    /// Series that a failed scrape has counted as added already, although it was rolled back.
    added_by_failures: usize,
    /// Of all comment lines of the last good scrape.
    metadata: u64,
    /// The last exemplar of each series that had one in the last scrape: they are exposed again
    /// and again.
    exemplars: HashMap<SeriesId, u64>,
    exemplars_next: HashMap<SeriesId, u64>,
}

impl Intake {
    pub fn new(labels: &LabelSettings) -> Intake {
        Intake {
            cache: ScrapeCache::new(runtime::random_u64()),
            labels: labels.clone(),
            leftover: Vec::new(),
            added_by_failures: 0,
            metadata: 0,
            exemplars: HashMap::new(),
            exemplars_next: HashMap::new(),
        }
    }

    /// Takes changed settings into account. What the target exposed so far ends with the next good
    /// scrape, as far as that does not expose it again.
    pub fn adopt(&mut self, labels: &LabelSettings, table: &mut SeriesTable) {
        if self.labels == *labels {
            return;
        }
        self.labels = labels.clone();
        let leftover = &mut self.leftover;
        self.cache.clear(|gone| {
            if gone.marker {
                leftover.push(gone.series);
            } else if gone.release {
                table.release(gone.series);
            }
        });
    }

    /// Takes a body. On an error nothing of it is in the batch, only markers for what was exposed
    /// before; the counts tell how far it came.
    pub fn take(
        &mut self,
        body: &[u8],
        format: Format,
        scene: &mut Scene<'_>,
    ) -> (Counts, Result<(), ScrapeError>) {
        let mut counts = Counts::default();
        let mut comments = Xxh3::new();
        self.cache.begin();
        let read = self.read(body, format, scene, &mut counts, &mut comments);
        match read {
            Ok(()) => self.commit(body, format, scene, &mut counts, comments.digest()),
            Err(_) => self.roll_back(scene, &mut counts),
        }
        (counts, read)
    }

    /// Stands for a scrape that brought no body: what was exposed before is stale.
    pub fn fail(&mut self, scene: &mut Scene<'_>) {
        let Scene { batch, release, timestamp_ms, .. } = scene;
        self.cache.fail(|gone| end(gone, *timestamp_ms, batch, release));
    }

    /// The target is gone.
    pub fn end(&mut self, timestamp_ms: i64, batch: &mut MetricsBatch, release: &mut Vec<SeriesId>) {
        self.cache.clear(|gone| end(gone, timestamp_ms, batch, release));
        for series in self.leftover.drain(..) {
            batch.samples.push(Sample { series, timestamp_ms, value: STALE_NAN });
            release.push(series);
        }
    }

    fn read(
        &mut self,
        body: &[u8],
        format: Format,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
        comments: &mut Xxh3,
    ) -> Result<(), ScrapeError> {
        let options = KnownOptions {
            timestamp_ms: scene.timestamp_ms,
            honor_timestamps: self.labels.honor_timestamps,
            track_timestamps_staleness: self.labels.track_timestamps_staleness,
            timestamp_ms_max: scene.timestamp_ms + FUTURE_MS_MAX,
        };
        let limit = scene.settings.sample_limit;
        let mut parser = Parser::new(body, format);
        loop {
            let known = parser.known(&mut self.cache, &options, &mut scene.batch.samples);
            counts.samples += known.lines;
            counts.kept += known.lines - known.dropped;
            counts.duplicates += known.repeated;
            let entry = parser.next().map_err(|error| ScrapeError::Parse(error.to_string()))?;
            match entry {
                None => break,
                Some(Entry::Sample(line)) => self.line(&line, scene, counts)?,
                Some(comment) => hash_comment(&comment, comments),
            }
        }
        if limit > 0 && counts.kept as u64 > limit {
            return Err(ScrapeError::SampleLimit { limit });
        }
        Ok(())
    }

    /// A line that is new, out of order, or more than a value.
    fn line(
        &mut self,
        line: &Line<'_>,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
    ) -> Result<(), ScrapeError> {
        counts.samples += 1;
        let own_time = line.timestamp_ms.filter(|_| self.labels.honor_timestamps);
        let tracked = own_time.is_none() || self.labels.track_timestamps_staleness;
        let series = match self.cache.find(line.text) {
            Ok(()) => {
                let found = self.cache.take(tracked);
                counts.kept += 1;
                if found.repeated && own_time.is_none() {
                    counts.duplicates += 1;
                    return Ok(());
                }
                found.series
            }
            Err(key) => {
                let limit = scene.settings.sample_limit;
                if limit > 0 && counts.kept as u64 >= limit {
                    // The scrape has failed; what follows is counted and not kept.
                    counts.kept += 1;
                    return Ok(());
                }
                let series = self.intern(line, scene)?;
                self.cache.insert(key, Some(series), tracked);
                counts.kept += 1;
                counts.added += 1;
                Some(series)
            }
        };
        let Some(series) = series else {
            return Ok(());
        };
        let timestamp_ms = own_time.unwrap_or(scene.timestamp_ms);
        if timestamp_ms > scene.timestamp_ms + FUTURE_MS_MAX {
            return Ok(());
        }
        scene.batch.samples.push(Sample { series, timestamp_ms, value: line.value });
        self.exemplar(line, series, timestamp_ms, scene)
    }

    fn intern(&self, line: &Line<'_>, scene: &mut Scene<'_>) -> Result<SeriesId, ScrapeError> {
        let labels = &mut scene.scratch.labels;
        read_series(line.text, line.kind, labels).map_err(ScrapeError::Parse)?;
        if self.labels.honor_labels {
            fill_in(labels, scene.target);
        } else {
            put_over(labels, scene.target, &mut scene.scratch.conflicts);
        }
        check(labels, &self.labels)?;
        Ok(scene.table.intern(labels))
    }

    fn exemplar(
        &mut self,
        line: &Line<'_>,
        series: SeriesId,
        timestamp_ms: i64,
        scene: &mut Scene<'_>,
    ) -> Result<(), ScrapeError> {
        let Some(exemplar) = &line.exemplar else {
            return Ok(());
        };
        let own_time = exemplar.timestamp_ms.map_or([0; 8], i64::to_le_bytes);
        let value = exemplar.value.to_bits() ^ u64::from_le_bytes(own_time).rotate_left(17);
        let hash = xxh3_64(exemplar.text) ^ value;
        self.exemplars_next.insert(series, hash);
        if self.exemplars.get(&series) == Some(&hash) {
            return Ok(());
        }
        let mut labels = LabelsBuf::new();
        read_exemplar(exemplar.text, &mut labels).map_err(ScrapeError::Parse)?;
        let timestamp_ms = exemplar.timestamp_ms.unwrap_or(timestamp_ms);
        let exemplar = Exemplar { series, labels, timestamp_ms, value: exemplar.value };
        scene.batch.exemplars.push(exemplar);
        Ok(())
    }

    fn commit(
        &mut self,
        body: &[u8],
        format: Format,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
        comments: u64,
    ) {
        let mut gone = Vec::new();
        let scraped = self.cache.commit(|series| gone.push(series));
        counts.added = scraped.added.saturating_sub(self.added_by_failures);
        self.added_by_failures = 0;
        self.end_vanished(&gone, scene);
        std::mem::swap(&mut self.exemplars, &mut self.exemplars_next);
        self.exemplars_next.clear();
        if self.labels.honor_timestamps {
            let latest_ms = scene.timestamp_ms + FUTURE_MS_MAX;
            let before = scene.batch.samples.len();
            scene.batch.samples.retain(|sample| sample.timestamp_ms <= latest_ms);
            counts.out_of_bounds = before - scene.batch.samples.len();
        }
        if comments != self.metadata {
            self.metadata = comments;
            scene.batch.metadata = metadata(body, format);
        }
    }

    fn roll_back(&mut self, scene: &mut Scene<'_>, counts: &mut Counts) {
        scene.batch.clear();
        self.exemplars_next.clear();
        // Compat: the reference keeps what a failed scrape added to its cache, so that a scrape that
        // fails again and again counts it once (conformance case metrics/sample_limit).
        let counted = counts.added.saturating_sub(self.added_by_failures);
        self.added_by_failures = self.added_by_failures.max(counts.added);
        counts.added = counted;
        self.fail(scene);
    }

    /// Markers for series that this scrape no longer exposes. A series may have vanished as a text
    /// and go on as another one (labels in another order): that one gets none.
    fn end_vanished(&mut self, gone: &[Gone], scene: &mut Scene<'_>) {
        if gone.is_empty() && self.leftover.is_empty() {
            return;
        }
        let exposed: HashSet<SeriesId> =
            scene.batch.samples.iter().map(|sample| sample.series).collect();
        for gone in gone {
            let marker = gone.marker && !exposed.contains(&gone.series);
            end(Gone { marker, ..*gone }, scene.timestamp_ms, scene.batch, scene.release);
        }
        for series in self.leftover.drain(..) {
            let marker = !exposed.contains(&series);
            let gone = Gone { series, marker, release: true };
            end(gone, scene.timestamp_ms, scene.batch, scene.release);
        }
    }
}

fn end(gone: Gone, timestamp_ms: i64, batch: &mut MetricsBatch, release: &mut Vec<SeriesId>) {
    if gone.marker {
        batch.samples.push(Sample { series: gone.series, timestamp_ms, value: STALE_NAN });
    }
    if gone.release {
        release.push(gone.series);
    }
}

/// Honouring exposed labels: the target's fill the gaps.
fn fill_in(labels: &mut LabelsBuf, target: &LabelsBuf) {
    for (name, value) in target.iter() {
        if !labels.contains(name) {
            labels.set(name, value);
        }
    }
}

/// The target's labels win; what they hide goes on as `exported_NAME`, shorter names first.
fn put_over(
    labels: &mut LabelsBuf,
    target: &LabelsBuf,
    conflicts: &mut Vec<(String, String)>,
) {
    conflicts.clear();
    for (name, value) in target.iter() {
        if let Some(exposed) = labels.get(name) {
            conflicts.push((name.to_owned(), exposed.to_owned()));
        }
        labels.set(name, value);
    }
    conflicts.sort_by_key(|(name, _)| name.len());
    for (name, value) in &*conflicts {
        let mut exported = format!("exported_{name}");
        while labels.contains(&exported) {
            exported.insert_str(0, "exported_");
        }
        labels.set(&exported, value);
    }
}

fn check(labels: &LabelsBuf, settings: &LabelSettings) -> Result<(), ScrapeError> {
    let name = labels.get("__name__").unwrap_or_default();
    if !settings.names.is_metric_name(name) {
        return Err(ScrapeError::Parse(format!("invalid metric name {name:?}")));
    }
    let over = |limit: u64, length: usize| limit > 0 && length as u64 > limit;
    if over(settings.label_limit, labels.len()) {
        let (count, limit) = (labels.len(), settings.label_limit);
        let text = format!("label_limit exceeded (metric: {name:?}, labels: {count}, limit: {limit})");
        return Err(ScrapeError::LabelLimit(text));
    }
    for (label, value) in labels.iter() {
        if !settings.names.is_label_name(label) {
            return Err(ScrapeError::Parse(format!("invalid label name {label:?} of {name:?}")));
        }
        let (setting, limit) = if over(settings.name_length_limit, label.len()) {
            ("label_name_length_limit", settings.name_length_limit)
        } else if over(settings.value_length_limit, value.len()) {
            ("label_value_length_limit", settings.value_length_limit)
        } else {
            continue;
        };
        let text = format!("{setting} exceeded (metric: {name:?}, label: {label:?}, limit: {limit})");
        return Err(ScrapeError::LabelLimit(text));
    }
    Ok(())
}

fn hash_comment(comment: &Entry<'_>, hash: &mut Xxh3) {
    let (kind, name, text) = match comment {
        Entry::Help { name, help } => (b'h', name, help.as_bytes()),
        Entry::Type { name, kind } => (b't', name, kind.name().as_bytes()),
        Entry::Unit { name, unit } => (b'u', name, unit.as_bytes()),
        Entry::Sample(_) => return,
    };
    hash.update(&[kind]);
    hash.update(name.as_bytes());
    hash.update(b"\0");
    hash.update(text);
    hash.update(b"\0");
}

/// All metadata of a body that was read before. Reads it once more, which is only done when a comment
/// line has changed.
fn metadata(body: &[u8], format: Format) -> Vec<Metadata> {
    let mut all: Vec<Metadata> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    let mut parser = Parser::new(body, format);
    while let Ok(Some(entry)) = parser.next() {
        let name = match &entry {
            Entry::Help { name, .. } | Entry::Type { name, .. } | Entry::Unit { name, .. } => name,
            Entry::Sample(_) => continue,
        };
        let at = *index.entry(name.to_string()).or_insert_with(|| {
            let name = name.to_string();
            let kind = MetricKind::Unknown;
            all.push(Metadata { name, kind, help: String::new(), unit: String::new() });
            all.len() - 1
        });
        match entry {
            Entry::Help { help, .. } => all[at].help = help.into_owned(),
            Entry::Type { kind, .. } => all[at].kind = kind,
            Entry::Unit { unit, .. } => all[at].unit = unit.into_owned(),
            Entry::Sample(_) => {}
        }
    }
    all
}
