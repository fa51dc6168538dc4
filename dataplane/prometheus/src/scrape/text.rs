//! Walks a body in one of the text formats.

use batch::{Exemplar, LabelsBuf, MetricKind};
use formats::exposition::{Entry, ExemplarText, Format, KnownOptions, Line, Parser, read_exemplar};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::classic::Collator;
use super::comments::hash_comment;
use super::error::ScrapeError;
use super::intake::{Admitted, Counts, Exposed, FUTURE_MS_MAX, Intake, Scene, Source};
use super::starts::OpenMetricsStarts;

impl Intake {
    pub(super) fn read_text(
        &mut self,
        body: &[u8],
        format: Format,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
        comments: &mut Xxh3,
    ) -> Result<(), ScrapeError> {
        let options = self.known_options(scene.timestamp_ms);
        let mut collator = scene
            .settings
            .native
            .convert_classic
            .then(Collator::default);
        let starts = scene.settings.start_zeros && format == Format::OpenMetrics;
        let starts = starts.then(|| OpenMetricsStarts::read(body));
        let mut parser = Parser::new(body, format);
        loop {
            // What is put together from lines, or needs more than their values, is looked at line
            // by line.
            let collates = collator.is_some() && parser.kind() == MetricKind::Histogram;
            if !collates && starts.is_none() {
                let known = parser.known(&mut self.cache, &options, &mut scene.batch.samples);
                counts.samples += known.lines;
                counts.kept += known.lines - known.dropped;
                counts.duplicates += known.repeated;
                counts.out_of_bounds += known.out_of_bounds;
            }
            let refuse =
                |error: formats::exposition::ParseError| ScrapeError::Parse(error.to_string());
            let entry = parser.next().map_err(refuse)?;
            let line = match entry {
                Some(Entry::Sample(line)) => line,
                other => {
                    if let Some(collator) = &mut collator {
                        collator.finish(self, scene, counts)?;
                        collator.comment(other.as_ref());
                    }
                    match other {
                        Some(comment) => hash_comment(&comment, comments),
                        None => return Ok(()),
                    }
                    continue;
                }
            };
            let start_ms = match &starts {
                Some(starts) if starts.is_start(&line) => continue,
                Some(starts) => starts.of(&line),
                None => None,
            };
            let exposed = Exposed {
                key: line.text,
                labels: Source::Text,
                kind: line.kind,
                unit: parser.unit(),
                timestamp_ms: line.timestamp_ms,
                start_ms,
            };
            if let Some(collator) = &mut collator
                && collator.line(self, &line, &exposed, scene, counts)?
                && !scene.settings.native.keep_classic
            {
                continue;
            }
            self.line(&line, &exposed, scene, counts)?;
        }
    }

    fn known_options(&self, timestamp_ms: i64) -> KnownOptions {
        KnownOptions {
            timestamp_ms,
            honor_timestamps: self.labels.honor_timestamps,
            track_timestamps_staleness: self.labels.track_timestamps_staleness,
            timestamp_ms_max: timestamp_ms + FUTURE_MS_MAX,
        }
    }

    /// A line that is new, out of order, or more than a value.
    fn line(
        &mut self,
        line: &Line<'_>,
        exposed: &Exposed<'_>,
        scene: &mut Scene<'_>,
        counts: &mut Counts,
    ) -> Result<(), ScrapeError> {
        let admitted = self.sample(exposed, line.value, scene, counts)?;
        if let Some((admitted, exemplar)) = admitted.zip(line.exemplar) {
            self.text_exemplar(&exemplar, admitted, scene)?;
        }
        Ok(())
    }

    pub(super) fn text_exemplar(
        &mut self,
        text: &ExemplarText<'_>,
        admitted: Admitted,
        scene: &mut Scene<'_>,
    ) -> Result<(), ScrapeError> {
        let series = admitted.series;
        let timestamp_ms = text.timestamp_ms.unwrap_or(admitted.timestamp_ms);
        if !self.is_new_exemplar(series, hash_exemplar(text), timestamp_ms) {
            return Ok(());
        }
        let mut labels = LabelsBuf::new();
        read_exemplar(text.text, &mut labels).map_err(ScrapeError::Parse)?;
        scene.batch.exemplars.push(Exemplar {
            series,
            labels,
            timestamp_ms,
            value: text.value,
        });
        Ok(())
    }
}

fn hash_exemplar(text: &ExemplarText<'_>) -> u64 {
    let own_time = text.timestamp_ms.map_or([0; 8], i64::to_le_bytes);
    let value = text.value.to_bits() ^ u64::from_le_bytes(own_time).rotate_left(17);
    xxh3_64(text.text) ^ value
}
