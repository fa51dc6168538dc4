//! io.prometheus.write.v2.Request: the message of remote write 2.0.
//!
//! ```text
//! Request    { repeated string symbols = 4; repeated TimeSeries = 5 }
//! TimeSeries { repeated uint32 labels_refs = 1; repeated Sample = 2; repeated Histogram = 3;
//!              repeated Exemplar = 4; Metadata = 5 }
//! ```
//!
//! A symbol is a text that is written once; series name it by its place in the table. The first
//! symbol is empty.

mod encode;
mod symbols;
#[cfg(test)]
mod tests;
mod walk;

pub use encode::{Encoder, Items};
pub use walk::{Options, visit};

use crate::protobuf::DecodeError;
use crate::remote_write::decode::WriteRequest;
use crate::remote_write::visit::Limits;

/// Decodes a request whose snappy layer is already off. Fields that are not known are skipped.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<WriteRequest, DecodeError> {
    let mut request = WriteRequest::default();
    let options = Options {
        type_and_unit_labels: false,
    };
    visit(bytes, limits, &options, &mut request)?;
    Ok(request)
}
