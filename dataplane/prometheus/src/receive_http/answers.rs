//! Answers to senders, and what of a request decides about them.

use batch::MetricsBatch;
use net::{Answer, HeaderValue, StatusCode};

use super::V1;
use super::serve::WIRE_BYTES_MAX;

/// What was taken of one request.
pub struct Written {
    samples: u64,
    histograms: u64,
    exemplars: u64,
}

impl Written {
    pub fn of(batch: &MetricsBatch) -> Written {
        Written {
            samples: batch.samples.len() as u64,
            histograms: batch.histograms.len() as u64,
            exemplars: batch.exemplars.len() as u64,
        }
    }

    /// What the ledger counts.
    pub fn items(&self) -> u64 {
        self.samples + self.histograms
    }

    pub fn answer(&self) -> Answer {
        self.put_headers(Answer::empty(StatusCode::NO_CONTENT))
    }

    // Remote write 2.0: the receiver says on success and failure how much it has written.
    pub fn put_headers(&self, mut answer: Answer) -> Answer {
        let counts = [
            ("x-prometheus-remote-write-samples-written", self.samples),
            (
                "x-prometheus-remote-write-histograms-written",
                self.histograms,
            ),
            (
                "x-prometheus-remote-write-exemplars-written",
                self.exemplars,
            ),
        ];
        for (name, count) in counts {
            answer.headers.insert(name, HeaderValue::from(count));
        }
        answer
    }
}

/// Says that nothing was written, unless the answer says more.
pub fn none_written(refusal: Answer) -> Answer {
    if refusal
        .headers
        .contains_key("x-prometheus-remote-write-samples-written")
    {
        return refusal;
    }
    let nothing = Written {
        samples: 0,
        histograms: 0,
        exemplars: 0,
    };
    nothing.put_headers(refusal)
}

/// The messages that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// The message that a content type names; none for another media type.
pub fn message_of(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("application/x-protobuf") {
        return None;
    }
    let message = parts.find_map(|part| part.strip_prefix("proto="));
    Some(message.map_or(V1, |message| message.trim_matches('"')))
}

// Remote write 1.0 and 2.0: 5xx when the same request may be taken later.
pub fn try_again(text: &str) -> Answer {
    let mut answer = Answer::text(StatusCode::SERVICE_UNAVAILABLE, text);
    answer
        .headers
        .insert("retry-after", HeaderValue::from_static("1"));
    answer
}

pub fn too_large() -> Answer {
    let text = format!("requests may have {WIRE_BYTES_MAX} bytes; send fewer samples in each");
    Answer::text(StatusCode::PAYLOAD_TOO_LARGE, &text)
}
