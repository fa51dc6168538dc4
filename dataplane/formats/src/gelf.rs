//! Graylog's extended log format: a JSON object, maybe compressed, maybe in several datagrams.

use serde_json::{Map, Number, Value};

/// What stands before a part of a message.
const CHUNK: [u8; 2] = [0x1e, 0x0f];

/// Limit: parts of a message, as in the format.
pub const CHUNKS_MAX: u8 = 128;

/// What a datagram holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    Whole(&'a [u8]),
    Chunk {
        id: u64,
        index: u8,
        count: u8,
        bytes: &'a [u8],
    },
}

/// Tells a whole message from a part of one.
pub fn datagram(bytes: &[u8]) -> Result<Datagram<'_>, &'static str> {
    let Some(rest) = bytes.strip_prefix(&CHUNK) else {
        return Ok(Datagram::Whole(bytes));
    };
    let (id, rest) = rest.split_first_chunk().ok_or("a part is cut off")?;
    let [index, count, bytes @ ..] = rest else {
        return Err("a part is cut off");
    };
    if *count == 0 || *count > CHUNKS_MAX || index >= count {
        return Err("the number of a part is wrong");
    }
    Ok(Datagram::Chunk {
        id: u64::from_be_bytes(*id),
        index: *index,
        count: *count,
        bytes,
    })
}

/// A message.
#[derive(Debug, Default, PartialEq)]
pub struct Message {
    pub version: String,
    pub host: String,
    pub facility: String,
    pub level: i32,
    /// Seconds since 1970; zero when not told.
    pub timestamp: f64,
    /// The message as the reference writes it.
    pub line: String,
}

/// Reads a message that is not compressed.
pub fn parse(json: &[u8]) -> Result<Message, String> {
    let fields: Map<String, Value> =
        serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let text = |name: &str| match fields.get(name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("\"{name}\" is no text")),
    };
    let number = |name: &str| match fields.get(name) {
        None => Ok(0.0),
        Some(value) => value
            .as_f64()
            .ok_or_else(|| format!("\"{name}\" is no number")),
    };
    let mut message = Message {
        version: text("version")?,
        host: text("host")?,
        facility: text("facility")?,
        level: number("level")? as i32,
        timestamp: number("timestamp")?,
        line: String::new(),
    };
    let mut line = Map::new();
    let mut put = |name: &str, value: Value| line.insert(name.to_owned(), value);
    put("version", message.version.as_str().into());
    put("host", message.host.as_str().into());
    put("short_message", text("short_message")?.into());
    let full = text("full_message")?;
    if !full.is_empty() {
        put("full_message", full.into());
    }
    put("timestamp", shortest(message.timestamp));
    if message.level != 0 {
        put("level", message.level.into());
    }
    if !message.facility.is_empty() {
        put("facility", message.facility.as_str().into());
    }
    for (name, value) in &fields {
        if name.starts_with('_') {
            put(name, value.clone());
        }
    }
    message.line = Value::Object(line).to_string();
    Ok(message)
}

/// A whole number without a fraction.
fn shortest(number: f64) -> Value {
    let whole = number as i64;
    if whole as f64 == number {
        return whole.into();
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_from_messages() {
        assert_eq!(datagram(b"{}"), Ok(Datagram::Whole(b"{}")));
        let part = datagram(b"\x1e\x0f\0\0\0\0\0\0\0\x07\x01\x02xy");
        let expected = Datagram::Chunk {
            id: 7,
            index: 1,
            count: 2,
            bytes: b"xy",
        };
        assert_eq!(part, Ok(expected));
        assert!(datagram(b"\x1e\x0f\0").is_err());
        assert!(datagram(b"\x1e\x0f\0\0\0\0\0\0\0\x07\x02\x02").is_err());
    }

    #[test]
    fn a_message_is_written_as_the_reference_does() {
        let json =
            br#"{"_u":"x","host":"h","short_message":"s","level":3,"other":1,"timestamp":5}"#;
        let message = parse(json).expect("a message");
        let line =
            r#"{"version":"","host":"h","short_message":"s","timestamp":5,"level":3,"_u":"x"}"#;
        assert_eq!(message.line, line);
        assert_eq!((message.level, message.timestamp), (3, 5.0));
        assert!(parse(b"[]").is_err());
        assert!(parse(br#"{"host":1}"#).is_err());
    }
}
