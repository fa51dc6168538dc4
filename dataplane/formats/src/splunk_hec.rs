//! Splunk's HTTP event collector: events as log records and metrics.

use std::borrow::Cow;

use batch::otlp::{
    AnyValue, Attributes, Gauge, Lazy, LogRecord, Metric, MetricData, Number, NumberPoint,
    OtlpBatch,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::grouped::Grouped;
use crate::json_value::{Numbers, any_value};

/// Attributes that hold what events say of their origin.
#[derive(Clone, Debug)]
pub struct OriginNames {
    pub host: String,
    pub source: String,
    pub source_type: String,
    pub index: String,
}

/// What the events of a request have in common.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub host: String,
    pub source: String,
    pub source_type: String,
    pub index: String,
    /// The sender's token, when it is to be passed on.
    pub token: Option<String>,
}

/// Why a request is refused, as Splunk tells it.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    NoData,
    InvalidFormat,
    EventMissing { number: usize },
    EventBlank { number: usize },
    IndexedFields { number: usize },
}

/// What events came to.
#[derive(Debug)]
pub struct Decoded {
    pub logs: OtlpBatch,
    pub metrics: OtlpBatch,
}

#[derive(Deserialize)]
struct Event {
    time: Option<Value>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    sourcetype: Option<String>,
    #[serde(default)]
    index: Option<String>,
    event: Option<Value>,
    fields: Option<Map<String, Value>>,
}

/// The events of a body, one after the other. Bounded by the request.
pub fn decode_events(
    body: &[u8],
    token: Option<&str>,
    names: &OriginNames,
) -> Result<Decoded, Refusal> {
    if body.is_empty() {
        return Err(Refusal::NoData);
    }
    let mut logs = Grouped::new();
    let mut metrics = Grouped::new();
    let events = serde_json::Deserializer::from_slice(body).into_iter::<Event>();
    for (number, event) in events.enumerate() {
        let event = event.map_err(|_| Refusal::InvalidFormat)?;
        let time_ns = time(event.time.as_ref())?;
        let origin = Origin {
            host: event.host.unwrap_or_default(),
            source: event.source.unwrap_or_default(),
            source_type: event.sourcetype.unwrap_or_default(),
            index: event.index.unwrap_or_default(),
            token: token.map(str::to_owned),
        };
        let resource = origin.resource(names);
        let fields = event.fields.unwrap_or_default();
        let is_metric = event.event.as_ref().is_some_and(|event| event == "metric")
            || (event.event.is_none() && fields.keys().any(|key| is_metric_name(key)));
        if is_metric {
            let items = metrics.items(&resource, "", "");
            points(&fields, time_ns, items);
            continue;
        }
        let body = event.event.ok_or(Refusal::EventMissing { number })?;
        if body == "" {
            return Err(Refusal::EventBlank { number });
        }
        let nested = |value: &Value| value.is_object() || value.is_array();
        if fields.values().any(nested) {
            return Err(Refusal::IndexedFields { number });
        }
        let mut record = LogRecord {
            time_unix_nano: time_ns,
            body: any_value(body, Numbers::Floats),
            ..LogRecord::default()
        };
        for (key, value) in fields {
            record
                .attributes
                .set(key, any_value(value, Numbers::Floats));
        }
        logs.items(&resource, "", "").push(Lazy::new(record));
    }
    Ok(Decoded {
        logs: logs.encode(),
        metrics: metrics.encode(),
    })
}

/// The lines of a raw body as records; all of it as one without `by_line`.
pub fn decode_raw(
    body: &[u8],
    origin: &Origin,
    names: &OriginNames,
    time_ns: u64,
    by_line: bool,
) -> OtlpBatch {
    let mut grouped = Grouped::new();
    let resource = origin.resource(names);
    let items = grouped.items(&resource, "", "");
    let text = String::from_utf8_lossy(body);
    let mut add = |line: &str| {
        items.push(Lazy::new(LogRecord {
            time_unix_nano: time_ns,
            body: AnyValue::from(line.to_owned()),
            ..LogRecord::default()
        }));
    };
    match by_line {
        true => text.lines().for_each(add),
        false => add(&text),
    }
    grouped.encode()
}

/// Seconds since 1970, as a number or as text.
pub fn time_of(text: &str) -> Option<u64> {
    let seconds: f64 = text.parse().ok()?;
    Some((seconds * 1e9) as u64)
}

