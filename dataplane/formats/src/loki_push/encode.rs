//! A push request under construction: entries are gathered by stream, whatever order they come in.
//!
//! Cost of an entry: its bytes are copied once into its stream and once into the message; a stream
//! costs a hash of its labels each time it is opened. Buffers are kept from message to message.

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use batch::{LabelsBuf, WireBuf};
use hashbrown::HashTable;
use stdx::varint;

use super::write_labels;

/// Writes messages, one after the other.
pub struct Encoder {
    /// Streams of the open message, by their labels.
    by_labels: HashTable<usize>,
    hasher: RandomState,
    /// Those beyond `used` are spare.
    streams: Vec<Stream>,
    used: usize,
    message: WireBuf,
}

#[derive(Default)]
struct Stream {
    labels: Rc<LabelsBuf>,
    text: Vec<u8>,
    entries: WireBuf,
}

/// A stream of the open message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamIndex(usize);

const STREAMS: u8 = 1 << 3 | 2;
const LABELS: u8 = 1 << 3 | 2;
const ENTRIES: u8 = 2 << 3 | 2;
const TIMESTAMP: u8 = 1 << 3 | 2;
const SECONDS: u8 = 1 << 3;
const NANOS: u8 = 2 << 3;
const LINE: u8 = 2 << 3 | 2;
const METADATA: u8 = 3 << 3 | 2;
const NAME: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;

/// Limit: spare buffers of streams kept for the next message; a stream of a usual message has a few
/// KiB.
const SPARE_MAX: usize = 1024;

impl Default for Encoder {
    fn default() -> Encoder {
        Encoder::new()
    }
}

impl Encoder {
    #[must_use]
    pub fn new() -> Encoder {
        Encoder {
            by_labels: HashTable::new(),
            hasher: RandomState::new(),
            streams: Vec::new(),
            used: 0,
            message: WireBuf::new(),
        }
    }

    /// Whether no stream was opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Streams of the open message.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.used
    }

    /// The stream of these labels, if the open message has it.
    #[must_use]
    pub fn find(&self, labels: &LabelsBuf) -> Option<StreamIndex> {
        let hash = self.hasher.hash_one(labels);
        let same = |index: &usize| *self.streams[*index].labels == *labels;
        self.by_labels.find(hash, same).copied().map(StreamIndex)
    }

    /// The stream of these labels. Internal ones are not sent but tell streams apart: who calls
    /// has removed them.
    pub fn open(&mut self, labels: &Rc<LabelsBuf>) -> StreamIndex {
        if let Some(found) = self.find(labels) {
            return found;
        }
        let index = self.used;
        if index == self.streams.len() {
            self.streams.push(Stream::default());
        }
        self.used += 1;
        let stream = &mut self.streams[index];
        stream.labels = labels.clone();
        stream.text.clear();
        write_labels(labels, &mut stream.text);
        stream.entries.clear();
        let (streams, hasher) = (&self.streams, &self.hasher);
        let hash = |index: &usize| hasher.hash_one(&*streams[*index].labels);
        self.by_labels
            .insert_unique(hasher.hash_one(&**labels), index, hash);
        StreamIndex(index)
    }

    /// Adds an entry to a stream of the open message.
    pub fn entry<'a>(
        &mut self,
        stream: StreamIndex,
        timestamp_ns: i64,
        line: &[u8],
        metadata: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) {
        let seconds = timestamp_ns.div_euclid(1_000_000_000).cast_unsigned();
        let nanos = timestamp_ns.rem_euclid(1_000_000_000).cast_unsigned();
        let timestamp_len = optional_len(seconds) + optional_len(nanos);
        let mut len = 2 + timestamp_len + text_len(line);
        for (name, value) in metadata.clone() {
            let pair = text_len(name) + text_len(value);
            len += 1 + varint::len(pair as u64) + pair;
        }
        let out = &mut self.streams[stream.0].entries;
        out.put_byte(ENTRIES);
        out.put_varint(len as u64);
        // Two varints of at most ten bytes: the length is a byte.
        out.put_array([TIMESTAMP, timestamp_len as u8]);
        put_optional(out, SECONDS, seconds);
        put_optional(out, NANOS, nanos);
        put_text(out, LINE, line);
        for (name, value) in metadata {
            out.put_byte(METADATA);
            out.put_varint((text_len(name) + text_len(value)) as u64);
            put_text(out, NAME, name);
            put_text(out, VALUE, value);
        }
    }

    /// The message, until the next call.
    pub fn finish(&mut self) -> &[u8] {
        self.message.clear();
        for stream in &self.streams[..self.used] {
            let len = text_len(&stream.text) + stream.entries.len();
            self.message.put_byte(STREAMS);
            self.message.put_varint(len as u64);
            put_text(&mut self.message, LABELS, &stream.text);
            self.message.put(stream.entries.as_slice());
        }
        self.message.as_slice()
    }

    /// Begins another message.
    pub fn clear(&mut self) {
        self.by_labels.clear();
        for stream in &mut self.streams[..self.used] {
            stream.labels = Rc::default();
        }
        self.used = 0;
        self.streams.truncate(SPARE_MAX);
    }
}

