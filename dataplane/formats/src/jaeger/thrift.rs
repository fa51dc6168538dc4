//! Jaeger's Thrift: `Batch`, and `emitBatch` around it in the packets of agents.

use batch::otlp::{AnyValue, KeyValue};

use super::model::{Batch, Process, Reference, Span};
use crate::thrift::{Fields, Protocol, Reader, Value};

/// A batch in the binary protocol.
pub fn decode_batch(body: &[u8]) -> Result<Batch, String> {
    let fields = Reader::new(Protocol::Binary, body).fields()?;
    Ok(batch(&fields))
}

/// A call with one batch.
pub fn decode_packet(protocol: Protocol, packet: &[u8]) -> Result<Batch, String> {
    let mut reader = Reader::new(protocol, packet);
    let name = reader.message()?;
    if name != "emitBatch" {
        return Err(format!("unknown call \"{name}\", expected \"emitBatch\""));
    }
    let call = reader.fields()?;
    call.fields(1)
        .map(batch)
        .ok_or_else(|| "a call without a batch".to_owned())
}

fn batch(fields: &Fields<'_>) -> Batch {
    Batch {
        process: fields.fields(1).map(|process| Process {
            service: process.text(1),
            tags: process.structs(2).map(tag).collect(),
        }),
        spans: fields.structs(2).map(span).collect(),
    }
}

fn span(fields: &Fields<'_>) -> Span {
    let trace_id = trace_id(fields.int(2), fields.int(1));
    let mut references: Vec<Reference> = fields.structs(6).map(reference).collect();
    let parent = Reference {
        trace_id,
        span_id: fields.int(4).to_be_bytes(),
        follows: false,
    };
    if parent.span_id != [0; 8] && !references.contains(&parent) {
        references.insert(0, parent);
    }
    let logs = fields.structs(11).map(|log| {
        let fields = log.structs(2).map(tag).collect();
        (nanoseconds(log.int(1)), fields)
    });
    Span {
        trace_id,
        id: fields.int(3).to_be_bytes(),
        name: fields.text(5),
        references,
        start_ns: nanoseconds(fields.int(8)),
        duration_ns: nanoseconds(fields.int(9)),
        tags: fields.structs(10).map(tag).collect(),
        logs: logs.collect(),
        process: None,
    }
}

fn trace_id(high: i64, low: i64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&high.to_be_bytes());
    id[8..].copy_from_slice(&low.to_be_bytes());
    id
}

fn reference(fields: &Fields<'_>) -> Reference {
    Reference {
        trace_id: trace_id(fields.int(3), fields.int(2)),
        span_id: fields.int(4).to_be_bytes(),
        follows: fields.int(1) == 1,
    }
}

fn nanoseconds(microseconds: i64) -> u64 {
    u64::try_from(microseconds).map_or(0, |it| it.saturating_mul(1000))
}

/// A tag by its type: string, double, bool, long, binary.
fn tag(fields: &Fields<'_>) -> KeyValue<'static> {
    let value = match fields.int(2) {
        0 => fields.text(3).into(),
        1 => match fields.get(4) {
            Some(Value::Double(value)) => AnyValue::Double(*value),
            _ => AnyValue::Double(0.0),
        },
        2 => AnyValue::Bool(fields.get(5) == Some(&Value::Bool(true))),
        3 => AnyValue::Int(fields.int(6)),
        4 => AnyValue::Bytes(fields.bytes(7).to_vec().into()),
        kind => format!("<Unknown Jaeger TagType \"{kind}\">").into(),
    };
    KeyValue {
        key: fields.text(1).into(),
        value,
    }
}
