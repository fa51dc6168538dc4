//! Spans of version 2, whatever they were written in, as spans of OTLP.

use std::borrow::Cow;

use batch::otlp::{
    AnyValue, Attributes, Lazy, OtlpBatch, Span as OtlpSpan, SpanEvent, SpanLink, Status,
};

use super::{Options, START_TIME_ABSENT, hex_id, tag_value};
use crate::grouped::Grouped;
use crate::json_value::{Numbers, attributes};
use crate::resource_names::RESOURCE_ATTRIBUTES;

/// A span of version 2.
#[derive(Debug, Default)]
pub struct Span {
    pub trace_id: [u8; 16],
    pub id: [u8; 8],
    pub parent_id: Option<[u8; 8]>,
    pub name: String,
    pub kind: String,
    pub timestamp_us: u64,
    pub duration_us: u64,
    pub local: Option<Endpoint>,
    pub remote: Option<Endpoint>,
    pub annotations: Vec<(u64, String)>,
    pub tags: Vec<(String, String)>,
}

/// One end of a call.
#[derive(Debug, Default)]
pub struct Endpoint {
    pub service: String,
    pub ipv4: Option<String>,
    pub ipv6: Option<String>,
    pub port: u16,
}

/// Which attribute the service's name came of.
const SERVICE_NAME_SOURCE: &str = "otlp.service.name.source";

/// Limit: links that are looked for in tags, as the Collector has it.
const LINKS_MAX: usize = 128;

/// The spans as a batch, by service and library.
pub fn batch(mut spans: Vec<Span>, options: Options) -> Result<OtlpBatch, String> {
    let library = |span: &Span| span.tag("otel.library.name").unwrap_or_default().to_owned();
    spans.sort_by_cached_key(|span| (span.service().to_owned(), library(span)));
    let mut grouped = Grouped::<OtlpSpan<'static>>::new();
    // Compat: the first span of a service decides what its resource is.
    let mut resource = Attributes::default();
    let mut service = None;
    let mut version = (None, String::new());
    for mut span in spans {
        if service.as_deref() != Some(span.service()) {
            service = Some(span.service().to_owned());
            resource = span.take_resource();
            version = (None, String::new());
        }
        let name = library(&span);
        if version.0.as_ref() != Some(&name) {
            let text = span
                .tag("otel.library.version")
                .filter(|_| !name.is_empty());
            version = (Some(name.clone()), text.unwrap_or_default().to_owned());
        }
        let span = span.into_otlp(options)?;
        let items = grouped.items(&resource, &name, &version.1);
        items.push(Lazy::new(span));
    }
    Ok(grouped.encode())
}

impl Span {
    fn service(&self) -> &str {
        self.local.as_ref().map_or("", |local| &local.service)
    }

