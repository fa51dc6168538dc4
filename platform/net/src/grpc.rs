//! gRPC, unary calls: the frame of a message, statuses in trailers. HTTP/2 itself is that of
//! `server` and `client`.
//!
//! ```text
//! message = compressed? (1 byte) . length (4 bytes, big endian) . bytes
//! ```

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::codec::{Codec, CodecError};
use crate::pieces::Chunks;
use crate::server::Answer;

/// Bytes before a message.
pub const FRAME_BYTES: usize = 5;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
/// The codec of the messages.
pub const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    Ok = 0,
    Canceled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    /// Unknown for a number that is none.
    pub fn from_number(number: u32) -> Code {
        ALL.into_iter()
            .find(|code| *code as u32 == number)
            .unwrap_or(Code::Unknown)
    }

    /// As Go prints it.
    pub fn name(self) -> &'static str {
        match self {
            Code::Ok => "OK",
            Code::Canceled => "Canceled",
            Code::Unknown => "Unknown",
            Code::InvalidArgument => "InvalidArgument",
            Code::DeadlineExceeded => "DeadlineExceeded",
            Code::NotFound => "NotFound",
            Code::AlreadyExists => "AlreadyExists",
            Code::PermissionDenied => "PermissionDenied",
            Code::ResourceExhausted => "ResourceExhausted",
            Code::FailedPrecondition => "FailedPrecondition",
            Code::Aborted => "Aborted",
            Code::OutOfRange => "OutOfRange",
            Code::Unimplemented => "Unimplemented",
            Code::Internal => "Internal",
            Code::Unavailable => "Unavailable",
            Code::DataLoss => "DataLoss",
            Code::Unauthenticated => "Unauthenticated",
        }
    }
}

const ALL: [Code; 17] = [
    Code::Ok,
    Code::Canceled,
    Code::Unknown,
    Code::InvalidArgument,
    Code::DeadlineExceeded,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::OutOfRange,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
    Code::DataLoss,
    Code::Unauthenticated,
];

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub code: Code,
    pub message: String,
    /// A `google.rpc.Status` with details, in protobuf; empty for none.
    pub details: Vec<u8>,
}

