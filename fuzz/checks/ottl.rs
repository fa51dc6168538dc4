//! A statement of OTTL, and after a zero byte the export request that it is run on: it compiles or
//! is refused with a place, it ends, and what it leaves is a request again.

use batch::otlp::{OtlpBatch, OtlpSignal};
use ops::ottl::otlp::{Environment, Pass, run_on_logs, run_on_metrics, run_on_spans};
use ops::ottl::{Dialect, ErrorMode, Owner, Set, Statements, Time};

struct Fixed;

impl Environment for Fixed {
    fn now(&self) -> Time {
        Time::from_nanos(1_790_000_000_000_000_000)
    }

    fn random(&self) -> u128 {
        7
    }
}

pub fn check(bytes: &[u8]) {
    let (text, request) = match bytes.iter().position(|byte| *byte == 0) {
        Some(zero) => (&bytes[..zero], &bytes[zero + 1..]),
        None => (bytes, &[][..]),
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let contexts = [
        (OtlpSignal::Traces, Owner::Span),
        (OtlpSignal::Traces, Owner::SpanEvent),
        (OtlpSignal::Metrics, Owner::Metric),
        (OtlpSignal::Metrics, Owner::DataPoint),
        (OtlpSignal::Logs, Owner::Log),
        (OtlpSignal::Logs, Owner::Resource),
    ];
    for (signal, context) in contexts {
        let dialect = Dialect {
            context,
            set: Set::Filter,
            prefixed: false,
        };
        for error in [dialect.condition(text).err(), dialect.value(text).err()] {
            assert!(error.is_none_or(|error| error.placed(text).contains(": ")));
        }
        let statements = [text.to_owned()];
        let mode = ErrorMode::Propagate;
        if let Ok(statements) = Statements::compile(&statements, &[], Some(context), &[], mode) {
            run(&statements, signal, request);
        }
    }
}

fn run(statements: &Statements, signal: OtlpSignal, request: &[u8]) {
    let request = bytes::Bytes::copy_from_slice(request);
    let Ok(batch) = OtlpBatch::from_request(signal, request) else {
        return;
    };
    let mut pass = Pass {
        environment: &Fixed,
        told: &mut |_| {},
    };
    // What fails on an item has changed the items before it, which must be whole all the same.
    let left = match signal {
        OtlpSignal::Traces => {
            let mut tree = batch.spans();
            let _failed = run_on_spans(&mut tree, statements, &mut pass).is_err();
            tree.encode()
        }
        OtlpSignal::Metrics => {
            let mut tree = batch.metrics();
            let _failed = run_on_metrics(&mut tree, statements, &mut pass).is_err();
            tree.encode()
        }
        OtlpSignal::Logs => {
            let mut tree = batch.log_records();
            let _failed = run_on_logs(&mut tree, statements, &mut pass).is_err();
            tree.encode()
        }
    };
    OtlpBatch::from_request(signal, left.to_request()).expect("what statements leave is a request");
}
