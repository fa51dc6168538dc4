//! XML as maps.

use super::document::{DOCUMENT, Document, Id, Kind, local};
use super::read::{Form, read};
use crate::ottl::error::Error;
use crate::ottl::functions::call::{Args, Outcome};
use crate::ottl::value::{Map, Value};

/// Elements as maps of `tag`, `attributes`, `content` and `children`.
pub(super) fn parse<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let document = read(args.text(0), Form::Single)?;
    let children = &document.node(DOCUMENT).children;
    let root = children.iter().find(|&&id| document.name(id).is_some());
    let root = root.ok_or_else(|| Error::new("unmarshal xml: EOF"))?;
    Ok(Value::map(element(&document, *root)))
}

fn element(document: &Document, id: Id) -> Map {
    let mut map = Map::new();
    let name = local(document.name(id).unwrap_or_default());
    map.set("tag", Value::text(name.to_owned()));
    let mut content = String::new();
    let mut children = Vec::new();
    for &child in &document.node(id).children {
        match &document.node(child).kind {
            Kind::Text(text) | Kind::CData(text) => content.push_str(text.trim()),
            Kind::Element(..) => children.push(Value::map(element(document, child))),
            _ => {}
        }
    }
    if !content.is_empty() {
        map.set("content", Value::text(content));
    }
    let attributes = document.attributes(id);
    if !attributes.is_empty() {
        let mut attribute_map = Map::new();
        for (name, value) in attributes {
            attribute_map.set(local(name), Value::text(value.clone()));
        }
        map.set("attributes", Value::map(attribute_map));
    }
    if !children.is_empty() {
        map.set("children", Value::list(children));
    }
    map
}

/// Elements as keys; those of one name as a list; attributes are passed over.
pub(super) fn parse_simplified<'c>(args: &mut Args<'c>) -> Outcome<'c> {
    let document = read(args.text(0), Form::Fragment)?;
    Ok(Value::map(simplified(&document, DOCUMENT)))
}

fn simplified(document: &Document, parent: Id) -> Map {
    let mut map = Map::new();
    let children = &document.node(parent).children;
    let elements = children
        .iter()
        .copied()
        .filter(|&id| document.name(id).is_some());
    let elements: Vec<Id> = elements.collect();
    for &child in &elements {
        if document.node(child).children.is_empty() {
            continue;
        }
        let name = local(document.name(child).unwrap_or_default());
        let same = |&&other: &&Id| document.name(other).map(local) == Some(name);
        let repeated = elements.iter().filter(same).count() > 1;
        if repeated && map.get(name).is_none() {
            map.set(name, Value::list(Vec::new()));
        }
        let value = match leaf(document, child) {
            text if !text.is_empty() => Value::text(text),
            _ => {
                let inner = simplified(document, child);
                if inner.is_empty() {
                    continue;
                }
                Value::map(inner)
            }
        };
        match map.entry(name) {
            Value::List(list) if repeated => list.to_mut().items.push(value),
            entry => *entry = value,
        }
    }
    map
}

/// The first text of an element without elements.
fn leaf(document: &Document, id: Id) -> String {
    let children = &document.node(id).children;
    if children.iter().any(|&child| document.name(child).is_some()) {
        return String::new();
    }
    let text = children
        .iter()
        .find_map(|&child| match &document.node(child).kind {
            Kind::Text(text) | Kind::CData(text) => Some(text.clone()),
            _ => None,
        });
    text.unwrap_or_default()
}
