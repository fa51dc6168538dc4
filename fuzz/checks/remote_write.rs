//! Remote write 1.0: what decodes is encoded and decoded again to the same, plain or as a block.

use std::rc::Rc;

use batch::{Exemplar, HistogramSample, Sample, SeriesTable};
use formats::remote_write::v1::{BlockEncoder, Encoder, Limits, TimeSeries, WriteRequest, decode};
use formats::snappy;

const LIMITS: Limits = Limits {
    series_max: 1_000,
    labels_per_series_max: 100,
    items_max: 10_000,
};

pub fn check(bytes: &[u8]) {
    let Ok(mut request) = decode(bytes, &LIMITS) else {
        return;
    };
    normalise(&mut request);
    let encoded = encode(&request);
    let mut again = decode(&encoded, &LIMITS).expect("our own encoding");
    normalise(&mut again);
    // Compared as text: equal NaNs are not equal.
    assert_eq!(format!("{again:?}"), format!("{request:?}"));
}

/// Takes out what encoding does not keep: series that cannot be one, the difference between
/// neighbours of one series and a longer series, the sign of zero.
fn normalise(request: &mut WriteRequest) {
    let mut merged: Vec<TimeSeries> = Vec::new();
    for mut series in request.series.drain(..) {
        let empty = series.samples.is_empty()
            && series.histograms.is_empty()
            && series.exemplars.is_empty();
        if series.invalid.is_some() || empty {
            continue;
        }
        series
            .samples
            .iter_mut()
            .for_each(|(_, value)| *value += 0.0);
        for (_, value, _) in &mut series.exemplars {
            *value += 0.0;
        }
        for (_, histogram) in &mut series.histograms {
            histogram.sum += 0.0;
            histogram.zero_threshold += 0.0;
        }
        match merged
            .last_mut()
            .filter(|last| last.labels == series.labels)
        {
            Some(last) => {
                last.samples.append(&mut series.samples);
                last.histograms.append(&mut series.histograms);
                last.exemplars.append(&mut series.exemplars);
            }
            None => merged.push(series),
        }
    }
    request.series = merged;
}

/// Encodes with both encoders, which must agree.
fn encode(request: &WriteRequest) -> Vec<u8> {
    let mut table = SeriesTable::new(1);
    let series: Vec<_> = request
        .series
        .iter()
        .map(|one| table.intern(&one.labels))
        .collect();
    let (mut plain, mut blocks) = (Encoder::new(), BlockEncoder::new());
    blocks.catch_up(&table);
    for (one, series) in request.series.iter().zip(series) {
        for (timestamp_ms, value) in &one.samples {
            let (timestamp_ms, value) = (*timestamp_ms, *value);
            let sample = Sample {
                series,
                timestamp_ms,
                value,
            };
            plain.sample(&table, sample);
            blocks.sample(&table, sample);
        }
        for (timestamp_ms, histogram) in &one.histograms {
            let (timestamp_ms, histogram) = (*timestamp_ms, Rc::new(histogram.clone()));
            let sample = HistogramSample {
                series,
                timestamp_ms,
                histogram,
            };
            plain.histogram(&table, &sample);
            blocks.histogram(&table, &sample);
        }
        for (timestamp_ms, value, labels) in &one.exemplars {
            let (timestamp_ms, value, labels) = (*timestamp_ms, *value, labels.clone());
            let exemplar = Exemplar {
                series,
                labels,
                timestamp_ms,
                value,
            };
            plain.exemplar(&table, &exemplar);
            blocks.exemplar(&table, &exemplar);
        }
    }
    blocks.end_series(&table);
    for metadata in &request.metadata {
        plain.metadata(metadata);
        blocks.metadata(metadata);
    }
    let (mut block, mut unpacked) = (Vec::new(), Vec::new());
    blocks.finish(&mut block);
    let plain = plain.finish();
    snappy::decompress(&block, plain.len(), &mut unpacked).expect("our own block");
    assert_eq!(unpacked, plain);
    unpacked
}
