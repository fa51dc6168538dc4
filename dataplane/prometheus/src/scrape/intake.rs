//! From a body to samples of interned series: what one loop remembers of its target, and what a
//! scrape makes of it. The formats differ in how a body is walked (`text`, `protobuf`); what
//! becomes of each series that it exposes is here.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use batch::{Gone, Histogram, HistogramSample, Key, LabelsBuf, MetricsBatch, STALE_NAN};
use batch::{MetricKind, Sample, ScrapeCache, SeriesId, SeriesTable};
use formats::exposition::{protobuf, read_series};
use ops::histogram;
use xxhash_rust::xxh3::Xxh3;

use super::comments::Comments;
use super::error::ScrapeError;
use super::labels;
use super::seen::{LastExemplar, Starts};
use super::settings::{LabelSettings, Media, Settings};
use crate::series_budget::{Gate, Refusal, Toll, Verdict};

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
    /// Histograms that have too many buckets even at the lowest resolution.
    pub too_many_buckets: usize,
}

/// What all scrapes of an instance share, one at a time.
pub struct Scratch {
    pub labels: LabelsBuf,
    conflicts: Vec<(String, String)>,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch {
            labels: LabelsBuf::new(),
            conflicts: Vec::new(),
        }
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
    /// Asked when a series is new.
    pub gate: &'a Gate,
    /// What is not passed on because of it.
    pub toll: &'a mut Toll,
}

/// Limit: how far ahead of the scrape an exposed timestamp may be; above it the sample is dropped.
/// Receivers refuse the future anyway, and one bad clock must not block a series.
pub const FUTURE_MS_MAX: i64 = 10 * 60 * 1000;

/// What one loop remembers of its target.
pub struct Intake {
    pub(super) cache: ScrapeCache,
    pub(super) labels: LabelSettings,
    /// Series of a cache that was thrown away and may not come again: they end with the next good
    /// scrape.
    leftover: Vec<SeriesId>,
    /// Series that a failed scrape has counted as added already, although it was rolled back.
    added_by_failures: usize,
    comments: Comments,
    /// The last exemplar of each series that had one in the last scrape: they are exposed again
    /// and again.
    pub(super) exemplars: HashMap<SeriesId, LastExemplar>,
    pub(super) exemplars_next: HashMap<SeriesId, LastExemplar>,
    pub(super) starts: Starts,
}

/// A series as it is exposed, not looked up yet.
#[derive(Clone, Copy)]
pub struct Exposed<'a> {
    /// What identifies it for the target.
    pub key: &'a [u8],
    pub labels: Source<'a>,
    pub kind: MetricKind,
    pub unit: &'a str,
    pub timestamp_ms: Option<i64>,
    /// When what it counts began.
    pub start_ms: Option<i64>,
}

/// Where the labels of a series are read from when it is new.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// The key is text.
    Text,
    /// The key is protobuf fields.
    Fields,
    Labels(&'a LabelsBuf),
}

/// A series that takes what is exposed of it.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    pub series: SeriesId,
    pub timestamp_ms: i64,
    /// Values are summed, and go on by themselves.
    summed: bool,
}

/// What is known about a series that is not remembered.
struct Newcomer {
    key: Key,
    timestamp_ms: i64,
    tracked: bool,
    out_of_bounds: bool,
}

