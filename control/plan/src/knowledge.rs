//! What the text of a configuration does not tell by itself: what imports brought, and which
//! elements the collections of `foreach` blocks have.
//!
//! Keyed by node id, so that it outlives the graph that it was learned with.

use std::collections::HashMap;
use std::sync::Arc;

use schema::{Number, Object, Value};
use sha2::{Digest, Sha256};
use syntax::{Body, Diagnostic, SourceMap, Stmt, Tree};

use crate::graph::is_import;
use crate::limits::IMPORT_FILES_MAX;

#[derive(Clone, Default)]
pub(crate) struct Knowledge {
    pub imports: HashMap<String, Imported>,
    /// The elements of each `foreach`.
    pub items: HashMap<String, Items>,
}

/// The elements of a `foreach`, as far as the graph needs to know them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Items {
    /// The name of the element in the template; empty without elements.
    pub var: Arc<str>,
    /// The ids in the order of the collection.
    pub ids: Vec<Arc<str>>,
}

/// What an import brought.
#[derive(Clone)]
pub(crate) struct Imported {
    /// What `module_path` stands for inside.
    pub path: Arc<str>,
    pub files: Vec<File>,
    pub content: Content,
}

/// One text of an import.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub name: Arc<str>,
    pub text: Arc<str>,
}

#[derive(Clone)]
pub(crate) enum Content {
    /// Of all files in their order.
    Trees(Vec<Arc<Tree>>),
    /// Nothing that can be used, and why.
    Unusable(String),
}

impl Imported {
    /// The exports of an import's source; None if they are not such.
    pub fn from_exports(exports: &Value) -> Option<Imported> {
        let Value::Object(exports) = exports else {
            return None;
        };
        let Some(Value::Object(files)) = exports.get("files") else {
            return None;
        };
        let path = exports.get("module_path").and_then(Value::as_str)?.into();
        let file = |(name, text): (&Arc<str>, &Value)| {
            let text = text.as_str()?.into();
            Some(File {
                name: name.clone(),
                text,
            })
        };
        Some(Imported {
            path,
            files: files.iter().filter_map(file).collect(),
            content: Content::Trees(Vec::new()),
        })
    }

    /// Parses the files, whose texts join `sources` in the given places or in new ones.
    pub fn parse(
        &mut self,
        sources: &mut SourceMap,
        slots: &mut Vec<u32>,
    ) -> Result<(), Vec<Diagnostic>> {
        let mut trees = Vec::with_capacity(self.files.len());
        let mut found = Vec::new();
        if self.files.len() > IMPORT_FILES_MAX {
            let message = format!("an import has more than {IMPORT_FILES_MAX} files");
            return Err(vec![Diagnostic::error(None, message)]);
        }
        for (at, file) in self.files.iter().enumerate() {
            let slot = match slots.get(at) {
                Some(slot) => {
                    sources.replace(*slot, &*file.name, file.text.clone());
                    *slot
                }
                None => {
                    slots.push(sources.add(&*file.name, file.text.clone()));
                    slots[at]
                }
            };
            let parsed = syntax::parse(slot, file.text.clone());
            found.extend(parsed.diagnostics);
            refuse_strangers(parsed.tree.body(), &mut found);
            trees.push(parsed.tree);
        }
        if found.iter().any(Diagnostic::is_error) {
            return Err(found);
        }
        self.content = Content::Trees(trees);
        Ok(())
    }
}

/// Reports what has no place in an imported text.
fn refuse_strangers(body: Body<'_>, found: &mut Vec<Diagnostic>) {
    for stmt in body.statements() {
        let (span, what) = match stmt {
            Stmt::Attribute(attribute) => (attribute.name().span, attribute.name().text.to_owned()),
            Stmt::Block(block) if block.name() == "declare" || is_import(&block.name()) => continue,
            Stmt::Block(block) => (block.name_span(), block.name().into_owned()),
        };
        let message = format!("\"{what}\" is not allowed in an imported text");
        let error = Diagnostic::error(span, message);
        found.push(error.expected("a declare or import block"));
    }
}

/// The ids of the elements in the exports of a `foreach`.
pub(crate) fn known_items(exports: &Value) -> Items {
    let Value::Array(items) = exports else {
        return Items::default();
    };
    let var = match items.first() {
        Some(Value::Object(item)) => item.get("var").and_then(Value::as_str),
        _ => None,
    };
    Items {
        var: var.unwrap_or_default().into(),
        ids: items.iter().filter_map(item_id).collect(),
    }
}