    fn tag(&self, key: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| &**value)
    }

    fn take_tag(&mut self, key: &str) -> Option<String> {
        let at = self.tags.iter().position(|(name, _)| name == key)?;
        Some(self.tags.remove(at).1)
    }

    fn take_resource(&mut self) -> Attributes<'static> {
        let mut resource = Attributes::default();
        let service = self.service().to_owned();
        if service.is_empty() {
            return resource;
        }
        let source = self
            .take_tag(SERVICE_NAME_SOURCE)
            .filter(|it| !it.is_empty());
        let key = source.unwrap_or_else(|| "service.name".to_owned());
        resource.set(key, service.into());
        for key in RESOURCE_ATTRIBUTES {
            if let Some(value) = self.take_tag(key) {
                resource.set(*key, value.into());
            }
        }
        resource
    }

    fn into_otlp(mut self, options: Options) -> Result<OtlpSpan<'static>, String> {
        let mut span = OtlpSpan {
            trace_id: Cow::Owned(self.trace_id.to_vec()),
            span_id: Cow::Owned(self.id.to_vec()),
            trace_state: self.take_tag("w3c.tracestate").unwrap_or_default().into(),
            name: std::mem::take(&mut self.name).into(),
            ..OtlpSpan::default()
        };
        if let Some(parent) = self.parent_id.filter(|parent| *parent != self.id) {
            span.parent_span_id = Cow::Owned(parent.to_vec());
        }
        span.kind = self.kind();
        span.status = self.status();
        while span.links.len() < LINKS_MAX
            && let Some(text) = self.take_tag(&format!("otlp.link.{}", span.links.len()))
        {
            span.links.push(Lazy::new(link(&text)?));
        }
        span.attributes = self.attributes(options.parse_string_tags);
        span.start_unix_nano = self.timestamp_us.saturating_mul(1000);
        let duration = self.duration_us.saturating_mul(1000);
        span.end_unix_nano = span.start_unix_nano.saturating_add(duration);
        if self.timestamp_us == 0 {
            span.attributes.set(START_TIME_ABSENT, AnyValue::Bool(true));
        }
        for (at, text) in &self.annotations {
            span.events.push(Lazy::new(event(*at, text)?));
        }
        Ok(span)
    }

    fn kind(&mut self) -> i32 {
        match &*self.kind {
            "CLIENT" => 3,
            "SERVER" => 2,
            "PRODUCER" => 4,
            "CONSUMER" => 5,
            _ => match self.take_tag("span.kind").as_deref() {
                Some("internal") => 1,
                _ => 0,
            },
        }
    }

    fn status(&mut self) -> Status<'static> {
        let mut status = Status::default();
        if let Some(code) = self.take_tag("otel.status_code") {
            status.code = match &*code {
                "Ok" | "STATUS_CODE_OK" => 1,
                "Error" | "STATUS_CODE_ERROR" => 2,
                _ => 0,
            };
            status.message = self
                .take_tag("otel.status_description")
                .unwrap_or_default()
                .into();
        }
        if self.tag("error") == Some("true") {
            self.take_tag("error");
            status.code = 2;
        }
        status
    }

    fn attributes(&mut self, parse: bool) -> Attributes<'static> {
        let mut attributes = Attributes::default();
        for (key, value) in std::mem::take(&mut self.tags) {
            let elsewhere = key == SERVICE_NAME_SOURCE
                || key == "otel.library.name"
                || key == "otel.library.version"
                || RESOURCE_ATTRIBUTES.contains(&&*key);
            if !elsewhere {
                attributes.set(key, tag_value(value, parse));
            }
        }
        let ends = [
            (self.local.take(), "network.local.address", "net.host.port"),
            (self.remote.take(), "network.peer.address", "net.peer.port"),
        ];
        for (at, (end, address, port)) in ends.into_iter().enumerate() {
            let Some(end) = end else { continue };
            if at == 1 && !end.service.is_empty() {
                attributes.set("service.peer.name", end.service.into());
            }
            for ip in [end.ipv4, end.ipv6].into_iter().flatten() {
                attributes.set(address, ip.into());
            }
            if end.port > 0 {
                attributes.set(port, AnyValue::Int(end.port.into()));
            }
        }
        attributes
    }
}

/// A link as the Collector's exporter writes it: ids, state, attributes, how many were dropped.
fn link(text: &str) -> Result<SpanLink<'static>, String> {
    let parts: Vec<&str> = text.split('|').collect();
    let [trace, span, state, attributes @ .., dropped] = &*parts else {
        return Ok(SpanLink::default());
    };
    if attributes.is_empty() {
        return Ok(SpanLink::default());
    }
    let wrong = || format!("\"{text}\" is no link");
    Ok(SpanLink {
        trace_id: Cow::Owned(
            hex_id::<16>(trace.trim_matches('"'))
                .ok_or_else(wrong)?
                .to_vec(),
        ),
        span_id: Cow::Owned(
            hex_id::<8>(span.trim_matches('"'))
                .ok_or_else(wrong)?
                .to_vec(),
        ),
        trace_state: (*state).to_owned().into(),
        attributes: json_attributes(&attributes.join("|"))?,
        dropped_attributes_count: dropped.parse().map_err(|_| wrong())?,
        flags: 0,
    })
}

/// An annotation: a name, or a name with attributes and how many were dropped.
fn event(timestamp_us: u64, text: &str) -> Result<SpanEvent<'static>, String> {
    let mut event = SpanEvent {
        time_unix_nano: timestamp_us.saturating_mul(1000),
        ..SpanEvent::default()
    };
    let parts: Vec<&str> = text.split('|').collect();
    event.name = parts[0].to_owned().into();
    if let [_, attributes @ .., dropped] = &*parts
        && !attributes.is_empty()
    {
        event.attributes = json_attributes(&attributes.join("|"))?;
        let wrong = |_| format!("\"{dropped}\" is no number of attributes");
        event.dropped_attributes_count = dropped.parse().map_err(wrong)?;
    }
    Ok(event)
}

fn json_attributes(json: &str) -> Result<Attributes<'static>, String> {
    let map = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut attributes = attributes(map, Numbers::ByShape);
    let simple = |value: &AnyValue<'_>| {
        !matches!(
            value,
            AnyValue::Empty | AnyValue::Array(_) | AnyValue::Map(_)
        )
    };
    attributes.retain(|attribute| simple(&attribute.value));
    Ok(attributes)
}
