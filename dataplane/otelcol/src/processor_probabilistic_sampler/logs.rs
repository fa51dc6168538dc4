//! The decision on one log record.

use batch::otlp::{AnyValue, Lazy, LogRecord};

use super::SamplerArguments;
use super::sampler::{Known, RANDOMNESS_IN_USE, Sampler, THRESHOLD_IN_USE, consistent, in_doubt};
use super::threshold::{Randomness, Threshold, bytes_of};
use super::traces::padded;

const THRESHOLD: &str = "sampling.threshold";
const RANDOMNESS: &str = "sampling.randomness";

/// Whether a record stays; one that does tells its threshold in an attribute.
pub fn stays<'a>(
    record: &mut Lazy<'a, LogRecord<'a>>,
    sampler: &Sampler,
    arguments: &SamplerArguments,
    tell: &mut dyn FnMut(&str),
) -> bool {
    let known = known(record.get());
    let randomness = randomness(record.get(), sampler, arguments, &known);
    let doubt = match &known {
        Err(error) => Some(error.clone()),
        Ok(known) if sampler.hashes() && known.randomness.is_some() => {
            Some(RANDOMNESS_IN_USE.to_owned())
        }
        Ok(known) if sampler.hashes() && known.threshold.is_some() => {
            Some(THRESHOLD_IN_USE.to_owned())
        }
        Ok(known) => consistent(randomness, known).err().map(str::to_owned),
    };
    let before = known.as_ref().ok().and_then(|known| known.threshold);
    let decided = match &doubt {
        None => sampler.threshold(before),
        Some(why) => {
            tell(why);
            in_doubt(arguments)
        }
    };
    let threshold = priority(record.get(), arguments).unwrap_or(decided);
    let stays = threshold.keeps(randomness.unwrap_or(Randomness::ALL));
    if stays && known.is_ok() {
        let attributes = &mut record.get_mut().attributes;
        if let (Some(randomness), None, true) = (randomness, &doubt, sampler.hashes()) {
            attributes.set(RANDOMNESS, AnyValue::from(randomness.text()));
        }
        // A share never grows: that something was kept before is not undone.
        if before.is_none_or(|before| before <= threshold) {
            attributes.set(THRESHOLD, AnyValue::from(threshold.text()));
        }
    }
    stays
}

/// What a record says of its share.
fn known(record: &LogRecord<'_>) -> Result<Known, String> {
    let text = |key| match record.attributes.get(key) {
        Some(AnyValue::String(text)) if !text.is_empty() => Some(text.to_str()),
        _ => None,
    };
    Ok(Known {
        randomness: text(RANDOMNESS)
            .map(|it| Randomness::parse(&it))
            .transpose()?,
        threshold: text(THRESHOLD)
            .map(|it| Threshold::parse(&it))
            .transpose()?,
    })
}

fn randomness(
    record: &LogRecord<'_>,
    sampler: &Sampler,
    arguments: &SamplerArguments,
    known: &Result<Known, String>,
) -> Option<Randomness> {
    let of_attribute = || {
        let value = match arguments.from_attribute.as_str() {
            "" => None,
            key => record.attributes.get(key),
        };
        value.map(|value| Randomness::hashed(&bytes_of(value), arguments.hash_seed))
    };
    let id = padded(record.trace_id.as_ref());
    if sampler.hashes() {
        return match arguments.attribute_source.as_str() {
            "traceID" => Some(Randomness::hashed(&id, arguments.hash_seed)),
            _ => of_attribute(),
        };
    }
    let known = known.as_ref().ok()?;
    match known.randomness {
        Some(randomness) => Some(randomness),
        None if id == [0; 16] => of_attribute(),
        None => Some(Randomness::of_trace_id(&id)),
    }
}

/// The percentage that a record asks for.
fn priority(record: &LogRecord<'_>, arguments: &SamplerArguments) -> Option<Threshold> {
    if arguments.sampling_priority.is_empty() {
        return None;
    }
    let percentage = match record.attributes.get(&arguments.sampling_priority)? {
        AnyValue::Int(value) => *value as f64,
        AnyValue::Double(value) => *value,
        _ => return None,
    };
    let precision = u32::try_from(arguments.sampling_precision).unwrap_or(0);
    Threshold::of_probability(percentage / 100.0, precision)
}