/// Bytes of an integer's field, which is left out when zero.
fn optional_len(value: u64) -> usize {
    match value {
        0 => 0,
        value => 1 + varint::len(value),
    }
}

fn put_optional(out: &mut WireBuf, tag: u8, value: u64) {
    if value != 0 {
        out.put_byte(tag);
        out.put_varint(value);
    }
}

/// Bytes of a text's field, which is left out when empty.
fn text_len(text: &[u8]) -> usize {
    match text.len() {
        0 => 0,
        len => 1 + varint::len(len as u64) + len,
    }
}

fn put_text(out: &mut WireBuf, tag: u8, text: &[u8]) {
    if !text.is_empty() {
        out.put_byte(tag);
        out.put_varint(text.len() as u64);
        out.put(text);
    }
}

#[cfg(test)]
mod tests {
    use batch::LogsBatch;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::loki_push::{Limits, decode, parse_labels};

    const LIMITS: Limits = Limits {
        streams_max: 100,
        entries_max: 1000,
        pairs_max: 1000,
    };

    /// Timestamp, line, structured metadata.
    type Entry = (i64, Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>);

    fn labels(name: &str) -> Rc<LabelsBuf> {
        Rc::new([("job", name)].into_iter().collect())
    }

    fn put(encoder: &mut Encoder, labels: &Rc<LabelsBuf>, entry: &Entry) {
        let stream = encoder.open(labels);
        let (timestamp_ns, line, metadata) = entry;
        let metadata = metadata.iter().map(|(name, value)| (&name[..], &value[..]));
        encoder.entry(stream, *timestamp_ns, line, metadata);
    }

    /// Entries by stream, in the order of the message.
    fn decoded(message: &[u8]) -> Vec<(String, Vec<Entry>)> {
        let mut batch = LogsBatch {
            text: message.to_vec(),
            ..LogsBatch::default()
        };
        let mut labels = |text: &[u8]| {
            let mut labels = LabelsBuf::new();
            parse_labels(text, &mut labels).expect("our own labels");
            Some(Rc::new(labels))
        };
        decode(&mut batch, &LIMITS, &mut labels).expect("our own message");
        let mut streams = Vec::new();
        for stream in &batch.streams {
            let entries = stream.entries.iter().map(|entry| {
                let pair = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
                let metadata = batch.metadata(entry).map(pair).collect();
                (entry.timestamp_ns, batch.line(entry).to_vec(), metadata)
            });
            streams.push((format!("{:?}", stream.labels), entries.collect()));
        }
        streams
    }

    #[test]
    fn entries_are_gathered_by_stream() {
        let mut encoder = Encoder::new();
        let line = |text: &str| (1, text.as_bytes().to_vec(), Vec::new());
        for (name, text) in [("a", "1"), ("b", "2"), ("a", "3")] {
            put(&mut encoder, &labels(name), &line(text));
        }
        assert_eq!(encoder.streams(), 2);
        let expected = [
            (r#"{job="a"}"#.to_owned(), vec![line("1"), line("3")]),
            (r#"{job="b"}"#.to_owned(), vec![line("2")]),
        ];
        assert_eq!(decoded(encoder.finish()), expected);
        encoder.clear();
        assert!(encoder.is_empty());
        put(&mut encoder, &labels("b"), &line("4"));
        let expected = [(r#"{job="b"}"#.to_owned(), vec![line("4")])];
        assert_eq!(decoded(encoder.finish()), expected);
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            entries in vec((any::<i64>(), vec(any::<u8>(), 0..300),
                vec((vec(any::<u8>(), 0..9), vec(any::<u8>(), 0..200)), 0..3)), 1..20),
        ) {
            let mut encoder = Encoder::new();
            for entry in &entries {
                put(&mut encoder, &labels("a"), entry);
            }
            let streams = decoded(encoder.finish());
            prop_assert_eq!(streams.len(), 1);
            prop_assert_eq!(&streams[0].1, &entries);
        }
    }
}
