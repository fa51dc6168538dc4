//! What is hidden: keys that are not allowed and values that look like secrets.

use std::collections::HashSet;

use batch::otlp::{AnyValue, Attributes};
use ops::regex::GoRegex;

use super::RedactionArguments;
use super::mask::Mask;
use crate::any_text::any_text;

pub struct Rules {
    /// None allows all.
    allowed: Option<HashSet<String>>,
    ignored: HashSet<String>,
    ignored_patterns: Vec<GoRegex>,
    blocked_keys: Vec<GoRegex>,
    blocked_values: Vec<GoRegex>,
    allowed_values: Vec<GoRegex>,
    everything: GoRegex,
    mask: Mask,
    all_types: bool,
    summary: Summary,
}

#[derive(Clone, Copy, PartialEq)]
enum Summary {
    Silent,
    Counts,
    Keys,
}

/// What attributes tell is named so: keys and their count.
struct Told {
    keys: &'static str,
    count: &'static str,
}

const REDACTED: Told = Told {
    keys: "redaction.redacted.keys",
    count: "redaction.redacted.count",
};
const MASKED: Told = Told {
    keys: "redaction.masked.keys",
    count: "redaction.masked.count",
};
const ALLOWED: Told = Told {
    keys: "redaction.allowed.keys",
    count: "redaction.allowed.count",
};
const IGNORED: Told = Told {
    keys: "",
    count: "redaction.ignored.count",
};
const BODY_REDACTED: Told = Told {
    keys: "redaction.body.redacted.keys",
    count: "redaction.body.redacted.count",
};
const BODY_MASKED: Told = Told {
    keys: "redaction.body.masked.keys",
    count: "redaction.body.masked.count",
};
const BODY_ALLOWED: Told = Told {
    keys: "redaction.body.allowed.keys",
    count: "redaction.body.allowed.count",
};
const BODY_IGNORED: Told = Told {
    keys: "",
    count: "redaction.body.ignored.count",
};
/// What one redaction told, the next one leaves alone.
const ALL_TOLD: [Told; 8] = [
    REDACTED,
    MASKED,
    ALLOWED,
    IGNORED,
    BODY_REDACTED,
    BODY_MASKED,
    BODY_ALLOWED,
    BODY_IGNORED,
];

/// Keys by what happens to them.
#[derive(Default)]
pub struct Found {
    redacted: Vec<String>,
    masked: Vec<String>,
    allowed: Vec<String>,
    ignored: Vec<String>,
    /// New values of masked attributes by their index.
    values: Vec<(usize, String)>,
}

impl Found {
    fn is_empty(&self) -> bool {
        let lists = [&self.redacted, &self.masked, &self.allowed, &self.ignored];
        lists.iter().all(|list| list.is_empty())
    }
}

impl Rules {
    pub fn new(arguments: &RedactionArguments) -> Result<Rules, String> {
        let regexes = |list: &str, patterns: &[String]| {
            let compiled = patterns.iter().map(|it| GoRegex::new(it));
            let compiled: Result<Vec<_>, _> = compiled.collect();
            compiled.map_err(|error| format!("{list}: {error}"))
        };
        let told = ALL_TOLD.iter().flat_map(|told| [told.keys, told.count]);
        let told = told.filter(|name| !name.is_empty()).map(str::to_owned);
        let allowed = arguments.allowed_keys.iter().cloned().chain(told);
        Ok(Rules {
            allowed: (!arguments.allow_all_keys).then(|| allowed.collect()),
            ignored: arguments.ignored_keys.iter().cloned().collect(),
            ignored_patterns: regexes("ignored_key_patterns", &arguments.ignored_key_patterns)?,
            blocked_keys: regexes("blocked_key_patterns", &arguments.blocked_key_patterns)?,
            blocked_values: regexes("blocked_values", &arguments.blocked_values)?,
            allowed_values: regexes("allowed_values", &arguments.allowed_values)?,
            everything: GoRegex::new(".*")?,
            mask: Mask::new(&arguments.hash_function, arguments.hmac_key.as_ref())?,
            all_types: arguments.redact_all_types,
            summary: match arguments.summary.as_str() {
                "debug" => Summary::Keys,
                "info" => Summary::Counts,
                _ => Summary::Silent,
            },
        })
    }

    /// What is to be done with attributes, if anything.
    pub fn find(&self, attributes: &Attributes<'_>) -> Option<Found> {
        let mut found = Found::default();
        for (index, attribute) in attributes.iter().enumerate() {
            let key = attribute.key.to_str();
            if self.ignores(&key) {
                found.ignored.push(key.into_owned());
                continue;
            }
            if self.removes(&key) {
                found.redacted.push(key.into_owned());
                continue;
            }
            // Compat: what is no text counts as an empty one unless all types are redacted.
            let text = match (&attribute.value, self.all_types) {
                (AnyValue::String(text), _) => text.to_str().into_owned(),
                (_, false) => String::new(),
                (value, true) => any_text(value),
            };
            if any(&self.allowed_values, &text) {
                found.allowed.push(key.into_owned());
            } else if any(&self.blocked_keys, &key) {
                found
                    .values
                    .push((index, self.mask.matches(&text, &self.everything)));
                found.masked.push(key.into_owned());
            } else if let Some(masked) = self.masked(&text) {
                found.values.push((index, masked));
                found.masked.push(key.into_owned());
            }
        }
        (!found.is_empty()).then_some(found)
    }

