//! Reads protobuf messages field by field, without a schema and without copies.

use crate::varint;

/// Why bytes are not the message that was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// The message or field that was being read.
    pub field: &'static str,
    pub reason: &'static str,
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

impl std::error::Error for DecodeError {}

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// A cursor over one message.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    #[must_use]
    pub fn new(message: &'static str, bytes: &'a [u8]) -> Fields<'a> {
        Fields {
            message,
            rest: bytes,
        }
    }

    /// The next field's number and value; none at the end of the message.
    #[inline]
    #[expect(
        clippy::should_implement_trait,
        reason = "a `Result<Option<_>>` is read with `?`"
    )]
    pub fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                let (bytes, rest) = self.rest.split_first_chunk().ok_or(self.error(CUT))?;
                self.rest = rest;
                Value::Fixed64(u64::from_le_bytes(*bytes))
            }
            2 => {
                let len = self.varint()?;
                let len = usize::try_from(len)
                    .ok()
                    .filter(|len| *len <= self.rest.len());
                let (bytes, rest) = self.rest.split_at(len.ok_or(self.error(CUT))?);
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => {
                let (bytes, rest) = self.rest.split_first_chunk().ok_or(self.error(CUT))?;
                self.rest = rest;
                Value::Fixed32(u32::from_le_bytes(*bytes))
            }
            _ => return Err(self.error("unknown wire type")),
        };
        match tag >> 3 {
            0 => Err(self.error("field number zero")),
            number => Ok(Some((number, value))),
        }
    }

    /// What has not been read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, DecodeError> {
        if let [byte @ 0..0x80, rest @ ..] = self.rest {
            // Nearly every tag and most lengths are one byte.
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        let (value, len) = varint::get(self.rest).ok_or(self.error("bad or cut off integer"))?;
        self.rest = &self.rest[len..];
        Ok(value)
    }

    fn error(&self, reason: &'static str) -> DecodeError {
        DecodeError {
            field: self.message,
            reason,
        }
    }
}

const CUT: &str = "cut off";

/// Reads values of known fields; `field` names them in errors.
impl<'a> Value<'a> {
    pub fn bytes(self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(DecodeError {
                field,
                reason: "not length-delimited",
            }),
        }
    }

    pub fn varint(self, field: &'static str) -> Result<u64, DecodeError> {
        match self {
            Value::Varint(value) => Ok(value),
            _ => Err(DecodeError {
                field,
                reason: "not an integer",
            }),
        }
    }

    pub fn double(self, field: &'static str) -> Result<f64, DecodeError> {
        match self {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(DecodeError {
                field,
                reason: "not a double",
            }),
        }
    }

    /// A string; what is not UTF-8 becomes the replacement character.
    pub fn text(self, field: &'static str) -> Result<String, DecodeError> {
        Ok(String::from_utf8_lossy(self.bytes(field)?).into_owned())
    }

    /// Appends a repeated double, packed or not.
    pub fn doubles(self, field: &'static str, out: &mut Vec<f64>) -> Result<(), DecodeError> {
        let Value::Bytes(packed) = self else {
            out.push(self.double(field)?);
            return Ok(());
        };
        let (numbers, rest) = packed.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(DecodeError { field, reason: CUT });
        }
        out.extend(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)));
        Ok(())
    }

    /// Appends a repeated sint64, packed or not.
    pub fn zigzags(self, field: &'static str, out: &mut Vec<i64>) -> Result<(), DecodeError> {
        let Value::Bytes(mut packed) = self else {
            out.push(varint::unzigzag(self.varint(field)?));
            return Ok(());
        };
        while !packed.is_empty() {
            let (value, len) = varint::get(packed).ok_or(DecodeError { field, reason: CUT })?;
            out.push(varint::unzigzag(value));
            packed = &packed[len..];
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<&[(u64, Value<'_>)], &str>) {
        let mut fields = Fields::new("m", bytes);
        let mut got = Vec::new();
        let result = loop {
            match fields.next() {
                Ok(Some(field)) => got.push(field),
                Ok(None) => break Ok(got.as_slice()),
                Err(error) => break Err(error.reason),
            }
        };
        assert_eq!(result, expected);
    }

    #[test]
    fn every_wire_type_is_read() {
        let bytes = [
            0x08, 0x96, 0x01, // 1: varint 150
            0x11, 1, 0, 0, 0, 0, 0, 0, 0, // 2: fixed64
            0x1a, 2, b'h', b'i', // 3: bytes
            0x25, 2, 0, 0, 0, // 4: fixed32
        ];
        let fields = [
            (1, Value::Varint(150)),
            (2, Value::Fixed64(1)),
            (3, Value::Bytes(b"hi")),
            (4, Value::Fixed32(2)),
        ];
        check(&bytes, Ok(&fields));
        check(&[], Ok(&[]));
    }

    #[test]
    fn broken_messages_say_how() {
        check(&[0x1a, 3, b'h'], Err("cut off"));
        check(&[0x11, 0], Err("cut off"));
        check(&[0x08], Err("bad or cut off integer"));
        check(&[0x0b], Err("unknown wire type"));
        check(&[0x00, 0x00], Err("field number zero"));
        check(
            &[
                0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
            ],
            Err("cut off"),
        );
    }
}
