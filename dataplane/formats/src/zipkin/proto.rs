//! Version 2 in protobuf: `zipkin.proto3.ListOfSpans`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::span::{Endpoint, Span};
use crate::protobuf::{DecodeError, Fields, Value};

/// The spans of a request.
pub fn decode(body: &[u8]) -> Result<Vec<Span>, String> {
    let mut spans = Vec::new();
    let mut fields = Fields::new("ListOfSpans", body);
    let text = |error: DecodeError| error.to_string();
    while let Some((number, value)) = fields.next().map_err(text)? {
        if number == 1 {
            let span = span(value.bytes("spans").map_err(text)?).map_err(text)?;
            if span.trace_id == [0; 16] || span.id == [0; 8] {
                return Err("expected non-nil traceID and ID of a span".to_owned());
            }
            spans.push(span);
        }
    }
    Ok(spans)
}

fn span(bytes: &[u8]) -> Result<Span, DecodeError> {
    let mut span = Span::default();
    let mut fields = Fields::new("Span", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => span.trace_id = id(value, "trace_id")?,
            2 => span.parent_id = Some(id(value, "parent_id")?),
            3 => span.id = id(value, "id")?,
            4 => {
                let kinds = ["", "CLIENT", "SERVER", "PRODUCER", "CONSUMER"];
                let kind = kinds.get(value.varint("kind")? as usize);
                span.kind = kind.copied().unwrap_or_default().to_owned();
            }
            5 => span.name = value.text("name")?,
            6 => span.timestamp_us = value.double("timestamp")?.to_bits(),
            7 => span.duration_us = value.varint("duration")?,
            8 => span.local = endpoint(value.bytes("local_endpoint")?)?,
            9 => span.remote = endpoint(value.bytes("remote_endpoint")?)?,
            10 => span
                .annotations
                .push(annotation(value.bytes("annotations")?)?),
            11 => span.tags.push(tag(value.bytes("tags")?)?),
            _ => {}
        }
    }
    span.parent_id = span.parent_id.filter(|id| *id != [0; 8]);
    Ok(span)
}

/// Big-endian bytes, filled up with zeros.
fn id<const LEN: usize>(value: Value<'_>, field: &'static str) -> Result<[u8; LEN], DecodeError> {
    let bytes = value.bytes(field)?;
    let mut id = [0; LEN];
    let Some(start) = LEN.checked_sub(bytes.len()) else {
        let reason = "too long for an id";
        return Err(DecodeError { field, reason });
    };
    id[start..].copy_from_slice(bytes);
    Ok(id)
}

fn endpoint(bytes: &[u8]) -> Result<Option<Endpoint>, DecodeError> {
    let mut endpoint = Endpoint::default();
    let mut fields = Fields::new("Endpoint", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => endpoint.service = value.text("service_name")?,
            2 => {
                let ip = value.bytes("ipv4")?.as_array::<4>();
                endpoint.ipv4 = ip.map(|ip| Ipv4Addr::from(*ip).to_string());
            }
            3 => {
                let ip = value.bytes("ipv6")?.as_array::<16>();
                endpoint.ipv6 = ip.map(|ip| Ipv6Addr::from(*ip).to_string());
            }
            4 => endpoint.port = value.varint("port")? as u16,
            _ => {}
        }
    }
    Ok(Some(endpoint))
}

fn annotation(bytes: &[u8]) -> Result<(u64, String), DecodeError> {
    let mut annotation = (0, String::new());
    let mut fields = Fields::new("Annotation", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => annotation.0 = value.double("timestamp")?.to_bits(),
            2 => annotation.1 = value.text("value")?,
            _ => {}
        }
    }
    Ok(annotation)
}

fn tag(bytes: &[u8]) -> Result<(String, String), DecodeError> {
    let mut tag = (String::new(), String::new());
    let mut fields = Fields::new("tags", bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => tag.0 = value.text("key")?,
            2 => tag.1 = value.text("value")?,
            _ => {}
        }
    }
    Ok(tag)
}
