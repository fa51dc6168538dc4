//! The decision on one span.

use batch::otlp::{AnyValue, Lazy, Span, Text};

use super::SamplerArguments;
use super::sampler::{Known, RANDOMNESS_IN_USE, Sampler, THRESHOLD_IN_USE, consistent, in_doubt};
use super::threshold::{Randomness, Threshold};
use super::tracestate::TraceState;

/// Whether a span stays; one that does tells its threshold in its trace state.
pub fn stays<'a>(
    span: &mut Lazy<'a, Span<'a>>,
    sampler: &Sampler,
    arguments: &SamplerArguments,
    tell: &mut dyn FnMut(&str),
) -> bool {
    let mut state = TraceState::parse(&span.get().trace_state.to_str());
    let (randomness, doubt) = randomness(span.get(), sampler, arguments, &mut state);
    let doubt = doubt.or_else(|| {
        let state = state.as_mut().ok()?;
        let known = Known {
            randomness: state.randomness,
            threshold: state.threshold,
        };
        let why = consistent(randomness, &known).err()?;
        if randomness.is_some() {
            // What it said was not true: nobody shall believe it later.
            state.threshold = None;
        }
        Some(why.to_owned())
    });
    let decided = match (doubt, &state) {
        (None, Ok(state)) => sampler.threshold(state.threshold),
        (doubt, _) => {
            tell(doubt.as_deref().unwrap_or("unknown"));
            in_doubt(arguments)
        }
    };
    let threshold = priority(span.get()).unwrap_or(decided);
    let stays = threshold.keeps(randomness.unwrap_or(Randomness::ALL));
    if let (true, Ok(mut state)) = (stays, state) {
        // A share never grows: that something was kept before is not undone.
        if state.threshold.is_none_or(|before| before <= threshold) {
            state.threshold = Some(threshold);
        }
        let text = state.text();
        if span.get().trace_state != *text {
            span.get_mut().trace_state = Text::from(text);
        }
    }
    stays
}

/// The randomness of a span, and what is wrong with it.
fn randomness(
    span: &Span<'_>,
    sampler: &Sampler,
    arguments: &SamplerArguments,
    state: &mut Result<TraceState, String>,
) -> (Option<Randomness>, Option<String>) {
    let id = padded(span.trace_id.as_ref());
    if sampler.hashes() {
        let hashed = Randomness::hashed(&id, arguments.hash_seed);
        let doubt = match state {
            Err(error) => Some(error.clone()),
            Ok(state) if state.randomness.is_some() => Some(RANDOMNESS_IN_USE.to_owned()),
            Ok(state) if state.threshold.is_some() => Some(THRESHOLD_IN_USE.to_owned()),
            Ok(state) => {
                state.randomness = Some(hashed);
                None
            }
        };
        return (Some(hashed), doubt);
    }
    match state {
        Err(error) => (None, Some(error.clone())),
        Ok(state) if state.randomness.is_some() => (state.randomness, None),
        Ok(_) if id == [0; 16] => (None, None),
        Ok(_) => (Some(Randomness::of_trace_id(&id)), None),
    }
}

/// A trace id of 16 bytes; zeros if there is none.
pub fn padded(id: &[u8]) -> [u8; 16] {
    id.try_into().unwrap_or([0; 16])
}

/// The attribute `sampling.priority`: zero for no, more for yes.
fn priority(span: &Span<'_>) -> Option<Threshold> {
    let number = match span.attributes.get("sampling.priority")? {
        AnyValue::Int(value) => *value as f64,
        AnyValue::Double(value) => *value,
        AnyValue::String(text) => text.to_str().parse().ok()?,
        _ => return None,
    };
    if number == 0.0 {
        return Some(Threshold::NEVER);
    }
    (0.0 < number).then_some(Threshold::ALWAYS)
}
