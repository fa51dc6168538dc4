//! Prometheus remote write, one module per version of the message.

mod decode;
mod fields;
mod histogram;
pub mod v1;
pub mod v2;
mod visit;

pub use crate::protobuf::DecodeError;
pub use decode::{TimeSeries, WriteRequest};
pub(crate) use histogram::decode_span;
pub use visit::{Limits, SeriesMetadata, Visit, WireLabels};
