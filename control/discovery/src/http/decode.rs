//! HTTP service discovery's JSON: a list of groups of addresses with common labels.
//!
//! Pure, and strict where Prometheus is: unknown fields, wrong types and empty label names are
//! errors, so that a broken answer leaves the last good targets in place.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::labels::Labels;
use crate::limits::TARGETS_MAX;

/// Why an answer holds no targets.
#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// the answer's content type is not application/json
    ContentType(String),
    /// the answer is no list of target groups
    Json(String),
    /// the answer has too many targets
    TooMany(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::ContentType(found) => write!(
                f,
                "content type {found:?} is not supported, expected \"application/json\""
            ),
            DecodeError::Json(cause) => {
                write!(f, "the answer is no list of target groups: {cause}")
            }
            DecodeError::TooMany(count) => {
                write!(
                    f,
                    "the answer has {count} targets, at most {TARGETS_MAX} are taken"
                )
            }
        }
    }
}

/// Accepts `application/json`, with or without `charset=utf-8`, as Prometheus does.
pub fn check_content_type(found: &str) -> Result<(), DecodeError> {
    let lower = found.trim().to_ascii_lowercase();
    let fits = match lower.split_once(';') {
        None => lower == "application/json",
        Some((kind, parameter)) => {
            kind == "application/json"
                && matches!(
                    parameter.trim_start(),
                    "charset=utf-8" | "charset=\"utf-8\""
                )
        }
    };
    if fits {
        Ok(())
    } else {
        Err(DecodeError::ContentType(found.to_owned()))
    }
}

/// The targets of an answer; each bears the address it came from as `__meta_url`.
pub fn decode(body: &[u8], url: &str) -> Result<Vec<Labels>, DecodeError> {
    let groups: Vec<Group> =
        serde_json::from_slice(body).map_err(|error| DecodeError::Json(error.to_string()))?;
    targets(groups, "__meta_url", url)
}

/// Each address of each group as a target, which bears where it came from as `origin`.
pub(crate) fn targets(
    groups: Vec<Group>,
    origin: &str,
    place: &str,
) -> Result<Vec<Labels>, DecodeError> {
    let count = groups.iter().map(|group| group.targets.len()).sum();
    if count > TARGETS_MAX {
        return Err(DecodeError::TooMany(count));
    }
    let mut targets = Vec::with_capacity(count);
    for group in groups {
        for address in &group.targets {
            let mut target = group.labels.0.clone();
            target.insert("__address__".to_owned(), address.clone());
            target.insert(origin.to_owned(), place.to_owned());
            targets.push(target);
        }
    }
    Ok(targets)
}

/// Addresses with the labels that they share.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    #[serde(default, deserialize_with = "list_or_null")]
    targets: Vec<String>,
    #[serde(default)]
    labels: SharedLabels,
}

fn list_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Default)]
struct SharedLabels(Labels);

impl<'de> Deserialize<'de> for SharedLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SharedLabels, D::Error> {
        deserializer.deserialize_any(LabelsVisitor)
    }
}

struct LabelsVisitor;

impl<'de> Visitor<'de> for LabelsVisitor {
    type Value = SharedLabels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of label names and values")
    }

    fn visit_unit<E: de::Error>(self) -> Result<SharedLabels, E> {
        Ok(SharedLabels::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SharedLabels, A::Error> {
        let mut labels = Labels::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            if name.is_empty() {
                return Err(de::Error::custom("a label has no name"));
            }
            labels.insert(name, value);
        }
        Ok(SharedLabels(labels))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Targets as `name=value,...` lines, or the error.
    fn check(body: &str, expect: &str) {
        let found = match decode(body.as_bytes(), "http://sd/") {
            Ok(targets) => {
                let line = |target: &Labels| {
                    let pairs: Vec<String> = target
                        .iter()
                        .filter(|(name, _)| *name != "__meta_url")
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    pairs.join(",")
                };
                targets.iter().map(line).collect::<Vec<_>>().join("\n")
            }
            Err(error) => format!("error: {error}"),
        };
        assert!(
            found == expect || (expect == "error" && found.starts_with("error: ")),
            "of {body}\n got {found}\nwant {expect}"
        );
    }

    #[test]
    fn groups_become_targets_with_their_labels() {
        check(
            r#"[{"targets":["a:1","b:2"],"labels":{"env":"prod","__meta_x":"y"}},
                {"targets":["c:3"]}]"#,
            "__address__=a:1,__meta_x=y,env=prod\n__address__=b:2,__meta_x=y,env=prod\n\
             __address__=c:3",
        );
        check("[]", "");
        check(r#"[{"targets":null,"labels":null}]"#, "");
    }

    #[test]
    fn what_prometheus_refuses_is_refused() {
        for body in [
            "",
            "{}",
            "null",
            "[null]",
            r#"[{"targets":"a:1"}]"#,
            r#"[{"targets":[1]}]"#,
            r#"[{"targets":[],"labels":{"a":1}}]"#,
            r#"[{"targets":[],"labels":{"":"x"}}]"#,
            r#"[{"targets":[],"extra":1}]"#,
            r#"[{"targets":["a"]}"#,
        ] {
            check(body, "error");
        }
    }

    #[test]
    fn every_target_knows_where_it_came_from() {
        let targets = decode(br#"[{"targets":["a:1"]}]"#, "http://sd/x").expect("is valid");
        assert_eq!(targets[0]["__meta_url"], "http://sd/x");
    }

    #[test]
    fn the_content_type_may_name_utf_8_only() {
        assert_eq!(check_content_type("application/json"), Ok(()));
        assert_eq!(
            check_content_type("Application/JSON; charset=UTF-8"),
            Ok(())
        );
        assert_eq!(
            check_content_type("application/json;charset=\"utf-8\""),
            Ok(())
        );
        assert!(check_content_type("application/json; charset=latin1").is_err());
        assert!(check_content_type("text/plain").is_err());
        assert!(check_content_type("").is_err());
    }
}
