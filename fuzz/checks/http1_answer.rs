//! Answers of HTTP/1: a head is found at the same place however much of it has come, and chunks
//! give the same content however they are cut.

use net::Method;
use net::http1::{Chunked, End, read_head};

pub fn check(bytes: &[u8]) {
    let Ok(Some((head, len))) = read_head(bytes, &Method::GET) else {
        return;
    };
    assert!(0 < len && len <= bytes.len());
    let (again, _) = read_head(&bytes[..len], &Method::GET)
        .expect("the same bytes")
        .expect("a whole head");
    assert_eq!((again.status, again.end), (head.status, head.end));
    if head.end == End::Chunked {
        let wire = &bytes[len..];
        let whole = content(wire, wire.len().max(1));
        assert_eq!(whole, content(wire, 1));
        assert_eq!(whole, content(wire, 7));
        assert!(whole.is_none_or(|content| content.len() <= wire.len()));
    }
}

/// The content of chunks that come `step` bytes at a time; none for bad ones. A bad chunk ends only
/// what comes behind it, so that content of pieces is compared where all are good.
fn content(wire: &[u8], step: usize) -> Option<Vec<u8>> {
    let (mut chunked, mut out, mut rest) = (Chunked::default(), Vec::new(), Vec::new());
    for piece in wire.chunks(step) {
        let start = out.len();
        out.append(&mut rest);
        out.extend_from_slice(piece);
        let (end, at) = chunked.decode(&mut out, start).ok()?;
        assert!(start <= end && end <= at && at <= out.len());
        rest = out.split_off(at);
        out.truncate(end);
    }
    Some(out)
}
