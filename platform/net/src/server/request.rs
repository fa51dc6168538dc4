//! A request as its handler sees it.

use std::net::SocketAddr;
use std::rc::Rc;

use http::{HeaderMap, Method, Uri, Version, header};

use super::Shared;
use crate::body::{BodyError, is_gzip, read_into};
use crate::{BodyLimits, HttpError};

/// A request whose body has not been read: the handler first decides whether it has room for it.
pub struct Incoming {
    pub method: Method,
    pub uri: Uri,
    pub version: Version,
    pub headers: HeaderMap,
    pub peer: SocketAddr,
    pub(super) body: hyper::body::Incoming,
    pub(super) shared: Rc<Shared>,
}

impl Incoming {
    /// The announced length of the body on the wire, if it was announced.
    pub fn content_length(&self) -> Option<u64> {
        self.headers
            .get(header::CONTENT_LENGTH)?
            .to_str()
            .ok()?
            .parse()
            .ok()
    }

    /// Reads the body into `body` (cleared first), unpacking gzip; other encodings are the
    /// handler's. Gives the number of bytes on the wire.
    pub async fn read_body(
        &mut self,
        limits: BodyLimits,
        body: &mut Vec<u8>,
    ) -> Result<u64, HttpError> {
        let timeout = self.shared.options.body_timeout;
        let gzip = is_gzip(&self.headers);
        let authority = || self.peer.to_string();
        match runtime::timeout(timeout, read_into(&mut self.body, gzip, limits, body)).await {
            Ok(Ok(received)) => Ok(received.wire_bytes),
            Err(_) => Err(HttpError::Timeout {
                authority: authority(),
                after: timeout,
            }),
            Ok(Err(error)) => Err(match error {
                BodyError::WireTooLarge => HttpError::WireTooLarge {
                    limit: limits.wire_bytes,
                },
                BodyError::DecodedTooLarge => HttpError::DecodedTooLarge {
                    limit: limits.decoded_bytes,
                },
                BodyError::Encoding(cause) => HttpError::Encoding { cause },
                BodyError::Broken(cause) => HttpError::Closed {
                    authority: authority(),
                    cause,
                },
            }),
        }
    }
}
