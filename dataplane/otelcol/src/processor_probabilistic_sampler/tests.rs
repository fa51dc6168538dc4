//! Decisions on spans and log records, by mode.

use batch::otlp::{AnyValue, LogRecord, Span};

use super::*;
use batch::otlp::Lazy;

fn arguments(mode: &str, percentage: f64) -> SamplerArguments {
    SamplerArguments {
        attribute_source: "traceID".to_owned(),
        fail_closed: true,
        from_attribute: "id".to_owned(),
        hash_seed: 0,
        mode: mode.to_owned(),
        sampling_percentage: percentage,
        sampling_precision: 4,
        sampling_priority: "priority".to_owned(),
        debug_metrics: None,
        output: Outputs {
            logs: Vec::new(),
            metrics: Vec::new(),
            traces: Vec::new(),
        },
    }
}

fn span(state: &'static str, last: u8) -> Lazy<'static, Span<'static>> {
    let mut id = vec![0; 16];
    id[0] = 1;
    id[9] = last;
    Lazy::new(Span {
        trace_id: id.into(),
        trace_state: state.into(),
        ..Span::default()
    })
}

/// The trace state of a span that stays.
fn sampled<'a>(mode: &str, percentage: f64, mut span: Lazy<'a, Span<'a>>) -> Option<String> {
    let arguments = arguments(mode, percentage);
    let sampler = Sampler::of(&arguments, OtlpSignal::Traces);
    let stays = traces::stays(&mut span, &sampler, &arguments, &mut |_| {});
    stays.then(|| span.get().trace_state.to_string())
}

#[test]
fn a_span_stays_if_its_randomness_reaches_the_threshold() {
    assert_eq!(
        sampled("proportional", 50.0, span("", 0x80)).as_deref(),
        Some("ot=th:8")
    );
    assert_eq!(sampled("proportional", 50.0, span("", 0x7f)), None);
    assert_eq!(sampled("proportional", 0.0, span("", 0xff)), None);
    let all = sampled("equalizing", 250.0, span("a=b", 0));
    assert_eq!(all.as_deref(), Some("ot=th:0,a=b"));
}

#[test]
fn shares_multiply_or_are_made_equal() {
    let before = || span("ot=th:8", 0xff);
    assert_eq!(
        sampled("proportional", 50.0, before()).as_deref(),
        Some("ot=th:c")
    );
    assert_eq!(
        sampled("equalizing", 50.0, before()).as_deref(),
        Some("ot=th:8")
    );
    // A share never grows again.
    assert_eq!(
        sampled("equalizing", 100.0, before()).as_deref(),
        Some("ot=th:8")
    );
}

#[test]
fn what_is_in_doubt_goes_unless_a_priority_keeps_it() {
    assert_eq!(sampled("proportional", 100.0, span("ot=th:8", 0x10)), None);
    assert_eq!(sampled("proportional", 100.0, span("ot=th:xx", 0x10)), None);
    assert_eq!(sampled("hash_seed", 100.0, span("ot=th:8", 0xff)), None);
    let mut kept = span("", 0);
    let attributes = &mut kept.get_mut().attributes;
    attributes.set("sampling.priority", AnyValue::from("1"));
    assert_eq!(
        sampled("proportional", 1.0, kept).as_deref(),
        Some("ot=th:0")
    );
    let mut left = span("", 0xff);
    left.get_mut()
        .attributes
        .set("sampling.priority", AnyValue::Int(0));
    assert_eq!(sampled("proportional", 100.0, left), None);
}

#[test]
fn records_without_a_trace_are_sampled_by_an_attribute() {
    let arguments = arguments("equalizing", 100.0);
    let sampler = Sampler::of(&arguments, OtlpSignal::Logs);
    let stays = |record: &mut Lazy<'static, LogRecord<'static>>| {
        logs::stays(record, &sampler, &arguments, &mut |_| {})
    };
    let mut without = Lazy::new(LogRecord::default());
    assert!(!stays(&mut without), "there is no randomness");
    let mut record = Lazy::new(LogRecord::default());
    record.get_mut().attributes.set("id", AnyValue::Int(7));
    assert!(stays(&mut record));
    let threshold = record.get().attributes.get("sampling.threshold");
    assert_eq!(threshold, Some(&AnyValue::from("0")));
    record
        .get_mut()
        .attributes
        .set("priority", AnyValue::Double(1e-30));
    assert!(
        stays(&mut record),
        "what is no probability is not asked for"
    );
}
