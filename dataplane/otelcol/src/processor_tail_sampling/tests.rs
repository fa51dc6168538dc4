//! Policies on single traces, and the life of traces that wait.

use batch::otlp::{AnyValue, Span, Status};
use runtime::Instant;

use super::policies::*;
use super::*;
use crate::testing::traces;

fn simple(name: &str, kind: &str) -> SimplePolicy {
    SimplePolicy {
        name: name.to_owned(),
        kind: kind.to_owned(),
        boolean_attribute: None,
        bytes_limiting: None,
        latency: None,
        numeric_attribute: None,
        ottl_condition: None,
        probabilistic: None,
        rate_limiting: None,
        span_count: None,
        status_code: None,
        string_attribute: None,
        trace_state: None,
    }
}

fn block(simple: SimplePolicy) -> PolicyBlock {
    PolicyBlock {
        simple,
        and: None,
        composite: None,
        drop: None,
        not: None,
    }
}

fn errors() -> SimplePolicy {
    SimplePolicy {
        status_code: Some(StatusCode {
            status_codes: vec!["ERROR".to_owned()],
        }),
        ..simple("errors", "status_code")
    }
}

fn gold(invert_match: bool) -> SimplePolicy {
    SimplePolicy {
        string_attribute: Some(StringAttribute {
            key: "tier".to_owned(),
            values: vec!["go.d".to_owned()],
            cache_max_size: 0,
            enabled_regex_matching: true,
            invert_match,
        }),
        ..simple("gold", "string_attribute")
    }
}

fn span(id: u8, code: i32, tier: &'static str) -> Span<'static> {
    let mut span = Span {
        trace_id: vec![id; 16].into(),
        start_unix_nano: 1,
        end_unix_nano: 5_000_001,
        ..Span::default()
    };
    span.status = Status {
        code,
        ..Status::default()
    };
    span.attributes.set("tier", AnyValue::from(tier));
    span
}

/// What one policy says of a trace of one span.
fn samples(block: &PolicyBlock, span: Span<'_>) -> bool {
    let batches = [traces(vec![span])];
    let (mut policy, _) = compile(block).unwrap();
    let trace = Trace::of([1; 16], &batches);
    policy
        .samples(&trace, Instant::ZERO, &Surroundings::new("test"))
        .unwrap()
}

#[test]
fn policies_look_at_status_attributes_and_time() {
    assert!(samples(&block(errors()), span(1, 2, "")));
    assert!(!samples(&block(errors()), span(1, 1, "")));
    assert!(samples(&block(gold(false)), span(1, 0, "gold")));
    assert!(!samples(&block(gold(true)), span(1, 0, "gold")));
    let latency = |threshold_ms, upper_threshold_ms| {
        block(SimplePolicy {
            latency: Some(Latency {
                threshold_ms,
                upper_threshold_ms,
            }),
            ..simple("slow", "latency")
        })
    };
    assert!(samples(&latency(5, 0), span(1, 0, "")));
    assert!(
        !samples(&latency(5, 10), span(1, 0, "")),
        "with a limit, 5 is not above 5"
    );
    let ottl = block(SimplePolicy {
        ottl_condition: Some(OttlCondition {
            error_mode: "ignore".to_owned(),
            span: vec!["attributes[\"tier\"] == \"gold\"".to_owned()],
            spanevent: Vec::new(),
        }),
        ..simple("ottl", "ottl_condition")
    });
    assert!(samples(&ottl, span(1, 0, "gold")));
    assert!(!samples(&ottl, span(1, 0, "tin")));
}

#[test]
fn policies_join_others() {
    let both = |policies| PolicyBlock {
        and: Some(AndBlock { policies }),
        ..block(simple("both", "and"))
    };
    let rule = both(vec![errors(), gold(false)]);
    assert!(samples(&rule, span(1, 2, "gold")));
    assert!(!samples(&rule, span(1, 2, "tin")));
    let not = PolicyBlock {
        not: Some(NotBlock { policy: errors() }),
        ..block(simple("not", "not"))
    };
    assert!(samples(&not, span(1, 0, "")));
    assert!(
        compile(&block(simple("none", "latency"))).is_err(),
        "it has no block"
    );
    assert!(compile(&block(simple("none", "luck"))).is_err());
}

#[test]
fn rates_are_kept_and_shares_are_shares() {
    let limited = block(SimplePolicy {
        rate_limiting: Some(RateLimiting {
            spans_per_second: 1,
            burst_capacity: 0,
        }),
        ..simple("rate", "rate_limiting")
    });
    let (mut policy, _) = compile(&limited).unwrap();
    let batches = [traces(vec![span(1, 0, "")])];
    let trace = Trace::of([1; 16], &batches);
    let mut at = |second: u64| {
        let now = Instant::from_nanos(second * 1_000_000_000);
        policy
            .samples(&trace, now, &Surroundings::new("test"))
            .unwrap()
    };
    assert_eq!(
        [at(0), at(0), at(0), at(1), at(1)],
        [true, true, false, true, false]
    );
    let share = |sampling_percentage| {
        block(SimplePolicy {
            probabilistic: Some(Probabilistic {
                sampling_percentage,
                hash_salt: String::new(),
            }),
            ..simple("share", "probabilistic")
        })
    };
    assert!(samples(&share(100.0), span(1, 0, "")));
    assert!(!samples(&share(0.0), span(1, 0, "")));
}

fn limits(traces_max: usize, cached: usize) -> Limits {
    Limits {
        traces_max,
        bytes_max: usize::MAX,
        wait: Duration::from_secs(10),
        wait_after_root: Duration::from_secs(10),
        sampled_cached: cached,
        others_cached: cached,
    }
}

#[test]
fn spans_wait_by_their_trace_and_late_ones_follow_the_decision() {
    for cached in [0, 10] {
        let mut waiting = Waiting::new(limits(10, cached));
        let batch = || traces(vec![span(1, 0, ""), span(2, 0, ""), span(1, 0, "")]);
        for part in by_trace(&batch()) {
            waiting.arrive(part, Instant::ZERO);
        }
        assert!(
            waiting
                .due(Instant::from_nanos(9_999_999_999), false)
                .is_empty()
        );
        let due = waiting.due(Instant::from_nanos(10_000_000_000), false);
        assert_eq!(due, [[1; 16], [2; 16]]);
        for (id, sampled) in due.iter().zip([true, false]) {
            let (batches, _) = waiting.take(id).unwrap();
            assert_eq!(batches[0].items(), if sampled { 2 } else { 1 });
            waiting.decided(id, sampled);
        }
        for part in by_trace(&batch()) {
            let first = part.id == [1; 16];
            match waiting.arrive(part, Instant::ZERO) {
                Arrived::Sampled(_) => assert!(first),
                Arrived::NotSampled { .. } => assert!(!first),
                Arrived::Waits { .. } => panic!("the decision is known"),
            }
        }
    }
}

#[test]
fn the_oldest_trace_is_forgotten_when_there_are_too_many() {
    let mut waiting = Waiting::new(limits(2, 0));
    let batch = traces(vec![span(1, 0, ""), span(2, 0, ""), span(3, 0, "")]);
    let mut forgotten = 0;
    for part in by_trace(&batch) {
        if let Arrived::Waits { forgotten: spans } = waiting.arrive(part, Instant::ZERO) {
            forgotten += spans;
        }
    }
    assert_eq!(forgotten, 1);
    assert_eq!(waiting.due(Instant::ZERO, true), [[2; 16], [3; 16]]);
}
