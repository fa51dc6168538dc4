//! JSON to protobuf, in one pass and without a tree.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use batch::otlp::schema::{Field, FieldKind, Schema};
use batch::otlp::wire;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use stdx::varint;

/// The protobuf of the message that `json` is. Unknown fields are passed over. What is nested more
/// deeply than 128 levels is refused (Limit: that of serde_json, whose parser uses the stack).
pub fn decode(schema: &'static Schema, json: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(json.len() / 2);
    let mut parser = serde_json::Deserializer::from_slice(json);
    MessageSeed {
        schema,
        out: &mut out,
    }
    .deserialize(&mut parser)?;
    parser.end()?;
    Ok(out)
}

/// Reads an object and appends its fields.
struct MessageSeed<'o> {
    schema: &'static Schema,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object, {}", self.schema.name)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match field_of(self.schema, &key) {
                Some(field) => map.next_value_seed(FieldSeed {
                    field,
                    out: self.out,
                })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// The field of a key. Compat: keys as protobuf spells them (`resource_spans`) are taken too.
fn field_of(schema: &'static Schema, key: &str) -> Option<&'static Field> {
    let mut all = schema.fields.iter().chain(schema.oneof);
    all.find(|field| field.json == key || (key.contains('_') && is_snake_of(key, field.json)))
}

fn is_snake_of(key: &str, camel: &str) -> bool {
    let mut key = key.bytes();
    for byte in camel.bytes() {
        let upper = byte.is_ascii_uppercase();
        if upper && key.next() != Some(b'_') {
            return false;
        }
        if key.next() != Some(byte.to_ascii_lowercase()) {
            return false;
        }
    }
    key.next().is_none()
}

/// Reads the value of a field, an array if it is repeated.
struct FieldSeed<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let FieldSeed { field, out } = self;
        if field.repeated {
            return json.deserialize_any(ListVisitor { field, out });
        }
        ElementSeed { field, out }.deserialize(json)
    }
}

struct ListVisitor<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
}

impl<'de> Visitor<'de> for ListVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array, {}", self.field.json)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let ListVisitor { field, out } = self;
        while list
            .next_element_seed(ElementSeed { field, out })?
            .is_some()
        {}
        Ok(())
    }
}

/// Reads one value of a field.
struct ElementSeed<'o> {
    field: &'static Field,
    out: &'o mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for ElementSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        let FieldKind::Message(schema) = self.field.kind else {
            return json.deserialize_any(self);
        };
        let mut result = Ok(());
        wire::put_nested(self.out, self.field.number, 0, |out| {
            result = MessageSeed { schema, out }.deserialize(json);
        });
        result
    }
}

impl ElementSeed<'_> {
    fn integer<E: Error>(self, value: i128) -> Result<(), E> {
        use FieldKind::{Bool, Double, Enum, Fixed32, Fixed64, Int64, SFixed64, SInt32};
        use FieldKind::{Uint32, Uint64};
        let number = self.field.number;
        let range = || E::custom(format_args!("{} is out of range: {value}", self.field.json));
        match self.field.kind {
            Uint32 => {
                let value = u32::try_from(value).map_err(|_| range())?;
                wire::put_varint(self.out, number, value.into());
            }
            Fixed32 => {
                let value = u32::try_from(value).map_err(|_| range())?;
                wire::put_fixed32(self.out, number, value);
            }
            Uint64 => {
                let value = u64::try_from(value).map_err(|_| range())?;
                wire::put_varint(self.out, number, value);
            }
            Fixed64 => {
                let value = u64::try_from(value).map_err(|_| range())?;
                wire::put_fixed64(self.out, number, value);
            }
            Int64 => {
                let value = i64::try_from(value).map_err(|_| range())?;
                wire::put_varint(self.out, number, value as u64);
            }
            SFixed64 => {
                let value = i64::try_from(value).map_err(|_| range())?;
                wire::put_fixed64(self.out, number, value as u64);
            }
            Enum => {
                let value = i32::try_from(value).map_err(|_| range())?;
                wire::put_varint(self.out, number, i64::from(value) as u64);
            }
            SInt32 => {
                let value = i32::try_from(value).map_err(|_| range())?;
                wire::put_varint(self.out, number, varint::zigzag(value.into()));
            }
            Double => wire::put_fixed64(self.out, number, (value as f64).to_bits()),
            Bool | FieldKind::Str | FieldKind::Id(_) | FieldKind::Blob | FieldKind::Message(_) => {
                return Err(self.unexpected("a number"));
            }
        }
        Ok(())
    }

    fn unexpected<E: Error>(&self, what: &str) -> E {
        E::custom(format_args!("{} cannot be {what}", self.field.json))
    }
}

