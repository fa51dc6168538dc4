//! Zipkin: spans of its versions 1 (JSON, Thrift) and 2 (JSON, protobuf).
//!
//! Each decoder gives the spans of a request as OTLP, by service and library. Names of tags that
//! mean something to OTLP are the Collector's.

mod proto;
mod span;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use batch::otlp::{AnyValue, OtlpBatch};

/// How requests are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Tags that look like numbers and truth values become those.
    pub parse_string_tags: bool,
    /// Wall clock, for spans of version 1 without a time.
    pub now_ns: u64,
}

/// The forms that a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    V1Json,
    V1Thrift,
    V2Json,
    V2Proto,
}

/// The spans of a request.
pub fn decode(form: Form, body: &[u8], options: Options) -> Result<OtlpBatch, String> {
    match form {
        Form::V1Json => v1::decode_json(body, options),
        Form::V1Thrift => v1::decode_thrift(body, options),
        Form::V2Json => span::batch(v2::decode(body)?, options),
        Form::V2Proto => span::batch(proto::decode(body)?, options),
    }
}

/// Marks spans that came without a time.
const START_TIME_ABSENT: &str = "otel.zipkin.absentField.startTime";

/// The value of a tag.
fn tag_value(text: String, parse: bool) -> AnyValue<'static> {
    if !parse {
        return text.into();
    }
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if is_digits(digits)
        && let Ok(value) = text.parse()
    {
        return AnyValue::Int(value);
    }
    let is_float = match digits.split_once('.') {
        Some((whole, part)) => is_digits(whole) && is_digits(part),
        None => is_digits(digits),
    };
    if is_float && let Ok(value) = text.parse() {
        return AnyValue::Double(value);
    }
    match &*text {
        "true" => AnyValue::Bool(true),
        "false" => AnyValue::Bool(false),
        _ => text.into(),
    }
}

/// An id as hexadecimal digits, filled up with zeros.
fn hex_id<const LEN: usize>(text: &str) -> Option<[u8; LEN]> {
    if text.is_empty() || text.len() > 2 * LEN || !text.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let digits = text.as_bytes().iter().rev();
    let mut id = [0; LEN];
    for (at, digit) in digits.enumerate() {
        let value = char::from(*digit).to_digit(16).expect("all are digits") as u8;
        id[LEN - 1 - at / 2] |= value << (4 * (at % 2));
    }
    Some(id)
}
