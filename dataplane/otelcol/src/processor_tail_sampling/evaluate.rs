//! Policies that decide on one whole trace.

use std::time::Duration;

use batch::otlp::{AnyValue, Attributes, Span, Tree};
use ops::ottl::otlp::keep_spans;
use ops::ottl::{Conditions, Owner, Set};
use ops::regex::GoRegex;
use runtime::Instant;

use super::policies::{
    AndBlock, CompositeBlock, OttlCondition, PolicyBlock, SimplePolicy, StatusCode, StringAttribute,
};
use super::trace::Trace;
use crate::ottl::{self, Surroundings, TRACES};

/// A policy as it is asked.
pub enum Policy {
    Always,
    Boolean {
        key: String,
        value: bool,
    },
    Limit {
        bucket: Bucket,
        bytes: bool,
    },
    Latency {
        min: i64,
        max: i64,
    },
    Numeric {
        key: String,
        min: i64,
        max: i64,
        invert: bool,
    },
    Ottl(Vec<Conditions>),
    Probabilistic {
        salt: String,
        threshold: u64,
    },
    SpanCount {
        min: i64,
        max: i64,
    },
    Status(Vec<i32>),
    Text {
        key: String,
        values: Values,
        invert: bool,
    },
    TraceState {
        key: String,
        values: Vec<String>,
    },
    And(Vec<Policy>),
    Not(Box<Policy>),
    Composite(Composite),
}

/// Texts to match.
pub enum Values {
    Texts(Vec<String>),
    Regexes(Vec<GoRegex>),
}

impl Values {
    fn fit(&self, text: &str) -> bool {
        match self {
            Values::Texts(texts) => !text.is_empty() && texts.iter().any(|it| it == text),
            Values::Regexes(regexes) => regexes.iter().any(|it| it.is_match(text)),
        }
    }
}

/// Policies that share a rate; counted anew each second.
pub struct Composite {
    policies: Vec<(Policy, i64, i64)>,
    spans_max: i64,
    second: u64,
}

/// Tokens that come back with time.
pub struct Bucket {
    rate: f64,
    capacity: f64,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn new(rate: i64, capacity: i64) -> Bucket {
        let capacity = if capacity == 0 {
            rate.saturating_mul(2)
        } else {
            capacity
        };
        Bucket {
            rate: rate as f64,
            capacity: capacity as f64,
            tokens: capacity as f64,
            filled: Instant::ZERO,
        }
    }

    fn take(&mut self, count: usize, now: Instant) -> bool {
        let passed = now.as_nanos().saturating_sub(self.filled.as_nanos());
        let fresh = Duration::from_nanos(passed).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + fresh).min(self.capacity);
        self.filled = now;
        let enough = count as f64 <= self.tokens;
        if enough {
            self.tokens -= count as f64;
        }
        enough
    }
}

/// The policy of a block; `true` beside one that drops.
pub fn compile(block: &PolicyBlock) -> Result<(Policy, bool), String> {
    let missing = || {
        format!(
            "policy \"{}\" has no block \"{}\"",
            name(block),
            kind(block)
        )
    };
    let policy = match kind(block) {
        "and" => and(block.and.as_ref().ok_or_else(missing)?)?,
        "drop" => {
            let sub = &block.drop.as_ref().ok_or_else(missing)?.policies;
            return Ok((Policy::And(all(sub)?), true));
        }
        "not" => Policy::Not(Box::new(simple(
            &block.not.as_ref().ok_or_else(missing)?.policy,
        )?)),
        "composite" => composite(block.composite.as_ref().ok_or_else(missing)?)?,
        _ => simple(&block.simple)?,
    };
    Ok((policy, false))
}

fn name(block: &PolicyBlock) -> &str {
    &block.simple.name
}

fn kind(block: &PolicyBlock) -> &str {
    &block.simple.kind
}

fn all(policies: &[SimplePolicy]) -> Result<Vec<Policy>, String> {
    policies.iter().map(simple).collect()
}

fn and(block: &AndBlock) -> Result<Policy, String> {
    all(&block.policies).map(Policy::And)
}

fn composite(block: &CompositeBlock) -> Result<Policy, String> {
    let total = block.max_total_spans_per_second;
    let equal = total / i64::try_from(block.policies.len().max(1)).unwrap_or(1);
    let mut policies = Vec::new();
    for sub in &block.policies {
        let policy = match (sub.simple.kind.as_str(), &sub.and) {
            ("and", Some(block)) => and(block)?,
            _ => simple(&sub.simple)?,
        };
        let mut allocations = block.allocations.iter();
        // Compat: a policy without an allocation has none.
        let allowed = match allocations.rfind(|it| it.policy == sub.simple.name) {
            None => 0,
            Some(share) if 0 < share.percent => {
                (share.percent as f64 * (total as f64 / 100.0)) as i64
            }
            Some(_) => equal,
        };
        policies.push((policy, allowed, 0));
    }
    Ok(Policy::Composite(Composite {
        policies,
        spans_max: total,
        second: 0,
    }))
}

