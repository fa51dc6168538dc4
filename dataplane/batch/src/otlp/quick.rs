//! Walks a message whose bytes are as everybody writes them, at a few instructions a field.
//!
//! Whoever takes in a request has to know that it can be decoded at every depth: that is all that
//! receiving costs per item here. So the walk looks up one byte a field (tag -> [`Step`]) and takes
//! an attribute with a short key and a short text in one go. It only ever says "fits" or "unsure":
//! what fits is also taken by `Schema::walk`, which decides the rest and names what is wrong.
//!
//! A span of ten attributes costs 1,350 instructions (`otlp_check` of `bench/counts/budget.txt`);
//! looking closely at every field of it took 5,990.

use super::schema::{DEPTH_MAX, Field, FieldKind, Schema};

/// What comes after a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing that is sure to be right.
    Unsure,
    Varint,
    Fixed64,
    Fixed32,
    /// Text, bytes, or a field that is not known.
    Bytes,
    Id8,
    Id16,
    /// Numbers of eight bytes in a row.
    Packed64,
    /// Integers in a row.
    PackedVarints,
    Message,
}

/// Above the tag of field 16, the largest of OTLP.
pub(super) const TAGS: usize = 17 << 3;

/// The step of each tag, of fields that nobody declared too.
pub(super) const fn unknown_fields() -> [Step; TAGS] {
    let mut steps = [Step::Unsure; TAGS];
    // Field zero does not exist.
    let mut tag = 8;
    while tag < TAGS {
        steps[tag] = match tag & 7 {
            0 => Step::Varint,
            1 => Step::Fixed64,
            2 => Step::Bytes,
            5 => Step::Fixed32,
            _ => Step::Unsure,
        };
        tag += 1;
    }
    steps
}

/// Enters declared fields; those of a wire type that does not fit become unsure.
pub(super) const fn enter(fields: &[Field], mut steps: [Step; TAGS]) -> [Step; TAGS] {
    let mut index = 0;
    while index < fields.len() {
        let field = &fields[index];
        let tag = (field.number as usize) << 3;
        let mut wire = 0;
        while wire < 8 {
            steps[tag + wire] = step(field, wire);
            wire += 1;
        }
        index += 1;
    }
    steps
}

const fn step(field: &Field, wire: usize) -> Step {
    use FieldKind::{Blob, Bool, Double, Enum, Fixed32, Fixed64, Id, Int64, Message, SFixed64};
    use FieldKind::{SInt32, Str, Uint32, Uint64};
    match (field.kind, wire) {
        (Uint32 | Uint64 | Int64 | SInt32 | Bool | Enum, 0) => Step::Varint,
        (Fixed64 | SFixed64 | Double, 1) => Step::Fixed64,
        (Fixed64 | SFixed64 | Double, 2) if field.repeated => Step::Packed64,
        (Uint64, 2) if field.repeated => Step::PackedVarints,
        (Fixed32, 5) => Step::Fixed32,
        (Str | Blob, 2) => Step::Bytes,
        (Id(8), 2) => Step::Id8,
        (Id(16), 2) => Step::Id16,
        (Message(_), 2) => Step::Message,
        _ => Step::Unsure,
    }
}

/// The items of a request, if it surely can be decoded.
pub(super) fn items(schema: &'static Schema, message: &[u8]) -> Option<usize> {
    let mut items = 0;
    walk(schema, message, DEPTH_MAX, &mut items)?;
    Some(items)
}

fn walk(schema: &'static Schema, message: &[u8], depth: usize, items: &mut usize) -> Option<()> {
    let deeper = depth.checked_sub(1)?;
    *items += usize::from(schema.counted);
    let mut rest = message;
    while let [tag, after @ ..] = rest {
        let mut tag = usize::from(*tag);
        rest = after;
        if tag >= 0x80 {
            // Field 16 or above; longer tags are nobody's.
            let ([1], after) = rest.split_first_chunk()? else {
                return None;
            };
            rest = after;
        }
        tag &= 0xff;
        let step = *schema.steps.get(tag)?;
        rest = match step {
            Step::Varint => after_varint(rest)?,
            Step::Fixed64 => rest.split_first_chunk::<8>()?.1,
            Step::Fixed32 => rest.split_first_chunk::<4>()?.1,
            Step::Unsure => return None,
            Step::Bytes | Step::Id8 | Step::Id16 | Step::Packed64 | Step::PackedVarints => {
                let (bytes, after) = split(rest)?;
                let fits = match step {
                    Step::PackedVarints => are_varints(bytes),
                    Step::Id8 => bytes.is_empty() || bytes.len() == 8,
                    Step::Id16 => bytes.is_empty() || bytes.len() == 16,
                    Step::Packed64 => bytes.len().is_multiple_of(8),
                    _ => true,
                };
                fits.then_some(after)?
            }
            Step::Message => {
                let (bytes, after) = split(rest)?;
                let inner = schema.message(tag >> 3)?;
                // The value inside is one deeper than the pair.
                let plain = inner.pair && deeper >= 2 && is_text_pair(bytes);
                if !plain {
                    walk(inner, bytes, deeper, items)?;
                }
                after
            }
        };
    }
    Some(())
}