impl Status {
    pub fn new(code: Code, message: impl Into<String>) -> Status {
        Status {
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// The status of an answer: in its trailers, or in its head when there is no message.
    pub fn of(status: StatusCode, headers: &HeaderMap, trailers: &HeaderMap) -> Status {
        let fields = match trailers.contains_key(GRPC_STATUS) {
            true => trailers,
            false => headers,
        };
        let text = |name: HeaderName| fields.get(name).and_then(|value| value.to_str().ok());
        let Some(code) = text(GRPC_STATUS).and_then(|code| code.parse().ok()) else {
            return Status::of_http(status);
        };
        let details = text(GRPC_DETAILS).map(decode_base64).unwrap_or_default();
        Status {
            code: Code::from_number(code),
            message: text(GRPC_MESSAGE).map(unescape).unwrap_or_default(),
            details,
        }
    }

    // gRPC, "HTTP to gRPC status code mapping".
    fn of_http(status: StatusCode) -> Status {
        let code = match status.as_u16() {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        };
        Status::new(
            code,
            format!("the answer is not gRPC but HTTP status {status}"),
        )
    }

    /// The answer that ends a call with this status and no message.
    pub fn answer(&self) -> Answer {
        let mut answer = Answer::empty(StatusCode::OK);
        answer.headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        self.put(&mut answer.headers);
        answer
    }

    fn put(&self, fields: &mut HeaderMap) {
        fields.insert(GRPC_STATUS, HeaderValue::from(self.code as u32));
        if !self.message.is_empty() {
            let escaped = HeaderValue::try_from(escape(&self.message));
            fields.insert(GRPC_MESSAGE, escaped.expect("escaped to plain ASCII"));
        }
        if !self.details.is_empty() {
            let encoded = HeaderValue::try_from(encode_base64(&self.details));
            fields.insert(GRPC_DETAILS, encoded.expect("base64 is plain ASCII"));
        }
    }
}

/// The answer of a call that succeeded with this message.
pub fn ok(message: &[u8]) -> Answer {
    let mut answer = Answer::empty(StatusCode::OK);
    answer.headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    let mut body = BytesMut::with_capacity(FRAME_BYTES + message.len());
    body.put_u8(0);
    body.put_u32(message.len() as u32);
    body.put_slice(message);
    answer.body = body.freeze();
    let mut trailers = HeaderMap::new();
    Status::new(Code::Ok, "").put(&mut trailers);
    answer.trailers = Some(trailers);
    answer
}

/// Frames a message for sending, packed with `codec` if there is one.
pub fn frame(message: &[Bytes], codec: Option<Codec>) -> std::io::Result<Chunks> {
    let mut pieces = Vec::with_capacity(1 + message.len());
    let mut head = BytesMut::with_capacity(FRAME_BYTES);
    head.put_u8(u8::from(codec.is_some()));
    match codec {
        None => {
            let len: usize = message.iter().map(Bytes::len).sum();
            head.put_u32(fits(len)?);
            pieces.push(head.freeze());
            pieces.extend_from_slice(message);
        }
        Some(codec) => {
            let packed = codec.pack(message.iter().map(|piece| &**piece), None)?;
            head.put_u32(fits(packed.len())?);
            pieces.push(head.freeze());
            pieces.push(packed.into());
        }
    }
    Ok(pieces.into())
}

fn fits(len: usize) -> std::io::Result<u32> {
    u32::try_from(len).map_err(|_| std::io::Error::other("a message of 4 GiB or more"))
}

/// The message in the body of a unary call, unpacked. `encoding` is its `grpc-encoding`.
pub fn unframe(body: Bytes, encoding: Option<&str>, limit: usize) -> Result<Bytes, Status> {
    let (&compressed, rest) = body.split_first().ok_or_else(|| {
        Status::new(
            Code::Internal,
            "the call carries no message, one is expected",
        )
    })?;
    let cut = || Status::new(Code::Internal, "the message is cut off");
    let len = rest
        .first_chunk()
        .map(|len| u32::from_be_bytes(*len) as usize);
    let len = len.ok_or_else(cut)?;
    if len > limit {
        return Err(too_large(len, limit));
    }
    match body.len() - FRAME_BYTES {
        have if have < len => return Err(cut()),
        have if len < have => {
            let text = "the call carries more than one message, one is expected";
            return Err(Status::new(Code::Internal, text));
        }
        _ => {}
    }
    let message = body.slice(FRAME_BYTES..);
    match compressed {
        0 => Ok(message),
        1 => unpack(&message, encoding, limit),
        flag => {
            let text = format!("the compressed flag is {flag}, neither 0 nor 1");
            Err(Status::new(Code::Internal, text))
        }
    }
}

fn unpack(message: &[u8], encoding: Option<&str>, limit: usize) -> Result<Bytes, Status> {
    let Some(codec) = encoding.and_then(Codec::from_name) else {
        let text = match encoding {
            Some(name) => {
                format!("grpc: Decompressor is not installed for grpc-encoding \"{name}\"")
            }
            None => "a compressed message without grpc-encoding".to_owned(),
        };
        return Err(Status::new(Code::Unimplemented, text));
    };
    match codec.unpack(message, limit) {
        Ok(message) => Ok(message.into()),
        Err(CodecError::TooLarge { limit }) => Err(too_large(limit + 1, limit)),
        Err(error) => Err(Status::new(
            Code::Internal,
            format!("grpc: failed to decompress the received message: {error}"),
        )),
    }
}

/// A message of `len` bytes is over the receiver's limit.
pub fn too_large(len: usize, limit: usize) -> Status {
    let text = format!("grpc: received message larger than max ({len} vs. {limit})");
    Status::new(Code::ResourceExhausted, text)
}

// gRPC over HTTP/2: grpc-message is percent-encoded.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                out.push(code);
                rest = &after[2..];
            }
            _ => {
                out.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Without padding, as gRPC sends binary fields.
fn encode_base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}

/// With or without padding; what is no base64 gives nothing.
fn decode_base64(text: &str) -> Vec<u8> {
    use base64::Engine;
    let text = text.trim_end_matches('=');
    base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(text)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(message: &'static [u8], codec: Option<Codec>) -> Bytes {
        let pieces = [Bytes::from_static(message)];
        frame(&pieces, codec).expect("memory").to_bytes()
    }

    #[test]
    fn a_message_survives_its_frame() {
        let body = framed(b"hello", None);
        assert_eq!(&body[..], b"\x00\x00\x00\x00\x05hello");
        assert_eq!(unframe(body, None, 5).expect("valid"), "hello");
        for name in ["gzip", "zstd", "snappy"] {
            let body = framed(b"hello", Codec::from_name(name));
            assert_eq!(unframe(body, Some(name), 100).expect("valid"), "hello");
        }
    }

    #[test]
    fn broken_frames_are_refused_with_a_status() {
        let check = |body: &'static [u8], encoding, expected| {
            let status = unframe(Bytes::from_static(body), encoding, 4).unwrap_err();
            assert_eq!(status.code, expected, "{}", status.message);
        };
        check(b"", None, Code::Internal);
        check(b"\x00\x00\x00", None, Code::Internal);
        check(b"\x00\x00\x00\x00\x04abc", None, Code::Internal);
        check(b"\x00\x00\x00\x00\x02abc", None, Code::Internal);
        check(b"\x02\x00\x00\x00\x03abc", None, Code::Internal);
        check(b"\x00\x00\x00\x00\x05abcde", None, Code::ResourceExhausted);
        check(b"\x01\x00\x00\x00\x03abc", None, Code::Unimplemented);
        check(b"\x01\x00\x00\x00\x03abc", Some("br"), Code::Unimplemented);
        check(b"\x01\x00\x00\x00\x03abc", Some("gzip"), Code::Internal);
    }

    #[test]
    fn a_status_survives_its_fields() {
        let mut status = Status::new(Code::Unavailable, "50 % späť\n");
        status.details = vec![1, 2, 255];
        let answer = status.answer();
        let none = HeaderMap::new();
        assert_eq!(Status::of(StatusCode::OK, &answer.headers, &none), status);
        assert_eq!(Status::of(StatusCode::OK, &none, &answer.headers), status);
    }

    #[test]
    fn an_answer_that_is_not_grpc_has_the_status_of_its_http_status() {
        let none = HeaderMap::new();
        let code = |status| Status::of(status, &none, &none).code;
        assert_eq!(code(StatusCode::SERVICE_UNAVAILABLE), Code::Unavailable);
        assert_eq!(code(StatusCode::UNAUTHORIZED), Code::Unauthenticated);
        assert_eq!(code(StatusCode::OK), Code::Unknown);
    }
}
