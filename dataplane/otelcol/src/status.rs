//! `google.rpc.Status` in protobuf and JSON, with the one detail that OTLP knows: when to come
//! back.

use std::time::Duration;

use batch::otlp::wire;
use net::StatusCode;
use net::grpc::{Code, Status};
use stdx::protobuf::{Fields, Value};

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// The status with the wish to come back after `delay`.
pub fn with_retry_info(mut status: Status, delay: Duration) -> Status {
    status.details = encode(&status, Some(delay));
    status
}

/// The protobuf of a status.
pub fn encode(status: &Status, retry: Option<Duration>) -> Vec<u8> {
    let mut out = Vec::new();
    wire::put_varint(&mut out, 1, status.code as u64);
    if !status.message.is_empty() {
        wire::put_bytes(&mut out, 2, status.message.as_bytes());
    }
    if let Some(delay) = retry {
        wire::put_nested(&mut out, 3, 0, |out| {
            wire::put_bytes(out, 1, RETRY_INFO.as_bytes());
            wire::put_nested(out, 2, 0, |out| {
                wire::put_nested(out, 1, 0, |out| {
                    wire::put_varint(out, 1, delay.as_secs());
                    wire::put_varint(out, 2, u64::from(delay.subsec_nanos()));
                });
            });
        });
    }
    out
}

/// The JSON of a status.
pub fn encode_json(status: &Status, retry: Option<Duration>) -> Vec<u8> {
    let mut object = serde_json::json!({ "code": status.code as i32, "message": status.message });
    if let Some(delay) = retry {
        object["details"] = serde_json::json!([{
            "@type": RETRY_INFO,
            "retryDelay": format!("{}s", delay.as_secs_f64()),
        }]);
    }
    object.to_string().into_bytes()
}

/// When the one who sent this status wants to be asked again.
pub fn retry_delay(status_proto: &[u8]) -> Option<Duration> {
    let mut fields = Fields::new("Status", status_proto);
    while let Some((number, value)) = fields.next().ok()? {
        if let (3, Value::Bytes(detail)) = (number, value)
            && let Some(delay) = retry_info(detail)
        {
            return Some(delay);
        }
    }
    None
}

fn retry_info(any: &[u8]) -> Option<Duration> {
    let mut fields = Fields::new("Any", any);
    let (mut kind, mut content) = (&b""[..], &b""[..]);
    while let Some((number, value)) = fields.next().ok()? {
        match (number, value) {
            (1, Value::Bytes(bytes)) => kind = bytes,
            (2, Value::Bytes(bytes)) => content = bytes,
            _ => {}
        }
    }
    if kind != RETRY_INFO.as_bytes() {
        return None;
    }
    let delay = Fields::new("RetryInfo", content).next().ok()??;
    let (1, Value::Bytes(duration)) = delay else {
        return None;
    };
    let mut fields = Fields::new("Duration", duration);
    let (mut seconds, mut nanos) = (0, 0);
    while let Some((number, value)) = fields.next().ok()? {
        match (number, value) {
            (1, Value::Varint(value)) => seconds = u64::try_from(value as i64).ok()?,
            (2, Value::Varint(value)) => nanos = u32::try_from(value).ok()?,
            _ => {}
        }
    }
    Some(Duration::from_secs(seconds) + Duration::from_nanos(nanos.into()))
}

/// The code that stands for an HTTP status, as the Collector maps it.
pub fn code_of_http(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 => Code::ResourceExhausted,
        502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// The HTTP status that stands for a code, as the Collector maps it.
pub fn http_of_code(code: Code) -> StatusCode {
    match code {
        Code::Canceled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => StatusCode::SERVICE_UNAVAILABLE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unimplemented => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_survives_its_status() {
        let delay = Duration::from_millis(1500);
        let status = with_retry_info(Status::new(Code::Unavailable, "later"), delay);
        assert_eq!(retry_delay(&status.details), Some(delay));
        let json = String::from_utf8(encode_json(&status, Some(delay))).expect("text");
        assert!(json.contains(r#""retryDelay":"1.5s""#), "{json}");
    }

    #[test]
    fn a_status_without_a_delay_or_a_broken_one_wants_nothing() {
        let status = Status::new(Code::Unavailable, "later");
        assert_eq!(retry_delay(&encode(&status, None)), None);
        assert_eq!(retry_delay(b"\x1a\xff"), None);
    }
}
