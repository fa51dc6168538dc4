//! Bodies of gRPC calls: bounded when they come from outside, and ours come back.

use net::codec::Codec;
use net::grpc::{frame, unframe};

const LIMIT: usize = 1 << 20;

pub fn check(bytes: &[u8]) {
    let body = net::Bytes::copy_from_slice(bytes);
    for encoding in [None, Some("gzip"), Some("zstd"), Some("snappy")] {
        if let Ok(message) = unframe(body.clone(), encoding, LIMIT) {
            assert!(message.len() <= LIMIT);
        }
    }
    for codec in [
        None,
        Some(Codec::Gzip),
        Some(Codec::Zstd),
        Some(Codec::Snappy),
    ] {
        let framed = frame(std::slice::from_ref(&body), codec).expect("memory");
        let name = codec.map(Codec::name);
        let message = unframe(framed.to_bytes(), name, 2 * bytes.len() + 1024);
        assert_eq!(message.expect("our own frame"), body);
    }
}
