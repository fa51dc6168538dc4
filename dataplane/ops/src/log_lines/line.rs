//! The line of a record.

use std::fmt::Write as _;

use batch::otlp::{AnyValue, LogRecord, Resource, Scope};

use super::json::{as_text, write_map, write_value};
use super::labels::{HINT_FORMAT, Promoted};
use super::{Unwritable, logfmt};
use crate::stages::go_json::write_string;
use crate::stages::logfmt::pairs;

/// What a line is made of.
pub(super) struct Parts<'p, 'l, 'r, 's> {
    pub record: &'p LogRecord<'l>,
    pub resource: &'p Resource<'r>,
    pub scope: &'p Scope<'s>,
    pub promoted: &'p Promoted,
}

impl Parts<'_, '_, '_, '_> {
    /// Appends the line in the format that a hint names.
    pub fn write(&self, out: &mut String) -> Result<(), Unwritable> {
        let hints = [&self.resource.attributes, &self.record.attributes];
        let format = hints.into_iter().find_map(|it| it.get(HINT_FORMAT));
        match format.map(as_text).as_deref() {
            None | Some("json") => self.json(out),
            Some("logfmt") => self.logfmt(out),
            Some("raw") => {
                out.push_str(&as_text(&self.record.body));
                Ok(())
            }
            Some(other) => Err(Unwritable(format!(
                "invalid format {other}. Expected one of: json, logfmt, raw"
            ))),
        }
    }

    fn json(&self, out: &mut String) -> Result<(), Unwritable> {
        let mut object = Object { out, empty: true };
        object.out.push('{');
        if self.record.body != AnyValue::Empty {
            write_value(&self.record.body, object.field("body"))?;
        }
        object.text("traceid", &hex(&self.record.trace_id));
        object.text("spanid", &hex(&self.record.span_id));
        object.text("severity", &self.record.severity_text.to_str());
        if self.record.flags != 0 {
            let out = object.field("flags");
            write!(out, "{}", self.record.flags).expect("a string takes any text");
        }
        for (name, attributes) in [
            ("attributes", &self.record.attributes),
            ("resources", &self.resource.attributes),
        ] {
            let takes = |key: &str| !self.promoted.takes(key);
            if attributes.iter().any(|it| takes(&it.key.to_str())) {
                write_map(attributes, takes, object.field(name))?;
            }
        }
        if !self.scope.name.is_empty() {
            let out = object.field("instrumentation_scope");
            out.push('{');
            let mut scope = Object { out, empty: true };
            scope.text("name", &self.scope.name.to_str());
            scope.text("version", &self.scope.version.to_str());
            scope.out.push('}');
        }
        object.out.push('}');
        Ok(())
    }

    fn logfmt(&self, out: &mut String) -> Result<(), Unwritable> {
        let mut list = Pairs::default();
        list.body(&self.record.body);
        for (key, id) in [
            ("traceID", &self.record.trace_id),
            ("spanID", &self.record.span_id),
        ] {
            if id.iter().any(|byte| *byte != 0) {
                list.replace(key, hex(id).into());
            }
        }
        if !self.record.severity_text.is_empty() {
            let severity = self.record.severity_text.to_str().into_owned();
            list.replace("severity", severity.into());
        }
        if self.record.flags != 0 {
            list.replace("flags", i64::from(self.record.flags).into());
        }
        for (prefix, attributes) in [
            ("attribute_", &self.record.attributes),
            ("resource_", &self.resource.attributes),
        ] {
            for attribute in attributes {
                let key = attribute.key.to_str();
                if !self.promoted.takes(&key) {
                    list.flatten(format!("{prefix}{key}"), &attribute.value);
                }
            }
        }
        if !self.scope.name.is_empty() {
            let name = self.scope.name.to_str().into_owned();
            list.push("instrumentation_scope_name", name.into());
            if !self.scope.version.is_empty() {
                let version = self.scope.version.to_str().into_owned();
                list.push("instrumentation_scope_version", version.into());
            }
        }
        for (key, value) in &list.0 {
            logfmt::write_pair(key, value, out)?;
        }
        Ok(())
    }
}

/// An object being written.
struct Object<'o> {
    out: &'o mut String,
    empty: bool,
}

impl Object<'_> {
    fn field(&mut self, name: &str) -> &mut String {
        self.out.push_str(if self.empty { "\"" } else { ",\"" });
        self.empty = false;
        self.out.push_str(name);
        self.out.push_str("\":");
        self.out
    }

    /// A field with a text, unless that is empty.
    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            write_string(text, self.field(name));
        }
    }
}

/// An id in hexadecimal; empty if it is nothing but zeros.
fn hex(id: &[u8]) -> String {
    let mut text = String::new();
    if id.iter().any(|byte| *byte != 0) {
        for byte in id {
            write!(text, "{byte:02x}").expect("a string takes any text");
        }
    }
    text
}

#[derive(Default)]
struct Pairs(Vec<(String, AnyValue<'static>)>);

impl Pairs {
    fn push(&mut self, key: &str, value: AnyValue<'static>) {
        self.0.push((key.to_owned(), value));
    }

    fn replace(&mut self, key: &str, value: AnyValue<'static>) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.push(key, value),
        }
    }

    /// A body that is logfmt itself goes on as its pairs.
    fn body(&mut self, body: &AnyValue<'_>) {
        match body {
            AnyValue::Empty => {}
            AnyValue::String(text) => match pairs(text.as_bytes()) {
                Some(pairs) => {
                    let pairs = pairs.into_iter().map(|(key, value)| (key, value.into()));
                    self.0.extend(pairs);
                }
                None => self.push("msg", body.clone().into_owned()),
            },
            AnyValue::Map(_) => self.flatten(String::new(), body),
            AnyValue::Array(_) => self.flatten("body".to_owned(), body),
            other => self.push("msg", other.clone().into_owned()),
        }
    }

    /// Maps and lists as one pair for each of their values.
    fn flatten(&mut self, key: String, value: &AnyValue<'_>) {
        let prefix = match key.as_str() {
            "" => String::new(),
            key => format!("{key}_"),
        };
        match value {
            AnyValue::Empty => {}
            AnyValue::Map(map) => {
                for attribute in map {
                    self.flatten(format!("{prefix}{}", attribute.key), &attribute.value);
                }
            }
            AnyValue::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.flatten(format!("{prefix}{index}"), value);
                }
            }
            other => self.0.push((key, other.clone().into_owned())),
        }
    }
}
