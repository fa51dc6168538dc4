//! Requests of Amazon Data Firehose, and the CloudWatch Logs envelopes that their records may hold.
//!
//! What is not named here is passed over without keeping it, so that a request costs memory in
//! proportion to its length.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// A request.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Request<'a> {
    /// Milliseconds since 1970.
    #[serde(default)]
    pub timestamp: i64,
    #[serde(default, borrow, deserialize_with = "or_default")]
    pub records: Vec<Record<'a>>,
}

/// A record, in base64.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Record<'a> {
    #[serde(default, borrow)]
    pub data: Cow<'a, str>,
}

/// Lines of CloudWatch Logs.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Envelope<'a> {
    #[serde(borrow)]
    pub owner: Cow<'a, str>,
    #[serde(borrow)]
    pub log_group: Cow<'a, str>,
    #[serde(borrow)]
    pub log_stream: Cow<'a, str>,
    #[serde(deserialize_with = "or_default")]
    pub subscription_filters: Vec<String>,
    #[serde(borrow)]
    pub message_type: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub log_events: Vec<Line<'a>>,
}

/// A line of a log.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Line<'a> {
    /// Milliseconds since 1970.
    #[serde(default)]
    pub timestamp: i64,
    #[serde(default, borrow)]
    pub message: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Attributes {
    common_attributes: BTreeMap<String, String>,
}

/// Compat: null is nothing, as in Go.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

fn told(error: impl Display) -> String {
    error.to_string()
}

/// Reads a request. Compat: what follows it is passed over.
pub fn request(bytes: &[u8]) -> Result<Request<'_>, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    Request::deserialize(&mut deserializer).map_err(told)
}

/// Reads the content of a record that holds lines of CloudWatch Logs.
pub fn envelope(bytes: &[u8]) -> Result<Envelope<'_>, String> {
    serde_json::from_slice(bytes).map_err(told)
}

/// Reads the attributes that a stream gives to all its requests.
pub fn common_attributes(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let read: Result<Attributes, _> = serde_json::from_slice(bytes);
    read.map(|attributes| attributes.common_attributes)
        .map_err(told)
}

impl Record<'_> {
    /// The content. Compat: line ends within base64 do not count, as in Go.
    pub fn content(&self) -> Result<Vec<u8>, String> {
        let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let text = self.data.as_bytes();
        if !text.iter().any(ends) {
            return STANDARD.decode(text).map_err(told);
        }
        let text: Vec<u8> = text.iter().copied().filter(|byte| !ends(byte)).collect();
        STANDARD.decode(text).map_err(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_what_is_unknown_is_passed_over() {
        let text = br#"{"requestId":"r","timestamp":7,"x":{"y":[1]},
            "records":[{"data":"Zmly\nc3Q=","n":1},{"data":"?"}]} trailing"#;
        let request = request(text).expect("a request");
        assert_eq!(request.timestamp, 7);
        assert_eq!(request.records[0].content().as_deref(), Ok(&b"first"[..]));
        assert!(request.records[1].content().is_err());
    }

    #[test]
    fn what_is_missing_is_empty_and_what_is_of_another_kind_is_refused() {
        assert_eq!(request(b"{}"), Ok(Request::default()));
        assert_eq!(request(br#"{"records":null}"#), Ok(Request::default()));
        assert!(request(br#"{"records":7}"#).is_err());
        assert!(request(br#"{"timestamp":"x"}"#).is_err());
        assert!(request(&b"[".repeat(100_000)).is_err());
        assert!(envelope(br#"{"logEvents":[{"message":1}]}"#).is_err());
    }

    #[test]
    fn envelopes_and_attributes_are_read() {
        let text = br#"{"owner":"o","logGroup":"g","logStream":"s","messageType":"DATA",
            "subscriptionFilters":["a","b"],"logEvents":[{"id":"1",
            "timestamp":5,"message":"m\t"}]}"#;
        let envelope = envelope(text).expect("an envelope");
        assert_eq!(envelope.log_events[0].message, "m\t");
        assert_eq!(envelope.subscription_filters, ["a", "b"]);
        let attributes = common_attributes(br#"{"commonAttributes":{"lbl_a":"1"}}"#);
        assert_eq!(attributes.expect("attributes")["lbl_a"], "1");
        assert!(common_attributes(b"lbl_a=1").is_err());
    }
}
