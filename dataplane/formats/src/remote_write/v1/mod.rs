//! prometheus.WriteRequest: the message of remote write 1.0.
//!
//! ```text
//! WriteRequest { repeated TimeSeries = 1; repeated MetricMetadata = 3 }
//! TimeSeries   { repeated Label = 1; repeated Sample = 2; repeated Exemplar = 3; repeated Histogram = 4 }
//! ```

mod decode;
mod encode;
mod histogram;
#[cfg(test)]
mod tests;
mod visit;

pub use crate::protobuf::DecodeError;
pub use decode::{TimeSeries, WriteRequest, decode};
pub use encode::Encoder;
pub use visit::{Limits, Visit, WireLabels, visit};
