//! A body to send: pieces in memory, sent one after another without being put together, and what
//! follows them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// Bytes in pieces. A clone shares them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunks {
    first: Bytes,
    more: Vec<Bytes>,
}

impl Chunks {
    /// Length of all pieces.
    pub fn len(&self) -> usize {
        self.first.len() + self.more.iter().map(Bytes::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        let all = std::iter::once(&self.first).chain(&self.more);
        all.filter(|piece| !piece.is_empty())
    }

    /// In one piece. Costs a copy if there are several.
    pub fn to_bytes(&self) -> Bytes {
        if self.more.is_empty() {
            return self.first.clone();
        }
        let mut bytes = Vec::with_capacity(self.len());
        self.iter().for_each(|piece| bytes.extend_from_slice(piece));
        bytes.into()
    }
}

impl From<Bytes> for Chunks {
    fn from(first: Bytes) -> Chunks {
        let more = Vec::new();
        Chunks { first, more }
    }
}

impl From<Vec<Bytes>> for Chunks {
    fn from(mut pieces: Vec<Bytes>) -> Chunks {
        match pieces.len() {
            0 => Chunks::default(),
            1 => pieces.remove(0).into(),
            _ => Chunks {
                first: Bytes::new(),
                more: pieces,
            },
        }
    }
}

/// Chunks on their way out.
pub(crate) struct Pieces {
    first: Bytes,
    more: std::vec::IntoIter<Bytes>,
    left: u64,
    trailers: Option<HeaderMap>,
}

impl Pieces {
    pub(crate) fn new(chunks: Chunks, trailers: Option<HeaderMap>) -> Pieces {
        Pieces {
            left: chunks.len() as u64,
            first: chunks.first,
            more: chunks.more.into_iter(),
            trailers,
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let pieces = self.get_mut();
        let mut piece = std::mem::take(&mut pieces.first);
        while piece.is_empty() {
            match pieces.more.next() {
                Some(next) => piece = next,
                None => {
                    let trailers = pieces.trailers.take();
                    return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
                }
            }
        }
        pieces.left -= piece.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
