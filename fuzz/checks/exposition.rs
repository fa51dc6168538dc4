//! Shared by both text formats: a page is read or refused, twice the same way.

use batch::{LabelsBuf, Sample, ScrapeCache, SeriesTable};
use formats::exposition::{Entry, Format, KnownOptions, Parser, read_exemplar, read_series};

const OPTIONS: KnownOptions = KnownOptions {
    timestamp_ms: 1_700_000_000_000,
    honor_timestamps: true,
    track_timestamps_staleness: false,
    timestamp_ms_max: i64::MAX,
};

/// Scrapes a page twice with one cache: what the second scrape knows by heart must come out as the
/// first one read it.
pub fn check(page: &[u8], format: Format) {
    let mut table = SeriesTable::new(1);
    let mut cache = ScrapeCache::new(2);
    let first = scrape(page, format, &mut table, &mut cache);
    let again = scrape(page, format, &mut table, &mut cache);
    assert_eq!(again, first);
    cache.clear(|gone| table.release(gone.series));
    assert_eq!(
        (table.len(), table.pairs()),
        (0, 0),
        "every reference is handed over"
    );
}

type Row = (u32, i64, u64);

/// The samples of a page, none if it is refused.
fn scrape(
    page: &[u8],
    format: Format,
    table: &mut SeriesTable,
    cache: &mut ScrapeCache,
) -> Option<Vec<Row>> {
    let mut samples = Vec::new();
    cache.begin();
    let good = read(page, format, table, cache, &mut samples).is_ok();
    if good {
        cache.commit(|gone| table.release(gone.series));
    } else {
        cache.abort(|gone| table.release(gone.series));
    }
    let row = |one: &Sample| (one.series.0, one.timestamp_ms, one.value.to_bits());
    // A refused page gives its series back, so that their ids mean nothing the next time.
    good.then(|| samples.iter().map(row).collect())
}

fn read(
    page: &[u8],
    format: Format,
    table: &mut SeriesTable,
    cache: &mut ScrapeCache,
    samples: &mut Vec<Sample>,
) -> Result<(), String> {
    let mut parser = Parser::new(page, format);
    let mut labels = LabelsBuf::new();
    loop {
        parser.known(cache, &OPTIONS, samples);
        let line = match parser.next() {
            Ok(Some(Entry::Sample(line))) => line,
            Ok(Some(_)) => continue,
            Ok(None) => return Ok(()),
            Err(error) => {
                assert!(error.line >= 1 && !error.expected.is_empty());
                return Err(error.to_string());
            }
        };
        if let Some(exemplar) = &line.exemplar {
            read_exemplar(exemplar.text, &mut labels)?;
        }
        let tracked = line.timestamp_ms.is_none();
        let found = match cache.find(line.text) {
            Ok(()) => cache.take(tracked),
            Err(key) => {
                read_series(line.text, line.kind, &mut labels)?;
                let series = Some(table.intern(&labels));
                cache.insert(key, series, tracked);
                batch::Found {
                    series,
                    repeated: false,
                }
            }
        };
        if let Some(series) = found.series.filter(|_| !(found.repeated && tracked)) {
            let timestamp_ms = line.timestamp_ms.unwrap_or(OPTIONS.timestamp_ms);
            samples.push(Sample {
                series,
                timestamp_ms,
                value: line.value,
            });
        }
    }
}
