//! How OTLP messages are read from the wire and written to it, and `message!`, which makes a
//! message's struct, codec and schema from one list.

use stdx::protobuf::{DecodeError, Fields, Value};
use stdx::varint;

use super::schema::Schema;

/// A message with a struct of its own.
pub trait Message<'a>: Default + 'a {
    const SCHEMA: &'static Schema;

    /// Takes one field in; unknown ones are passed over.
    fn read_field(&mut self, number: u64, value: Value<'a>) -> Result<(), DecodeError>;

    /// Appends the fields.
    fn write(&self, out: &mut Vec<u8>);

    fn read(&mut self, bytes: &'a [u8]) -> Result<(), DecodeError> {
        let mut fields = Fields::new(Self::SCHEMA.name, bytes);
        while let Some((number, value)) = fields.next()? {
            self.read_field(number, value)?;
        }
        Ok(())
    }

    fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        message.read(bytes)?;
        Ok(message)
    }
}

/// Fields of which a message has at most one.
pub trait OneOf<'a>: Default {
    /// Whether the number is one of them.
    fn read_field(&mut self, number: u64, value: Value<'a>) -> Result<bool, DecodeError>;
    fn write(&self, out: &mut Vec<u8>);
}

pub(super) const VARINT: u32 = 0;
pub(super) const FIXED64: u32 = 1;
pub(super) const BYTES: u32 = 2;
pub(super) const FIXED32: u32 = 5;

#[inline]
pub(super) fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    varint::put(out, u64::from(number << 3 | wire_type));
}

/// Appends an integer field.
pub fn put_varint(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, VARINT);
    varint::put(out, value);
}

/// Appends a field of four bytes.
pub fn put_fixed32(out: &mut Vec<u8>, number: u32, value: u32) {
    put_tag(out, number, FIXED32);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field of eight bytes.
pub fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a field of text or bytes.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, BYTES);
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a nested message. `expected` is about its length: the length is left open in so many
/// bytes as that takes, and what was written is moved when it was wrong.
pub fn put_nested(
    out: &mut Vec<u8>,
    number: u32,
    expected: usize,
    write: impl FnOnce(&mut Vec<u8>),
) {
    put_tag(out, number, BYTES);
    let left = varint::len(expected as u64);
    let start = out.len() + left;
    out.resize(start, 0);
    write(out);
    let len = out.len() - start;
    let needed = varint::len(len as u64);
    if needed != left {
        let end = out.len();
        if needed > left {
            out.resize(end + needed - left, 0);
        }
        out.copy_within(start..end, start - left + needed);
        out.truncate(start - left + needed + len);
    }
    let mut rest = len as u64;
    for byte in &mut out[start - left..start - left + needed] {
        *byte = rest as u8 & 0x7f | 0x80;
        rest >>= 7;
    }
    out[start - left + needed - 1] &= 0x7f;
}

/// Declares a message: its name here and in the protocol; then number, JSON name, name and kind of
/// each field; then, if any, the name and type of its oneof with the fields of that.
macro_rules! message {
    (
        $(#[$doc:meta])*
        $name:ident $proto:literal $(counted $counted:literal)? {
            $($(#[$field_doc:meta])* $number:literal $json:literal $field:ident: $kind:ty,)*
        }
        $($(#[$one_doc:meta])* oneof $one:ident: $one_type:ty {
            $($one_number:literal $one_json:literal $one_kind:expr,)*
        })?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name<'a> {
            $($(#[$field_doc])* pub $field: <$kind as $crate::otlp::kinds::Kind<'a>>::Rust,)*
            $($(#[$one_doc])* pub $one: $one_type,)?
        }

        impl<'a> $crate::otlp::wire::Message<'a> for $name<'a> {
            const SCHEMA: &'static $crate::otlp::schema::Schema =
                &$crate::otlp::schema::Schema::new(
                    $proto,
                    &[$($crate::otlp::schema::Field {
                        number: $number,
                        json: $json,
                        kind: <$kind as $crate::otlp::kinds::Kind>::KIND,
                        repeated: <$kind as $crate::otlp::kinds::Kind>::REPEATED,
                    },)*],
                    &[$($($crate::otlp::schema::Field {
                        number: $one_number,
                        json: $one_json,
                        kind: $one_kind,
                        repeated: false,
                    },)*)?],
                )
                .counted(false $(|| $counted)?);

            fn read_field(
                &mut self,
                number: u64,
                value: stdx::protobuf::Value<'a>,
            ) -> Result<(), stdx::protobuf::DecodeError> {
                match number {
                    $($number => <$kind as $crate::otlp::kinds::Kind<'a>>::read(
                        &mut self.$field,
                        value,
                        $proto,
                    )?,)*
                    _ => {
                        $($crate::otlp::wire::OneOf::read_field(&mut self.$one, number, value)?;)?
                    }
                }
                Ok(())
            }

            fn write(&self, out: &mut Vec<u8>) {
                $(<$kind as $crate::otlp::kinds::Kind<'a>>::write(&self.$field, $number, out);)*
                $($crate::otlp::wire::OneOf::write(&self.$one, out);)?
            }
        }
    };
}
pub(super) use message;
