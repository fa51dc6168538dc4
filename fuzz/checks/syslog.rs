//! Syslog and its kin: whatever comes, frames lie in what came, and messages are written again.

use formats::syslog::{Framing, next_frame, parse_3164, parse_5424, write_5424};
use formats::{firehose, gelf, logplex};

const MESSAGE_BYTES_MAX: usize = 8192;

pub fn check(bytes: &[u8]) {
    for framing in [Framing::Counted, Framing::Ended(b'\n')] {
        let mut rest = bytes;
        while let Ok(Some((message, len))) = next_frame(framing, rest, MESSAGE_BYTES_MAX) {
            assert!(message.len() <= len && 0 < len && len <= rest.len());
            rest = &rest[len..];
        }
    }
    if let Ok(message) = parse_5424(bytes) {
        let mut text = Vec::new();
        write_5424(&message, &mut text);
        let again = parse_5424(&text).expect("our own message");
        assert_eq!(again.text, message.text);
        assert_eq!(again.data.len(), message.data.len());
        assert_eq!(
            again.time.map(|t| t.unix_ns()),
            message.time.map(|t| t.unix_ns())
        );
    }
    if let Ok(message) = parse_3164(bytes) {
        assert!(message.time.is_some());
    }
    if let Ok(gelf::Datagram::Chunk { index, count, .. }) = gelf::datagram(bytes) {
        assert!(index < count && count <= gelf::CHUNKS_MAX);
    }
    if let Ok(message) = gelf::parse(bytes) {
        gelf::parse(message.line.as_bytes()).expect("our own message");
    }
    let mut rest = bytes;
    while let Ok(Some(message)) = logplex::next(&mut rest) {
        assert!(message.line.len() + rest.len() < bytes.len());
    }
    if let Ok(request) = firehose::request(bytes) {
        assert!(request.records.len() <= bytes.len());
        for content in request.records.iter().flat_map(firehose::Record::content) {
            assert!(content.len() <= bytes.len());
        }
    }
    if let Ok(envelope) = firehose::envelope(bytes) {
        assert!(envelope.log_events.len() <= bytes.len());
    }
}
