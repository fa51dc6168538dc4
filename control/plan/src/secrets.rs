//! The secrets of what runs, so that what leaves the process for people can be cleared of them.

use schema::{Body, BodySchema, Capsule, Secret, Type, Value};

use crate::graph::Role;
use crate::live::Live;

/// Limit: a shorter secret is not searched for: it would hide half of each text and guards nothing.
const BYTES_MIN: usize = 4;

/// What stands in the place of a secret.
const HIDDEN: &str = "(secret)";

/// All secrets that arguments hold, longest first, so that none leaves a part of another.
pub(crate) fn secrets(live: &Live) -> Vec<Secret> {
    let mut found = Vec::new();
    for (node, state) in live.graph.nodes.iter().zip(&live.states) {
        let schema = match node.role {
            Role::Kind(kind) => Some((kind.descriptor().arguments)()),
            _ => None,
        };
        if let Some(body) = &state.body {
            of_body(schema, body, &mut found);
        }
        marked(&state.exports, &mut found);
    }
    found.retain(|text| text.len() >= BYTES_MIN);
    found.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    found.dedup();
    found.into_iter().map(Secret::new).collect()
}

/// The text without any of the secrets.
pub fn scrub(text: &str, secrets: &[Secret]) -> String {
    let mut shown = text.to_owned();
    for secret in secrets {
        if shown.contains(secret.expose()) {
            shown = shown.replace(secret.expose(), HIDDEN);
        }
    }
    shown
}

fn of_body(schema: Option<&BodySchema>, body: &Body, found: &mut Vec<String>) {
    for attribute in &body.attributes {
        let field = schema.and_then(|schema| schema.field(&attribute.name));
        match field {
            Some(field) if holds_secret(&field.ty) => texts(&attribute.value, found),
            _ => marked(&attribute.value, found),
        }
    }
    for block in &body.blocks {
        let schema = schema.and_then(|schema| schema.block(&block.name));
        let schema = schema.map(|block| (block.body)());
        of_body(schema, &block.body, found);
    }
}

fn holds_secret(ty: &Type) -> bool {
    match ty {
        Type::Secret => true,
        Type::List(element) | Type::Map(element) => holds_secret(element),
        _ => false,
    }
}

/// Every text in a value of a secret type.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.to_string()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(object) => object.iter().for_each(|(_, value)| texts(value, found)),
        other => marked(other, found),
    }
}

/// What is marked as a secret in any value.
fn marked(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Capsule(Capsule::Secret(secret)) => found.push(secret.expose().to_owned()),
        Value::Capsule(Capsule::OptionalSecret(text)) if text.is_secret() => {
            found.push(text.expose().to_owned());
        }
        Value::Array(values) => values.iter().for_each(|value| marked(value, found)),
        Value::Object(object) => object.iter().for_each(|(_, value)| marked(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_secret_is_cleared() {
        let secrets = [Secret::new("hunter22"), Secret::new("hunter")];
        assert_eq!(
            scrub("a hunter22 b hunter c hunter2", &secrets),
            "a (secret) b (secret) c (secret)2"
        );
    }
}
