//! Text, values of any type and attributes.

use std::borrow::Cow;
use std::fmt;

use stdx::protobuf::{DecodeError, Value};

use super::schema::{Field, FieldKind, Schema};
use super::wire::{Message, put_bytes, put_fixed64, put_nested, put_varint};

/// A string of OTLP: bytes that should be UTF-8, and are not checked for it unless somebody reads
/// them as characters, as in the Collector.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text<'a>(Cow<'a, [u8]>);

impl<'a> Text<'a> {
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Text<'a> {
        Text(Cow::Borrowed(bytes))
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The characters; what is not UTF-8 becomes the replacement character.
    #[must_use]
    pub fn to_str(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same text, free of the batch that it came from.
    #[must_use]
    pub fn into_owned(self) -> Text<'static> {
        Text(Cow::Owned(self.0.into_owned()))
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Text<'a> {
        Text(Cow::Borrowed(text.as_bytes()))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text(Cow::Owned(text.into_bytes()))
    }
}

impl<'a> From<Cow<'a, str>> for Text<'a> {
    fn from(text: Cow<'a, str>) -> Text<'a> {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == *other.as_bytes()
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str(), f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str())
    }
}

/// A value of an attribute, or the body of a log record.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum AnyValue<'a> {
    #[default]
    Empty,
    String(Text<'a>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(Vec<AnyValue<'a>>),
    Map(Attributes<'a>),
    Bytes(Cow<'a, [u8]>),
}

impl AnyValue<'_> {
    /// The same value, free of the batch that it came from.
    #[must_use]
    pub fn into_owned(self) -> AnyValue<'static> {
        match self {
            AnyValue::Empty => AnyValue::Empty,
            AnyValue::String(text) => AnyValue::String(text.into_owned()),
            AnyValue::Bool(value) => AnyValue::Bool(value),
            AnyValue::Int(value) => AnyValue::Int(value),
            AnyValue::Double(value) => AnyValue::Double(value),
            AnyValue::Array(values) => {
                AnyValue::Array(values.into_iter().map(AnyValue::into_owned).collect())
            }
            AnyValue::Map(map) => AnyValue::Map(map.into_owned()),
            AnyValue::Bytes(bytes) => AnyValue::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }
}

impl<'a> From<&'a str> for AnyValue<'a> {
    fn from(text: &'a str) -> AnyValue<'a> {
        AnyValue::String(text.into())
    }
}

impl From<String> for AnyValue<'_> {
    fn from(text: String) -> Self {
        AnyValue::String(text.into())
    }
}

impl From<i64> for AnyValue<'_> {
    fn from(value: i64) -> Self {
        AnyValue::Int(value)
    }
}

static ANY_VALUE: Schema = Schema::new(
    "AnyValue",
    &[],
    &[
        field(1, "stringValue", FieldKind::Str),
        field(2, "boolValue", FieldKind::Bool),
        field(3, "intValue", FieldKind::Int64),
        field(4, "doubleValue", FieldKind::Double),
        field(5, "arrayValue", FieldKind::Message(&ARRAY_VALUE)),
        field(6, "kvlistValue", FieldKind::Message(&KEY_VALUE_LIST)),
        field(7, "bytesValue", FieldKind::Blob),
    ],
);

static ARRAY_VALUE: Schema = Schema::new(
    "ArrayValue",
    &[Field {
        repeated: true,
        ..field(1, "values", FieldKind::Message(&ANY_VALUE))
    }],
    &[],
);

static KEY_VALUE_LIST: Schema = Schema::new(
    "KeyValueList",
    &[Field {
        repeated: true,
        ..field(1, "values", FieldKind::Message(&KEY_VALUE))
    }],
    &[],
);

static KEY_VALUE: Schema = Schema::new(
    "KeyValue",
    &[
        field(1, "key", FieldKind::Str),
        field(2, "value", FieldKind::Message(&ANY_VALUE)),
    ],
    &[],
)
.pair();

const fn field(number: u32, json: &'static str, kind: FieldKind) -> Field {
    Field {
        number,
        json,
        kind,
        repeated: false,
    }
}

