//! The JSON form: `{"streams": [{"stream": {..}, "values": [["ns", "line", {..}]]}]}`.
//!
//! Lines are unescaped into the batch's text, one copy each. Nesting is bounded by the parser;
//! fields that are not known are skipped.

use std::fmt;
use std::rc::Rc;

use batch::{LabelsBuf, LogEntry, LogStream, LogsBatch};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Limits, Room};

/// Adds the streams of a request to the batch. Label names are not looked at: `accept` is given
/// each set and tells what it becomes; `None` leaves the stream's entries out. What follows the
/// request is not read.
///
/// After an error the batch holds a part of the request.
pub fn decode_json(
    text: &[u8],
    batch: &mut LogsBatch,
    limits: &Limits,
    accept: &mut dyn FnMut(&LabelsBuf) -> Option<Rc<LabelsBuf>>,
) -> Result<(), serde_json::Error> {
    let mut decoder = Decoder {
        batch,
        room: Room::new(limits),
        accept,
    };
    let mut json = serde_json::Deserializer::from_slice(text);
    Request(&mut decoder).deserialize(&mut json)
}

struct Decoder<'d> {
    batch: &'d mut LogsBatch,
    room: Room,
    accept: &'d mut dyn FnMut(&LabelsBuf) -> Option<Rc<LabelsBuf>>,
}

/// Implements a seed whose value is an object or list, or null for nothing at all.
macro_rules! seed {
    ($name:ident, $visit:ident($access:ident), $expects:literal, $value:ty) => {
        impl<'de> DeserializeSeed<'de> for $name<'_, '_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<$value, D::Error> {
                json.deserialize_any(self)
            }
        }

        impl<'de> Visitor<'de> for $name<'_, '_> {
            type Value = $value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expects)
            }

            fn visit_unit<E: Error>(self) -> Result<$value, E> {
                Ok(<$value>::default())
            }

            fn $visit<A: $access<'de>>(self, access: A) -> Result<$value, A::Error> {
                self.read(access)
            }
        }
    };
}

struct Request<'a, 'd>(&'a mut Decoder<'d>);
seed!(Request, visit_map(MapAccess), "a push request", ());

impl Request<'_, '_> {
    fn read<'de, A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<std::borrow::Cow<'_, str>>()? {
            match &*name {
                "streams" => fields.next_value_seed(Streams(self.0))?,
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct Streams<'a, 'd>(&'a mut Decoder<'d>);
seed!(Streams, visit_seq(SeqAccess), "a list of streams", ());

impl Streams<'_, '_> {
    fn read<'de, A: SeqAccess<'de>>(self, mut streams: A) -> Result<(), A::Error> {
        while streams.next_element_seed(Stream(self.0))?.is_some() {}
        Ok(())
    }
}

struct Stream<'a, 'd>(&'a mut Decoder<'d>);
seed!(Stream, visit_map(MapAccess), "a stream", ());

impl Stream<'_, '_> {
    fn read<'de, A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.0.room.stream().map_err(A::Error::custom)?;
        let mut labels = LabelsBuf::new();
        let mut entries = Vec::new();
        while let Some(name) = fields.next_key::<std::borrow::Cow<'_, str>>()? {
            match &*name {
                "stream" => fields.next_value_seed(Labels(&mut labels))?,
                "values" => fields.next_value_seed(Values(self.0, &mut entries))?,
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        if let Some(labels) = (self.0.accept)(&labels)
            && !entries.is_empty()
        {
            self.0.batch.streams.push(LogStream { labels, entries });
        }
        Ok(())
    }
}

struct Labels<'a>(&'a mut LabelsBuf);

impl<'de> DeserializeSeed<'de> for Labels<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Labels<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        while let Some(name) = pairs.next_key::<std::borrow::Cow<'_, str>>()? {
            // Compat: values that are no strings are taken as they are written.
            match pairs.next_value::<serde_json::Value>()? {
                serde_json::Value::String(value) => self.0.set(&name, &value),
                value => self.0.set(&name, &value.to_string()),
            }
        }
        Ok(())
    }
}

struct Values<'a, 'd>(&'a mut Decoder<'d>, &'a mut Vec<LogEntry>);
seed!(Values, visit_seq(SeqAccess), "a list of entries", ());

impl Values<'_, '_> {
    fn read<'de, A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while let Some(entry) = values.next_element_seed(Entry(self.0))? {
            self.1.extend(entry);
        }
        Ok(())
    }
}

struct Entry<'a, 'd>(&'a mut Decoder<'d>);
seed!(
    Entry,
    visit_seq(SeqAccess),
    "an entry: its time, its line and, if any, its structured metadata",
    Option<LogEntry>
);

