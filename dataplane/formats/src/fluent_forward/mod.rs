//! The forward protocol of Fluentd and Fluent Bit: records in MessagePack as log records.
//!
//! A stream is read event by event: [`decode`] takes the first event of what has arrived, or says
//! how many bytes it wants.

mod msgpack;
#[cfg(test)]
mod tests;

use std::io::Read;

use batch::otlp::{AnyValue, Attributes, Lazy, LogRecord, OtlpBatch};

use crate::grouped::Grouped;
use msgpack::{Error, Reader, Value};

/// Limit: bytes of an event, packed and unpacked. Senders split at some 8 MiB.
pub const EVENT_BYTES_MAX: usize = 32 << 20;

/// An event: one or many records.
#[derive(Debug)]
pub struct Event {
    pub batch: OtlpBatch,
    /// What the sender wants to hear back once the records are safe.
    pub chunk: Option<String>,
}

/// What there is at the start of a stream.
#[derive(Debug)]
pub enum Progress {
    /// An event of so many bytes.
    Event(Event, usize),
    /// There is no whole event before so many bytes are there.
    Wants(usize),
}

/// The first event.
pub fn decode(stream: &[u8]) -> Result<Progress, String> {
    let mut reader = Reader::new(stream);
    match event(&mut reader) {
        Ok(event) => Ok(Progress::Event(event, reader.position())),
        Err(Error::Wants(bytes)) if bytes <= EVENT_BYTES_MAX => Ok(Progress::Wants(bytes)),
        Err(Error::Wants(_)) => Err(format!("an event of more than {EVENT_BYTES_MAX} bytes")),
        Err(Error::Wrong(text)) => Err(text),
    }
}

/// The answer to an event with a chunk: a map with one text.
#[must_use]
pub fn acknowledgement(chunk: &str) -> Vec<u8> {
    let len = chunk.len().min(usize::from(u16::MAX));
    let mut out = b"\x81\xa3ack\xda".to_vec();
    out.extend((len as u16).to_be_bytes());
    out.extend(&chunk.as_bytes()[..len]);
    out
}

fn event(reader: &mut Reader<'_>) -> Result<Event, Error> {
    let count = reader.array()?;
    let tag = reader.text()?;
    let mut records = Vec::new();
    let mut chunk = None;
    if reader.next_is_array()? {
        expect(count, 2..=3)?;
        for _ in 0..reader.array()? {
            records.push(entry(reader)?);
        }
        if count == 3 {
            (chunk, _) = options(reader)?;
        }
    } else if reader.next_is_bytes()? {
        expect(count, 2..=3)?;
        let packed = reader.bytes()?;
        let mut is_gzip = false;
        if count == 3 {
            (chunk, is_gzip) = options(reader)?;
        }
        let unpacked;
        let entries = match is_gzip {
            true => {
                unpacked = unpack(packed)?;
                &unpacked[..]
            }
            false => packed,
        };
        let mut entries = Reader::new(entries);
        while !entries.is_empty() {
            records.push(entry(&mut entries).map_err(Error::inner)?);
        }
    } else {
        expect(count, 3..=4)?;
        let time = time(reader)?;
        records.push(record(reader, time)?);
        if count == 4 {
            (chunk, _) = options(reader)?;
        }
    }
    let mut grouped = Grouped::new();
    let items = grouped.items(&Attributes::default(), "", "");
    for mut record in records {
        record.attributes.set("fluent.tag", tag.clone().into());
        items.push(Lazy::new(record));
    }
    Ok(Event {
        batch: grouped.encode(),
        chunk,
    })
}

fn expect(count: usize, allowed: std::ops::RangeInclusive<usize>) -> Result<(), Error> {
    match allowed.contains(&count) {
        true => Ok(()),
        false => Err(Error::Wrong(format!(
            "an event of {count} parts, expected {allowed:?}"
        ))),
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, Error> {
    let mut unpacked = Vec::new();
    let limit = EVENT_BYTES_MAX as u64;
    let mut reader = flate2::read::MultiGzDecoder::new(packed).take(limit + 1);
    let read = reader.read_to_end(&mut unpacked);
    read.map_err(|error| Error::Wrong(format!("records that are no gzip: {error}")))?;
    match unpacked.len() <= EVENT_BYTES_MAX {
        true => Ok(unpacked),
        false => Err(Error::Wrong(format!("records of more than {limit} bytes"))),
    }
}

fn entry(reader: &mut Reader<'_>) -> Result<LogRecord<'static>, Error> {
    expect(reader.array()?, 2..=2)?;
    let time = time(reader)?;
    record(reader, time)
}

/// Seconds, or the extension with seconds and nanoseconds.
fn time(reader: &mut Reader<'_>) -> Result<u64, Error> {
    match reader.value()? {
        Value::Any(AnyValue::Int(seconds)) => Ok(u64::try_from(seconds)
            .unwrap_or(0)
            .saturating_mul(1_000_000_000)),
        Value::Extension(0, bytes) if bytes.len() == 8 => {
            let part = |at: usize| {
                let bytes: [u8; 4] = bytes[at..at + 4].try_into().expect("four of eight bytes");
                u64::from(u32::from_be_bytes(bytes))
            };
            Ok(part(0) * 1_000_000_000 + part(4))
        }
        value => Err(Error::Wrong(format!("a time that is {value:?}"))),
    }
}

fn record(reader: &mut Reader<'_>, time_ns: u64) -> Result<LogRecord<'static>, Error> {
    let mut record = LogRecord {
        time_unix_nano: time_ns,
        ..LogRecord::default()
    };
    for _ in 0..reader.map()? {
        let key = reader.text()?;
        let value = reader.value()?.into_any();
        // Fluentd says message, Fluent Bit log.
        match &*key {
            "message" | "log" => record.body = value,
            _ => record.attributes.set(key, value),
        }
    }
    Ok(record)
}

/// The chunk, and whether records are packed.
fn options(reader: &mut Reader<'_>) -> Result<(Option<String>, bool), Error> {
    let (mut chunk, mut is_gzip) = (None, false);
    for _ in 0..reader.map()? {
        let key = reader.text()?;
        match (&*key, reader.value()?.into_any()) {
            ("chunk", AnyValue::String(text)) if !text.is_empty() => chunk = Some(text.to_string()),
            ("compressed", AnyValue::String(text)) => is_gzip = text == "gzip",
            _ => {}
        }
    }
    Ok((chunk, is_gzip))
}
