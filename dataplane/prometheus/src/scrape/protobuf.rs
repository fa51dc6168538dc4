//! Walks a body in the protobuf format.
//!
//! A summary or classic histogram becomes its series, count and sum first; a histogram that is
//! native too becomes one sample, and its classic series only if the settings ask for both.

use batch::Exemplar as TakenExemplar;
use batch::{LabelsBuf, MetricKind, ResetHint};
use formats::exposition::protobuf::{
    Bucket, Data, DecodeError, Exemplar, Families, Family, HistogramData, Metric, Number,
    SeriesKey, Summary,
};
use ops::histogram::{Classic, Invalid, compact};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::comments::hash_family;
use super::error::ScrapeError;
use super::intake::{Admitted, Counts, Exposed, Intake, Scene, Source};

impl Intake {
    pub(super) fn read_protobuf(
        &mut self,
        body: &[u8],
        scene: &mut Scene<'_>,
        counts: &mut Counts,
        comments: &mut Xxh3,
    ) -> Result<(), ScrapeError> {
        let mut walk = Walk {
            intake: self,
            scene,
            counts,
            key: SeriesKey::default(),
            quantiles: Vec::new(),
            buckets: Vec::new(),
            exemplars: Vec::new(),
            classic: Classic::default(),
        };
        let mut families = Families::new(body);
        while let Some(family) = families.next().map_err(refuse)? {
            hash_family(&family, comments);
            let mut metrics = family.metrics();
            while let Some(metric) = metrics.next().map_err(refuse)? {
                walk.metric(&family, &metric)?;
            }
        }
        Ok(())
    }
}

fn refuse(error: DecodeError) -> ScrapeError {
    ScrapeError::Parse(error.to_string())
}

/// One body on its way; the buffers are used again for each metric.
struct Walk<'a, 'b, 'c> {
    intake: &'a mut Intake,
    scene: &'a mut Scene<'b>,
    counts: &'a mut Counts,
    key: SeriesKey,
    quantiles: Vec<(f64, f64)>,
    buckets: Vec<Bucket<'c>>,
    exemplars: Vec<Exemplar<'c>>,
    classic: Classic,
}

impl<'c> Walk<'_, '_, 'c> {
    fn metric(&mut self, family: &Family<'c>, metric: &Metric<'c>) -> Result<(), ScrapeError> {
        match metric.data {
            Data::Number(number) => self.number(family, metric, &number),
            Data::Summary(summary) => self.summary(family, metric, &summary),
            Data::Histogram(histogram) => self.histogram(family, metric, &histogram),
        }
    }

    fn number(
        &mut self,
        family: &Family<'_>,
        metric: &Metric<'_>,
        number: &Number<'_>,
    ) -> Result<(), ScrapeError> {
        metric.write_key(&[family.name], None, &mut self.key);
        let admitted = self.sample(family, metric, number.value, number.start_ms)?;
        if let Some((admitted, exemplar)) = admitted.zip(number.exemplar) {
            self.exemplar(&exemplar, admitted)?;
        }
        Ok(())
    }

