//! MessagePack, read value by value from a stream that may not have arrived whole.

use batch::otlp::{AnyValue, Attributes, KeyValue, VALUE_DEPTH_MAX};

/// Why there is no value.
#[derive(Debug)]
pub enum Error {
    /// So many bytes have to be there first.
    Wants(usize),
    Wrong(String),
}

impl Error {
    /// Within a part that is there whole, nothing more will come.
    pub fn inner(self) -> Error {
        match self {
            Error::Wants(_) => Error::Wrong("records that are cut off".to_owned()),
            error => error,
        }
    }
}

/// A value.
#[derive(Debug)]
pub enum Value<'a> {
    Any(AnyValue<'static>),
    Extension(i8, &'a [u8]),
}

impl Value<'_> {
    pub fn into_any(self) -> AnyValue<'static> {
        match self {
            Value::Any(value) => value,
            Value::Extension(_, bytes) => AnyValue::Bytes(bytes.to_vec().into()),
        }
    }
}

/// A cursor over a stream.
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, position: 0 }
    }

    pub fn position(&self) -> usize {
        self.position
    }

    pub fn is_empty(&self) -> bool {
        self.position == self.bytes.len()
    }

    pub fn next_is_array(&self) -> Result<bool, Error> {
        Ok(matches!(self.peek()?, 0x90..=0x9f | 0xdc | 0xdd))
    }

    pub fn next_is_bytes(&self) -> Result<bool, Error> {
        Ok(matches!(self.peek()?, 0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb))
    }

    /// The length of an array whose elements follow.
    pub fn array(&mut self) -> Result<usize, Error> {
        match self.byte()? {
            byte @ 0x90..=0x9f => Ok(usize::from(byte & 0xf)),
            0xdc => self.len::<2>(),
            0xdd => self.len::<4>(),
            byte => Err(Error::Wrong(format!(
                "byte {byte:#x} where an array begins"
            ))),
        }
    }

    /// The length of a map whose keys and values follow.
    pub fn map(&mut self) -> Result<usize, Error> {
        match self.byte()? {
            byte @ 0x80..=0x8f => Ok(usize::from(byte & 0xf)),
            0xde => self.len::<2>(),
            0xdf => self.len::<4>(),
            byte => Err(Error::Wrong(format!("byte {byte:#x} where a map begins"))),
        }
    }

    /// Text or bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], Error> {
        let len = match self.byte()? {
            byte @ 0xa0..=0xbf => usize::from(byte & 0x1f),
            0xc4 | 0xd9 => self.len::<1>()?,
            0xc5 | 0xda => self.len::<2>()?,
            0xc6 | 0xdb => self.len::<4>()?,
            byte => return Err(Error::Wrong(format!("byte {byte:#x} where a text begins"))),
        };
        self.take(len)
    }

    /// Text; what is not UTF-8 becomes the replacement character.
    pub fn text(&mut self) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    pub fn value(&mut self) -> Result<Value<'a>, Error> {
        self.value_at(0)
    }

    fn value_at(&mut self, depth: usize) -> Result<Value<'a>, Error> {
        if depth > VALUE_DEPTH_MAX {
            return Err(Error::Wrong("nested too deep".to_owned()));
        }
        let value = match self.peek()? {
            0x80..=0x8f | 0xde | 0xdf => AnyValue::Map(self.attributes(depth)?),
            0x90..=0x9f | 0xdc | 0xdd => {
                let mut values = Vec::new();
                for _ in 0..self.array()? {
                    values.push(self.value_at(depth + 1)?.into_any());
                }
                AnyValue::Array(values)
            }
            // Compat: bytes are taken for text.
            0xa0..=0xbf | 0xc4..=0xc6 | 0xd9..=0xdb => self.text()?.into(),
            0xc7..=0xc9 | 0xd4..=0xd8 => return self.extension(),
            _ => self.scalar()?,
        };
        Ok(Value::Any(value))
    }

    fn attributes(&mut self, depth: usize) -> Result<Attributes<'static>, Error> {
        let mut list = Vec::new();
        for _ in 0..self.map()? {
            let key = self.text()?.into();
            let value = self.value_at(depth + 1)?.into_any();
            list.push(KeyValue { key, value });
        }
        Ok(list.into())
    }

    fn extension(&mut self) -> Result<Value<'a>, Error> {
        let len = match self.byte()? {
            0xc7 => self.len::<1>()?,
            0xc8 => self.len::<2>()?,
            0xc9 => self.len::<4>()?,
            byte => 1 << (byte - 0xd4),
        };
        let kind = self.byte()?.cast_signed();
        Ok(Value::Extension(kind, self.take(len)?))
    }

    fn scalar(&mut self) -> Result<AnyValue<'static>, Error> {
        Ok(match self.byte()? {
            byte @ 0..=0x7f => AnyValue::Int(byte.into()),
            byte @ 0xe0.. => AnyValue::Int(byte.cast_signed().into()),
            0xc0 => AnyValue::Empty,
            0xc2 => AnyValue::Bool(false),
            0xc3 => AnyValue::Bool(true),
            0xca => AnyValue::Double(f32::from_be_bytes(self.chunk()?).into()),
            0xcb => AnyValue::Double(f64::from_be_bytes(self.chunk()?)),
            0xcc => AnyValue::Int(self.byte()?.into()),
            0xcd => AnyValue::Int(u16::from_be_bytes(self.chunk()?).into()),
            0xce => AnyValue::Int(u32::from_be_bytes(self.chunk()?).into()),
            0xcf => AnyValue::Int(u64::from_be_bytes(self.chunk()?).cast_signed()),
            0xd0 => AnyValue::Int(self.byte()?.cast_signed().into()),
            0xd1 => AnyValue::Int(i16::from_be_bytes(self.chunk()?).into()),
            0xd2 => AnyValue::Int(i32::from_be_bytes(self.chunk()?).into()),
            0xd3 => AnyValue::Int(i64::from_be_bytes(self.chunk()?)),
            byte => return Err(Error::Wrong(format!("byte {byte:#x} where a value begins"))),
        })
    }

    fn peek(&self) -> Result<u8, Error> {
        let byte = self.bytes.get(self.position);
        byte.copied().ok_or(Error::Wants(self.position + 1))
    }

    fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.peek()?;
        self.position += 1;
        Ok(byte)
    }

    fn chunk<const LEN: usize>(&mut self) -> Result<[u8; LEN], Error> {
        let bytes = self.take(LEN)?;
        Ok(*bytes.as_array().expect("as many were taken"))
    }

    /// A length of so many bytes.
    fn len<const BYTES: usize>(&mut self) -> Result<usize, Error> {
        let bytes = self.chunk::<BYTES>()?;
        Ok(bytes
            .iter()
            .fold(0, |len, byte| (len << 8) | usize::from(*byte)))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let end = self.position.saturating_add(len);
        let bytes = self
            .bytes
            .get(self.position..end)
            .ok_or(Error::Wants(end))?;
        self.position = end;
        Ok(bytes)
    }
}
