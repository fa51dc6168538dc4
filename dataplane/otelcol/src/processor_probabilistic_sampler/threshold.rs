//! Randomness and thresholds of consistent sampling: 56 bits each, and an item stays if its
//! randomness is not below the threshold.

use batch::otlp::AnyValue;

/// Hexadecimal digits of 56 bits.
pub const DIGITS: u32 = 14;
/// As many thresholds there are, and the one that no randomness reaches.
const COUNT: u64 = 1 << 56;
/// The least probability that a threshold can say.
pub const PROBABILITY_MIN: f64 = 1.0 / COUNT as f64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct Threshold(u64);

impl Threshold {
    pub const ALWAYS: Threshold = Threshold(0);
    pub const NEVER: Threshold = Threshold(COUNT);

    /// Rejects so many of `1 << 14`.
    pub fn of_buckets(rejected: u64) -> Threshold {
        Threshold(rejected << 42)
    }

    /// The threshold of a probability, in so many digits; more of them near 0 and 1, where they
    /// would say nothing otherwise. None if the probability is out of range.
    pub fn of_probability(probability: f64, precision: u32) -> Option<Threshold> {
        if !(PROBABILITY_MIN..=1.0).contains(&probability) {
            return None;
        }
        if probability == 1.0 {
            return Some(Threshold::ALWAYS);
        }
        let more = leading_digits(probability).max(leading_digits(1.0 - probability));
        let precision = DIGITS.min(precision + more);
        let scaled = (probability * COUNT as f64).round() as u64;
        let mut threshold = COUNT - scaled;
        let shift = 4 * (DIGITS - precision);
        if shift != 0 {
            threshold = (threshold + (1 << (shift - 1))) >> shift << shift;
        }
        Some(Threshold(threshold))
    }

    /// Reads the value of `th`.
    pub fn parse(text: &str) -> Result<Threshold, String> {
        let digits = u32::try_from(text.len()).unwrap_or(u32::MAX);
        if digits == 0 || DIGITS < digits {
            return Err(format!(
                "a threshold has 1 to {DIGITS} hexadecimal digits, not {text:?}"
            ));
        }
        Ok(Threshold(hexadecimal(text)? << (4 * (DIGITS - digits))))
    }

    /// The value of `th`; empty for the threshold that nothing reaches.
    pub fn text(self) -> String {
        match self {
            Threshold::NEVER => String::new(),
            Threshold::ALWAYS => "0".to_owned(),
            Threshold(value) => format!("{value:014x}").trim_end_matches('0').to_owned(),
        }
    }

    pub fn probability(self) -> f64 {
        (COUNT - self.0) as f64 / COUNT as f64
    }

    pub fn keeps(self, randomness: Randomness) -> bool {
        self.0 <= randomness.0
    }
}

/// Hexadecimal digits of a probability that are zero.
fn leading_digits(probability: f64) -> u32 {
    // -log2 without its fraction, from the exponent of the number; the smallest are 2^-56.
    let exponent = (probability.to_bits() >> 52) as i64 - 1022;
    u32::try_from(-exponent / 4).unwrap_or(0)
}

fn hexadecimal(text: &str) -> Result<u64, String> {
    // `from_str_radix` takes a sign, too.
    match u64::from_str_radix(text, 16) {
        Ok(value) if !text.starts_with('+') => Ok(value),
        _ => Err(format!("{text:?} is not hexadecimal")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Randomness(u64);

impl Randomness {
    /// Stays whatever the threshold is, but for the one that nothing reaches.
    pub const ALL: Randomness = Randomness(COUNT - 1);

    /// The last 56 bits of a trace id.
    pub fn of_trace_id(id: &[u8]) -> Randomness {
        let tail = id.iter().rev().take(7).rev();
        Randomness(tail.fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Hashes bytes to 14 bits as the first samplers did, in the highest ones and turned round: a
    /// low hash stays.
    pub fn hashed(bytes: &[u8], seed: u32) -> Randomness {
        let hash = fnv(&[&seed.to_le_bytes(), bytes]);
        let bucket = u64::from(hash & (BUCKETS - 1));
        // What the decision does not look at is mixed out of the other 18 bits.
        let unused = u64::from(hash >> 18);
        let mixed = unused ^ unused << 10;
        Randomness((u64::from(BUCKETS) - 1 - bucket) << 42 | mixed << 14 | bucket)
    }

    /// Reads the value of `rv`.
    pub fn parse(text: &str) -> Result<Randomness, String> {
        if text.len() != DIGITS as usize {
            return Err(format!(
                "randomness has {DIGITS} hexadecimal digits, not {text:?}"
            ));
        }
        hexadecimal(text).map(Randomness)
    }

    pub fn text(self) -> String {
        format!("{:014x}", self.0)
    }
}

/// Buckets of the hash.
pub const BUCKETS: u32 = 1 << 14;

/// FNV-1a of 32 bits.
fn fnv(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().copied().flatten();
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// The bytes of an attribute that randomness is made of.
pub fn bytes_of(value: &AnyValue<'_>) -> Vec<u8> {
    match value {
        AnyValue::Bytes(bytes) => bytes.to_vec(),
        AnyValue::String(text) => text.as_bytes().to_vec(),
        other => crate::any_text::any_text(other).into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_gain_digits_near_zero_and_one() {
        let text = |probability, precision| {
            Threshold::of_probability(probability, precision)
                .unwrap()
                .text()
        };
        assert_eq!(text(0.4, 4), "999a");
        assert_eq!(text(0.5, 4), "8");
        assert_eq!(text(1.0, 4), "0");
        assert_eq!(text(0.01, 4), "fd70a");
        assert_eq!(text(1.0 / 3.0, 14), "aaaaaaaaaaaaac");
        assert_eq!(Threshold::of_probability(0.0, 4), None);
        assert_eq!(
            Threshold::of_probability(PROBABILITY_MIN, 1)
                .unwrap()
                .text(),
            "ffffffffffffff"
        );
    }

    #[test]
    fn texts_are_read_as_they_are_written_and_others_refused() {
        assert_eq!(Threshold::parse("8").unwrap().probability(), 0.5);
        assert_eq!(Threshold::parse("0").unwrap(), Threshold::ALWAYS);
        for wrong in ["", "+8", "x", "123456789012345"] {
            assert!(Threshold::parse(wrong).is_err(), "{wrong}");
        }
        let randomness = Randomness::parse("0123456789abcd").unwrap();
        assert_eq!(randomness.text(), "0123456789abcd");
        assert!(Randomness::parse("1").is_err());
    }
}
