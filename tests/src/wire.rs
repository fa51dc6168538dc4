//! Protobuf by hand: an oracle shares no code with what it checks.

/// The value of a field.
pub enum Field<'a> {
    Varint(u64),
    Fixed(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    /// What a field of that kind holds.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Field::Bytes(bytes) => bytes,
            Field::Varint(_) | Field::Fixed(_) => panic!("a message was expected"),
        }
    }
}

/// The fields of a message, with their numbers.
pub fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        if message.is_empty() {
            return None;
        }
        let key = varint(&mut message);
        let value = match key & 7 {
            0 => Field::Varint(varint(&mut message)),
            1 => {
                let (bits, rest) = message.split_first_chunk().expect("eight bytes");
                message = rest;
                Field::Fixed(u64::from_le_bytes(*bits))
            }
            2 => {
                let length = varint(&mut message) as usize;
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Field::Bytes(bytes)
            }
            other => panic!("wire type {other}"),
        };
        Some((key >> 3, value))
    })
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = message.split_first().expect("a whole varint");
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a varint of more than ten bytes");
}
