//! The declaration of a component as JSON, for `invar components --json` and the comparison with
//! the reference's tables, whose names of fields it uses.

use serde_json::{Value as Json, json};

use crate::declare::{BlockSchema, BodySchema, Descriptor, Field, MetricKind};
use crate::value::{Capsule, Number, Value};

/// Name, stability, arguments and blocks with the path of the block they stand in, exports,
/// metrics.
pub fn descriptor_json(descriptor: &Descriptor) -> Json {
    let mut declaration = body_schema_json((descriptor.arguments)());
    let exports: Vec<Json> = descriptor
        .exports
        .iter()
        .map(|export| json!({ "name": export.name, "type": export.type_name }))
        .collect();
    let metrics: Vec<Json> = descriptor
        .metrics
        .iter()
        .map(|metric| {
            json!({ "name": metric.name, "type": kind_name(metric.kind), "help": metric.help })
        })
        .collect();
    declaration["name"] = json!(descriptor.name);
    declaration["stability"] = json!(descriptor.stability.name());
    declaration["exports"] = Json::Array(exports);
    declaration["metrics"] = Json::Array(metrics);
    declaration
}

/// The arguments and blocks of a body and of all blocks inside.
pub fn body_schema_json(schema: &'static BodySchema) -> Json {
    let mut listing = Listing::default();
    listing.body("", schema);
    json!({ "arguments": listing.arguments, "blocks": listing.blocks })
}

#[derive(Default)]
struct Listing {
    arguments: Vec<Json>,
    blocks: Vec<Json>,
    /// The bodies around the one at hand: blocks that nest in themselves are listed once.
    within: Vec<&'static BodySchema>,
}

impl Listing {
    fn body(&mut self, path: &str, schema: &'static BodySchema) {
        self.within.push(schema);
        self.arguments
            .extend(schema.fields.iter().map(|field| field_json(path, field)));
        for block in &schema.blocks {
            let inner = (block.body)();
            let path = match path {
                "" => block.name.to_owned(),
                outer => format!("{outer} > {}", block.name),
            };
            let recursive = self.within.iter().any(|outer| std::ptr::eq(*outer, inner));
            self.blocks.push(block_json(&path, block, recursive));
            if !recursive {
                self.body(&path, inner);
            }
        }
        self.within.pop();
    }
}

fn field_json(path: &str, field: &Field) -> Json {
    let mut declared = json!({
        "block": path,
        "name": field.name,
        "type": field.type_name(),
        "default": field.default.as_ref().map_or(Json::Null, plain_json),
        "required": field.required,
        "doc": field.doc,
    });
    if let Some(replacement) = field.deprecated {
        declared["deprecated"] = json!(true);
        declared["replaced_by"] = json!(replacement);
    }
    if let Some(stability) = field.stability {
        declared["stability"] = json!(stability.name());
    }
    declared
}

fn block_json(path: &str, block: &BlockSchema, recursive: bool) -> Json {
    let mut declared = json!({ "path": path, "required": block.required, "doc": block.doc });
    let marks = [
        ("repeatable", block.repeatable),
        ("labelled", block.labelled()),
        ("recursive", recursive),
        ("deprecated", block.deprecated.is_some()),
    ];
    for (mark, _) in marks.into_iter().filter(|(_, set)| *set) {
        declared[mark] = json!(true);
    }
    declared
}

fn kind_name(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    }
}

/// A default as plain JSON. Defaults hold no secrets, functions or ports.
fn plain_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Number(Number::Int(value)) => json!(value),
        Value::Number(Number::Uint(value)) => json!(value),
        Value::Number(Number::Float(value)) => json!(value),
        Value::String(text) => json!(&**text),
        Value::Array(values) => Json::Array(values.iter().map(plain_json).collect()),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| (key.to_string(), plain_json(value)))
            .collect(),
        Value::Capsule(Capsule::OptionalSecret(text)) if !text.is_secret() => json!(text.expose()),
        Value::Null | Value::Targets(_) | Value::Function(_) | Value::Capsule(_) => Json::Null,
    }
}
