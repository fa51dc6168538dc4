//! Answers over HTTP, in the encoding of the request, as the Collector gives them.

use bytes::Bytes;
use net::grpc::{Code, Status};
use net::{Answer, HeaderValue, StatusCode, header};

use crate::status::{code_of_http, encode, encode_json, http_of_code, retry_delay};

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// That of a content type; parameters do not matter.
    pub fn of(content_type: &str) -> Option<Encoding> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-protobuf") {
            return Some(Encoding::Protobuf);
        }
        kind.eq_ignore_ascii_case("application/json")
            .then_some(Encoding::Json)
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Encoding::Protobuf => "application/x-protobuf",
            Encoding::Json => "application/json",
        }
    }

    fn answer(self, status: StatusCode, body: impl Into<Bytes>) -> Answer {
        typed(status, self.content_type(), body)
    }

    /// Everything was taken.
    pub fn accepted(self) -> Answer {
        match self {
            Encoding::Protobuf => self.answer(StatusCode::OK, &[0x0a, 0][..]),
            Encoding::Json => self.answer(StatusCode::OK, &b"{\"partialSuccess\":{}}"[..]),
        }
    }

    /// The request is at fault, or something on the way.
    pub fn refused(self, status: &Status) -> Answer {
        self.refused_with(http_of_code(status.code), status)
    }

    pub fn refused_with(self, http: StatusCode, status: &Status) -> Answer {
        let retry = retry_delay(&status.details);
        let body = match self {
            Encoding::Protobuf => encode(status, retry),
            Encoding::Json => encode_json(status, retry),
        };
        let mut answer = self.answer(http, body);
        if let Some(delay) = retry {
            let seconds = delay.as_secs().max(1);
            answer
                .headers
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }

    /// As `refused`, for what only HTTP has a number for.
    pub fn refused_by_http(self, http: StatusCode, text: &str) -> Answer {
        let code: Code = code_of_http(http);
        self.refused_with(http, &Status::new(code, text))
    }
}

/// An answer of any kind.
pub fn typed(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Answer::empty(status);
    let kind = HeaderValue::from_static(kind);
    answer.headers.insert(header::CONTENT_TYPE, kind);
    answer.body = body.into();
    answer
}
