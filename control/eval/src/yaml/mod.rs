//! `encoding.from_yaml`: a YAML document as a value.
//!
//! Compat: what plain scalars mean is decided as Go's yaml.v3 does, which Alloy uses: `0777` is
//! octal, `yes` is a text, a date is a text with its time, a map with a key that is no text is a
//! capsule (case language/encoding_yaml). Only the first document of several counts.

mod scalar;
mod timestamp;

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use schema::{Object, Value};

/// Limit: collections inside each other. Deeper ones would cost stack where values are walked.
const DEPTH_MAX: usize = 200;

/// Limit: values of a document with its aliases written out. Aliases of aliases grow exponentially;
/// a document that large is an attack or a mistake.
const VALUES_MAX: u64 = 1_000_000;

/// What a map with keys that are no texts becomes.
const ANY_MAP: &str = "map[interface {}]interface {}";

pub(crate) fn parse(text: &str) -> Result<Value, String> {
    document(text, scalar::resolve)
}

/// The document with each scalar as the text that it is written as, null excepted: for readers that
/// want texts and take `1` and `yes` for such.
pub fn parse_texts(text: &str) -> Result<Value, String> {
    document(text, |text, plain, tag| {
        let value = scalar::resolve(text, plain, tag)?;
        Ok(match value {
            Value::Null => Value::Null,
            _ => Value::string(text),
        })
    })
}

/// What a scalar becomes, given its text, whether it is plain, and its tag.
type Resolve = fn(&str, bool, Option<&Tag>) -> Result<Value, String>;

fn document(text: &str, resolve: Resolve) -> Result<Value, String> {
    let mut builder = Builder {
        open: Vec::new(),
        anchors: HashMap::new(),
        document: None,
        resolve,
    };
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| format!("not YAML: {error}"))?;
        if builder
            .event(event)
            .map_err(|message| format!("not YAML: {message}"))?
        {
            break;
        }
    }
    Ok(builder.document.map_or(Value::Null, |node| node.value))
}

/// A value, and how many values it holds with itself.
#[derive(Clone)]
struct Node {
    value: Value,
    count: u64,
    /// A plain `<<` as a key.
    merge: bool,
}

/// A collection whose end has not come yet.
enum Open {
    List {
        anchor: usize,
        nodes: Vec<Node>,
    },
    Map {
        anchor: usize,
        key: Option<Node>,
        entries: Vec<(Node, Node)>,
    },
}

struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    document: Option<Node>,
    resolve: Resolve,
}

impl Builder {
    /// True at the end of the first document.
    fn event(&mut self, event: Event<'_>) -> Result<bool, String> {
        match event {
            Event::DocumentEnd | Event::StreamEnd => return Ok(true),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => {}
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or("an alias stands inside the collection that it names")?;
                self.add(node)?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = matches!(style, ScalarStyle::Plain);
                let merge = plain && tag.is_none() && text == "<<";
                let value = (self.resolve)(&text, plain, tag.as_deref())?;
                self.finish(
                    anchor,
                    Node {
                        value,
                        count: 1,
                        merge,
                    },
                )?;
            }
            Event::SequenceStart(anchor, _) => {
                self.start(Open::List {
                    anchor,
                    nodes: Vec::new(),
                })?;
            }
            Event::MappingStart(anchor, _) => {
                self.start(Open::Map {
                    anchor,
                    key: None,
                    entries: Vec::new(),
                })?;
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { anchor, nodes }) => self.finish(anchor, list(nodes))?,
                Some(Open::Map {
                    anchor, entries, ..
                }) => self.finish(anchor, map(entries)?)?,
                None => return Err("a collection ends that did not begin".to_owned()),
            },
        }
        Ok(false)
    }

    fn start(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() == DEPTH_MAX {
            return Err(format!("collections are nested more than {DEPTH_MAX} deep"));
        }
        self.open.push(open);
        Ok(())
    }

    fn finish(&mut self, anchor: usize, node: Node) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.add(node)
    }

    fn add(&mut self, node: Node) -> Result<(), String> {
        if node.count > VALUES_MAX {
            return Err(format!("the document holds more than {VALUES_MAX} values"));
        }
        match self.open.last_mut() {
            None => self.document = Some(node),
            Some(Open::List { nodes, .. }) => nodes.push(node),
            Some(Open::Map { key, entries, .. }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
        Ok(())
    }
}

fn list(nodes: Vec<Node>) -> Node {
    let count = nodes
        .iter()
        .fold(1_u64, |sum, node| sum.saturating_add(node.count));
    let value = Value::array(nodes.into_iter().map(|node| node.value));
    Node {
        value,
        count,
        merge: false,
    }
}

fn map(entries: Vec<(Node, Node)>) -> Result<Node, String> {
    let counts = entries
        .iter()
        .map(|(key, value)| key.count.saturating_add(value.count));
    let count = counts.fold(1_u64, u64::saturating_add);
    let mut object = Object::default();
    let mut others = Vec::new();
    let mut merges = Vec::new();
    for (key, value) in entries {
        match key.value {
            Value::String(_) if key.merge => merges.push(value.value),
            Value::String(key) if object.get(&key).is_some() => {
                return Err(format!("the key {key:?} is there twice"));
            }
            Value::String(key) => object.insert(key, value.value),
            other => others.push((other, value.value)),
        }
    }
    for merge in &merges {
        merge_into(&mut object, merge)?;
    }
    let value = match others.is_empty() {
        true => Value::Object(object.into()),
        false => {
            others.extend(
                object
                    .iter()
                    .map(|(k, v)| (Value::String(k.clone()), v.clone())),
            );
            Value::opaque(ANY_MAP, others)
        }
    };
    Ok(Node {
        value,
        count,
        merge: false,
    })
}

/// Keys that are there stay; of several maps the first counts.
fn merge_into(object: &mut Object, merge: &Value) -> Result<(), String> {
    match merge {
        Value::Object(other) => {
            for (key, value) in other.iter() {
                if object.get(key).is_none() {
                    object.insert(key.clone(), value.clone());
                }
            }
            Ok(())
        }
        Value::Array(maps) => maps.iter().try_for_each(|map| merge_into(object, map)),
        _ => Err("what \"<<\" merges is no map".to_owned()),
    }
}

#[cfg(test)]
mod tests;