impl Entry<'_, '_> {
    fn read<'de, A: SeqAccess<'de>>(self, mut parts: A) -> Result<Option<LogEntry>, A::Error> {
        let Entry(decoder) = self;
        decoder.room.entry().map_err(A::Error::custom)?;
        let mut entry = LogEntry::default();
        let timestamp = parts.next_element::<std::borrow::Cow<'_, str>>()?;
        if let Some(timestamp) = timestamp {
            let timestamp = timestamp.parse();
            entry.timestamp_ns = timestamp.map_err(|_| {
                A::Error::custom("a timestamp is a string of nanoseconds since 1970")
            })?;
        }
        if let Some(line) = parts.next_element_seed(Text(decoder.batch))? {
            entry.line = line;
        }
        let pairs = decoder.batch.pairs_begin();
        if parts.next_element_seed(Metadata(decoder))?.is_some() {
            entry.metadata = decoder.batch.pairs_since(pairs);
        }
        while parts.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(entry))
    }
}

struct Metadata<'a, 'd>(&'a mut Decoder<'d>);

impl<'de> DeserializeSeed<'de> for Metadata<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Metadata<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("structured metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        while let Some(name) = pairs.next_key_seed(Text(self.0.batch))? {
            self.0.room.pair().map_err(A::Error::custom)?;
            let value = pairs.next_value_seed(Text(self.0.batch))?;
            self.0.batch.pairs.push(batch::TextPair { name, value });
        }
        Ok(())
    }
}

/// A string, of whatever bytes.
struct Text<'a>(&'a mut LogsBatch);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = batch::TextRange;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = batch::TextRange;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_bytes(text.as_bytes())
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.add_text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        streams_max: 2,
        entries_max: 3,
        pairs_max: 2,
    };

    /// Each entry as a line, or what is wrong.
    fn check(text: &str, expected: Result<&[&str], &str>) {
        let mut batch = LogsBatch::default();
        let mut accept = |labels: &LabelsBuf| Some(Rc::new(labels.clone()));
        let result = decode_json(text.as_bytes(), &mut batch, &LIMITS, &mut accept);
        let mut lines = Vec::new();
        for stream in &batch.streams {
            for entry in &stream.entries {
                let line = String::from_utf8_lossy(batch.line(entry));
                let metadata: Vec<String> = batch
                    .metadata(entry)
                    .map(|(name, value)| {
                        let (name, value) = (name.escape_ascii(), value.escape_ascii());
                        format!(" {name}={value}")
                    })
                    .collect();
                let (labels, ns) = (&stream.labels, entry.timestamp_ns);
                lines.push(format!("{labels:?} {ns} {line}{}", metadata.concat()));
            }
        }
        match expected {
            Ok(expected) => {
                result.unwrap_or_else(|error| panic!("{text}: {error}"));
                assert_eq!(lines, expected, "{text}");
            }
            Err(part) => {
                let error = result.expect_err(text).to_string();
                assert!(error.contains(part), "{error}: {part}");
            }
        }
    }

    #[test]
    fn entries_with_and_without_metadata_are_read() {
        check(
            r#"{"streams":[{"stream":{"job":"a","n":1},"values":[
                ["1","x\n\"y\""],null,["2","é",{"trace":"7\t","b":""}]]}]}"#,
            Ok(&[
                "{job=\"a\", n=\"1\"} 1 x\n\"y\"",
                r#"{job="a", n="1"} 2 é trace=7\t b="#,
            ]),
        );
    }

    #[test]
    fn what_is_not_known_is_skipped_and_order_does_not_matter() {
        check(
            r#"{"other":[{"a":[1]}],"streams":[{"values":[["1","x",{},5,[]]],"more":{},
                "stream":{"job":"a"}}]} and what follows"#,
            Ok(&[r#"{job="a"} 1 x"#]),
        );
        check(r#"{"streams":null}"#, Ok(&[]));
        check(
            r#"{"streams":[{"stream":{"a":"b"},"values":null}]}"#,
            Ok(&[]),
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        check("", Err("EOF"));
        check("[]", Err("a push request"));
        let values = |values: &str| format!(r#"{{"streams":[{{"values":[{values}]}}]}}"#);
        check(&values(r#"[1,"x"]"#), Err("expected a string"));
        check(&values(r#"["1.5","x"]"#), Err("nanoseconds since 1970"));
        check(&values(r#"["1",2]"#), Err("expected a string"));
        check(&values(r#"["1","x","y"]"#), Err("structured metadata"));
        check(&values(r#"["1","x",{"a":1}]"#), Err("expected a string"));
        check(&values("{}"), Err("an entry"));
    }

    #[test]
    fn limits_end_a_request() {
        let values = r#"{"streams":[{"values":[["1",""],["1",""],["1",""],["1",""]]}]}"#;
        check(values, Err("more entries"));
        check(r#"{"streams":[{},{},{}]}"#, Err("more streams"));
        let pairs = r#"{"streams":[{"values":[["1","",{"a":"","b":"","c":""}]]}]}"#;
        check(pairs, Err("more structured metadata"));
        let deep = format!(r#"{{"x":{}"#, "[".repeat(100_000));
        check(&deep, Err("EOF"));
    }
}
