//! Thrift values in the binary and the compact protocol, without a schema.
//!
//! A value is read into a tree. Each of its nodes was at least a byte on the wire, so the tree is
//! bounded by the message; its depth by `DEPTH_MAX`.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Bool(bool),
    /// Of any width.
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    Struct(Fields<'a>),
}

/// The fields of a struct, by number.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fields<'a>(Vec<(i16, Value<'a>)>);

impl<'a> Fields<'a> {
    pub fn get(&self, number: i16) -> Option<&Value<'a>> {
        let found = self.0.iter().find(|(known, _)| *known == number);
        found.map(|(_, value)| value)
    }

    pub fn int(&self, number: i16) -> i64 {
        match self.get(number) {
            Some(Value::Int(value)) => *value,
            _ => 0,
        }
    }

    pub fn bytes(&self, number: i16) -> &'a [u8] {
        match self.get(number) {
            Some(Value::Bytes(bytes)) => bytes,
            _ => b"",
        }
    }

    pub fn text(&self, number: i16) -> String {
        String::from_utf8_lossy(self.bytes(number)).into_owned()
    }

    pub fn fields(&self, number: i16) -> Option<&Fields<'a>> {
        match self.get(number) {
            Some(Value::Struct(fields)) => Some(fields),
            _ => None,
        }
    }

    /// The structs of a list.
    pub fn structs(&self, number: i16) -> impl Iterator<Item = &Fields<'a>> {
        let values = match self.get(number) {
            Some(Value::List(values)) => &values[..],
            _ => &[],
        };
        values.iter().filter_map(|value| match value {
            Value::Struct(fields) => Some(fields),
            _ => None,
        })
    }
}

/// Limit: structs and lists in each other. What we read has five.
const DEPTH_MAX: u32 = 16;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Binary,
    Compact,
}

/// A cursor over a message.
pub struct Reader<'a> {
    rest: &'a [u8],
    protocol: Protocol,
}

/// What type a value has on the wire, of either protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    True,
    False,
    Byte,
    I16,
    I32,
    I64,
    Double,
    Bytes,
    Struct,
    List,
    Map,
}

impl<'a> Reader<'a> {
    pub fn new(protocol: Protocol, bytes: &'a [u8]) -> Reader<'a> {
        Reader {
            rest: bytes,
            protocol,
        }
    }

    /// The name of the call that follows as a struct.
    pub fn message(&mut self) -> Result<String, String> {
        let name = match self.protocol {
            Protocol::Compact => {
                let [id, _version] = self.array()?;
                if id != 0x82 {
                    return Err("thrift: no message of the compact protocol".to_owned());
                }
                self.varint()?;
                let len = self.varint()?;
                self.take(len)?
            }
            Protocol::Binary => {
                let head = i32::from_be_bytes(self.array()?);
                let len = match head < 0 {
                    // With a version, then the name; without one it is the name's length.
                    true => u32::from_be_bytes(self.array()?),
                    false => head.unsigned_abs(),
                };
                let name = self.take(len.into())?;
                let skipped = if head < 0 { 4 } else { 5 };
                self.take(skipped)?;
                name
            }
        };
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    /// A struct.
    pub fn fields(&mut self) -> Result<Fields<'a>, String> {
        self.struct_at(0)
    }

    /// A list of structs.
    pub fn list(&mut self) -> Result<Vec<Value<'a>>, String> {
        self.list_at(0)
    }

