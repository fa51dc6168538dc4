//! File SD: a list of groups of addresses with common labels, as JSON or YAML.
//!
//! Pure. JSON is read as HTTP SD is; YAML is brought into the same form first, each scalar as the
//! text that it is written as.

use schema::{Target, Value};

use crate::http::{Group, targets};

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
}

impl Format {
    /// By the end of a file's name.
    pub fn of(name: &str) -> Option<Format> {
        let (_, ending) = name.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "json" => Some(Format::Json),
            "yml" | "yaml" => Some(Format::Yaml),
            _ => None,
        }
    }
}

/// The targets of a file; each bears the file's name as `__meta_filepath`.
pub fn decode(content: &[u8], format: Format, name: &str) -> Result<Vec<Target>, String> {
    let no_groups = |error: serde_json::Error| format!("it is no list of target groups: {error}");
    // Compat: a document of nothing is an empty list.
    let groups: Option<Vec<Group>> = match format {
        Format::Json => serde_json::from_slice(content).map_err(no_groups)?,
        Format::Yaml => {
            let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
            let value = to_json(&eval::yaml_texts(text)?)?;
            serde_json::from_value(value).map_err(no_groups)?
        }
    };
    let targets = targets(groups.unwrap_or_default(), "__meta_filepath", name);
    let targets = targets.map_err(|error| error.to_string())?;
    Ok(targets.into_iter().map(Target::new).collect())
}

/// A document of texts, lists and maps for serde.
pub(crate) fn to_json(value: &Value) -> Result<serde_json::Value, String> {
    Ok(match value {
        Value::Null => serde_json::Value::Null,
        Value::String(text) => serde_json::Value::String(text.to_string()),
        Value::Array(values) => {
            let values: Result<Vec<_>, _> = values.iter().map(to_json).collect();
            serde_json::Value::Array(values?)
        }
        Value::Object(object) => {
            let field = |(key, value): (&std::sync::Arc<str>, &Value)| {
                Ok((key.to_string(), to_json(value)?))
            };
            let fields: Result<_, String> = object.iter().map(field).collect();
            serde_json::Value::Object(fields?)
        }
        other => return Err(format!("a {} is not expected", other.type_name())),
    })
}
