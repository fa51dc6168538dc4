//! Trees, edits and refusals, from bytes to bytes.

use bytes::Bytes;

use super::*;

fn span<'a>(name: &'static str) -> Span<'a> {
    let mut span = Span {
        trace_id: vec![7; 16].into(),
        span_id: vec![1; 8].into(),
        name: name.into(),
        kind: 2,
        start_unix_nano: 1,
        end_unix_nano: 2,
        ..Span::default()
    };
    span.attributes.set("http.method", AnyValue::from("GET"));
    span.attributes.set("size", AnyValue::Int(-5));
    span.events.push(Lazy::new(SpanEvent {
        time_unix_nano: 3,
        name: "e".into(),
        ..SpanEvent::default()
    }));
    span.status.code = 2;
    span
}

fn group<'a, I: Item<'a>>(service: &'static str, items: Vec<I>) -> ResourceGroup<'a, I> {
    let mut resource = Resource::default();
    resource
        .attributes
        .set("service.name", AnyValue::from(service));
    let scope = ScopeGroup {
        scope: Lazy::new(Scope {
            name: "lib".into(),
            ..Scope::default()
        }),
        items: items.into_iter().map(Lazy::new).collect(),
        schema_url: "https://schema/1".into(),
    };
    ResourceGroup {
        resource: Lazy::new(resource),
        scopes: vec![scope],
        schema_url: Text::default(),
    }
}

fn traces(names: &[&'static str]) -> OtlpBatch {
    let spans = names.iter().map(|name| span(name)).collect();
    let tree = Tree {
        client: None,
        resources: vec![group("shop", spans)],
    };
    tree.encode()
}

/// Something of every kind of field.
pub(super) fn of_every_signal() -> [OtlpBatch; 3] {
    fn batch<I: Item<'static>>(items: Vec<I>) -> OtlpBatch {
        let tree = Tree {
            client: None,
            resources: vec![group("shop", items)],
        };
        tree.encode()
    }
    [
        traces(&["a", "b"]),
        batch(metrics_of_every_kind()),
        batch(records_of_every_type()),
    ]
}

/// Checks the bytes again as if they had come from outside.
fn recheck(batch: &OtlpBatch) -> OtlpBatch {
    let again = OtlpBatch::from_request(batch.signal(), batch.to_request()).unwrap();
    assert_eq!(again.items(), batch.items());
    again
}

#[test]
fn a_tree_that_nobody_touches_is_written_as_the_bytes_that_arrived() {
    let batch = traces(&["a", "b"]);
    let again = recheck(&batch).spans().encode();
    assert_eq!(again.to_request(), batch.to_request());
    assert_eq!(again.items(), 2);
}

#[test]
fn reading_alone_does_not_encode_again() {
    let batch = traces(&["a"]);
    let tree = batch.spans();
    let item = &tree.resources[0].scopes[0].items[0];
    assert_eq!(item.get().name, "a");
    assert!(item.as_raw().is_some());
}

#[test]
fn an_edit_changes_what_it_touches_and_nothing_else() {
    let batch = traces(&["a", "b"]);
    let mut tree = batch.spans();
    tree.for_each(|resource, _, span| {
        resource.get_mut().attributes.remove("service.name");
        if span.get().name == "b" {
            let span = span.get_mut();
            span.attributes.set("size", AnyValue::Double(0.5));
            span.name = "x".repeat(300).into();
        }
    });
    let edited = recheck(&tree.encode());
    let tree = edited.spans();
    let group = &tree.resources[0];
    assert!(group.resource.get().attributes.is_empty());
    let [first, second] = &*group.scopes[0].items else {
        panic!("two spans");
    };
    assert_eq!(*first.get(), span("a"));
    assert_eq!(second.get().name.len(), 300);
    assert_eq!(second.get().events.len(), 1);
    let size = second.get().attributes.get("size");
    assert_eq!(size, Some(&AnyValue::Double(0.5)));
}

#[test]
fn dropped_items_leave_no_empty_groups() {
    let mut batch = traces(&["a"]);
    batch.append(&traces(&["b", "c"]));
    assert_eq!(batch.items(), 3);
    let mut tree = batch.spans();
    for group in &mut tree.resources {
        for scope in &mut group.scopes {
            scope.items.retain(|span| span.get().name != "a");
        }
    }
    tree.prune();
    assert_eq!((tree.resources.len(), tree.encode().items()), (1, 2));
}

fn metrics_of_every_kind<'a>() -> Vec<Metric<'a>> {
    let number = |value| NumberPoint {
        time_unix_nano: 5,
        value,
        ..NumberPoint::default()
    };
    let exemplar = Exemplar {
        value: ExemplarValue(Number::Int(-3)),
        ..Exemplar::default()
    };
    let data = [
        MetricData::Empty,
        MetricData::Gauge(Gauge {
            points: vec![
                Lazy::new(number(Number::Int(-1))),
                Lazy::new(number(Number::Empty)),
            ],
        }),
        MetricData::Sum(Sum {
            points: vec![Lazy::new(number(Number::Double(0.0)))],
            temporality: 2,
            is_monotonic: true,
        }),
        MetricData::Histogram(Histogram {
            points: vec![Lazy::new(HistogramPoint {
                sum: Some(0.0),
                bucket_counts: vec![0, 300, 2],
                explicit_bounds: vec![1.0, 2.0],
                exemplars: vec![Lazy::new(exemplar)],
                ..HistogramPoint::default()
            })],
            temporality: 1,
        }),
        MetricData::ExponentialHistogram(ExponentialHistogram {
            points: vec![Lazy::new(ExponentialPoint {
                scale: -3,
                positive: Buckets {
                    offset: -7,
                    bucket_counts: vec![1, 1 << 40],
                },
                ..ExponentialPoint::default()
            })],
            temporality: 2,
        }),
        MetricData::Summary(Summary {
            points: vec![Lazy::new(SummaryPoint {
                sum: -0.0,
                quantiles: vec![Quantile {
                    quantile: 0.5,
                    value: 2.0,
                }],
                ..SummaryPoint::default()
            })],
        }),
    ];
    data.into_iter()
        .map(|data| Metric {
            name: "m".into(),
            unit: "s".into(),
            data,
            ..Metric::default()
        })
        .collect()
}

#[test]
fn every_kind_of_metric_survives_an_edit() {
    let metrics = metrics_of_every_kind();
    let tree = Tree {
        client: None,
        resources: vec![group("shop", metrics.clone())],
    };
    let batch = tree.encode();
    assert_eq!(batch.items(), 6);
    let batch = recheck(&batch);
    let mut tree = batch.metrics();
    tree.for_each(|_, _, metric| metric.get_mut().description = "d".into());
    let edited = recheck(&tree.encode());
    let tree = edited.metrics();
    for (metric, before) in tree.resources[0].scopes[0].items.iter().zip(metrics) {
        let expected = Metric {
            description: "d".into(),
            ..before
        };
        assert_eq!(*metric.get(), expected);
    }
}

fn records_of_every_type<'a>() -> Vec<LogRecord<'a>> {
    let map = Attributes::from(vec![KeyValue {
        key: "k".into(),
        value: AnyValue::Array(vec![AnyValue::Empty, AnyValue::Bool(false)]),
    }]);
    let bodies = [
        AnyValue::Empty,
        AnyValue::from(""),
        AnyValue::Bytes(vec![0xff].into()),
        AnyValue::String(Text::from_bytes(&[0xff, b'a'])),
        AnyValue::Map(map),
    ];
    bodies
        .into_iter()
        .map(|body| LogRecord {
            body,
            ..LogRecord::default()
        })
        .collect()
}

#[test]
fn bodies_of_every_type_survive_an_edit() {
    let records = records_of_every_type();
    let tree = Tree {
        client: None,
        resources: vec![group("shop", records.clone())],
    };
    let batch = recheck(&tree.encode());
    let mut tree = batch.log_records();
    tree.for_each(|_, _, record| record.get_mut().severity_number = 9);
    let edited = recheck(&tree.encode());
    let tree = edited.log_records();
    for (record, before) in tree.resources[0].scopes[0].items.iter().zip(records) {
        let expected = LogRecord {
            severity_number: 9,
            ..before
        };
        assert_eq!(*record.get(), expected);
    }
}

#[test]
fn broken_requests_are_refused_with_the_message_that_is_broken() {
    let check = |bytes: &[u8]| {
        OtlpBatch::from_request(OtlpSignal::Traces, Bytes::copy_from_slice(bytes))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        check(&[0xff]),
        "ExportTraceServiceRequest: bad or cut off integer"
    );
    assert_eq!(
        check(b"\x0a\x04\x12\x02\x12\x09"),
        "ScopeSpans: cut off",
        "the length of a span goes too far"
    );
    assert_eq!(
        check(b"\x0a\x08\x12\x06\x12\x04\x0a\x02ab"),
        "Span: id of a wrong length"
    );
    assert_eq!(
        check(b"\x0a\x06\x12\x04\x12\x02\x28\x01"),
        "Span: field of a wrong wire type"
    );
}

#[test]
fn values_that_are_nested_too_deeply_are_refused() {
    let mut value = AnyValue::Empty;
    for _ in 0..60 {
        value = AnyValue::Array(vec![value]);
    }
    let record = LogRecord {
        body: value,
        ..LogRecord::default()
    };
    let tree = Tree {
        client: None,
        resources: vec![group("shop", vec![record])],
    };
    let request = tree.encode().to_request();
    let error = OtlpBatch::from_request(OtlpSignal::Logs, request).unwrap_err();
    assert_eq!(error.reason, "nested too deeply");
}

#[test]
fn a_cut_goes_through_chunks_and_metrics() {
    let gauge = |name: &'static str, values: std::ops::Range<i64>| Metric {
        name: name.into(),
        data: MetricData::Gauge(Gauge {
            points: values
                .map(|value| {
                    Lazy::new(NumberPoint {
                        value: Number::Int(value),
                        ..NumberPoint::default()
                    })
                })
                .collect(),
        }),
        ..Metric::default()
    };
    let encode = |metrics| {
        let tree = Tree {
            client: None,
            resources: vec![group("shop", metrics)],
        };
        tree.encode()
    };
    let mut all = encode(vec![gauge("a", 0..2)]);
    all.append(&encode(vec![gauge("b", 2..5), gauge("c", 5..6)]));
    let mut parts = Vec::new();
    while !all.is_empty() {
        let front = recheck(&all.split_off_front(4));
        let mut values = Vec::new();
        front.metrics().for_each(|_, _, metric| {
            let metric = metric.get();
            let MetricData::Gauge(gauge) = &metric.data else {
                panic!("a gauge");
            };
            for point in &gauge.points {
                values.push(format!("{}{:?}", metric.name, point.get().value));
            }
        });
        parts.push(values);
    }
    let expected = [
        vec!["aInt(0)", "aInt(1)", "bInt(2)", "bInt(3)"],
        vec!["bInt(4)", "cInt(5)"],
    ];
    assert_eq!(parts, expected);
}

#[test]
fn a_cut_beyond_the_end_takes_everything() {
    let mut batch = traces(&["a", "b", "c"]);
    assert_eq!(batch.split_off_front(2).items(), 2);
    assert_eq!(batch.split_off_front(9).items(), 1);
    assert!(batch.is_empty());
}
