//! Which traces of the process itself are kept: a fraction, so many a second, or what a Jaeger
//! server says of each operation.

use std::collections::BTreeMap;

use tokio::time::Instant;

/// What decides, with what it counts.
#[derive(Debug)]
pub struct Sampler {
    strategy: Strategy,
    /// What `Strategy::PerSecond` and the lower bounds of operations have left.
    buckets: BTreeMap<String, Bucket>,
}

/// How to decide.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// This part of all traces. 1 and above keep all, 0 and below none.
    Fraction(f64),
    /// So many traces a second.
    PerSecond(f64),
    /// A part of the traces of each operation (the name of the root span), and at least so many a
    /// second.
    Operations {
        rates: Vec<OperationRate>,
        /// For operations that are not named, and the least number a second of each.
        default_fraction: f64,
        least_per_second: f64,
        /// How many operations are told apart; the others share `default_fraction` alone.
        operations_max: usize,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct OperationRate {
    pub operation: String,
    pub fraction: f64,
}

/// Traces that may be kept now; it fills with time.
#[derive(Debug)]
struct Bucket {
    credit: f64,
    at: Instant,
}

/// The key of the bucket of [`Strategy::PerSecond`], which is no operation's name.
const ALL: &str = "";

/// Compat: the fraction of a process that no block has configured.
const DEFAULT_FRACTION: f64 = 0.1;

impl Default for Sampler {
    fn default() -> Sampler {
        Sampler::new(Strategy::Fraction(DEFAULT_FRACTION))
    }
}

impl Sampler {
    pub fn new(strategy: Strategy) -> Sampler {
        Sampler {
            strategy,
            buckets: BTreeMap::new(),
        }
    }

    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// Whether to keep a trace whose root has this name.
    pub fn keeps(&mut self, trace_id: [u8; 16], operation: &str, now: Instant) -> bool {
        let buckets = &mut self.buckets;
        match &self.strategy {
            Strategy::Fraction(fraction) => is_within(trace_id, *fraction),
            Strategy::PerSecond(rate) => spend(buckets, ALL, *rate, now),
            Strategy::Operations {
                rates,
                default_fraction,
                least_per_second,
                operations_max,
            } => {
                let known = rates.iter().find(|it| it.operation == operation);
                let fraction = known.map_or(*default_fraction, |it| it.fraction);
                let kept = is_within(trace_id, fraction);
                if !buckets.contains_key(operation) && buckets.len() >= *operations_max {
                    return kept;
                }
                // What the fraction keeps counts towards the least number too.
                spend(buckets, operation, *least_per_second, now) || kept
            }
        }
    }
}

/// Takes one trace from a bucket, if it holds one.
fn spend(buckets: &mut BTreeMap<String, Bucket>, key: &str, rate: f64, now: Instant) -> bool {
    // Less than one a second still lets one through now and then.
    let full = rate.max(1.0);
    if !buckets.contains_key(key) {
        let bucket = Bucket {
            credit: full,
            at: now,
        };
        buckets.insert(key.to_owned(), bucket);
    }
    let Some(bucket) = buckets.get_mut(key) else {
        return false;
    };
    let passed = now.duration_since(bucket.at).as_secs_f64();
    bucket.credit = (bucket.credit + passed * rate).min(full);
    bucket.at = now;
    if rate <= 0.0 || bucket.credit < 1.0 {
        return false;
    }
    bucket.credit -= 1.0;
    true
}

/// Compat: by the id, as OpenTelemetry's SDKs decide, so that all of them agree about a trace.
fn is_within(trace_id: [u8; 16], fraction: f64) -> bool {
    if fraction >= 1.0 {
        return true;
    }
    let mut low = [0; 8];
    low.copy_from_slice(&trace_id[8..]);
    let place = u64::from_be_bytes(low) >> 1;
    // 63 bits of place; a float holds 53 of them, which no fraction is finer than.
    place < (fraction.max(0.0) * (1u64 << 63) as f64) as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(low: u64) -> [u8; 16] {
        u128::from(low).to_be_bytes()
    }

    #[test]
    fn a_fraction_goes_by_the_low_half_of_the_id() {
        let now = Instant::now();
        let keeps =
            |fraction, low| Sampler::new(Strategy::Fraction(fraction)).keeps(id(low), "x", now);
        assert!(keeps(0.5, u64::MAX / 2 - 2));
        assert!(!keeps(0.5, u64::MAX / 2 + 2));
        assert!(keeps(1.0, u64::MAX) && keeps(7.0, u64::MAX));
        assert!(!keeps(0.0, 0) && !keeps(-1.0, 0));
    }

    #[test]
    fn so_many_a_second_are_kept_and_no_more() {
        let mut sampler = Sampler::new(Strategy::PerSecond(2.0));
        let start = Instant::now();
        let mut kept = |at: u64| sampler.keeps(id(0), "x", start + Duration::from_millis(at));
        assert_eq!([kept(0), kept(0), kept(0)], [true, true, false]);
        assert_eq!([kept(499), kept(500), kept(501)], [false, true, false]);
        let mut none = Sampler::new(Strategy::PerSecond(0.0));
        assert!(!none.keeps(id(0), "x", start));
    }

    #[test]
    fn operations_have_their_own_fraction_and_a_least_number() {
        let mut sampler = Sampler::new(Strategy::Operations {
            rates: vec![OperationRate {
                operation: "all".to_owned(),
                fraction: 1.0,
            }],
            default_fraction: 0.0,
            least_per_second: 1.0,
            operations_max: 2,
        });
        let now = Instant::now();
        let mut kept = |operation| sampler.keeps(id(u64::MAX), operation, now);
        assert_eq!([kept("all"), kept("all")], [true, true]);
        assert_eq!([kept("other"), kept("other")], [true, false]);
        assert!(!kept("one too many"), "only the default fraction is left");
    }
}