fn time(value: Option<&Value>) -> Result<u64, Refusal> {
    match value {
        None | Some(Value::Null) => Ok(0),
        Some(Value::Number(number)) => Ok((number.as_f64().unwrap_or(0.0) * 1e9) as u64),
        Some(Value::String(text)) if text.is_empty() => Ok(0),
        Some(Value::String(text)) => time_of(text).ok_or(Refusal::InvalidFormat),
        Some(_) => Err(Refusal::InvalidFormat),
    }
}

impl Origin {
    fn resource(&self, names: &OriginNames) -> Attributes<'static> {
        let mut resource = Attributes::default();
        for (name, value) in [
            (&names.host, &self.host),
            (&names.source, &self.source),
            (&names.source_type, &self.source_type),
            (&names.index, &self.index),
        ] {
            if !value.is_empty() {
                resource.set(name.clone(), value.clone().into());
            }
        }
        if let Some(token) = &self.token {
            resource.set("com.splunk.hec.access_token", token.clone().into());
        }
        resource
    }
}

fn is_metric_name(key: &str) -> bool {
    key.starts_with("metric_name")
}

/// Gauges of an event: `metric_name:NAME` has a value, or `metric_name` a name for `_value`.
fn points(
    fields: &Map<String, Value>,
    time_ns: u64,
    items: &mut Vec<Lazy<'static, Metric<'static>>>,
) {
    let mut attributes = Attributes::default();
    for (key, value) in fields {
        let text: Cow<'_, str> = match value {
            Value::Null => continue,
            Value::String(text) => text.into(),
            value => value.to_string().into(),
        };
        if !key.is_empty() && key != "_value" && !is_metric_name(key) {
            attributes.set(key.clone(), text.into_owned().into());
        }
    }
    let single = fields.get("metric_name").and_then(Value::as_str);
    let single = single.and_then(|name| Some((name, fields.get("_value")?)));
    let several = fields.iter().filter_map(|(key, value)| {
        let name = key.strip_prefix("metric_name:")?;
        Some((name, value))
    });
    for (name, value) in several.chain(single) {
        let value = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        // Compat: what is no number is left out.
        let Some(value) = value else { continue };
        let point = NumberPoint {
            attributes: attributes.clone(),
            time_unix_nano: time_ns,
            value: Number::Double(value),
            ..NumberPoint::default()
        };
        items.push(Lazy::new(Metric {
            name: name.to_owned().into(),
            data: MetricData::Gauge(Gauge {
                points: vec![Lazy::new(point)],
            }),
            ..Metric::default()
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> OriginNames {
        let name = str::to_owned;
        OriginNames {
            host: name("h"),
            source: name("s"),
            source_type: name("st"),
            index: name("i"),
        }
    }

    fn refusal(body: &str) -> Refusal {
        decode_events(body.as_bytes(), None, &names()).unwrap_err()
    }

    #[test]
    fn events_of_a_body_follow_one_another() {
        let body = br#"{"event":"a","host":"x"}{"event":"b","host":"x"}
            {"event":"metric","fields":{"metric_name":"m","_value":"2","d":1}}"#;
        let decoded = decode_events(body, Some("t"), &names()).unwrap();
        assert_eq!((decoded.logs.items(), decoded.metrics.items()), (2, 1));
        let tree = decoded.logs.log_records();
        assert_eq!(tree.resources.len(), 1);
        let resource = tree.resources[0].resource.get();
        let token = resource.attributes.get("com.splunk.hec.access_token");
        assert_eq!(token, Some(&AnyValue::from("t")));
    }

    #[test]
    fn refusals_are_told_apart() {
        assert_eq!(refusal(""), Refusal::NoData);
        assert_eq!(refusal("nope"), Refusal::InvalidFormat);
        assert_eq!(
            refusal("{\"host\":\"a\"}"),
            Refusal::EventMissing { number: 0 }
        );
        let second = "{\"event\":1}{\"event\":\"\"}";
        assert_eq!(refusal(second), Refusal::EventBlank { number: 1 });
        let nested = "{\"event\":1,\"fields\":{\"a\":[]}}";
        assert_eq!(refusal(nested), Refusal::IndexedFields { number: 0 });
    }

    #[test]
    fn raw_bodies_are_split_by_line_when_asked() {
        let origin = Origin::default();
        let lines = |by_line| decode_raw(b"a\nb\n", &origin, &names(), 0, by_line).items();
        assert_eq!((lines(true), lines(false)), (2, 1));
    }
}