impl Intake {
    pub fn new(labels: &LabelSettings) -> Intake {
        Intake {
            cache: ScrapeCache::new(runtime::random_u64()),
            labels: labels.clone(),
            leftover: Vec::new(),
            added_by_failures: 0,
            comments: Comments::default(),
            exemplars: HashMap::new(),
            exemplars_next: HashMap::new(),
            starts: Starts::default(),
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
        media: Media,
        scene: &mut Scene<'_>,
    ) -> (Counts, Result<(), ScrapeError>) {
        let mut counts = Counts::default();
        let mut comments = Xxh3::new();
        self.cache.begin();
        // An empty body is a good scrape in each format, also in those that have an end mark.
        let read = match media {
            _ if body.is_empty() => Ok(()),
            Media::Text(format) => self.read_text(body, format, scene, &mut counts, &mut comments),
            Media::Protobuf => self.read_protobuf(body, scene, &mut counts, &mut comments),
        };
        let read = read.and_then(|()| limits(&counts, scene.settings));
        match read {
            Ok(()) => {
                self.commit(scene, &mut counts);
                self.comments
                    .describe(body, media, comments.digest(), scene);
            }
            Err(_) => self.roll_back(scene, &mut counts),
        }
        (counts, read)
    }

    /// Stands for a scrape that brought no body: what was exposed before is stale.
    pub fn fail(&mut self, scene: &mut Scene<'_>) {
        let Scene {
            batch,
            release,
            timestamp_ms,
            ..
        } = scene;
        self.cache
            .fail(|gone| end(gone, *timestamp_ms, batch, release));
    }

    /// The target is gone.
    pub fn end(
        &mut self,
        timestamp_ms: i64,
        batch: &mut MetricsBatch,
        release: &mut Vec<SeriesId>,
    ) {
        self.cache
            .clear(|gone| end(gone, timestamp_ms, batch, release));
        for series in self.leftover.drain(..) {
            batch.samples.push(Sample {
                series,
                timestamp_ms,
                value: STALE_NAN,
            });
            release.push(series);
        }
    }

    /// Counts a series that is exposed and finds out where it goes; none when what is exposed of it
    /// is dropped.
    pub(super) fn admit(
        &mut self,
        exposed: &Exposed<'_>,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
    ) -> Result<Option<Admitted>, ScrapeError> {
        counts.samples += 1;
        let own_time = exposed
            .timestamp_ms
            .filter(|_| self.labels.honor_timestamps);
        let tracked = own_time.is_none() || self.labels.track_timestamps_staleness;
        let timestamp_ms = own_time.unwrap_or(scene.timestamp_ms);
        let out_of_bounds = timestamp_ms > scene.timestamp_ms + FUTURE_MS_MAX;
        counts.out_of_bounds += usize::from(out_of_bounds);
        match self.cache.find(exposed.key) {
            Ok(()) => {
                let found = self.cache.take(tracked);
                counts.kept += 1;
                if found.repeated && own_time.is_none() {
                    counts.duplicates += 1;
                    return Ok(None);
                }
                let series = found.series.filter(|_| !out_of_bounds);
                Ok(series.map(|series| Admitted {
                    series,
                    timestamp_ms,
                    summed: false,
                }))
            }
            Err(key) => {
                let limit = scene.settings.sample_limit;
                if limit > 0 && counts.appended() as u64 >= limit {
                    // The scrape has failed; what follows is counted and not kept.
                    counts.kept += 1;
                    return Ok(None);
                }
                let newcomer = Newcomer {
                    key,
                    timestamp_ms,
                    tracked,
                    out_of_bounds,
                };
                self.admit_new(newcomer, exposed, scene, counts)
            }
        }
    }

    /// A series that is not remembered: asks the gate.
    fn admit_new(
        &mut self,
        new: Newcomer,
        exposed: &Exposed<'_>,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
    ) -> Result<Option<Admitted>, ScrapeError> {
        let verdict = self.ask(exposed, scene)?;
        counts.kept += 1;
        let timestamp_ms = new.timestamp_ms;
        let admitted = |series, summed| Admitted {
            series,
            timestamp_ms,
            summed,
        };
        match verdict {
            Verdict::Keep(series) if new.out_of_bounds => {
                scene.table.release(series);
                Ok(None)
            }
            Verdict::Keep(series) => {
                self.cache.insert(new.key, Some(series), new.tracked);
                counts.added += 1;
                Ok(Some(admitted(series, false)))
            }
            Verdict::Reduced(series) | Verdict::Summed(series) => {
                scene.release.push(series);
                let summed = matches!(verdict, Verdict::Summed(_));
                if new.out_of_bounds {
                    return Ok(None);
                }
                if !summed && !scene.gate.passes(series, timestamp_ms) {
                    scene.toll.lose(Refusal::Budget);
                    return Ok(None);
                }
                Ok(Some(admitted(series, summed)))
            }
            Verdict::Refused(refusal) => {
                scene.toll.lose(refusal);
                Ok(None)
            }
        }
    }

    /// Takes a value. Gives the series if the value was taken.
    pub(super) fn sample(
        &mut self,
        exposed: &Exposed<'_>,
        value: f64,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
    ) -> Result<Option<Admitted>, ScrapeError> {
        let Some(admitted) = self.admit(exposed, scene, counts)? else {
            return Ok(None);
        };
        let Admitted {
            series,
            timestamp_ms,
            summed,
        } = admitted;
        if summed {
            scene.toll.sum(series, value);
            return Ok(None);
        }
        if let Some(start_ms) = self.start(exposed.start_ms, admitted, scene) {
            scene.batch.samples.push(Sample {
                series,
                timestamp_ms: start_ms,
                value: 0.0,
            });
        }
        scene.batch.samples.push(Sample {
            series,
            timestamp_ms,
            value,
        });
        Ok(Some(admitted))
    }

    /// Takes a native histogram, with fewer buckets if the settings say so.
    pub(super) fn histogram(
        &mut self,
        exposed: &Exposed<'_>,
        mut histogram: Histogram,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
    ) -> Result<Option<Admitted>, ScrapeError> {
        let native = &scene.settings.native;
        let refuse = |invalid: histogram::Invalid| ScrapeError::Parse(invalid.to_string());
        histogram::limit_schema(&mut histogram, native.schema_max).map_err(refuse)?;
        let buckets_max = native.buckets_max;
        if buckets_max > 0 && !histogram::fit(&mut histogram, buckets_max).map_err(refuse)? {
            // The scrape has failed; what follows is counted and not kept.
            counts.samples += 1;
            counts.kept += 1;
            counts.too_many_buckets += 1;
            return Ok(None);
        }
        let Some(admitted) = self.admit(exposed, scene, counts)? else {
            return Ok(None);
        };
        histogram::validate(&histogram).map_err(refuse)?;
        let Admitted {
            series,
            timestamp_ms,
            summed,
        } = admitted;
        if summed {
            // Histograms are not summed: their buckets may differ.
            scene.toll.lose(Refusal::Budget);
            return Ok(None);
        }
        if let Some(start_ms) = self.start(exposed.start_ms, admitted, scene) {
            scene.batch.histograms.push(HistogramSample {
                series,
                timestamp_ms: start_ms,
                histogram: Rc::new(histogram::zero_of(&histogram)),
            });
        }
        scene.batch.histograms.push(HistogramSample {
            series,
            timestamp_ms,
            histogram: Rc::new(histogram),
        });
        Ok(Some(admitted))
    }

    /// Reads the labels of a new series and asks whether it is let in.
    fn ask(&self, exposed: &Exposed<'_>, scene: &mut Scene<'_>) -> Result<Verdict, ScrapeError> {
        let Scratch { labels, conflicts } = scene.scratch;
        match exposed.labels {
            Source::Text => read_series(exposed.key, exposed.kind, labels),
            Source::Fields => protobuf::read_series(exposed.key, labels),
            Source::Labels(given) => {
                labels.assign(given.iter());
                Ok(())
            }
        }
        .map_err(ScrapeError::Parse)?;
        if self.labels.type_and_unit {
            labels::describe(labels, exposed.kind, exposed.unit);
        }
        labels::join(labels, scene.target, &self.labels, conflicts)?;
        Ok(scene.gate.admit(scene.table, labels))
    }

    fn commit(&mut self, scene: &mut Scene<'_>, counts: &mut Counts) {
        let mut gone = Vec::new();
        let scraped = self.cache.commit(|series| gone.push(series));
        counts.added = scraped.added.saturating_sub(self.added_by_failures);
        self.added_by_failures = 0;
        self.end_vanished(&gone, scene);
        std::mem::swap(&mut self.exemplars, &mut self.exemplars_next);
        self.exemplars_next.clear();
        self.starts.scraped_ms = scene.timestamp_ms;
    }

    fn roll_back(&mut self, scene: &mut Scene<'_>, counts: &mut Counts) {
        scene.batch.clear();
        *scene.toll = Toll::default();
        self.exemplars_next.clear();
        // Compat: the reference keeps what a failed scrape added to its cache, so that a scrape
        // that fails again and again counts it once (conformance case metrics/sample_limit).
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
        let samples = scene.batch.samples.iter().map(|sample| sample.series);
        let histograms = scene.batch.histograms.iter().map(|sample| sample.series);
        let exposed: HashSet<SeriesId> = samples.chain(histograms).collect();
        for gone in gone {
            self.starts.written.remove(&gone.series);
            let marker = gone.marker && !exposed.contains(&gone.series);
            let gone = Gone { marker, ..*gone };
            end(gone, scene.timestamp_ms, scene.batch, scene.release);
        }
        for series in self.leftover.drain(..) {
            let marker = !exposed.contains(&series);
            let gone = Gone {
                series,
                marker,
                release: true,
            };
            end(gone, scene.timestamp_ms, scene.batch, scene.release);
        }
    }
}

impl Counts {
    /// What counts for `sample_limit`.
    fn appended(&self) -> usize {
        self.kept - self.duplicates
    }
}

/// Compat: of the two limits that are looked at when a body has ended, `sample_limit` goes first.
fn limits(counts: &Counts, settings: &Settings) -> Result<(), ScrapeError> {
    let limit = settings.sample_limit;
    if limit > 0 && counts.appended() as u64 > limit {
        return Err(ScrapeError::SampleLimit { limit });
    }
    if counts.too_many_buckets > 0 {
        let limit = settings.native.buckets_max;
        return Err(ScrapeError::BucketLimit { limit });
    }
    Ok(())
}

fn end(gone: Gone, timestamp_ms: i64, batch: &mut MetricsBatch, release: &mut Vec<SeriesId>) {
    if gone.marker {
        batch.samples.push(Sample {
            series: gone.series,
            timestamp_ms,
            value: STALE_NAN,
        });
    }
    if gone.release {
        release.push(gone.series);
    }
}
