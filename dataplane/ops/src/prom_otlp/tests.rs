//! Names, layouts of buckets, and samples that become points and samples again.

use batch::otlp::{
    Buckets, ExponentialHistogram, ExponentialPoint, Gauge, Lazy, Metric, MetricData, NumberPoint,
    Sum, Text,
};
use batch::{
    Counts, Histogram, LabelsBuf, Metadata, MetricKind, MetricsBatch, Sample, SeriesTable, Span,
};

use super::*;

fn named(name: &'static str, unit: &'static str, data: MetricData<'static>) -> String {
    let metric = Metric {
        name: Text::from(name),
        unit: Text::from(unit),
        data,
        ..Metric::default()
    };
    metric_name(&metric, true)
}

fn gauge() -> MetricData<'static> {
    MetricData::Gauge(Gauge::default())
}

fn counter() -> MetricData<'static> {
    MetricData::Sum(Sum {
        is_monotonic: true,
        ..Sum::default()
    })
}

#[test]
fn names_get_their_unit_and_kind_once() {
    assert_eq!(named("room.temp", "Cel", gauge()), "room_temp_celsius");
    assert_eq!(
        named("http.requests", "1", counter()),
        "http_requests_total"
    );
    assert_eq!(
        named("a_total_of_bytes", "By", counter()),
        "a_of_bytes_total"
    );
    assert_eq!(named("cpu", "1", gauge()), "cpu_ratio");
    assert_eq!(named("speed", "m/s", gauge()), "speed_meters_per_second");
    assert_eq!(named("2nd", "{thing}", gauge()), "_2nd");
}

#[test]
fn exponential_buckets_become_spans_with_short_gaps_written_out() {
    let point = ExponentialPoint {
        scale: 2,
        count: 9,
        positive: Buckets {
            offset: 1,
            bucket_counts: vec![1, 0, 2, 0, 0, 0, 3],
        },
        ..ExponentialPoint::default()
    };
    let native = layout::native(&point).expect("a scale that there is");
    let span = |offset, length| Span { offset, length };
    assert_eq!(native.positive_spans, [span(2, 3), span(3, 1)]);
    let Counts::Integer {
        positive_deltas, ..
    } = native.counts
    else {
        panic!("integers stay integers");
    };
    assert_eq!(positive_deltas, [1, -1, 2, 1]);
    let too_coarse = ExponentialPoint {
        scale: -5,
        ..ExponentialPoint::default()
    };
    assert!(layout::native(&too_coarse).is_none());
}

/// What a tree comes to, one line each.
#[derive(Default)]
struct Lines(Vec<String>);

impl Take for Lines {
    fn sample(&mut self, labels: &LabelsBuf, taken: Taken, value: f64) {
        self.0.push(format!("{labels:?} {value}@{}", taken.time_ms));
    }

    fn histogram(&mut self, labels: &LabelsBuf, taken: Taken, histogram: Histogram) {
        self.0
            .push(format!("{labels:?} {}@{}", histogram.sum, taken.time_ms));
    }

    fn exemplar(&mut self, labels: LabelsBuf, _time_ms: i64, value: f64) {
        self.0.push(format!("exemplar {labels:?} {value}"));
    }

    fn metadata(&mut self, name: &str, kind: MetricKind, _metric: Option<&Metric<'_>>) {
        self.0.push(format!("{name} is a {}", kind.name()));
    }

    fn drop(&mut self, reason: &'static str, points: u64) {
        self.0.push(format!("{points} dropped: {reason}"));
    }
}

/// A name, labels and a value.
type Line<'l> = (&'l str, &'l [(&'l str, &'l str)], f64);