    /// Does what `find` found.
    pub fn apply(&self, found: Found, attributes: &mut Attributes<'_>) {
        let mut list = std::mem::take(attributes).into_vec();
        for (index, masked) in found.values {
            list[index].value = AnyValue::from(masked);
        }
        *attributes = Attributes::from(list);
        attributes.retain(|attribute| {
            let key = attribute.key.to_str();
            !found.redacted.iter().any(|redacted| *redacted == key)
        });
        self.tell(found.redacted, &REDACTED, attributes);
        self.tell(found.masked, &MASKED, attributes);
        self.tell(found.allowed, &ALLOWED, attributes);
        self.tell(found.ignored, &IGNORED, attributes);
    }

    /// Redacts the body of a log record; what was done, if anything.
    pub fn redact_body(&self, body: &mut AnyValue<'_>) -> Option<Found> {
        let mut found = Found::default();
        match body {
            AnyValue::Map(map) => self.redact_map(None, map, &mut found),
            AnyValue::Array(values) => {
                for (index, value) in values.iter_mut().enumerate() {
                    self.redact_value(&format!("[{index}]"), value, &mut found);
                }
            }
            value => {
                self.redact_value("body", value, &mut found);
                // Compat: that a body is allowed is not told.
                found.allowed.clear();
            }
        }
        (!found.is_empty()).then_some(found)
    }

    fn redact_map(&self, path: Option<&str>, map: &mut Attributes<'_>, found: &mut Found) {
        let below = |key: &str| match path {
            None => key.to_owned(),
            Some(path) => format!("{path}.{key}"),
        };
        for attribute in map.iter_mut() {
            let key = attribute.key.to_str().into_owned();
            if self.ignores(&key) {
                found.ignored.push(below(&key));
            } else if self.removes(&key) {
                // Goes below.
            } else if any(&self.blocked_keys, &key) {
                let text = match &attribute.value {
                    AnyValue::String(text) => text.to_str().into_owned(),
                    _ => String::new(),
                };
                attribute.value = AnyValue::from(self.mask.matches(&text, &self.everything));
                found.masked.push(below(&key));
            } else {
                self.redact_value(&below(&key), &mut attribute.value, found);
            }
        }
        map.retain(|attribute| {
            let key = attribute.key.to_str();
            let goes = !self.ignores(&key) && self.removes(&key);
            if goes {
                found.redacted.push(below(&key));
            }
            !goes
        });
    }

    fn redact_value(&self, path: &str, value: &mut AnyValue<'_>, found: &mut Found) {
        match value {
            AnyValue::Map(map) => self.redact_map(Some(path), map, found),
            AnyValue::Array(values) => {
                for (index, value) in values.iter_mut().enumerate() {
                    self.redact_value(&format!("{path}.[{index}]"), value, found);
                }
            }
            _ => {
                let text = any_text(value);
                if any(&self.allowed_values, &text) {
                    found.allowed.push(path.to_owned());
                } else if let Some(masked) = self.masked(&text) {
                    *value = AnyValue::from(masked);
                    found.masked.push(path.to_owned());
                }
            }
        }
    }

    /// Tells what was done with a body.
    pub fn summarize_body(&self, found: Found, attributes: &mut Attributes<'_>) {
        self.tell(found.redacted, &BODY_REDACTED, attributes);
        self.tell(found.masked, &BODY_MASKED, attributes);
        self.tell(found.allowed, &BODY_ALLOWED, attributes);
        self.tell(found.ignored, &BODY_IGNORED, attributes);
    }

    fn tell(&self, mut keys: Vec<String>, told: &Told, attributes: &mut Attributes<'_>) {
        if keys.is_empty() || self.summary == Summary::Silent {
            return;
        }
        let mut count = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        if self.summary == Summary::Keys && !told.keys.is_empty() {
            if let Some(AnyValue::String(before)) = attributes.get(told.keys)
                && !before.is_empty()
            {
                keys.extend(before.to_str().split(',').map(str::to_owned));
            }
            keys.sort();
            attributes.set(told.keys, AnyValue::from(keys.join(",")));
        }
        if let Some(AnyValue::Int(before)) = attributes.get(told.count) {
            count = count.saturating_add(*before);
        }
        attributes.set(told.count, AnyValue::Int(count));
    }

    /// The text without what must not be in it, if there is any.
    fn masked(&self, text: &str) -> Option<String> {
        let mut masked = None;
        for regex in &self.blocked_values {
            let now = masked.as_deref().unwrap_or(text);
            if regex.is_match(now) {
                masked = Some(self.mask.matches(now, regex));
            }
        }
        masked.filter(|masked| masked != text)
    }

    fn ignores(&self, key: &str) -> bool {
        self.ignored.contains(key) || any(&self.ignored_patterns, key)
    }

    fn removes(&self, key: &str) -> bool {
        self.allowed
            .as_ref()
            .is_some_and(|allowed| !allowed.contains(key))
    }
}

fn any(regexes: &[GoRegex], text: &str) -> bool {
    regexes.iter().any(|regex| regex.is_match(text))
}
