//! Jaeger in protobuf and Thrift: a batch of spans is a valid request.

use formats::jaeger::{decode_batch, decode_packet, decode_post_spans};
use formats::thrift::Protocol;

pub fn check(bytes: &[u8]) {
    let decoded = [
        decode_post_spans(bytes),
        decode_batch(bytes),
        decode_packet(Protocol::Binary, bytes),
        decode_packet(Protocol::Compact, bytes),
    ];
    for batch in decoded.into_iter().flatten() {
        let again = batch.signal().request().check(&batch.to_request());
        assert_eq!(again.expect("our own request"), batch.items());
    }
}
