//! Version 1, in JSON and in Thrift: kind, times and service are in the annotations.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use batch::otlp::{AnyValue, Attributes, Lazy, OtlpBatch, Span, SpanEvent, Status};
use serde::Deserialize;

use super::{Options, START_TIME_ABSENT, hex_id, tag_value};
use crate::grouped::Grouped;
use crate::thrift::{Fields, Protocol, Reader, Value};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonSpan {
    trace_id: Option<String>,
    id: Option<String>,
    parent_id: Option<String>,
    name: Option<String>,
    timestamp: Option<i64>,
    duration: Option<i64>,
    annotations: Option<Vec<Annotation>>,
    binary_annotations: Option<Vec<JsonBinary>>,
}

#[derive(Deserialize)]
struct JsonBinary {
    key: Option<String>,
    value: Option<String>,
    endpoint: Option<Endpoint>,
}

#[derive(Deserialize, Default)]
struct Annotation {
    #[serde(default)]
    timestamp: i64,
    #[serde(default)]
    value: String,
    endpoint: Option<Endpoint>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "camelCase", default)]
struct Endpoint {
    service_name: String,
    ipv4: String,
    ipv6: String,
    port: i32,
}

/// A span, whatever it was written in.
struct RawSpan {
    trace_id: [u8; 16],
    id: [u8; 8],
    parent_id: Option<[u8; 8]>,
    name: String,
    timestamp_us: i64,
    duration_us: i64,
    annotations: Vec<Annotation>,
    tags: Vec<(String, AnyValue<'static>, Option<Endpoint>)>,
}

/// What a service is called that nobody names.
const UNKNOWN: &str = "unknown-service";

pub fn decode_json(body: &[u8], options: Options) -> Result<OtlpBatch, String> {
    let spans: Vec<JsonSpan> =
        serde_json::from_slice(body).map_err(|error| format!("zipkinv1: {error}"))?;
    let spans = spans.into_iter().map(|json| from_json(json, options));
    spans_to_batch(spans, options)
}

fn from_json(json: JsonSpan, options: Options) -> Result<RawSpan, String> {
    let trace_id = json.trace_id.unwrap_or_default();
    if ![16, 32].contains(&trace_id.len()) {
        let text = "hex traceId span has wrong length (expected 16 or 32)";
        return Err(format!("zipkinV1 span traceId: {text}"));
    }
    let parent_id = json.parent_id.filter(|text| !text.is_empty());
    let tags = json.binary_annotations.unwrap_or_default().into_iter();
    Ok(RawSpan {
        trace_id: hex_id(&trace_id)
            .filter(|id| id != &[0; 16])
            .ok_or("zipkinV1 span traceId: traceId is zero")?,
        id: span_id(&json.id.unwrap_or_default(), "id")?,
        parent_id: parent_id
            .map(|text| span_id(&text, "parentId"))
            .transpose()?,
        name: json.name.unwrap_or_default(),
        timestamp_us: json.timestamp.unwrap_or(0),
        duration_us: json.duration.unwrap_or(0),
        annotations: json.annotations.unwrap_or_default(),
        tags: tags
            .map(|it| {
                let value = tag_value(it.value.unwrap_or_default(), options.parse_string_tags);
                (it.key.unwrap_or_default(), value, it.endpoint)
            })
            .collect(),
    })
}

fn span_id(text: &str, field: &str) -> Result<[u8; 8], String> {
    if text.len() != 16 {
        let wrong = "hex Id has wrong length (expected 16)";
        return Err(format!("zipkinV1 span {field}: {wrong}"));
    }
    let id = hex_id(text).filter(|id| id != &[0; 8]);
    id.ok_or_else(|| format!("zipkinV1 span {field}: ID is zero"))
}

pub fn decode_thrift(body: &[u8], options: Options) -> Result<OtlpBatch, String> {
    let values = Reader::new(Protocol::Binary, body).list()?;
    let spans = values.iter().filter_map(|value| match value {
        Value::Struct(fields) => Some(Ok(from_thrift(fields))),
        _ => None,
    });
    spans_to_batch(spans, options)
}

fn from_thrift(fields: &Fields<'_>) -> RawSpan {
    let mut trace_id = [0; 16];
    trace_id[..8].copy_from_slice(&fields.int(12).to_be_bytes());
    trace_id[8..].copy_from_slice(&fields.int(1).to_be_bytes());
    let parent_id = Some(fields.int(5).to_be_bytes());
    let annotations = fields.structs(6).map(|annotation| Annotation {
        timestamp: annotation.int(1),
        value: annotation.text(2),
        endpoint: annotation.fields(3).map(endpoint_of),
    });
    let tags = fields.structs(8).map(|tag| {
        let value = thrift_value(tag.int(3), tag.bytes(2));
        (tag.text(1), value, tag.fields(4).map(endpoint_of))
    });
    RawSpan {
        trace_id,
        id: fields.int(4).to_be_bytes(),
        parent_id: parent_id.filter(|id| id != &[0; 8]),
        name: fields.text(3),
        timestamp_us: fields.int(10),
        duration_us: fields.int(11),
        annotations: annotations.collect(),
        tags: tags.collect(),
    }
}

fn endpoint_of(fields: &Fields<'_>) -> Endpoint {
    let ipv4 = fields.int(1) as u32;
    let ipv6 = fields.bytes(4).as_array::<16>();
    Endpoint {
        service_name: fields.text(3),
        ipv4: match ipv4 {
            0 => String::new(),
            bits => Ipv4Addr::from(bits).to_string(),
        },
        ipv6: ipv6.map_or_else(String::new, |ip| Ipv6Addr::from(*ip).to_string()),
        port: fields.int(2) as i32,
    }
}

/// A value with its type: bool, bytes, 16, 32 and 64 bits, double, string.
fn thrift_value(kind: i64, bytes: &[u8]) -> AnyValue<'static> {
    let whole = || {
        let start = bytes.iter().take(8);
        start.fold(0_i64, |whole, byte| (whole << 8) | i64::from(*byte))
    };
    match kind {
        0 => AnyValue::Bool(bytes.first().is_some_and(|byte| *byte != 0)),
        1 => AnyValue::Bytes(Cow::Owned(bytes.to_vec())),
        2 => AnyValue::Int(i64::from(whole() as i16)),
        3 => AnyValue::Int(i64::from(whole() as i32)),
        4 => AnyValue::Int(whole()),
        5 => AnyValue::Double(f64::from_bits(whole() as u64)),
        _ => String::from_utf8_lossy(bytes).into_owned().into(),
    }
}

