//! prometheus.WriteRequest: the message of remote write 1.0.
//!
//! ```text
//! WriteRequest { repeated TimeSeries = 1; repeated MetricMetadata = 3 }
//! TimeSeries   { repeated Label = 1; repeated Sample = 2; repeated Exemplar = 3;
//!                repeated Histogram = 4 }
//! ```

mod block;
#[cfg(test)]
mod block_tests;
mod elements;
mod encode;
mod stencil;
#[cfg(test)]
mod stencil_tests;
#[cfg(test)]
mod tests;
mod walk;

pub use super::decode::{TimeSeries, WriteRequest};
pub use super::visit::{Limits, SeriesMetadata, Visit, WireLabels};
pub use crate::protobuf::DecodeError;
pub use block::BlockEncoder;
pub use encode::Encoder;
pub use stencil::{Stencil, StencilMaker};
pub use walk::visit;

/// Decodes a request whose snappy layer is already off. Fields that are not known are skipped.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<WriteRequest, DecodeError> {
    let mut request = WriteRequest::default();
    visit(bytes, limits, &mut request)?;
    Ok(request)
}