impl<'a> Message<'a> for AnyValue<'a> {
    const SCHEMA: &'static Schema = &ANY_VALUE;

    fn read_field(&mut self, number: u64, value: Value<'a>) -> Result<(), DecodeError> {
        const NAME: &str = "AnyValue";
        *self = match number {
            1 => AnyValue::String(Text::from_bytes(value.bytes(NAME)?)),
            2 => AnyValue::Bool(value.varint(NAME)? != 0),
            3 => AnyValue::Int(value.varint(NAME)? as i64),
            4 => AnyValue::Double(value.double(NAME)?),
            5 => AnyValue::Array(read_values(value.bytes(NAME)?)?),
            6 => AnyValue::Map(read_map(value.bytes(NAME)?)?),
            7 => AnyValue::Bytes(Cow::Borrowed(value.bytes(NAME)?)),
            _ => return Ok(()),
        };
        Ok(())
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            AnyValue::Empty => {}
            AnyValue::String(text) => put_bytes(out, 1, text.as_bytes()),
            AnyValue::Bool(value) => put_varint(out, 2, u64::from(*value)),
            AnyValue::Int(value) => put_varint(out, 3, *value as u64),
            AnyValue::Double(value) => put_fixed64(out, 4, value.to_bits()),
            AnyValue::Array(values) => put_nested(out, 5, 0, |out| {
                for value in values {
                    put_nested(out, 1, 0, |out| value.write(out));
                }
            }),
            AnyValue::Map(map) => put_nested(out, 6, 0, |out| {
                for attribute in map.iter() {
                    put_nested(out, 1, 0, |out| attribute.write(out));
                }
            }),
            AnyValue::Bytes(bytes) => put_bytes(out, 7, bytes),
        }
    }
}

fn read_values(bytes: &[u8]) -> Result<Vec<AnyValue<'_>>, DecodeError> {
    let mut fields = stdx::protobuf::Fields::new(ARRAY_VALUE.name, bytes);
    let mut values = Vec::new();
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            values.push(AnyValue::decode(value.bytes(ARRAY_VALUE.name)?)?);
        }
    }
    Ok(values)
}

fn read_map(bytes: &[u8]) -> Result<Attributes<'_>, DecodeError> {
    let mut fields = stdx::protobuf::Fields::new(KEY_VALUE_LIST.name, bytes);
    let mut map = Attributes::default();
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            map.push(KeyValue::decode(value.bytes(KEY_VALUE_LIST.name)?)?);
        }
    }
    Ok(map)
}

/// One attribute.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KeyValue<'a> {
    pub key: Text<'a>,
    pub value: AnyValue<'a>,
}

impl<'a> Message<'a> for KeyValue<'a> {
    const SCHEMA: &'static Schema = &KEY_VALUE;

    fn read_field(&mut self, number: u64, value: Value<'a>) -> Result<(), DecodeError> {
        match number {
            1 => self.key = Text::from_bytes(value.bytes(KEY_VALUE.name)?),
            2 => self.value.read(value.bytes(KEY_VALUE.name)?)?,
            _ => {}
        }
        Ok(())
    }

    fn write(&self, out: &mut Vec<u8>) {
        if !self.key.is_empty() {
            put_bytes(out, 1, self.key.as_bytes());
        }
        // Also when it is empty: the Collector knows no attribute without a value.
        put_nested(out, 2, 0, |out| self.value.write(out));
    }
}

/// Attributes in their order. A key should be there once; of several, the first counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Attributes<'a> {
    list: Vec<KeyValue<'a>>,
}

impl<'a> Attributes<'a> {
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&AnyValue<'a>> {
        let found = self.list.iter().find(|attribute| attribute.key == key);
        found.map(|attribute| &attribute.value)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut AnyValue<'a>> {
        let found = self.list.iter_mut().find(|attribute| attribute.key == key);
        found.map(|attribute| &mut attribute.value)
    }

    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Changes the value of `key`, or appends it.
    pub fn set(&mut self, key: impl Into<Text<'a>>, value: AnyValue<'a>) {
        let key = key.into();
        match self.list.iter_mut().find(|attribute| attribute.key == key) {
            Some(attribute) => attribute.value = value,
            None => self.list.push(KeyValue { key, value }),
        }
    }

    /// Takes `key` out. The order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<AnyValue<'a>> {
        let index = self
            .list
            .iter()
            .position(|attribute| attribute.key == key)?;
        Some(self.list.remove(index).value)
    }

    pub fn retain(&mut self, keep: impl FnMut(&KeyValue<'a>) -> bool) {
        self.list.retain(keep);
    }

    /// Appends without looking whether the key is there.
    pub fn push(&mut self, attribute: KeyValue<'a>) {
        self.list.push(attribute);
    }

    pub fn clear(&mut self) {
        self.list.clear();
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, KeyValue<'a>> {
        self.list.iter()
    }

    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, KeyValue<'a>> {
        self.list.iter_mut()
    }

    #[must_use]
    pub fn into_vec(self) -> Vec<KeyValue<'a>> {
        self.list
    }

    /// The same attributes, free of the batch that they came from.
    #[must_use]
    pub fn into_owned(self) -> Attributes<'static> {
        let list = self.list.into_iter().map(|attribute| KeyValue {
            key: attribute.key.into_owned(),
            value: attribute.value.into_owned(),
        });
        Attributes {
            list: list.collect(),
        }
    }
}

impl<'a> From<Vec<KeyValue<'a>>> for Attributes<'a> {
    fn from(list: Vec<KeyValue<'a>>) -> Attributes<'a> {
        Attributes { list }
    }
}

impl<'s, 'a> IntoIterator for &'s Attributes<'a> {
    type Item = &'s KeyValue<'a>;
    type IntoIter = std::slice::Iter<'s, KeyValue<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}