fn item_id(item: &Value) -> Option<Arc<str>> {
    match item {
        Value::Object(item) => match item.get("id") {
            Some(Value::String(id)) => Some(id.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The value of the element at a place, if it bears the id.
pub(crate) fn item_value(exports: &Value, at: usize, id: &str) -> Option<Value> {
    let Value::Array(items) = exports else {
        return None;
    };
    match items.get(at)? {
        Value::Object(item) if item_id(&items[at]).as_deref() == Some(id) => {
            item.get("value").cloned()
        }
        _ => None,
    }
}

/// The exports of a `foreach`: its elements with their ids.
///
/// Compat: ids are made as in Alloy, since they are part of component ids on dashboards: the key
/// field or the whole element, then a count for those that are equal (case
/// `modules/foreach_basic`).
pub(crate) fn items(collection: &[Value], var: &str, key: &str, hash_strings: bool) -> Value {
    let var = Value::from(var);
    let mut counts: HashMap<String, u32> = HashMap::new();
    let items = collection.iter().map(|element| {
        let named = (!key.is_empty()).then(|| field(element, key)).flatten();
        let print = fingerprint(named.as_ref().unwrap_or(element), hash_strings);
        let count = counts.entry(print.clone()).or_default();
        *count += 1;
        let id = format!("foreach_{print}_{count}");
        let (var, value) = (var.clone(), element.clone());
        Value::object([("id", id.into()), ("var", var), ("value", value)])
    });
    Value::Array(Arc::new(items.collect()))
}

fn field(element: &Value, key: &str) -> Option<Value> {
    match element {
        Value::Object(object) => object.get(key).cloned(),
        _ => None,
    }
}

fn fingerprint(id: &Value, hash_strings: bool) -> String {
    match id {
        Value::String(text) if hash_strings => hashed(text),
        Value::String(text) => text
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '_' })
            .collect(),
        Value::Bool(value) => value.to_string(),
        Value::Number(Number::Int(value)) => value.to_string(),
        Value::Number(Number::Float(value)) => format!("{value:.6}").replace('.', "_"),
        other => {
            let mut text = String::new();
            as_go_writes(other, &mut text);
            hashed(&text)
        }
    }
}

fn hashed(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What Go's `%#v` prints, which Alloy hashes.
fn as_go_writes(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("interface {}(nil)"),
        Value::Bool(value) => text.push_str(&value.to_string()),
        Value::Number(Number::Uint(value)) => text.push_str(&format!("0x{value:x}")),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(value) => text.push_str(&format!("{value:?}")),
        Value::Array(values) => {
            text.push_str("[]interface {}{");
            for (at, value) in values.iter().enumerate() {
                text.push_str(if at > 0 { ", " } else { "" });
                as_go_writes(value, text);
            }
            text.push('}');
        }
        Value::Object(object) => object_as_go_writes(object, text),
        other => text.push_str(&format!("{other:?}")),
    }
}

fn object_as_go_writes(object: &Object, text: &mut String) {
    text.push_str("map[string]interface {}{");
    for (at, (key, value)) in object.iter().enumerate() {
        text.push_str(if at > 0 { ", " } else { "" });
        text.push_str(&format!("{key:?}:"));
        as_go_writes(value, text);
    }
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(collection: &[Value], key: &str, hash_strings: bool) -> Vec<String> {
        let ids = known_items(&items(collection, "item", key, hash_strings)).ids;
        ids.iter().map(|id| id.to_string()).collect()
    }

    #[test]
    fn elements_are_named_by_value_or_key_and_counted() {
        let values: [Value; 5] = [
            1_i64.into(),
            1_i64.into(),
            "a.b-c".into(),
            true.into(),
            2.75.into(),
        ];
        assert_eq!(
            ids(&values, "", false),
            [
                "foreach_1_1",
                "foreach_1_2",
                "foreach_a_b_c_1",
                "foreach_true_1",
                "foreach_2_750000_1"
            ]
        );
        let keyed = [
            Value::object([("id", "x".into()), ("port", 1_i64.into())]),
            Value::object([("id", "x".into()), ("port", 2_i64.into())]),
        ];
        assert_eq!(ids(&keyed, "id", false), ["foreach_x_1", "foreach_x_2"]);
        let hash = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
        assert_eq!(ids(&["x".into()], "", true), [format!("foreach_{hash}_1")]);
    }

    #[test]
    fn an_element_without_the_key_is_named_by_all_of_it() {
        let element = Value::object([("a", Value::object([("c", 3_i64.into())]))]);
        let mut written = String::new();
        as_go_writes(&element, &mut written);
        assert_eq!(
            written,
            r#"map[string]interface {}{"a":map[string]interface {}{"c":3}}"#
        );
        assert_eq!(
            ids(std::slice::from_ref(&element), "id", false),
            [format!("foreach_{}_1", hashed(&written))]
        );
    }

    #[test]
    fn an_elements_value_is_found_by_its_place_and_id() {
        let exports = items(&["a".into(), "b".into()], "v", "", false);
        assert_eq!(item_value(&exports, 1, "foreach_b_1"), Some("b".into()));
        assert_eq!(item_value(&exports, 0, "foreach_b_1"), None);
        assert_eq!(item_value(&exports, 2, "foreach_b_1"), None);
    }
}
