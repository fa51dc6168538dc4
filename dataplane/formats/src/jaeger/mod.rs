//! Jaeger: batches of spans in protobuf (its collector's gRPC) and Thrift (agents, HTTP).

mod model;
mod proto;
#[cfg(test)]
mod tests;
mod thrift;

use batch::otlp::OtlpBatch;

use crate::thrift::Protocol;

/// The spans of a `jaeger.api_v2.PostSpansRequest`.
pub fn decode_post_spans(message: &[u8]) -> Result<OtlpBatch, String> {
    let batch = proto::decode(message).map_err(|error| error.to_string())?;
    Ok(model::to_otlp(batch))
}

/// The spans of a `Batch`, as it is posted over HTTP.
pub fn decode_batch(body: &[u8]) -> Result<OtlpBatch, String> {
    thrift::decode_batch(body).map(model::to_otlp)
}

/// The spans of an agent's packet: a call of `emitBatch`.
pub fn decode_packet(protocol: Protocol, packet: &[u8]) -> Result<OtlpBatch, String> {
    thrift::decode_packet(protocol, packet).map(model::to_otlp)
}
