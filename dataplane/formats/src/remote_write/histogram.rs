//! The message Histogram, which is the same in both versions.

use batch::{Counts, Histogram, ResetHint, Span, WireBuf};
use stdx::varint;

use super::fields::{put_double, put_integer};
use crate::protobuf::{DecodeError, Fields, Value};

const MESSAGE: &str = "histogram";

/// Appends the fields of a histogram.
pub(super) fn encode(histogram: &Histogram, timestamp_ms: i64, out: &mut WireBuf) {
    match &histogram.counts {
        Counts::Integer {
            count,
            zero_count,
            positive_deltas,
            negative_deltas,
        } => {
            // Members of a oneof are written even when they are zero: they say which it is.
            out.put_byte(0x08);
            out.put_varint(*count);
            encode_scale(histogram, out);
            out.put_byte(0x30);
            out.put_varint(*zero_count);
            encode_spans(out, 0x42, &histogram.negative_spans);
            encode_deltas(out, 0x4a, negative_deltas);
            encode_spans(out, 0x5a, &histogram.positive_spans);
            encode_deltas(out, 0x62, positive_deltas);
        }
        Counts::Float {
            count,
            zero_count,
            positive_counts,
            negative_counts,
        } => {
            out.put_byte(0x11);
            out.put(&count.to_le_bytes());
            encode_scale(histogram, out);
            out.put_byte(0x39);
            out.put(&zero_count.to_le_bytes());
            encode_spans(out, 0x42, &histogram.negative_spans);
            encode_doubles(out, &[0x52], negative_counts);
            encode_spans(out, 0x5a, &histogram.positive_spans);
            encode_doubles(out, &[0x6a], positive_counts);
        }
    }
    put_integer(out, 0x70, reset_number(histogram.reset_hint));
    put_integer(out, 0x78, timestamp_ms as u64);
    encode_doubles(out, &[0x82, 0x01], &histogram.custom_values);
}

/// Reads a histogram and its timestamp.
pub(super) fn decode(bytes: &[u8]) -> Result<(i64, Histogram), DecodeError> {
    let mut read = Read::default();
    let mut fields = Fields::new(MESSAGE, bytes);
    while let Some((number, value)) = fields.next()? {
        read.field(number, value)?;
    }
    Ok(read.finish())
}

/// Fields as they come: which of the two kinds it is shows at the end.
#[derive(Default)]
struct Read {
    count: u64,
    zero_count: u64,
    positive_deltas: Vec<i64>,
    negative_deltas: Vec<i64>,
    float: bool,
    count_float: f64,
    zero_count_float: f64,
    positive_counts: Vec<f64>,
    negative_counts: Vec<f64>,
    schema: i32,
    sum: f64,
    zero_threshold: f64,
    reset_hint: ResetHint,
    positive_spans: Vec<Span>,
    negative_spans: Vec<Span>,
    custom_values: Vec<f64>,
    timestamp_ms: i64,
}

impl Read {
    fn field(&mut self, number: u64, value: Value<'_>) -> Result<(), DecodeError> {
        match number {
            1 => self.count = value.varint(MESSAGE)?,
            2 => (self.float, self.count_float) = (true, value.double(MESSAGE)?),
            3 => self.sum = value.double(MESSAGE)?,
            4 => self.schema = varint::unzigzag(value.varint(MESSAGE)?) as i32,
            5 => self.zero_threshold = value.double(MESSAGE)?,
            6 => self.zero_count = value.varint(MESSAGE)?,
            7 => self.zero_count_float = value.double(MESSAGE)?,
            8 => self
                .negative_spans
                .push(decode_span(value.bytes(MESSAGE)?)?),
            9 => value.zigzags(MESSAGE, &mut self.negative_deltas)?,
            10 => value.doubles(MESSAGE, &mut self.negative_counts)?,
            11 => self
                .positive_spans
                .push(decode_span(value.bytes(MESSAGE)?)?),
            12 => value.zigzags(MESSAGE, &mut self.positive_deltas)?,
            13 => value.doubles(MESSAGE, &mut self.positive_counts)?,
            14 => self.reset_hint = reset_hint(value.varint(MESSAGE)?),
            15 => self.timestamp_ms = value.varint(MESSAGE)? as i64,
            16 => value.doubles(MESSAGE, &mut self.custom_values)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> (i64, Histogram) {
        let counts = if self.float {
            Counts::Float {
                count: self.count_float,
                zero_count: self.zero_count_float,
                positive_counts: self.positive_counts,
                negative_counts: self.negative_counts,
            }
        } else {
            Counts::Integer {
                count: self.count,
                zero_count: self.zero_count,
                positive_deltas: self.positive_deltas,
                negative_deltas: self.negative_deltas,
            }
        };
        let histogram = Histogram {
            schema: self.schema,
            sum: self.sum,
            zero_threshold: self.zero_threshold,
            reset_hint: self.reset_hint,
            positive_spans: self.positive_spans,
            negative_spans: self.negative_spans,
            counts,
            custom_values: self.custom_values,
        };
        (self.timestamp_ms, histogram)
    }
}

fn encode_scale(histogram: &Histogram, out: &mut WireBuf) {
    put_double(out, 0x19, histogram.sum);
    put_integer(out, 0x20, varint::zigzag(i64::from(histogram.schema)));
    put_double(out, 0x29, histogram.zero_threshold);
}

fn encode_spans(out: &mut WireBuf, tag: u8, spans: &[Span]) {
    for span in spans {
        let open = out.open(tag);
        put_integer(out, 0x08, varint::zigzag(i64::from(span.offset)));
        put_integer(out, 0x10, u64::from(span.length));
        out.close(open);
    }
}

fn encode_deltas(out: &mut WireBuf, tag: u8, deltas: &[i64]) {
    if deltas.is_empty() {
        return;
    }
    let open = out.open(tag);
    for delta in deltas {
        out.put_varint(varint::zigzag(*delta));
    }
    out.close(open);
}

fn encode_doubles(out: &mut WireBuf, tag: &[u8], values: &[f64]) {
    if values.is_empty() {
        return;
    }
    out.put(tag);
    out.put_varint(values.len() as u64 * 8);
    for value in values {
        out.put(&value.to_le_bytes());
    }
}

/// Reads a span, a message that the exposition has too.
pub(crate) fn decode_span(bytes: &[u8]) -> Result<Span, DecodeError> {
    const MESSAGE: &str = "histogram span";
    let mut span = Span {
        offset: 0,
        length: 0,
    };
    let mut fields = Fields::new(MESSAGE, bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => span.offset = varint::unzigzag(value.varint(MESSAGE)?) as i32,
            2 => span.length = value.varint(MESSAGE)? as u32,
            _ => {}
        }
    }
    Ok(span)
}

fn reset_number(hint: ResetHint) -> u64 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Yes => 1,
        ResetHint::No => 2,
        ResetHint::Gauge => 3,
    }
}

fn reset_hint(number: u64) -> ResetHint {
    match number {
        1 => ResetHint::Yes,
        2 => ResetHint::No,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
