//! Batches and packets of Thrift as spans, and what tags say of the status.

use batch::otlp::AnyValue;

use super::*;

/// A batch of one span in the binary protocol: service "s", span "op" with a parent.
fn batch() -> Vec<u8> {
    let mut out = Vec::new();
    out.extend([12, 0, 1]); // process
    out.extend([11, 0, 1, 0, 0, 0, 1, b's', 0]);
    out.extend([15, 0, 2, 12, 0, 0, 0, 1]); // list of one span
    for (number, value) in [(1, 1_i64), (2, 0), (3, 2), (4, 3)] {
        out.extend([10, 0, number]);
        out.extend(value.to_be_bytes());
    }
    out.extend([11, 0, 5, 0, 0, 0, 2, b'o', b'p']);
    for (number, value) in [(8, 10_i64), (9, 5)] {
        out.extend([10, 0, number]);
        out.extend(value.to_be_bytes());
    }
    out.extend([15, 0, 10, 12, 0, 0, 0, 1]); // one tag: error, true
    out.extend([11, 0, 1, 0, 0, 0, 5]);
    out.extend(b"error");
    out.extend([8, 0, 2, 0, 0, 0, 2, 2, 0, 5, 1, 0]);
    out.extend([0, 0]);
    out
}

#[test]
fn a_batch_of_thrift_becomes_spans() {
    let batch = decode_batch(&batch()).unwrap();
    let tree = batch.spans();
    let group = &tree.resources[0];
    let service = group.resource.get().attributes.get("service.name");
    assert_eq!(service, Some(&AnyValue::from("s")));
    let span = group.scopes[0].items[0].get();
    assert_eq!(span.name, "op");
    assert_eq!(span.parent_span_id[..], [0, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!((span.start_unix_nano, span.end_unix_nano), (10_000, 15_000));
    assert_eq!(span.status.code, 2);
    assert!(span.attributes.is_empty(), "{:?}", span.attributes);
    assert!(span.links.is_empty(), "the parent is no link");
}

#[test]
fn a_packet_is_a_call_with_a_batch() {
    let mut packet = vec![0x80, 1, 0, 4, 0, 0, 0, 9];
    packet.extend(b"emitBatch\0\0\0\0");
    packet.extend([12, 0, 1]);
    packet.extend(batch());
    packet.push(0);
    let batch = decode_packet(Protocol::Binary, &packet).unwrap();
    assert_eq!(batch.items(), 1);
    let cut = decode_packet(Protocol::Binary, &packet[..packet.len() - 20]);
    assert_eq!(cut.unwrap_err(), "thrift: cut off");
}

#[test]
fn a_server_is_not_at_fault_for_what_clients_ask() {
    // Client (3), then server (2) with a code of HTTP.
    let status = |kind: &str, code: i64| {
        let tag = |key: &str, value: AnyValue<'static>| batch::otlp::KeyValue {
            key: key.to_owned().into(),
            value,
        };
        let span = model::Span {
            tags: vec![
                tag("span.kind", kind.to_owned().into()),
                tag("http.status_code", AnyValue::Int(code)),
            ],
            ..model::Span::default()
        };
        let batch = model::to_otlp(model::Batch {
            process: None,
            spans: vec![span],
        });
        let tree = batch.spans();
        tree.resources[0].scopes[0].items[0].get().status.code
    };
    assert_eq!((status("client", 404), status("server", 404)), (2, 0));
    assert_eq!((status("server", 500), status("server", 200)), (2, 0));
}
