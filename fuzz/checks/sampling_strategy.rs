//! Answers of a Jaeger server about sampling: a strategy that always decides, or a reason.

use admin::settings::tracing_block::jaeger_remote::strategy;
use plan::{Sampler, Strategy};
use tokio::time::Instant;

/// How many operations are told apart here.
const OPERATIONS_MAX: i64 = 4;

pub fn check(bytes: &[u8]) {
    let strategy = match strategy(bytes, OPERATIONS_MAX) {
        Ok(strategy) => strategy,
        Err(reason) => return assert!(!reason.is_empty()),
    };
    if let Strategy::Operations { rates, .. } = &strategy {
        assert!(rates.len() <= OPERATIONS_MAX as usize);
    }
    let all = matches!(strategy, Strategy::Fraction(fraction) if fraction >= 1.0);
    let mut sampler = Sampler::new(strategy);
    for (low, operation) in [(0u128, "Reload"), (u128::MAX, ""), (1 << 63, "GET /")] {
        let kept = sampler.keeps(low.to_be_bytes(), operation, Instant::now());
        assert!(kept || !all);
    }
}