fn spans_to_batch(
    spans: impl Iterator<Item = Result<RawSpan, String>>,
    options: Options,
) -> Result<OtlpBatch, String> {
    let mut grouped = Grouped::new();
    for raw in spans {
        let (endpoint, span) = to_otlp(raw?, options);
        let mut resource = Attributes::default();
        resource.set("service.name", endpoint.service_name.into());
        for (key, value) in [("ipv4", endpoint.ipv4), ("ipv6", endpoint.ipv6)] {
            if !value.is_empty() {
                resource.set(key, value.into());
            }
        }
        if endpoint.port != 0 {
            resource.set("port", endpoint.port.to_string().into());
        }
        grouped.items(&resource, "", "").push(Lazy::new(span));
    }
    Ok(grouped.encode())
}

fn to_otlp(raw: RawSpan, options: Options) -> (Endpoint, Span<'static>) {
    let mut span = Span {
        trace_id: Cow::Owned(raw.trace_id.to_vec()),
        span_id: Cow::Owned(raw.id.to_vec()),
        name: raw.name.into(),
        ..Span::default()
    };
    if let Some(parent) = raw.parent_id {
        span.parent_span_id = Cow::Owned(parent.to_vec());
    }
    let mut endpoint = read_annotations(&mut span, raw.annotations);
    let component = read_tags(&mut span, raw.tags);
    if endpoint.service_name == UNKNOWN && !component.is_empty() {
        endpoint.service_name = component;
    }
    if raw.timestamp_us != 0 {
        span.start_unix_nano = nanoseconds(raw.timestamp_us);
        span.end_unix_nano = nanoseconds(raw.timestamp_us.saturating_add(raw.duration_us));
    }
    if span.start_unix_nano == 0 {
        span.start_unix_nano = options.now_ns;
        span.end_unix_nano = options.now_ns;
        span.attributes.set(START_TIME_ABSENT, AnyValue::Bool(true));
    }
    (endpoint, span)
}

