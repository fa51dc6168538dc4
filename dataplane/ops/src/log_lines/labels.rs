//! Which attributes become labels.

use std::borrow::Cow;

use batch::otlp::{AnyValue, Attributes, LogRecord, Resource};

use super::json::as_text;

pub(super) const HINT_ATTRIBUTES: &str = "loki.attribute.labels";
pub(super) const HINT_RESOURCES: &str = "loki.resource.labels";
pub(super) const HINT_TENANT: &str = "loki.tenant";
pub(super) const HINT_FORMAT: &str = "loki.format";

const LEVEL: &str = "level";

/// Labels by the names of the attributes that they come from; of equal names the last counts.
#[derive(Debug, Default)]
pub(super) struct Promoted(Vec<(String, String)>);

impl Promoted {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether an attribute has become a label or is a hint, and is left out of the line.
    pub fn takes(&self, name: &str) -> bool {
        matches!(
            name,
            HINT_ATTRIBUTES | HINT_RESOURCES | HINT_TENANT | HINT_FORMAT
        ) || self.0.iter().any(|(label, _)| label == name)
    }

    pub fn gather(
        &mut self,
        record: &LogRecord<'_>,
        resource: &Resource<'_>,
        level: Option<Cow<'_, str>>,
    ) {
        let (own, of_resource) = (&record.attributes, &resource.attributes);
        self.set("exporter", "OTLP".to_owned());
        if let Some(job) = job(of_resource) {
            self.set("job", job);
        }
        if let Some(instance) = of_resource.get("service.instance.id") {
            self.set("instance", as_text(instance).into_owned());
        }
        for attributes in [of_resource, own] {
            if let Some(hint) = attributes.get(HINT_RESOURCES) {
                self.promote(of_resource, hint);
            }
        }
        if let Some(hint) = own.get(HINT_ATTRIBUTES) {
            self.promote(own, hint);
        }
        if let Some(level) = level {
            self.set(LEVEL, level.into_owned());
        }
        if let Some(hint) = of_resource.get(HINT_TENANT) {
            self.promote(of_resource, hint);
        } else if let Some(hint) = own.get(HINT_TENANT) {
            self.promote(own, hint);
        }
    }

    fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(label, _)| label == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Promotes the attributes that a hint names.
    fn promote(&mut self, attributes: &Attributes<'_>, hint: &AnyValue<'_>) {
        match hint {
            AnyValue::Array(names) => {
                for name in names {
                    self.promote_one(attributes, &as_text(name));
                }
            }
            other => {
                for name in as_text(other).split(',') {
                    self.promote_one(attributes, name);
                }
            }
        }
    }

    fn promote_one(&mut self, attributes: &Attributes<'_>, name: &str) {
        let name = name.trim();
        let found = attributes.get(name).or_else(|| nested(attributes, name));
        if let Some(value) = found {
            self.set(name, as_text(value).into_owned());
        }
    }
}

/// `a.b` as the field `b` of the map `a`.
fn nested<'m>(attributes: &'m Attributes<'_>, path: &str) -> Option<&'m AnyValue<'m>> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut value: &AnyValue<'_> = attributes.get(name)?;
    for name in rest.split('.').filter(|name| !name.is_empty()) {
        let AnyValue::Map(map) = value else {
            return None;
        };
        value = map.get(name)?;
    }
    Some(value)
}

/// `service.namespace/service.name`.
fn job(resource: &Attributes<'_>) -> Option<String> {
    let name = as_text(resource.get("service.name")?);
    Some(match resource.get("service.namespace") {
        Some(namespace) => format!("{}/{name}", as_text(namespace)),
        None => name.into_owned(),
    })
}

/// The label `level`: the attribute of that name, or else what the severity says.
pub(super) fn level<'r>(record: &'r LogRecord<'_>) -> Option<Cow<'r, str>> {
    if record.severity_number == 0 {
        return None;
    }
    if let Some(level) = record.attributes.get(LEVEL) {
        return Some(as_text(level));
    }
    const FAMILIES: [&str; 6] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    let place = usize::try_from(record.severity_number - 1).ok()?;
    // What is not known has the empty name, as in the reference's table.
    let Some(family) = FAMILIES.get(place / 4) else {
        return Some(Cow::Borrowed(""));
    };
    Some(match place % 4 {
        0 => Cow::Borrowed(*family),
        step => Cow::Owned(format!("{family}{}", step + 1)),
    })
}

/// A name that a label may have: what is neither letter, digit nor underscore becomes one, and a
/// name does not begin with a digit or a single underscore.
#[must_use]
pub fn label_name(name: &str) -> Cow<'_, str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let clean = match name.chars().all(legal) {
        true => Cow::Borrowed(name),
        false => Cow::Owned(
            name.chars()
                .map(|c| if legal(c) { c } else { '_' })
                .collect(),
        ),
    };
    match clean.as_bytes() {
        [b'0'..=b'9', ..] => Cow::Owned(format!("key_{clean}")),
        [b'_', b'_', ..] => clean,
        [b'_', ..] => Cow::Owned(format!("key{clean}")),
        _ => clean,
    }
}
