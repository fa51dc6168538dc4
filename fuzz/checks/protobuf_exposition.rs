//! Pages in protobuf: read or refused; what a metric is made of is never more than its bytes.

use batch::{LabelsBuf, SeriesTable};
use formats::exposition::protobuf::{Data, DecodeError, Families, Metric, SeriesKey, read_series};

pub fn check(page: &[u8]) {
    let mut table = SeriesTable::new(1);
    let first = read(page, &mut table);
    let again = read(page, &mut table);
    assert_eq!(again.is_ok(), first.is_ok());
}

fn read(page: &[u8], table: &mut SeriesTable) -> Result<(), DecodeError> {
    let mut key = SeriesKey::default();
    let mut families = Families::new(page);
    while let Some(family) = families.next()? {
        let mut metrics = family.metrics();
        while let Some(metric) = metrics.next()? {
            metric.write_key(&[family.name, "_x"], Some(("le", 0.5)), &mut key);
            let mut labels = LabelsBuf::new();
            if read_series(key.bytes(), &mut labels).is_ok() {
                let series = table.intern(&labels);
                assert_eq!(table.label(series, "le"), labels.get("le"));
                table.release(series);
            }
            read_data(&metric, page.len())?;
        }
    }
    Ok(())
}

fn read_data(metric: &Metric<'_>, page_bytes: usize) -> Result<(), DecodeError> {
    let mut labels = LabelsBuf::new();
    match metric.data {
        Data::Number(number) => {
            if let Some(exemplar) = number.exemplar {
                let refused = exemplar.read_labels(&mut labels).is_err();
                assert!(refused || labels.len() <= page_bytes);
            }
        }
        Data::Summary(summary) => {
            let mut quantiles = Vec::new();
            summary.quantiles(&mut quantiles)?;
            assert!(quantiles.len() <= page_bytes);
        }
        Data::Histogram(histogram) => {
            let (mut buckets, mut exemplars) = (Vec::new(), Vec::new());
            histogram.buckets(&mut buckets)?;
            histogram.exemplars(&mut exemplars)?;
            let native = histogram.native()?;
            let spans = native.positive_spans.len() + native.negative_spans.len();
            assert!(buckets.len() + exemplars.len() + spans <= page_bytes);
        }
    }
    Ok(())
}