fn nanoseconds(microseconds: i64) -> u64 {
    u64::try_from(microseconds).map_or(0, |it| it.saturating_mul(1000))
}

/// Kind, times and events; gives the service's end.
fn read_annotations(span: &mut Span<'static>, annotations: Vec<Annotation>) -> Endpoint {
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    let mut endpoint = None;
    for annotation in annotations {
        let kind = match &*annotation.value {
            "" => continue,
            "cs" | "cr" => 3,
            "ms" => 4,
            "mr" => 5,
            "ss" | "sr" => 2,
            _ => 0,
        };
        let named = annotation.endpoint.filter(|it| !it.service_name.is_empty());
        if kind != 0 && endpoint.is_none() {
            endpoint = named;
        }
        if span.kind == 0 {
            span.kind = kind;
        }
        let at = nanoseconds(annotation.timestamp);
        if annotation.timestamp < first {
            first = annotation.timestamp;
            span.start_unix_nano = at;
        }
        if last < annotation.timestamp {
            last = annotation.timestamp;
            span.end_unix_nano = at;
        }
        if kind == 0 {
            span.events.push(Lazy::new(SpanEvent {
                time_unix_nano: at,
                name: annotation.value.into(),
                ..SpanEvent::default()
            }));
        }
    }
    endpoint.unwrap_or_else(|| Endpoint {
        service_name: UNKNOWN.to_owned(),
        ..Endpoint::default()
    })
}

/// Attributes and status; gives a name for a service that has none.
fn read_tags(
    span: &mut Span<'static>,
    tags: Vec<(String, AnyValue<'static>, Option<Endpoint>)>,
) -> String {
    let (mut service, mut component) = (String::new(), String::new());
    // Those of the status itself before that of an error, before that of HTTP.
    let (mut told, mut failed, mut http) = (Status::default(), false, 0);
    for (mut key, value, endpoint) in tags {
        if let Some(endpoint) = endpoint.filter(|it| !it.service_name.is_empty()) {
            service = endpoint.service_name;
        }
        let text = match &value {
            AnyValue::String(text) => text.to_string(),
            AnyValue::Int(value) => value.to_string(),
            AnyValue::Bool(value) => value.to_string(),
            _ => String::new(),
        };
        match &*key {
            "lc" => {
                key = "component".to_owned();
                component.clone_from(&text);
            }
            "otel.status_code" | "census.status_code" => {
                told.code = match &*text {
                    "1" | "Ok" | "STATUS_CODE_OK" => 1,
                    "2" | "Error" | "STATUS_CODE_ERROR" => 2,
                    _ => 0,
                };
                continue;
            }
            "otel.status_description" | "census.status_description" => {
                told.message = text.into();
                continue;
            }
            "error" if text == "true" => {
                failed = true;
                continue;
            }
            "http.status_code" => http = text.parse().unwrap_or(0),
            _ => {}
        }
        span.attributes.set(key, value);
    }
    if told.code == 0 && (failed || 400 <= http) {
        told.code = 2;
    }
    span.status = told;
    match service.is_empty() {
        true => component,
        false => service,
    }
}