fn simple(block: &SimplePolicy) -> Result<Policy, String> {
    let compiled = match block.kind.as_str() {
        "always_sample" => Some(Policy::Always),
        "boolean_attribute" => block.boolean_attribute.as_ref().map(|it| Policy::Boolean {
            key: it.key.clone(),
            value: it.value,
        }),
        "bytes_limiting" => block.bytes_limiting.as_ref().map(|it| Policy::Limit {
            bucket: Bucket::new(it.bytes_per_second, it.burst_capacity),
            bytes: true,
        }),
        "latency" => block.latency.as_ref().map(|it| Policy::Latency {
            min: it.threshold_ms,
            max: it.upper_threshold_ms,
        }),
        "numeric_attribute" => block.numeric_attribute.as_ref().map(|it| Policy::Numeric {
            key: it.key.clone(),
            min: if it.min_value == 0 {
                i64::MIN
            } else {
                it.min_value
            },
            max: if it.max_value == 0 {
                i64::MAX
            } else {
                it.max_value
            },
            invert: it.invert_match,
        }),
        "ottl_condition" => block.ottl_condition.as_ref().map(conditions).transpose()?,
        "probabilistic" => block
            .probabilistic
            .as_ref()
            .map(|it| Policy::Probabilistic {
                salt: match it.hash_salt.as_str() {
                    "" => "default-hash-seed".to_owned(),
                    salt => salt.to_owned(),
                },
                threshold: share(it.sampling_percentage / 100.0),
            }),
        "rate_limiting" => block.rate_limiting.as_ref().map(|it| Policy::Limit {
            bucket: Bucket::new(it.spans_per_second, it.burst_capacity),
            bytes: false,
        }),
        "span_count" => block.span_count.as_ref().map(|it| Policy::SpanCount {
            min: it.min_spans,
            max: it.max_spans,
        }),
        "status_code" => block.status_code.as_ref().map(status).transpose()?,
        "string_attribute" => block.string_attribute.as_ref().map(text).transpose()?,
        "trace_state" => block.trace_state.as_ref().map(|it| Policy::TraceState {
            key: it.key.clone(),
            values: it.values.clone(),
        }),
        other => return Err(format!("unknown sampling policy type {other}")),
    };
    compiled.ok_or_else(|| format!("policy \"{}\" has no block \"{}\"", block.name, block.kind))
}

fn conditions(block: &OttlCondition) -> Result<Policy, String> {
    let mode = ottl::error_mode(&block.error_mode)?;
    let lists = [
        ("span", Owner::Span, &block.span),
        ("spanevent", Owner::SpanEvent, &block.spanevent),
    ];
    let mut compiled = Vec::new();
    for (list, owner, texts) in lists {
        if !texts.is_empty() {
            let conditions = Conditions::compile(texts, Some(owner), TRACES, Set::Filter, mode);
            compiled.push(conditions.map_err(|error| ottl::misplaced(list, texts, error))?);
        }
    }
    match compiled.is_empty() {
        true => Err("expected at least one OTTL condition to filter on".to_owned()),
        false => Ok(Policy::Ottl(compiled)),
    }
}

fn status(block: &StatusCode) -> Result<Policy, String> {
    if block.status_codes.is_empty() {
        return Err("expected at least one status code to filter on".to_owned());
    }
    let code = |name: &String| match name.as_str() {
        "UNSET" => Ok(0),
        "OK" => Ok(1),
        "ERROR" => Ok(2),
        other => Err(format!(
            "unknown status code \"{other}\", supported: OK, ERROR, UNSET"
        )),
    };
    let codes: Result<Vec<i32>, String> = block.status_codes.iter().map(code).collect();
    codes.map(Policy::Status)
}

fn text(block: &StringAttribute) -> Result<Policy, String> {
    let regexes = || {
        let compiled = block.values.iter().map(|it| GoRegex::new(it));
        compiled.collect::<Result<Vec<_>, String>>()
    };
    Ok(Policy::Text {
        key: block.key.clone(),
        values: match block.enabled_regex_matching {
            true => Values::Regexes(regexes()?),
            false => Values::Texts(block.values.clone()),
        },
        invert: block.invert_match,
    })
}

/// The part of all 64-bit hashes that a ratio is.
fn share(ratio: f64) -> u64 {
    if ratio <= 0.0 || ratio.is_nan() {
        return 0;
    }
    if 1.0 <= ratio {
        return u64::MAX;
    }
    // Exact: a double is a whole number of 53 bits, moved.
    let bits = ratio.to_bits();
    let fraction = (bits & ((1 << 52) - 1)) | 1 << 52;
    let shift = 1075 - (bits >> 52);
    let product = u128::from(u64::MAX) * u128::from(fraction);
    product
        .checked_shr(u32::try_from(shift).unwrap_or(u32::MAX))
        .map_or(0, |it| it as u64)
}

