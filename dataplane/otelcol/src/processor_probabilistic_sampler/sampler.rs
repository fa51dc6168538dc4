//! Which threshold an item has to reach, by mode.

use batch::otlp::OtlpSignal;

use super::SamplerArguments;
use super::threshold::{BUCKETS, PROBABILITY_MIN, Randomness, Threshold};

/// The mode with its numbers.
#[derive(Debug, PartialEq)]
pub enum Sampler {
    Never,
    /// Randomness is a hash of the trace id or of an attribute.
    Hash(Threshold),
    /// All items get this threshold.
    Equalizing(Threshold),
    /// The items that arrive get so much rarer.
    Proportional {
        ratio: f64,
        precision: u32,
    },
}

/// What an item says of itself.
#[derive(Default)]
pub struct Known {
    pub randomness: Option<Randomness>,
    pub threshold: Option<Threshold>,
}

impl Sampler {
    pub fn of(arguments: &SamplerArguments, signal: OtlpSignal) -> Sampler {
        // Compat: percentages are of 32 bits; more of them would keep other items.
        let percentage = (arguments.sampling_percentage as f32).min(100.0);
        if percentage == 0.0 {
            return Sampler::Never;
        }
        let ratio = (f64::from(percentage) / 100.0).max(PROBABILITY_MIN);
        let precision = u32::try_from(arguments.sampling_precision).unwrap_or(0);
        match mode(arguments, signal) {
            "equalizing" => match Threshold::of_probability(ratio, precision) {
                Some(threshold) => Sampler::Equalizing(threshold),
                None => Sampler::Never,
            },
            "proportional" => Sampler::Proportional { ratio, precision },
            // Compat: whatever is not a mode is this one.
            _ => {
                let kept = (percentage * (BUCKETS as f32 / 100.0)) as u64;
                match kept {
                    0 => Sampler::Never,
                    kept => Sampler::Hash(Threshold::of_buckets(u64::from(BUCKETS) - kept)),
                }
            }
        }
    }

    /// Whether the trace id or an attribute is hashed.
    pub fn hashes(&self) -> bool {
        matches!(self, Sampler::Hash(_))
    }

    /// The threshold of an item that came with `known`.
    pub fn threshold(&self, known: Option<Threshold>) -> Threshold {
        match self {
            Sampler::Never => Threshold::NEVER,
            Sampler::Hash(threshold) | Sampler::Equalizing(threshold) => *threshold,
            Sampler::Proportional { ratio, precision } => {
                let before = known.map_or(1.0, Threshold::probability);
                Threshold::of_probability(before * ratio, *precision).unwrap_or(Threshold::NEVER)
            }
        }
    }
}

fn mode(arguments: &SamplerArguments, signal: OtlpSignal) -> &str {
    let by_record = signal == OtlpSignal::Logs && arguments.attribute_source != "traceID";
    match arguments.mode.as_str() {
        "" if arguments.hash_seed != 0 || by_record => "hash_seed",
        "" => "proportional",
        mode => mode,
    }
}

/// Whether randomness and an arriving threshold agree; else why not.
pub fn consistent(randomness: Option<Randomness>, known: &Known) -> Result<(), &'static str> {
    let Some(randomness) = randomness else {
        return Err("missing randomness");
    };
    match known.threshold {
        Some(threshold) if !threshold.keeps(randomness) => {
            Err("inconsistent arriving threshold: item should not have been sampled")
        }
        _ => Ok(()),
    }
}

/// The threshold of an item that nothing can be decided of.
pub fn in_doubt(arguments: &SamplerArguments) -> Threshold {
    match arguments.fail_closed {
        true => Threshold::NEVER,
        false => Threshold::ALWAYS,
    }
}

pub const RANDOMNESS_IN_USE: &str =
    "item has sampling randomness, equalizing or proportional mode recommended";
pub const THRESHOLD_IN_USE: &str =
    "item has sampling threshold, equalizing or proportional mode recommended";
