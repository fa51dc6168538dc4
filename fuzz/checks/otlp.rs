//! Export requests in protobuf: what was taken can be edited, and is a request again.

use batch::otlp::{Item, OtlpBatch, OtlpSignal, Tree};

pub fn check(bytes: &[u8]) {
    for signal in OtlpSignal::ALL {
        let request = bytes::Bytes::copy_from_slice(bytes);
        let Ok(mut batch) = OtlpBatch::from_request(signal, request) else {
            continue;
        };
        let again = match signal {
            OtlpSignal::Traces => touch(batch.spans()),
            OtlpSignal::Metrics => touch(batch.metrics()),
            OtlpSignal::Logs => touch(batch.log_records()),
        };
        let again = OtlpBatch::from_request(signal, again.to_request()).expect("our own request");
        // Of several kinds of points in one metric the last counts.
        assert!(again.items() <= batch.items());
        let half = batch.items() / 2;
        let front = batch.split_off_front(half);
        for part in [front, batch] {
            OtlpBatch::from_request(signal, part.to_request()).expect("our own cut");
        }
    }
}

/// Encodes every message again.
fn touch<'a, I: Item<'a>>(mut tree: Tree<'a, I>) -> OtlpBatch {
    tree.for_each(|resource, scope, item| {
        resource.get_mut();
        scope.get_mut();
        let before = item.as_raw().map_or(0, <[u8]>::len);
        item.get_mut();
        let mut out = Vec::new();
        item.get().write(&mut out);
        // An attribute without a value is given an empty one, which takes two bytes.
        assert!(out.len() <= 3 * before + 64);
    });
    tree.encode()
}