    fn struct_at(&mut self, depth: u32) -> Result<Fields<'a>, String> {
        let mut fields = Vec::new();
        let mut last = 0_i16;
        while let Some((kind, number)) = self.field(last)? {
            last = number;
            fields.push((number, self.value(kind, depth + 1)?));
        }
        Ok(Fields(fields))
    }

    fn field(&mut self, last: i16) -> Result<Option<(Kind, i16)>, String> {
        let [byte] = self.array()?;
        if byte == 0 {
            return Ok(None);
        }
        if self.protocol == Protocol::Binary {
            let number = i16::from_be_bytes(self.array()?);
            return Ok(Some((self.kind(byte)?, number)));
        }
        let kind = self.kind(byte & 0xf)?;
        let number = match byte >> 4 {
            0 => self.zigzag()? as i16,
            step => last.wrapping_add(i16::from(step)),
        };
        Ok(Some((kind, number)))
    }

    fn value(&mut self, kind: Kind, depth: u32) -> Result<Value<'a>, String> {
        if depth > DEPTH_MAX {
            return Err("thrift: nested too deep".to_owned());
        }
        Ok(match kind {
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::Bool => Value::Bool(self.array::<1>()? == [1]),
            Kind::Byte => Value::Int(i8::from_be_bytes(self.array()?).into()),
            Kind::I16 => match self.protocol {
                Protocol::Binary => Value::Int(i16::from_be_bytes(self.array()?).into()),
                Protocol::Compact => Value::Int(self.zigzag()?),
            },
            Kind::I32 => match self.protocol {
                Protocol::Binary => Value::Int(i32::from_be_bytes(self.array()?).into()),
                Protocol::Compact => Value::Int(self.zigzag()?),
            },
            Kind::I64 => match self.protocol {
                Protocol::Binary => Value::Int(i64::from_be_bytes(self.array()?)),
                Protocol::Compact => Value::Int(self.zigzag()?),
            },
            Kind::Double => match self.protocol {
                Protocol::Binary => Value::Double(f64::from_be_bytes(self.array()?)),
                Protocol::Compact => Value::Double(f64::from_le_bytes(self.array()?)),
            },
            Kind::Bytes => {
                let len = match self.protocol {
                    Protocol::Binary => u32::from_be_bytes(self.array()?).into(),
                    Protocol::Compact => self.varint()?,
                };
                Value::Bytes(self.take(len)?)
            }
            Kind::Struct => Value::Struct(self.struct_at(depth)?),
            Kind::List => Value::List(self.list_at(depth)?),
            Kind::Map => Value::List(self.map_at(depth)?),
        })
    }

    fn list_at(&mut self, depth: u32) -> Result<Vec<Value<'a>>, String> {
        let [byte] = self.array()?;
        let (kind, count) = match self.protocol {
            Protocol::Binary => (byte, u32::from_be_bytes(self.array()?).into()),
            Protocol::Compact => match byte >> 4 {
                15 => (byte & 0xf, self.varint()?),
                count => (byte & 0xf, count.into()),
            },
        };
        self.values(kind, count, depth)
    }

    fn values(&mut self, kind: u8, count: u64, depth: u32) -> Result<Vec<Value<'a>>, String> {
        let kind = match self.kind(kind)? {
            Kind::True | Kind::False => Kind::Bool,
            kind => kind,
        };
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(kind, depth + 1)?);
        }
        Ok(values)
    }

    /// Keys and values by turns: nobody here needs them.
    fn map_at(&mut self, depth: u32) -> Result<Vec<Value<'a>>, String> {
        let (keys, values, count) = match self.protocol {
            Protocol::Binary => {
                let [keys, values] = self.array()?;
                (keys, values, u32::from_be_bytes(self.array()?).into())
            }
            Protocol::Compact => match self.varint()? {
                0 => return Ok(Vec::new()),
                count => {
                    let [kinds] = self.array()?;
                    (kinds >> 4, kinds & 0xf, count)
                }
            },
        };
        let mut all = Vec::new();
        for _ in 0..count {
            all.append(&mut self.values(keys, 1, depth)?);
            all.append(&mut self.values(values, 1, depth)?);
        }
        Ok(all)
    }

    fn kind(&self, byte: u8) -> Result<Kind, String> {
        Ok(match (self.protocol, byte) {
            (Protocol::Binary, 2) => Kind::Bool,
            (Protocol::Binary, 3) | (Protocol::Compact, 3) => Kind::Byte,
            (Protocol::Binary, 4) | (Protocol::Compact, 7) => Kind::Double,
            (Protocol::Binary, 6) | (Protocol::Compact, 4) => Kind::I16,
            (Protocol::Binary, 8) | (Protocol::Compact, 5) => Kind::I32,
            (Protocol::Binary, 10) | (Protocol::Compact, 6) => Kind::I64,
            (Protocol::Binary, 11) | (Protocol::Compact, 8) => Kind::Bytes,
            (Protocol::Binary, 12) | (Protocol::Compact, 12) => Kind::Struct,
            (Protocol::Binary, 13) | (Protocol::Compact, 11) => Kind::Map,
            (Protocol::Binary, 14 | 15) | (Protocol::Compact, 9 | 10) => Kind::List,
            (Protocol::Compact, 1) => Kind::True,
            (Protocol::Compact, 2) => Kind::False,
            _ => return Err(format!("thrift: unknown type {byte}")),
        })
    }

    fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], String> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(CUT)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], String> {
        let len = usize::try_from(len).map_err(|_| CUT)?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(CUT)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let (value, len) = stdx::varint::get(self.rest).ok_or(CUT)?;
        self.rest = &self.rest[len..];
        Ok(value)
    }

    fn zigzag(&mut self) -> Result<i64, String> {
        Ok(stdx::varint::unzigzag(self.varint()?))
    }
}

const CUT: &str = "thrift: cut off";