/// Compat: what is no number counts as zero.
fn number_of(value: &AnyValue<'_>) -> i64 {
    match value {
        AnyValue::Int(value) => *value,
        _ => 0,
    }
}

impl Policy {
    /// Whether the policy samples the trace; an error is that of a condition.
    pub fn samples(
        &mut self,
        trace: &Trace<'_>,
        now: Instant,
        surroundings: &Surroundings,
    ) -> Result<bool, String> {
        Ok(match self {
            Policy::Always => true,
            Policy::Boolean { key, value } => {
                trace.has(|it| matches!(it.get(key), Some(AnyValue::Bool(is)) if is == value))
            }
            Policy::Limit { bucket, bytes } => {
                bucket.take(if *bytes { trace.bytes() } else { trace.spans }, now)
            }
            Policy::Latency { min, max } => is_slow(trace, *min, *max),
            Policy::Numeric {
                key,
                min,
                max,
                invert,
            } => {
                let fits = |it: &Attributes<'_>| {
                    let number = it.get(key).map(number_of);
                    number.is_some_and(|it| *min <= it && it <= *max)
                };
                trace.has(fits) != *invert
            }
            Policy::Ottl(list) => return holds(list, trace, surroundings),
            Policy::Probabilistic { salt, threshold } => {
                let mut bytes = salt.clone().into_bytes();
                bytes.extend_from_slice(&trace.id);
                stdx::fnv1a(&bytes) <= *threshold
            }
            Policy::SpanCount { min, max } => {
                let spans = i64::try_from(trace.spans).unwrap_or(i64::MAX);
                *min <= spans && (*max == 0 || spans <= *max)
            }
            Policy::Status(codes) => trace.spans().any(|span| codes.contains(&span.status.code)),
            Policy::Text {
                key,
                values,
                invert,
            } => {
                let fits = |it: &Attributes<'_>| match it.get(key) {
                    Some(AnyValue::String(text)) => values.fit(&text.to_str()),
                    _ => false,
                };
                trace.has(fits) != *invert
            }
            Policy::TraceState { key, values } => trace.spans().any(|span| {
                let state = span.trace_state.to_str();
                let mut members = state.split(',').filter_map(|it| it.trim().split_once('='));
                members.any(|(it, value)| it == key && values.iter().any(|known| known == value))
            }),
            Policy::And(policies) => {
                for policy in policies {
                    if !policy.samples(trace, now, surroundings)? {
                        return Ok(false);
                    }
                }
                true
            }
            Policy::Not(policy) => !policy.samples(trace, now, surroundings)?,
            Policy::Composite(composite) => return composite.samples(trace, now, surroundings),
        })
    }
}

impl Composite {
    fn samples(
        &mut self,
        trace: &Trace<'_>,
        now: Instant,
        surroundings: &Surroundings,
    ) -> Result<bool, String> {
        let second = now.as_nanos() / 1_000_000_000;
        if self.second != second {
            self.second = second;
            for (_, _, sampled) in &mut self.policies {
                *sampled = 0;
            }
        }
        for (policy, allowed, sampled) in &mut self.policies {
            if policy.samples(trace, now, surroundings)? {
                let after = *sampled + i64::try_from(trace.spans).unwrap_or(i64::MAX);
                let within = after <= *allowed && after <= self.spans_max;
                if within {
                    *sampled = after;
                }
                return Ok(within);
            }
        }
        Ok(false)
    }
}

/// From the first start to the last end so far, after each span.
fn is_slow(trace: &Trace<'_>, min: i64, max: i64) -> bool {
    let (mut first, mut last) = (0, 0);
    trace.spans().any(|span| {
        if first == 0 || span.start_unix_nano < first {
            first = span.start_unix_nano;
        }
        if last == 0 || last < span.end_unix_nano {
            last = span.end_unix_nano;
        }
        let took = (last as i64).wrapping_sub(first as i64) / 1_000_000;
        match max {
            0 => min <= took,
            max => min < took && took <= max,
        }
    })
}

/// Whether a condition holds for a span or an event: one that it holds for would be filtered.
fn holds(
    list: &[Conditions],
    trace: &Trace<'_>,
    surroundings: &Surroundings,
) -> Result<bool, String> {
    for conditions in list {
        for batch in trace.batches {
            let mut tree = batch.spans();
            let before = size(&tree);
            let kept = surroundings.pass(|pass| {
                keep_spans(&mut tree, conditions, pass).map_err(|failure| failure.error.to_string())
            });
            kept?;
            if size(&tree) != before {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Spans and events.
fn size<'a>(tree: &Tree<'a, Span<'a>>) -> (usize, usize) {
    let scopes = tree.resources.iter().flat_map(|group| &group.scopes);
    let spans = scopes.flat_map(|scope| &scope.items);
    spans.fold((0, 0), |(spans, events), span| {
        (spans + 1, events + span.get().events.len())
    })
}