impl<'de> Visitor<'de> for ElementSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of {}", self.field.json)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.field.kind {
            FieldKind::Bool => {
                wire::put_varint(self.out, self.field.number, u64::from(value));
                Ok(())
            }
            _ => Err(self.unexpected("a boolean")),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.integer(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.integer(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match self.field.kind {
            FieldKind::Double => {
                wire::put_fixed64(self.out, self.field.number, value.to_bits());
                Ok(())
            }
            // Such as 1e3 for a count.
            _ if value.fract() == 0.0 && value.abs() < 9e15 => self.integer(value as i128),
            _ => Err(self.unexpected("a fraction")),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let number = self.field.number;
        match self.field.kind {
            FieldKind::Str => wire::put_bytes(self.out, number, text.as_bytes()),
            FieldKind::Id(_) => {
                let id = unhex(text).ok_or_else(|| self.unexpected("anything but hexadecimal"))?;
                wire::put_bytes(self.out, number, &id);
            }
            FieldKind::Blob => {
                let blob = unbase64(text).ok_or_else(|| self.unexpected("anything but base64"))?;
                wire::put_bytes(self.out, number, &blob);
            }
            FieldKind::Double => {
                let value = double(text).ok_or_else(|| self.unexpected("this text"))?;
                wire::put_fixed64(self.out, number, value.to_bits());
            }
            FieldKind::Enum => match enum_number(text) {
                Some(value) => wire::put_varint(self.out, number, value),
                None => return self.number_in_text(text),
            },
            FieldKind::Bool | FieldKind::Message(_) => return Err(self.unexpected("text")),
            _ => return self.number_in_text(text),
        }
        Ok(())
    }
}

impl ElementSeed<'_> {
    fn number_in_text<E: Error>(self, text: &str) -> Result<(), E> {
        match text.parse::<i128>() {
            Ok(value) => self.integer(value),
            Err(_) => Err(self.unexpected("this text")),
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| Some((digit(*high)? << 4 | digit(*low)?) as u8);
    pairs.iter().map(byte).collect()
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let standard = base64::engine::general_purpose::STANDARD_NO_PAD.decode(text);
    let decoded =
        standard.or_else(|_| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text));
    decoded.ok()
}

fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

/// Names of the enums, which are all different.
fn enum_number(name: &str) -> Option<u64> {
    const FAMILIES: [(&str, &[&str]); 4] = [
        (
            "SPAN_KIND_",
            &[
                "UNSPECIFIED",
                "INTERNAL",
                "SERVER",
                "CLIENT",
                "PRODUCER",
                "CONSUMER",
            ],
        ),
        ("STATUS_CODE_", &["UNSET", "OK", "ERROR"]),
        (
            "AGGREGATION_TEMPORALITY_",
            &["UNSPECIFIED", "DELTA", "CUMULATIVE"],
        ),
        (
            "SEVERITY_NUMBER_",
            &[
                "UNSPECIFIED",
                "TRACE",
                "TRACE2",
                "TRACE3",
                "TRACE4",
                "DEBUG",
                "DEBUG2",
                "DEBUG3",
                "DEBUG4",
                "INFO",
                "INFO2",
                "INFO3",
                "INFO4",
                "WARN",
                "WARN2",
                "WARN3",
                "WARN4",
                "ERROR",
                "ERROR2",
                "ERROR3",
                "ERROR4",
                "FATAL",
                "FATAL2",
                "FATAL3",
                "FATAL4",
            ],
        ),
    ];
    FAMILIES.iter().find_map(|(family, names)| {
        let name = name.strip_prefix(family)?;
        let number = names.iter().position(|known| *known == name)?;
        u64::try_from(number).ok()
    })
}
