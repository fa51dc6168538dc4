//! OTLP in JSON: the mapping of protobuf with the exceptions of OTLP (ids in hexadecimal, enums as
//! numbers). Both ways go between JSON and protobuf directly, along `batch::otlp::schema`.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use encode::encode;
