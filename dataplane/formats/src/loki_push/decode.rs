//! The protobuf message to a batch of ranges of it.

use std::rc::Rc;

use batch::{LabelsBuf, LogEntry, LogStream, LogsBatch, TextPair, TextRange};

use super::{DecodeError, Limits, Room};
use crate::protobuf::{Fields, Value};

/// Makes the message in `batch.text` the entries of that batch. For each stream `labels` is given
/// the text of its labels and tells what they are; `None` leaves the stream's entries out.
///
/// After an error the batch holds what came before it.
pub fn decode(
    batch: &mut LogsBatch,
    limits: &Limits,
    labels: &mut dyn FnMut(&[u8]) -> Option<Rc<LabelsBuf>>,
) -> Result<(), DecodeError> {
    let text = std::mem::take(&mut batch.text);
    assert!(
        u32::try_from(text.len()).is_ok(),
        "a request is far below 4 GiB"
    );
    let mut decoder = Decoder {
        text: &text,
        batch,
        room: Room::new(limits),
    };
    let result = decoder.request(labels);
    batch.text = text;
    result
}

struct Decoder<'a> {
    text: &'a [u8],
    batch: &'a mut LogsBatch,
    room: Room,
}

impl<'a> Decoder<'a> {
    fn request(
        &mut self,
        labels: &mut dyn FnMut(&[u8]) -> Option<Rc<LabelsBuf>>,
    ) -> Result<(), DecodeError> {
        let mut fields = Fields::new("push request", self.text);
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                self.stream(value.bytes("streams")?, labels)?;
            }
        }
        Ok(())
    }

    fn stream(
        &mut self,
        message: &'a [u8],
        labels: &mut dyn FnMut(&[u8]) -> Option<Rc<LabelsBuf>>,
    ) -> Result<(), DecodeError> {
        self.room.stream()?;
        let mut text: &[u8] = b"";
        let mut entries = Vec::new();
        let mut fields = Fields::new("stream", message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => text = value.bytes("labels")?,
                2 => entries.push(self.entry(value.bytes("entries")?)?),
                _ => {}
            }
        }
        if let Some(labels) = labels(text)
            && !entries.is_empty()
        {
            self.batch.streams.push(LogStream { labels, entries });
        }
        Ok(())
    }

    fn entry(&mut self, message: &'a [u8]) -> Result<LogEntry, DecodeError> {
        self.room.entry()?;
        let mut entry = LogEntry::default();
        let pairs = self.batch.pairs_begin();
        let mut fields = Fields::new("entry", message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => entry.timestamp_ns = timestamp(value.bytes("timestamp")?)?,
                2 => entry.line = self.range(value.bytes("line")?),
                3 => self.pair(value.bytes("structured metadata")?)?,
                _ => {}
            }
        }
        entry.metadata = self.batch.pairs_since(pairs);
        Ok(entry)
    }

    fn pair(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        self.room.pair()?;
        let mut pair = TextPair::default();
        let mut fields = Fields::new("structured metadata", message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => pair.name = self.range(value.bytes("name")?),
                2 => pair.value = self.range(value.bytes("value")?),
                _ => {}
            }
        }
        self.batch.pairs.push(pair);
        Ok(())
    }

    /// Where a part of the message stands in it.
    fn range(&self, part: &[u8]) -> TextRange {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        debug_assert!(start + part.len() <= self.text.len(), "a part of the text");
        TextRange {
            start: start as u32,
            end: (start + part.len()) as u32,
        }
    }
}

/// A google.protobuf.Timestamp in nanoseconds. What 64 bits cannot hold (before 1677, after 2262)
/// becomes the nearest that they can.
fn timestamp(message: &[u8]) -> Result<i64, DecodeError> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut fields = Fields::new("timestamp", message);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Varint(value)) => seconds = value.cast_signed(),
            (2, Value::Varint(value)) => nanos = value.cast_signed(),
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loki_push::parse_labels;

    const LIMITS: Limits = Limits {
        streams_max: 3,
        entries_max: 4,
        pairs_max: 2,
    };

    fn message(field: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![field << 3 | 2, content.len() as u8];
        out.extend_from_slice(content);
        out
    }

    fn take(request: Vec<u8>) -> (LogsBatch, Result<(), DecodeError>) {
        let mut batch = LogsBatch {
            text: request,
            ..LogsBatch::default()
        };
        let mut labels = |text: &[u8]| {
            let mut labels = LabelsBuf::new();
            parse_labels(text, &mut labels).ok()?;
            Some(Rc::new(labels))
        };
        let result = decode(&mut batch, &LIMITS, &mut labels);
        (batch, result)
    }

    fn entry(seconds: u8, line: &[u8]) -> Vec<u8> {
        let timestamp = message(1, &[0x08, seconds, 0x10, 7]);
        message(2, &[timestamp, message(2, line)].concat())
    }

    #[test]
    fn labels_may_stand_behind_the_entries() {
        let labels = message(1, br#"{job="a"}"#);
        for parts in [
            [labels.clone(), entry(1, b"x"), entry(2, b"\xff")],
            [entry(1, b"x"), entry(2, b"\xff"), labels],
        ] {
            let (batch, result) = take(message(1, &parts.concat()));
            assert_eq!(result, Ok(()));
            let stream = &batch.streams[0];
            assert_eq!(stream.labels.get("job"), Some("a"));
            let entries: Vec<_> = stream
                .entries
                .iter()
                .map(|entry| (entry.timestamp_ns, batch.line(entry)))
                .collect();
            let expected = [(1_000_000_007, &b"x"[..]), (2_000_000_007, b"\xff")];
            assert_eq!(entries, expected);
        }
    }

    #[test]
    fn a_stream_whose_labels_are_refused_is_left_out() {
        let bad = [message(1, b"{job=}"), entry(1, b"x")].concat();
        let good = [message(1, br#"{job="a"}"#), entry(1, b"y")].concat();
        let (batch, result) = take([message(1, &bad), message(1, &good)].concat());
        assert_eq!(result, Ok(()));
        assert_eq!(batch.items(), 1);
        assert_eq!(batch.line(&batch.streams[0].entries[0]), b"y");
    }

    #[test]
    fn limits_end_a_request() {
        let many = message(1, &entry(1, b"x").repeat(5));
        let (_, result) = take(many);
        let error = result.expect_err("five entries");
        assert_eq!(error.reason, "more entries than one request may hold");
        let (_, result) = take(message(1, b"").repeat(4));
        let error = result.expect_err("four streams");
        assert_eq!(error.reason, "more streams than one request may hold");
        let pairs = message(2, &message(3, &message(1, b"n")).repeat(3));
        let (_, result) = take(message(1, &pairs));
        let error = result.expect_err("three pairs");
        assert!(error.reason.starts_with("more structured metadata"));
    }

    #[test]
    fn times_that_do_not_fit_become_the_nearest_that_do() {
        let year_3000 = [0x08, 0x80, 0xb8, 0xd2, 0xf5, 0xf1, 0x00];
        assert_eq!(timestamp(&year_3000), Ok(i64::MAX));
        assert_eq!(timestamp(&[]), Ok(0));
    }
}
