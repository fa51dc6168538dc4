//! Payloads, their times and what stands in their lines.

use super::*;

fn line(json: &str) -> String {
    let payload = decode(json.as_bytes()).expect("a payload");
    let records = payload.records();
    let record = records.first().expect("something happened");
    let pairs = record.pairs.iter().map(|pair| match &pair.value {
        batch::otlp::AnyValue::String(text) => format!("{}={text}", pair.key),
        other => format!("{}={other:?}", pair.key),
    });
    pairs.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_log_has_its_context_and_what_all_have_in_common() {
    let json = r#"{
        "logs": [{"message": "m", "level": "info", "timestamp": "2023-05-06T07:08:09.120Z",
                  "context": {"b": "2", "a": "1", "n": null},
                  "trace": {"trace_id": "t", "span_id": "s"}}],
        "meta": {"app": {"name": "shop"}, "sdk": {"integrations": [{"name": "i", "version": "1"}]},
                 "browser": null}
    } trailing"#;
    let expected = "timestamp=2023-05-06 07:08:09.12 +0000 UTC kind=log message=m level=info \
                    context_a=1 context_b=2 traceID=t spanID=s sdk_integrations=i:1 \
                    app_name=shop browser_mobile=false";
    assert_eq!(line(json), expected);
}

#[test]
fn an_exception_has_its_stack_and_a_hash() {
    let json = r#"{"exceptions": [{"type": "E", "value": "x is undefined", "stacktrace":
        {"frames": [{"function": "f", "module": "m", "filename": "a.js", "lineno": 3}]}}]}"#;
    let expected = "timestamp=0001-01-01 00:00:00 +0000 UTC kind=exception type=E \
                    value=x is undefined stacktrace=E: x is undefined\n  at f (m|a.js:3:0) \
                    hash=811610402276117579 browser_mobile=false";
    assert_eq!(line(json), expected);
}

#[test]
fn a_value_is_there_as_text_and_as_a_number() {
    let json = r#"{"measurements": [{"type": "w", "values": {"lcp": 1.5}}]}"#;
    let expected = "timestamp=0001-01-01 00:00:00 +0000 UTC kind=measurement type=w lcp=1.500000 \
                    value_lcp=Double(1.5) browser_mobile=false";
    assert_eq!(line(json), expected);
}

#[test]
fn times_are_read_and_printed_as_go_does() {
    let check = |text: &str, shown: &str, unix_ns: i64| {
        let time = Time::parse(text).expect(text);
        assert_eq!(
            (time.shown(), time.unix_ns),
            (shown, Some(unix_ns)),
            "{text}"
        );
    };
    let ns = 1_683_356_889_000_000_000;
    check("2023-05-06T07:08:09Z", "2023-05-06 07:08:09 +0000 UTC", ns);
    check(
        "2023-05-06T09:08:09.5+02:00",
        "2023-05-06 09:08:09.5 +0200 +0200",
        ns + 500_000_000,
    );
    check(
        "1969-12-31T23:59:59-00:00",
        "1969-12-31 23:59:59 +0000 UTC",
        -1_000_000_000,
    );
    for wrong in [
        "",
        "2023-05-06 07:08:09Z",
        "2023-02-29T00:00:00Z",
        "2023-05-06T24:00:00Z",
        "2023-05-06T07:08:09",
        "2023-05-06T07:08:09.Z",
        "2023-05-06T07:08:09+0200",
        "20é3-05-06T07:08:09Z",
    ] {
        assert_eq!(Time::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn traces_are_spans_of_otlp() {
    let json = r#"{"traces": {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "a"}]}]}]}}"#;
    let payload = decode(json.as_bytes()).expect("a payload");
    let spans = payload.spans().expect("valid").expect("there are traces");
    assert_eq!(spans.items(), 1);
    let none = decode(b"{}").expect("a payload").spans();
    assert!(none.expect("valid").is_none());
    let wrong = decode(br#"{"traces": {"resourceSpans": 1}}"#).expect("a payload");
    assert!(wrong.spans().is_err());
}

#[test]
fn what_is_no_payload_is_refused() {
    for wrong in [
        "",
        "{x",
        "[1]",
        r#"{"logs": {}}"#,
        r#"{"logs": [{"message": 1}]}"#,
    ] {
        assert!(decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
