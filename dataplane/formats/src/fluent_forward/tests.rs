//! Events in all three modes, whole and in pieces, and what is refused.

use std::io::Write;

use super::*;

fn event_of(stream: &[u8]) -> (Event, usize) {
    match decode(stream).unwrap() {
        Progress::Event(event, used) => (event, used),
        Progress::Wants(bytes) => panic!("wants {bytes} bytes"),
    }
}

/// [tag, gzip([[5, {m: 1}], [6, {m: 2}]]), {chunk: c, compressed: gzip}]
fn packed() -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"\x92\x05\x81\xa1m\x01\x92\x06\x81\xa1m\x02")
        .unwrap();
    let records = gzip.finish().unwrap();
    let mut stream = b"\x93\xa1t\xc4".to_vec();
    stream.push(records.len() as u8);
    stream.extend(records);
    stream.extend(b"\x82\xa5chunk\xa1c\xaacompressed\xa4gzip");
    stream
}

#[test]
fn packed_records_are_unpacked_and_their_chunk_is_told() {
    let stream = packed();
    let (event, used) = event_of(&stream);
    assert_eq!((event.batch.items(), used), (2, stream.len()));
    assert_eq!(event.chunk.as_deref(), Some("c"));
    assert_eq!(acknowledgement("c"), b"\x81\xa3ack\xda\0\x01c");
}

#[test]
fn a_part_of_an_event_wants_more() {
    let stream = packed();
    for len in 0..stream.len() {
        let progress = decode(&stream[..len]).unwrap();
        let Progress::Wants(bytes) = progress else {
            panic!("an event of {len} bytes");
        };
        assert!(len < bytes && bytes <= stream.len(), "{len}: {bytes}");
    }
}

#[test]
fn times_have_nanoseconds_in_the_extension() {
    let mut stream = b"\x92\xa1t\x91\x92\xd7\0".to_vec();
    stream.extend([0, 0, 0, 2, 0, 0, 0, 3]);
    stream.extend(b"\x81\xa3log\xa1x");
    let (event, _) = event_of(&stream);
    let tree = event.batch.log_records();
    let record = tree.resources[0].scopes[0].items[0].get();
    assert_eq!(record.time_unix_nano, 2_000_000_003);
    assert_eq!(record.body, AnyValue::from("x"));
}

#[test]
fn what_is_no_event_is_refused() {
    for stream in [
        &b"\x01"[..],
        b"\x95\xa1t\x01",
        b"\x93\xa1t\xa1x\x01",
        b"\x93\xa1t\xc6\xff\xff\xff\xff",
    ] {
        assert!(decode(stream).is_err(), "{stream:?}");
    }
}