/// Series and values of a scrape.
fn scrape(table: &mut SeriesTable, lines: &[Line<'_>]) -> MetricsBatch {
    let mut batch = MetricsBatch::default();
    for (name, labels, value) in lines {
        let mut buf: LabelsBuf = labels.iter().copied().collect();
        buf.set("__name__", name);
        buf.set("job", "j");
        buf.set("instance", "h:80");
        let series = table.intern(&buf);
        batch.samples.push(Sample {
            series,
            timestamp_ms: 1000,
            value: *value,
        });
    }
    batch
}

#[test]
fn what_becomes_points_becomes_the_same_samples_again() {
    let mut table = SeriesTable::new(1);
    let mut batch = scrape(
        &mut table,
        &[
            ("c_total", &[("a", "1")], 5.0),
            ("h_bucket", &[("le", "1")], 1.0),
            ("h_bucket", &[("le", "+Inf")], 3.0),
            ("h_sum", &[], 4.0),
            ("h_count", &[], 3.0),
            ("s", &[("quantile", "0.5")], 1.0),
            ("s_sum", &[], 2.0),
            ("s_count", &[], 2.0),
            ("target_info", &[("region", "eu")], 1.0),
        ],
    );
    for (name, kind) in [
        ("c_total", MetricKind::Counter),
        ("h", MetricKind::Histogram),
        ("s", MetricKind::Summary),
    ] {
        batch.metadata.push(Metadata {
            name: name.to_owned(),
            kind,
            help: String::new(),
            unit: String::new(),
        });
    }
    let mut known = Known::default();
    known.learn(&batch.metadata);
    let (otlp, left_out) = to_points(&batch, &table, &known);
    assert_eq!((otlp.items(), left_out), (3, 0));
    let options = Options {
        target_info: true,
        scope_info: false,
        suffixes: true,
        resource_labels: false,
        identifying_attributes: false,
        custom_buckets: false,
        metadata: true,
    };
    let mut lines = Lines::default();
    ToSamples::new(options).convert(&otlp.metrics(), 9, &mut lines);
    let target = r#"{__name__="target_info", http_scheme="http", instance="h:80", job="j", "#
        .to_owned()
        + r#"net_host_name="h", net_host_port="80", region="eu", server_address="h", "#
        + r#"server_port="80", url_scheme="http"} 1@9"#;
    let expected = [
        &*target,
        "target_info is a gauge",
        r#"{__name__="c_total", a="1", instance="h:80", job="j"} 5@1000"#,
        "c_total is a counter",
        r#"{__name__="h_sum", instance="h:80", job="j"} 4@1000"#,
        r#"{__name__="h_count", instance="h:80", job="j"} 3@1000"#,
        r#"{__name__="h_bucket", instance="h:80", job="j", le="1"} 1@1000"#,
        r#"{__name__="h_bucket", instance="h:80", job="j", le="+Inf"} 3@1000"#,
        "h is a histogram",
        r#"{__name__="s_sum", instance="h:80", job="j"} 2@1000"#,
        r#"{__name__="s_count", instance="h:80", job="j"} 2@1000"#,
        r#"{__name__="s", instance="h:80", job="j", quantile="0.5"} 1@1000"#,
        "s is a summary",
    ];
    assert_eq!(lines.0, expected);
}

#[test]
fn series_without_job_are_left_out_and_deltas_dropped() {
    let mut table = SeriesTable::new(1);
    let mut batch = MetricsBatch::default();
    let labels: LabelsBuf = [("__name__", "a")].into_iter().collect();
    let series = table.intern(&labels);
    batch.samples.push(Sample {
        series,
        timestamp_ms: 1,
        value: 1.0,
    });
    let (otlp, left_out) = to_points(&batch, &table, &Known::default());
    assert_eq!((otlp.items(), left_out), (0, 1));
    let metric = Metric {
        name: Text::from("x"),
        data: MetricData::ExponentialHistogram(ExponentialHistogram {
            points: vec![Lazy::new(ExponentialPoint::default())],
            temporality: crate::points::DELTA,
        }),
        ..Metric::default()
    };
    let tree = batch::otlp::Tree {
        client: None,
        resources: vec![batch::otlp::ResourceGroup {
            resource: Lazy::default(),
            scopes: vec![batch::otlp::ScopeGroup {
                scope: Lazy::default(),
                items: vec![Lazy::new(metric)],
                schema_url: Text::default(),
            }],
            schema_url: Text::default(),
        }],
    };
    let options = Options {
        target_info: false,
        scope_info: false,
        suffixes: false,
        resource_labels: false,
        identifying_attributes: false,
        custom_buckets: false,
        metadata: false,
    };
    let mut lines = Lines::default();
    ToSamples::new(options).convert(&tree, 9, &mut lines);
    assert_eq!(lines.0, ["1 dropped: not_cumulative"]);
}

#[test]
fn a_stale_marker_is_told_by_a_flag() {
    let mut table = SeriesTable::new(1);
    let batch = scrape(&mut table, &[("g", &[], batch::STALE_NAN)]);
    let (otlp, _) = to_points(&batch, &table, &Known::default());
    otlp.metrics().for_each(|_, _, metric| {
        let MetricData::Gauge(gauge) = &metric.get().data else {
            panic!("what is unknown is a gauge");
        };
        let point: &NumberPoint<'_> = gauge.points[0].get();
        assert_eq!(point.flags, crate::points::NO_VALUE);
    });
}
