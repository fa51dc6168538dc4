//! An answer that is read piece by piece, as long as the server keeps writing: a watch.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

use super::connection::Answer;
use super::{Client, Head, Hop, Request, body_failed};
use crate::{BodyLimits, HttpError, Target};

/// An answer under way. Dropping it ends an HTTP/1 connection, and a stream of an HTTP/2 one.
pub struct Streamed {
    /// Its status and headers; bytes and trailers are not counted here.
    pub head: Head,
    answer: Answer,
    target: Target,
}

impl Client {
    /// Sends, and gives the answer once its head is there, which may take `timeout`. Redirects are
    /// answers, and bodies come as the server packs them: it is asked not to.
    pub async fn open(&self, request: &Request, timeout: Duration) -> Result<Streamed, HttpError> {
        let mut request = request.clone();
        let plain = HeaderValue::from_static("identity");
        request
            .headers
            .entry(header::ACCEPT_ENCODING)
            .or_insert(plain);
        let hop = Hop {
            method: request.method.clone(),
            target: request.target.clone(),
            body: request.body.clone(),
            trusted: true,
        };
        let send = async {
            let headers = self.0.headers(&request, &hop).await?;
            self.0.send_hop(&hop, headers).await
        };
        let sent = runtime::timeout(timeout, send).await;
        let mut answer = sent.map_err(|_| HttpError::Timeout {
            authority: hop.target.authority().to_owned(),
            after: timeout,
        })??;
        let head = Head {
            status: answer.status(),
            headers: answer.take_headers(),
            wire_bytes: 0,
            trailers: HeaderMap::new(),
        };
        Ok(Streamed {
            head,
            answer,
            target: hop.target,
        })
    }
}

impl Streamed {
    /// The next piece of the body; none at its end. There is no limit to how long it takes or how
    /// much comes: that is the caller's.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let chunk = self.answer.chunk().await;
        chunk.map_err(|error| body_failed(&self.target, BodyLimits::both(u64::MAX), error))
    }
}