/// What follows an integer.
#[inline]
fn after_varint(bytes: &[u8]) -> Option<&[u8]> {
    let last = bytes.iter().take(10).position(|byte| *byte < 0x80)?;
    // Nine bytes hold 63 bits; negative numbers have the last one in a tenth.
    if last == 9 && bytes[last] > 1 {
        return None;
    }
    bytes.get(last + 1..)
}

fn are_varints(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match after_varint(bytes) {
            Some(rest) => bytes = rest,
            None => return false,
        }
    }
    true
}

/// A length-delimited field and what follows it.
#[inline]
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = match *bytes {
        [low @ 0..0x80, ref rest @ ..] => (usize::from(low), rest),
        [low, high @ 0..0x80, ref rest @ ..] => {
            (usize::from(low & 0x7f) | usize::from(high) << 7, rest)
        }
        [low, middle, high @ 0..0x80, ref rest @ ..] => {
            let low = usize::from(low & 0x7f) | usize::from(middle & 0x7f) << 7;
            (low | usize::from(high) << 14, rest)
        }
        [low, middle, high, top @ 0..0x80, ref rest @ ..] => {
            let low = usize::from(low & 0x7f) | usize::from(middle & 0x7f) << 7;
            (
                low | usize::from(high & 0x7f) << 14 | usize::from(top) << 21,
                rest,
            )
        }
        _ => return None,
    };
    rest.split_at_checked(len)
}

/// The key and the value's message of an attribute, if it has both in this order, each shorter
/// than 128 bytes, and nothing else.
#[inline]
pub(super) fn short_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x0a, len @ 0..0x80, rest @ ..] = pair else {
        return None;
    };
    let (key, rest) = rest.split_at_checked(usize::from(*len))?;
    let [0x12, len @ 0..0x80, value @ ..] = rest else {
        return None;
    };
    (value.len() == usize::from(*len)).then_some((key, value))
}

/// The text of a value that is a text shorter than 126 bytes, and nothing else.
#[inline]
pub(super) fn short_text(value: &[u8]) -> Option<&[u8]> {
    match value {
        [0x0a, len @ 0..0x80, text @ ..] if text.len() == usize::from(*len) => Some(text),
        _ => None,
    }
}

#[inline]
fn is_text_pair(pair: &[u8]) -> bool {
    short_pair(pair).is_some_and(|(_, value)| short_text(value).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::{OtlpBatch, OtlpSignal};
    use super::*;

    /// Requests with something of every kind of field, from the tests of this module.
    fn requests() -> Vec<(OtlpSignal, Vec<u8>)> {
        let batches = super::super::tests::of_every_signal();
        let bytes = |batch: &OtlpBatch| (batch.signal(), batch.to_request().to_vec());
        batches.iter().map(bytes).collect()
    }

    /// Whatever fits quickly has to fit when looked at closely, with as many items.
    fn compare(signal: OtlpSignal, request: &[u8]) -> bool {
        let quick = items(signal.request(), request);
        let close = signal.request().check_closely(request);
        if let Some(items) = quick {
            assert_eq!(close, Ok(items), "{signal:?} {request:02x?}");
        }
        quick.is_some()
    }

    #[test]
    fn what_is_written_by_the_book_fits_quickly() {
        for (signal, request) in requests() {
            assert!(compare(signal, &request), "{signal:?}");
        }
    }

    #[test]
    fn what_fits_quickly_also_fits_closely_however_it_is_damaged() {
        let mut fitting = 0;
        for (signal, request) in requests() {
            for at in 0..request.len() {
                for byte in [0, 1, 0x0a, 0x12, 0x7f, 0x80, 0xff, request[at] ^ 0x08] {
                    let mut damaged = request.clone();
                    damaged[at] = byte;
                    fitting += usize::from(compare(signal, &damaged));
                }
                compare(signal, &request[..at]);
            }
        }
        assert!(fitting > 0, "some damage is harmless");
    }

    #[test]
    fn nesting_is_bounded_as_it_is_closely() {
        // An attribute of a resource whose value is lists in lists.
        for lists in 0..DEPTH_MAX {
            let mut value = vec![0x0a, 1, b'x'];
            for _ in 0..lists {
                let mut list = Vec::new();
                super::super::wire::put_bytes(&mut list, 1, &value);
                value.clear();
                super::super::wire::put_bytes(&mut value, 5, &list);
            }
            let mut request = Vec::new();
            super::super::wire::put_bytes(&mut request, 2, &value);
            for number in [1, 1, 1] {
                let inner = std::mem::take(&mut request);
                super::super::wire::put_bytes(&mut request, number, &inner);
            }
            let quick = compare(OtlpSignal::Traces, &request);
            let close = OtlpSignal::Traces.request().check_closely(&request);
            assert_eq!(quick, close.is_ok(), "{lists}");
        }
    }
}
