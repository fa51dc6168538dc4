//! What the Faro SDK of web pages sends: JSON with logs, exceptions, measurements, events and
//! traces of one page, and what they have in common.
//!
//! `payload` has the fields, `pairs` what of them stands in a line, `time` their times.

mod pairs;
mod payload;
#[cfg(test)]
mod tests;
mod time;

use batch::otlp::{OtlpBatch, OtlpSignal};
use serde::Deserialize;

use crate::otlp_json;
pub use pairs::{Kind, Record};
pub use payload::{App, Exception, Frame, Payload};
pub use time::Time;

/// Why a body is no payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first value of the text; what follows is left alone, as in Go. Memory is bounded by the
/// text's: each value takes a fixed number of bytes beside its own.
pub fn decode(json: &[u8]) -> Result<Payload, Invalid> {
    let mut parser = serde_json::Deserializer::from_slice(json);
    Payload::deserialize(&mut parser).map_err(|error| Invalid(error.to_string()))
}

impl Payload {
    /// The spans of the payload, none if it has no traces.
    pub fn spans(&self) -> Result<Option<OtlpBatch>, Invalid> {
        let Some(traces) = &self.traces else {
            return Ok(None);
        };
        let schema = OtlpSignal::Traces.request();
        let request = otlp_json::decode(schema, traces.to_string().as_bytes())
            .map_err(|error| Invalid(error.to_string()))?;
        let batch = OtlpBatch::from_request(OtlpSignal::Traces, request.into())
            .map_err(|error| Invalid(error.to_string()))?;
        Ok(Some(batch))
    }
}
