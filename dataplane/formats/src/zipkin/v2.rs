//! Version 2 in JSON.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Deserialize;
use serde_json::Map;

use super::hex_id;
use super::span::{Endpoint, Span};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonSpan {
    trace_id: Option<String>,
    id: Option<String>,
    parent_id: Option<String>,
    name: Option<String>,
    kind: Option<String>,
    timestamp: Option<f64>,
    duration: Option<f64>,
    local_endpoint: Option<JsonEndpoint>,
    remote_endpoint: Option<JsonEndpoint>,
    annotations: Option<Vec<JsonAnnotation>>,
    tags: Option<Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonEndpoint {
    service_name: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct JsonAnnotation {
    timestamp: Option<f64>,
    value: Option<String>,
}

/// The spans of a request. Bounded by the request: serde refuses deep nesting.
pub fn decode(body: &[u8]) -> Result<Vec<Span>, String> {
    let spans: Option<Vec<JsonSpan>> =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    spans.unwrap_or_default().into_iter().map(span).collect()
}

fn span(json: JsonSpan) -> Result<Span, String> {
    let trace_id = json.trace_id.as_deref().and_then(hex_id::<16>);
    let id = json.id.as_deref().and_then(hex_id::<8>);
    let parent_id = match json.parent_id.as_deref() {
        None | Some("") => None,
        Some(text) => Some(hex_id(text).ok_or("valid parentId required")?),
    };
    if json.duration.is_some_and(|duration| duration < 0.0) {
        return Err("valid duration required".to_owned());
    }
    if json.timestamp.is_some_and(|timestamp| timestamp < 0.0) {
        return Err("valid timestamp required".to_owned());
    }
    let mut tags = Vec::new();
    for (key, value) in json.tags.unwrap_or_default() {
        let serde_json::Value::String(text) = value else {
            return Err(format!("tag \"{key}\" is not a string"));
        };
        tags.push((key, text));
    }
    let annotations = json.annotations.unwrap_or_default().into_iter();
    Ok(Span {
        trace_id: trace_id
            .filter(|id| id != &[0; 16])
            .ok_or("valid traceId required")?,
        id: id.filter(|id| id != &[0; 8]).ok_or("valid id required")?,
        parent_id,
        name: json.name.unwrap_or_default(),
        kind: json.kind.unwrap_or_default(),
        // A float of 53 bits holds microseconds until the year 2255.
        timestamp_us: json.timestamp.unwrap_or(0.0) as u64,
        duration_us: json.duration.unwrap_or(0.0) as u64,
        local: json.local_endpoint.and_then(endpoint),
        remote: json.remote_endpoint.and_then(endpoint),
        annotations: annotations
            .map(|it| {
                (
                    it.timestamp.unwrap_or(0.0) as u64,
                    it.value.unwrap_or_default(),
                )
            })
            .collect(),
        tags,
    })
}

fn endpoint(json: JsonEndpoint) -> Option<Endpoint> {
    let ipv4 = json.ipv4.and_then(|text| text.parse::<Ipv4Addr>().ok());
    let ipv6 = json.ipv6.and_then(|text| text.parse::<Ipv6Addr>().ok());
    let endpoint = Endpoint {
        service: json.service_name.unwrap_or_default(),
        ipv4: ipv4.map(|ip| ip.to_string()),
        ipv6: ipv6.map(|ip| ip.to_string()),
        port: json.port.unwrap_or(0),
    };
    let empty = endpoint.service.is_empty()
        && endpoint.port == 0
        && endpoint.ipv4.is_none()
        && endpoint.ipv6.is_none();
    (!empty).then_some(endpoint)
}
