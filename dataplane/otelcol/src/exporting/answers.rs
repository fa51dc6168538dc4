//! What an answer says beside its status: items that the endpoint has taken and not kept.

use engine::outbox::Outcome;
use stdx::protobuf::{Fields, Value};

/// The end of one attempt.
pub struct Exchange {
    pub outcome: Outcome,
    /// Of the answer's message.
    pub answer_bytes: usize,
    pub rejection: Option<Rejection>,
}

/// OTLP 1.x, partial success: what was rejected must not be sent again.
#[derive(Debug, PartialEq, Eq)]
pub struct Rejection {
    pub items: u64,
    pub message: String,
}

impl Exchange {
    /// One without an answer that could be read.
    pub fn without_answer(outcome: Outcome) -> Exchange {
        Exchange {
            outcome,
            answer_bytes: 0,
            rejection: None,
        }
    }

    /// One that was answered with this message of an export's response.
    pub fn answered(outcome: Outcome, message: &[u8]) -> Exchange {
        let rejection = match outcome {
            Outcome::Ack => rejection(message),
            Outcome::Drop { .. } | Outcome::Retry { .. } => None,
        };
        Exchange {
            outcome,
            answer_bytes: message.len(),
            rejection,
        }
    }
}

/// The partial success of a response, the same in all three signals. What cannot be read says
/// nothing: the status alone decides.
fn rejection(message: &[u8]) -> Option<Rejection> {
    let mut rejection = Rejection {
        items: 0,
        message: String::new(),
    };
    let mut response = Fields::new("ExportResponse", message);
    while let Ok(Some((number, value))) = response.next() {
        let (1, Value::Bytes(partial)) = (number, value) else {
            continue;
        };
        let mut partial = Fields::new("ExportPartialSuccess", partial);
        while let Ok(Some((number, value))) = partial.next() {
            match (number, value) {
                (1, Value::Varint(items)) => rejection.items = items,
                (2, Value::Bytes(text)) => {
                    rejection.message = String::from_utf8_lossy(text).into_owned();
                }
                _ => {}
            }
        }
    }
    let says_something = rejection.items > 0 || !rejection.message.is_empty();
    says_something.then_some(rejection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_success_is_read_and_everything_else_says_nothing() {
        let expected = Rejection {
            items: 3,
            message: "too old".to_owned(),
        };
        assert_eq!(
            rejection(b"\x0a\x0b\x08\x03\x12\x07too old"),
            Some(expected)
        );
        for nothing in [
            &b""[..],
            b"\x0a\x00",
            b"\x0a\x02\x08\x00",
            b"\xff\xff",
            b"{}",
        ] {
            assert_eq!(rejection(nothing), None);
        }
    }
}
