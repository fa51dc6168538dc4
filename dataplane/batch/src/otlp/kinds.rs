//! Kinds of fields, one type each: what such a field is in Rust, on the wire and in a schema.

use std::borrow::Cow;
use std::marker::PhantomData;

use stdx::protobuf::{DecodeError, Value};
use stdx::varint;

use super::lazy::Lazy;
use super::schema::FieldKind;
use super::value::{AnyValue, Attributes, KeyValue, Text};
use super::wire::{
    BYTES, Message, put_bytes, put_fixed32, put_fixed64, put_nested, put_tag, put_varint,
};

/// A kind of field: what it is in Rust and on the wire.
pub trait Kind<'a> {
    type Rust: Default;
    const KIND: FieldKind;
    const REPEATED: bool = false;

    fn read(
        into: &mut Self::Rust,
        value: Value<'a>,
        field: &'static str,
    ) -> Result<(), DecodeError>;
    fn write(value: &Self::Rust, number: u32, out: &mut Vec<u8>);
}

pub struct Uint32;
pub struct Enum;
pub struct Bool;
pub struct SInt32;
pub struct Fixed32;
pub struct Fixed64;
pub struct Double;
/// A double that may be absent.
pub struct OptDouble;
pub struct Str;
/// An id of so many bytes.
pub struct Id<const LEN: usize>;
pub struct PackedFixed64;
pub struct PackedDouble;
pub struct PackedUint64;
pub struct Attrs;
/// A value that may be of any type.
pub struct Any;
/// A message that is decoded with the one around it.
pub struct One<T>(PhantomData<T>);
pub struct List<T>(PhantomData<T>);
/// Messages that are decoded when they are asked for.
pub struct LazyList<T>(PhantomData<T>);

macro_rules! integer {
    ($kind:ident, $rust:ty, $field:expr, $read:expr, $write:expr) => {
        impl<'a> Kind<'a> for $kind {
            type Rust = $rust;
            const KIND: FieldKind = $field;

            fn read(
                into: &mut $rust,
                value: Value<'a>,
                field: &'static str,
            ) -> Result<(), DecodeError> {
                *into = value.varint(field).map($read)?;
                Ok(())
            }

            fn write(value: &$rust, number: u32, out: &mut Vec<u8>) {
                let wire: Option<u64> = Some(*value).map($write);
                if let Some(wire @ 1..) = wire {
                    put_varint(out, number, wire);
                }
            }
        }
    };
}

integer!(
    Uint32,
    u32,
    FieldKind::Uint32,
    |wire| wire as u32,
    u64::from
);
integer!(
    Enum,
    i32,
    FieldKind::Enum,
    |wire| wire as i32,
    |value| value as i64 as u64
);
integer!(Bool, bool, FieldKind::Bool, |wire| wire != 0, u64::from);
integer!(
    SInt32,
    i32,
    FieldKind::SInt32,
    |wire| varint::unzigzag(wire & u64::from(u32::MAX)) as i32,
    |value| varint::zigzag(i64::from(value))
);

impl<'a> Kind<'a> for Fixed32 {
    type Rust = u32;
    const KIND: FieldKind = FieldKind::Fixed32;

    fn read(into: &mut u32, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        match value {
            Value::Fixed32(value) => *into = value,
            _ => return Err(wrong_type(field)),
        }
        Ok(())
    }

    fn write(value: &u32, number: u32, out: &mut Vec<u8>) {
        if *value != 0 {
            put_fixed32(out, number, *value);
        }
    }
}

impl<'a> Kind<'a> for Fixed64 {
    type Rust = u64;
    const KIND: FieldKind = FieldKind::Fixed64;

    fn read(into: &mut u64, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        match value {
            Value::Fixed64(value) => *into = value,
            _ => return Err(wrong_type(field)),
        }
        Ok(())
    }

    fn write(value: &u64, number: u32, out: &mut Vec<u8>) {
        if *value != 0 {
            put_fixed64(out, number, *value);
        }
    }
}

impl<'a> Kind<'a> for Double {
    type Rust = f64;
    const KIND: FieldKind = FieldKind::Double;

    fn read(into: &mut f64, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        *into = value.double(field)?;
        Ok(())
    }

    fn write(value: &f64, number: u32, out: &mut Vec<u8>) {
        // Minus zero is not the default.
        if value.to_bits() != 0 {
            put_fixed64(out, number, value.to_bits());
        }
    }
}

impl<'a> Kind<'a> for OptDouble {
    type Rust = Option<f64>;
    const KIND: FieldKind = FieldKind::Double;

    fn read(
        into: &mut Option<f64>,
        value: Value<'a>,
        field: &'static str,
    ) -> Result<(), DecodeError> {
        *into = Some(value.double(field)?);
        Ok(())
    }

    fn write(value: &Option<f64>, number: u32, out: &mut Vec<u8>) {
        if let Some(value) = value {
            put_fixed64(out, number, value.to_bits());
        }
    }
}

impl<'a> Kind<'a> for Str {
    type Rust = Text<'a>;
    const KIND: FieldKind = FieldKind::Str;

    fn read(into: &mut Text<'a>, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        *into = Text::from_bytes(value.bytes(field)?);
        Ok(())
    }

    fn write(value: &Text<'a>, number: u32, out: &mut Vec<u8>) {
        if !value.is_empty() {
            put_bytes(out, number, value.as_bytes());
        }
    }
}

impl<'a, const LEN: usize> Kind<'a> for Id<LEN> {
    type Rust = Cow<'a, [u8]>;
    const KIND: FieldKind = FieldKind::Id(LEN);

