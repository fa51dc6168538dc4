//! JSON there and back, and what is refused.

use batch::otlp::{AnyValue, MetricData, Number, OtlpBatch, OtlpSignal};

use super::*;

fn batch(signal: OtlpSignal, json: &str) -> OtlpBatch {
    let request = decode(signal.request(), json.as_bytes()).expect("valid JSON");
    OtlpBatch::from_request(signal, request.into()).expect("valid protobuf")
}

/// Turns `json` to protobuf and back.
fn check(signal: OtlpSignal, json: &str, expected: &str) {
    let batch = batch(signal, json);
    let again = encode(signal.request(), &batch.to_request()).expect("valid protobuf");
    assert_eq!(String::from_utf8(again).expect("text"), expected);
}

fn refused(json: &str) -> String {
    let error = decode(OtlpSignal::Traces.request(), json.as_bytes()).unwrap_err();
    error.to_string()
}

#[test]
fn spans_survive_in_both_directions() {
    let json = concat!(
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"intValue":"-1"}},"#,
        r#"{"key":"b","value":{"arrayValue":{"values":[{"boolValue":false},{}]}}}]},"#,
        r#""scopeSpans":[{"scope":{"name":"lib"},"spans":["#,
        r#"{"traceId":"0102030405060708090a0b0c0d0e0f10","#,
        r#""spanId":"eee19b7ec3c1b174","flags":257,"name":"é\"x","kind":2,"#,
        r#""startTimeUnixNano":"1544712660000000000","droppedAttributesCount":3,"#,
        r#""events":[{"name":"e","attributes":[{"key":"c","value":{"bytesValue":"AP8="}}]}],"#,
        r#""status":{"code":2}}]}],"schemaUrl":"u"}]}"#,
    );
    check(OtlpSignal::Traces, json, json);
}

#[test]
fn metrics_survive_in_both_directions() {
    let json = concat!(
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":["#,
        r#"{"name":"s","sum":{"dataPoints":[{"timeUnixNano":"5","asInt":"-7"},{"asDouble":0.5}],"#,
        r#""aggregationTemporality":2,"isMonotonic":true}},"#,
        r#"{"name":"h","histogram":{"dataPoints":[{"count":"3","sum":-0.0,"#,
        r#""bucketCounts":["1","2"],"explicitBounds":[1.5],"max":"Infinity"}]}},"#,
        r#"{"name":"x","exponentialHistogram":{"dataPoints":[{"scale":-2,"#,
        r#""positive":{"offset":-4,"bucketCounts":["1","300"]}}]}}]}]}]}"#,
    );
    check(OtlpSignal::Metrics, json, json);
}

#[test]
fn every_spelling_of_a_number_is_taken() {
    let json = r#"{"resource_metrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":
        {"dataPoints":[{"as_int":5,"time_unix_nano":1e3},{"asDouble":"NaN"}]}}]}]}]}"#;
    let batch = batch(OtlpSignal::Metrics, json);
    let tree = batch.metrics();
    let metric = tree.resources[0].scopes[0].items[0].get();
    let MetricData::Gauge(gauge) = &metric.data else {
        panic!("a gauge");
    };
    let point = gauge.points[0].get();
    assert_eq!((point.value, point.time_unix_nano), (Number::Int(5), 1000));
    let Number::Double(value) = gauge.points[1].get().value else {
        panic!("a double");
    };
    assert!(value.is_nan());
}

#[test]
fn names_of_enums_and_unknown_fields_are_taken() {
    let json = r#"{"new":{"a":[1,{}]},"resourceLogs":[{"scopeLogs":[{"logRecords":[
        {"severityNumber":"SEVERITY_NUMBER_WARN2","body":{"stringValue":"b"},"other":null},
        {"body":null,"traceId":""}]}]}]}"#;
    let batch = batch(OtlpSignal::Logs, json);
    let tree = batch.log_records();
    let [first, second] = &*tree.resources[0].scopes[0].items else {
        panic!("two records");
    };
    assert_eq!(first.get().severity_number, 14);
    assert_eq!(first.get().body, AnyValue::from("b"));
    assert_eq!(second.get().body, AnyValue::Empty);
}

#[test]
fn what_is_no_request_is_refused() {
    assert!(refused("{broken").contains("key must be a string"));
    assert!(refused("[]").contains("an object, ExportTraceServiceRequest"));
    assert!(refused(r#"{"resourceSpans":{}}"#).contains("an array, resourceSpans"));
    assert!(refused("{} x").contains("trailing characters"));
    let span = |fields: &str| {
        refused(&format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#
        ))
    };
    assert!(span(r#""traceId":"xy""#).contains("traceId cannot be anything but hexadecimal"));
    assert!(span(r#""kind":99999999999"#).contains("kind is out of range"));
    assert!(span(r#""name":5"#).contains("name cannot be a number"));
}

#[test]
fn an_abyss_of_values_is_refused() {
    let depth = 200;
    let json = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"value":{}{}}}]}}}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(depth),
        "]}}".repeat(depth),
    );
    assert!(refused(&json).contains("recursion limit exceeded"));
}
