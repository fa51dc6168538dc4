//! Requests of remote write 2.0: what decodes is encoded and decoded again to the same.

use batch::{Exemplar, Metadata, SeriesTable};
use formats::remote_write::v2::{Encoder, Items, decode};
use formats::remote_write::{Limits, TimeSeries, WriteRequest};

const LIMITS: Limits = Limits {
    series_max: 1_000,
    labels_per_series_max: 100,
    items_max: 10_000,
};

pub fn check(bytes: &[u8]) {
    let Ok(request) = decode(bytes, &LIMITS) else {
        return;
    };
    let series = normalised(request);
    let again = decode(&encode(&series), &LIMITS).expect("our own encoding");
    assert!(
        again.series.iter().all(|series| series.invalid.is_none()),
        "what was valid stays valid"
    );
    // Compared as text: equal NaNs are not equal.
    assert_eq!(format!("{:?}", normalised(again)), format!("{series:?}"));
}

/// What encoding keeps: series that can be one, with samples or histograms, without the sign of
/// zero.
fn normalised(request: WriteRequest) -> Vec<TimeSeries> {
    let mut kept = Vec::new();
    for mut series in request.series {
        let mixed = !series.samples.is_empty() && !series.histograms.is_empty();
        if series.invalid.is_some() || mixed {
            continue;
        }
        for (_, value) in &mut series.samples {
            *value += 0.0;
        }
        for (_, value, _) in &mut series.exemplars {
            *value += 0.0;
        }
        for (_, histogram) in &mut series.histograms {
            histogram.sum += 0.0;
            histogram.zero_threshold += 0.0;
        }
        series.unreadable_exemplars.clear();
        kept.push(series);
    }
    kept
}

fn encode(all: &[TimeSeries]) -> Vec<u8> {
    let mut table = SeriesTable::new(1);
    let mut encoder = Encoder::new(1);
    for one in all {
        let series = table.intern(&one.labels);
        let items = match one.samples.is_empty() {
            true => Items::Histograms,
            false => Items::Samples,
        };
        let metadata = one.metadata.as_ref().map(|metadata| Metadata {
            name: String::new(),
            kind: metadata.kind,
            help: metadata.help.to_string(),
            unit: metadata.unit.to_string(),
        });
        // The table changes from series to series, as from batch to batch.
        encoder.resume();
        encoder.open(&table, series, items, metadata.as_ref());
        for (timestamp_ms, value) in &one.samples {
            encoder.sample(*timestamp_ms, *value);
        }
        for (timestamp_ms, histogram) in &one.histograms {
            encoder.histogram(*timestamp_ms, histogram);
        }
        for (timestamp_ms, value, labels) in &one.exemplars {
            encoder.exemplar(&Exemplar {
                series,
                labels: labels.clone(),
                timestamp_ms: *timestamp_ms,
                value: *value,
            });
        }
        encoder.end_series();
        table.release(series);
    }
    encoder.finish().to_vec()
}
