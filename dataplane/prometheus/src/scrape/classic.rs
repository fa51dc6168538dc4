//! Puts the lines of a classic histogram together to one native histogram with custom buckets.
//!
//! The lines of one histogram stand side by side: they differ in suffix and `le` only. Costs the
//! decoding of each of these lines in each scrape, some 1 us, since what a line is to the histogram
//! is not remembered.

use batch::{LabelsBuf, MetricKind};
use formats::exposition::{Entry, ExemplarText, Line, read_series};
use ops::histogram::{Classic, Suffix, split_suffix, validate};

use super::error::ScrapeError;
use super::intake::{Counts, Exposed, Intake, Scene, Source};

/// The histogram at hand.
#[derive(Default)]
pub struct Collator<'a> {
    /// What the last TYPE comment named.
    family: String,
    /// Whether lines have been put together that are not passed on yet.
    open: bool,
    /// Labels of the histogram: its lines' without `le`, the name without suffix.
    labels: LabelsBuf,
    classic: Classic,
    unit: String,
    timestamp_ms: Option<i64>,
    start_ms: Option<i64>,
    exemplars: Vec<ExemplarText<'a>>,
    /// Of the line at hand.
    line: LabelsBuf,
    key: Vec<u8>,
}

/// What a line is to its histogram.
enum Part {
    Bucket(f64),
    Sum,
    Count,
}

impl<'a> Collator<'a> {
    /// Hears of comments, and of the end.
    pub fn comment(&mut self, comment: Option<&Entry<'_>>) {
        if let Some(Entry::Type { name, .. }) = comment {
            self.family.clear();
            self.family.push_str(name);
        }
    }

    /// Takes a line if it is of a classic histogram; passes the histogram before on if the line is
    /// of another one.
    pub fn line(
        &mut self,
        intake: &mut Intake,
        line: &Line<'a>,
        exposed: &Exposed<'_>,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
    ) -> Result<bool, ScrapeError> {
        if line.kind != MetricKind::Histogram {
            self.finish(intake, scene, counts)?;
            return Ok(false);
        }
        let part = self.read(line)?;
        if self.open && self.labels != self.line {
            self.finish(intake, scene, counts)?;
        }
        let Some(part) = part else {
            return Ok(false);
        };
        if !self.open {
            self.open = true;
            std::mem::swap(&mut self.labels, &mut self.line);
            self.classic.clear();
            self.exemplars.clear();
            self.unit.clear();
            self.unit.push_str(exposed.unit);
            self.timestamp_ms = line.timestamp_ms;
            self.start_ms = exposed.start_ms;
        }
        match part {
            Part::Bucket(bound) => self.classic.bucket(bound, line.value),
            Part::Sum => self.classic.sum(line.value),
            Part::Count => self.classic.count(line.value),
        }
        self.exemplars.extend(line.exemplar);
        Ok(true)
    }

    /// Decodes the labels of a line as those of its histogram.
    fn read(&mut self, line: &Line<'_>) -> Result<Option<Part>, ScrapeError> {
        let labels = &mut self.line;
        read_series(line.text, line.kind, labels).map_err(ScrapeError::Parse)?;
        let name = labels.get("__name__").unwrap_or_default().to_owned();
        let bound = labels.get("le").and_then(|le| le.parse::<f64>().ok());
        labels.remove("le");
        let Some((base, suffix)) = split_suffix(&name) else {
            return Ok(None);
        };
        labels.set("__name__", base);
        if base != self.family {
            return Ok(None);
        }
        Ok(match suffix {
            Suffix::Bucket => bound.filter(|bound| !bound.is_nan()).map(Part::Bucket),
            Suffix::Sum => Some(Part::Sum),
            Suffix::Count => Some(Part::Count),
        })
    }

    /// Passes on what has been put together. Lines that do not make a histogram are left out
    /// without a word, as the reference does.
    pub fn finish(
        &mut self,
        intake: &mut Intake,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
    ) -> Result<(), ScrapeError> {
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        let converted = self.classic.convert();
        let Ok(histogram) = converted.and_then(|native| validate(&native).map(|()| native)) else {
            return Ok(());
        };
        write_key(&self.labels, &mut self.key);
        let exposed = Exposed {
            key: &self.key,
            labels: Source::Labels(&self.labels),
            kind: MetricKind::Histogram,
            unit: &self.unit,
            timestamp_ms: self.timestamp_ms,
            start_ms: self.start_ms,
        };
        let Some(admitted) = intake.histogram(&exposed, histogram, scene, counts)? else {
            return Ok(());
        };
        // Compat: a native histogram takes no exemplar without a time.
        self.exemplars
            .retain(|exemplar| exemplar.timestamp_ms.is_some());
        self.exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
        for exemplar in &self.exemplars {
            intake.text_exemplar(exemplar, admitted, scene)?;
        }
        Ok(())
    }
}

/// Identifies the histogram in the target's cache. No line begins with a zero byte.
fn write_key(labels: &LabelsBuf, key: &mut Vec<u8>) {
    key.clear();
    key.push(0);
    for (name, value) in labels.iter() {
        for part in [name, value] {
            key.extend_from_slice(part.as_bytes());
            key.push(0xff);
        }
    }
}