    fn read(
        into: &mut Cow<'a, [u8]>,
        value: Value<'a>,
        field: &'static str,
    ) -> Result<(), DecodeError> {
        *into = Cow::Borrowed(value.bytes(field)?);
        Ok(())
    }

    fn write(value: &Cow<'a, [u8]>, number: u32, out: &mut Vec<u8>) {
        if !value.is_empty() {
            put_bytes(out, number, value);
        }
    }
}

impl<'a> Kind<'a> for PackedFixed64 {
    type Rust = Vec<u64>;
    const KIND: FieldKind = FieldKind::Fixed64;
    const REPEATED: bool = true;

    fn read(into: &mut Vec<u64>, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        match value {
            Value::Fixed64(value) => into.push(value),
            Value::Bytes(packed) => {
                let numbers = packed.as_chunks::<8>().0.iter();
                into.extend(numbers.map(|bytes| u64::from_le_bytes(*bytes)));
            }
            _ => return Err(wrong_type(field)),
        }
        Ok(())
    }

    fn write(value: &Vec<u64>, number: u32, out: &mut Vec<u8>) {
        if value.is_empty() {
            return;
        }
        put_tag(out, number, BYTES);
        varint::put(out, value.len() as u64 * 8);
        for number in value {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

impl<'a> Kind<'a> for PackedDouble {
    type Rust = Vec<f64>;
    const KIND: FieldKind = FieldKind::Double;
    const REPEATED: bool = true;

    fn read(into: &mut Vec<f64>, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        value.doubles(field, into)
    }

    fn write(value: &Vec<f64>, number: u32, out: &mut Vec<u8>) {
        if value.is_empty() {
            return;
        }
        put_tag(out, number, BYTES);
        varint::put(out, value.len() as u64 * 8);
        for number in value {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
}

impl<'a> Kind<'a> for PackedUint64 {
    type Rust = Vec<u64>;
    const KIND: FieldKind = FieldKind::Uint64;
    const REPEATED: bool = true;

    fn read(into: &mut Vec<u64>, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        let Value::Bytes(mut packed) = value else {
            into.push(value.varint(field)?);
            return Ok(());
        };
        while !packed.is_empty() {
            let (number, len) = varint::get(packed).ok_or(DecodeError {
                field,
                reason: "cut off",
            })?;
            into.push(number);
            packed = &packed[len..];
        }
        Ok(())
    }

    fn write(value: &Vec<u64>, number: u32, out: &mut Vec<u8>) {
        if value.is_empty() {
            return;
        }
        put_nested(out, number, value.len(), |out| {
            value.iter().for_each(|number| varint::put(out, *number));
        });
    }
}

impl<'a> Kind<'a> for Attrs {
    type Rust = Attributes<'a>;
    const KIND: FieldKind = FieldKind::Message(KeyValue::SCHEMA);
    const REPEATED: bool = true;

    fn read(
        into: &mut Attributes<'a>,
        value: Value<'a>,
        field: &'static str,
    ) -> Result<(), DecodeError> {
        into.push(KeyValue::decode(value.bytes(field)?)?);
        Ok(())
    }

    fn write(value: &Attributes<'a>, number: u32, out: &mut Vec<u8>) {
        for attribute in value.iter() {
            put_nested(out, number, 0, |out| attribute.write(out));
        }
    }
}

impl<'a> Kind<'a> for Any {
    type Rust = AnyValue<'a>;
    const KIND: FieldKind = FieldKind::Message(AnyValue::SCHEMA);

    fn read(
        into: &mut AnyValue<'a>,
        value: Value<'a>,
        field: &'static str,
    ) -> Result<(), DecodeError> {
        into.read(value.bytes(field)?)
    }

    fn write(value: &AnyValue<'a>, number: u32, out: &mut Vec<u8>) {
        if *value != AnyValue::Empty {
            put_nested(out, number, 0, |out| value.write(out));
        }
    }
}

impl<'a, T: Message<'a> + PartialEq> Kind<'a> for One<T> {
    type Rust = T;
    const KIND: FieldKind = FieldKind::Message(T::SCHEMA);

    fn read(into: &mut T, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        into.read(value.bytes(field)?)
    }

    fn write(value: &T, number: u32, out: &mut Vec<u8>) {
        if *value != T::default() {
            put_nested(out, number, 0, |out| value.write(out));
        }
    }
}

impl<'a, T: Message<'a>> Kind<'a> for List<T> {
    type Rust = Vec<T>;
    const KIND: FieldKind = FieldKind::Message(T::SCHEMA);
    const REPEATED: bool = true;

    fn read(into: &mut Vec<T>, value: Value<'a>, field: &'static str) -> Result<(), DecodeError> {
        into.push(T::decode(value.bytes(field)?)?);
        Ok(())
    }

    fn write(value: &Vec<T>, number: u32, out: &mut Vec<u8>) {
        for message in value {
            put_nested(out, number, 0, |out| message.write(out));
        }
    }
}

impl<'a, T: Message<'a>> Kind<'a> for LazyList<T> {
    type Rust = Vec<Lazy<'a, T>>;
    const KIND: FieldKind = FieldKind::Message(T::SCHEMA);
    const REPEATED: bool = true;

    fn read(
        into: &mut Vec<Lazy<'a, T>>,
        value: Value<'a>,
        field: &'static str,
    ) -> Result<(), DecodeError> {
        into.push(Lazy::raw(value.bytes(field)?));
        Ok(())
    }

    fn write(value: &Vec<Lazy<'a, T>>, number: u32, out: &mut Vec<u8>) {
        for message in value {
            message.put(out, number);
        }
    }
}

fn wrong_type(field: &'static str) -> DecodeError {
    DecodeError {
        field,
        reason: "field of a wrong wire type",
    }
}