    fn summary(
        &mut self,
        family: &Family<'_>,
        metric: &Metric<'_>,
        summary: &Summary<'_>,
    ) -> Result<(), ScrapeError> {
        let (count, start_ms) = (summary.count as f64, summary.start_ms);
        self.count_and_sum(family, metric, count, summary.sum, start_ms)?;
        self.quantiles.clear();
        summary.quantiles(&mut self.quantiles).map_err(refuse)?;
        for at in 0..self.quantiles.len() {
            let (quantile, value) = self.quantiles[at];
            metric.write_key(&[family.name], Some(("quantile", quantile)), &mut self.key);
            self.sample(family, metric, value, start_ms)?;
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        family: &Family<'c>,
        metric: &Metric<'c>,
        data: &HistogramData<'c>,
    ) -> Result<(), ScrapeError> {
        let native = &self.scene.settings.native;
        let (keep_classic, convert) = (native.keep_classic, native.convert_classic);
        let is_native = native.wanted && data.is_native;
        self.buckets.clear();
        data.buckets(&mut self.buckets).map_err(refuse)?;
        if is_native {
            self.native(family, metric, data)?;
        }
        let classic = match (is_native, convert) {
            (true, _) => keep_classic && !self.buckets.is_empty(),
            (false, true) => keep_classic,
            (false, false) => true,
        };
        if classic {
            self.classic(family, metric, data)?;
        }
        if !is_native && convert {
            self.converted(family, metric, data)?;
        }
        Ok(())
    }

    fn classic(
        &mut self,
        family: &Family<'_>,
        metric: &Metric<'_>,
        data: &HistogramData<'_>,
    ) -> Result<(), ScrapeError> {
        let start_ms = data.start_ms;
        self.count_and_sum(family, metric, data.count, data.sum, start_ms)?;
        let mut ended = false;
        for at in 0..self.buckets.len() {
            let bucket = self.buckets[at];
            let bound = Some(("le", bucket.bound));
            metric.write_key(&[family.name, "_bucket"], bound, &mut self.key);
            let admitted = self.sample(family, metric, bucket.count, start_ms)?;
            if let Some((admitted, exemplar)) = admitted.zip(bucket.exemplar) {
                self.exemplar(&exemplar, admitted)?;
            }
            if bucket.bound == f64::INFINITY {
                ended = true;
                break;
            }
        }
        if !ended {
            let bound = Some(("le", f64::INFINITY));
            metric.write_key(&[family.name, "_bucket"], bound, &mut self.key);
            self.sample(family, metric, data.count, start_ms)?;
        }
        Ok(())
    }

    fn native(
        &mut self,
        family: &Family<'_>,
        metric: &Metric<'_>,
        data: &HistogramData<'c>,
    ) -> Result<(), ScrapeError> {
        let mut histogram = data.native().map_err(refuse)?;
        compact(&mut histogram, 0).map_err(refuse_histogram)?;
        self.exemplars.clear();
        data.exemplars(&mut self.exemplars).map_err(refuse)?;
        if self.exemplars.is_empty() {
            let buckets = self.buckets.iter();
            self.exemplars
                .extend(buckets.filter_map(|bucket| bucket.exemplar));
        }
        self.one_histogram(family, metric, histogram, data.start_ms)
    }

    fn converted(
        &mut self,
        family: &Family<'_>,
        metric: &Metric<'_>,
        data: &HistogramData<'_>,
    ) -> Result<(), ScrapeError> {
        self.classic.clear();
        self.classic.count(data.count);
        self.classic.sum(data.sum);
        self.exemplars.clear();
        for bucket in &self.buckets {
            self.classic.bucket(bucket.bound, bucket.count);
            self.exemplars.extend(bucket.exemplar);
        }
        let mut histogram = self.classic.convert().map_err(refuse_histogram)?;
        if family.kind == MetricKind::GaugeHistogram {
            histogram.reset_hint = ResetHint::Gauge;
        }
        self.one_histogram(family, metric, histogram, data.start_ms)
    }

    /// Takes a histogram with the exemplars at hand.
    fn one_histogram(
        &mut self,
        family: &Family<'_>,
        metric: &Metric<'_>,
        histogram: batch::Histogram,
        start_ms: Option<i64>,
    ) -> Result<(), ScrapeError> {
        metric.write_key(&[family.name], None, &mut self.key);
        let exposed = exposed(&self.key, family, metric, start_ms);
        let taken = self
            .intake
            .histogram(&exposed, histogram, self.scene, self.counts)?;
        let Some(admitted) = taken else {
            return Ok(());
        };
        // Compat: a native histogram takes no exemplar without a time.
        let mut exemplars = std::mem::take(&mut self.exemplars);
        exemplars.retain(|exemplar| exemplar.timestamp_ms.is_some());
        exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
        for exemplar in &exemplars {
            self.exemplar(exemplar, admitted)?;
        }
        self.exemplars = exemplars;
        Ok(())
    }

    fn count_and_sum(
        &mut self,
        family: &Family<'_>,
        metric: &Metric<'_>,
        count: f64,
        sum: f64,
        start_ms: Option<i64>,
    ) -> Result<(), ScrapeError> {
        for (suffix, value) in [("_count", count), ("_sum", sum)] {
            metric.write_key(&[family.name, suffix], None, &mut self.key);
            self.sample(family, metric, value, start_ms)?;
        }
        Ok(())
    }

    /// Takes a value of the series whose key is at hand.
    fn sample(
        &mut self,
        family: &Family<'_>,
        metric: &Metric<'_>,
        value: f64,
        start_ms: Option<i64>,
    ) -> Result<Option<Admitted>, ScrapeError> {
        let exposed = exposed(&self.key, family, metric, start_ms);
        self.intake.sample(&exposed, value, self.scene, self.counts)
    }

    fn exemplar(&mut self, exemplar: &Exemplar<'_>, admitted: Admitted) -> Result<(), ScrapeError> {
        let series = admitted.series;
        let timestamp_ms = exemplar.timestamp_ms.unwrap_or(admitted.timestamp_ms);
        let hash = xxh3_64(exemplar.bytes);
        if !self.intake.is_new_exemplar(series, hash, timestamp_ms) {
            return Ok(());
        }
        let mut labels = LabelsBuf::new();
        exemplar
            .read_labels(&mut labels)
            .map_err(ScrapeError::Parse)?;
        self.scene.batch.exemplars.push(TakenExemplar {
            series,
            labels,
            timestamp_ms,
            value: exemplar.value,
        });
        Ok(())
    }
}

fn refuse_histogram(invalid: Invalid) -> ScrapeError {
    ScrapeError::Parse(invalid.to_string())
}

fn exposed<'k>(
    key: &'k SeriesKey,
    family: &Family<'k>,
    metric: &Metric<'_>,
    start_ms: Option<i64>,
) -> Exposed<'k> {
    Exposed {
        key: key.bytes(),
        labels: Source::Fields,
        kind: family.kind,
        unit: family.unit,
        timestamp_ms: metric.timestamp_ms,
        start_ms,
    }
}
