//! Names of parts of entries: `body`, `attributes.a.b`, `resource["a.b"]`.

use batch::otlp::{AnyValue, Attributes};

use super::Entry;

/// A part of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    root: Root,
    keys: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Root {
    Body,
    Attributes,
    Resource,
}

impl Field {
    pub fn new(text: &str) -> Result<Field, String> {
        let mut keys = keys(text)?.into_iter();
        let root = match keys.next().as_deref() {
            Some("body") => Root::Body,
            Some("attributes") => Root::Attributes,
            Some("resource") => Root::Resource,
            _ => {
                let roots = "must be prefixed with `attributes`, `resource`, or `body`";
                return Err(format!("fields {roots}: '{text}'"));
            }
        };
        let keys = keys.collect();
        Ok(Field { root, keys })
    }

    /// The whole body.
    pub fn body() -> Field {
        Field {
            root: Root::Body,
            keys: Vec::new(),
        }
    }

    /// All attributes.
    pub fn attributes() -> Field {
        Field {
            root: Root::Attributes,
            keys: Vec::new(),
        }
    }

    /// All attributes of the resource.
    pub fn resource() -> Field {
        Field {
            root: Root::Resource,
            keys: Vec::new(),
        }
    }

    /// Whether both are in the same of the three.
    pub fn is_of(&self, root: &Field) -> bool {
        self.root == root.root
    }

    pub fn get(&self, entry: &Entry) -> Option<AnyValue<'static>> {
        let map = match self.root {
            Root::Body => return inside(&entry.record.body, &self.keys).cloned(),
            Root::Attributes => &entry.record.attributes,
            Root::Resource => &entry.resource,
        };
        match &*self.keys {
            [] => Some(AnyValue::Map(map.clone())),
            [key, keys @ ..] => inside(map.get(key)?, keys).cloned(),
        }
    }

    /// Puts a value there, making the maps on the way. A root takes the keys of a map.
    pub fn set(&self, entry: &mut Entry, value: AnyValue<'static>) -> Result<(), String> {
        let map = match self.root {
            Root::Body => {
                match &*self.keys {
                    [] => entry.record.body = value,
                    [key, keys @ ..] => put(map_of(&mut entry.record.body), key, keys, value),
                }
                return Ok(());
            }
            Root::Attributes => &mut entry.record.attributes,
            Root::Resource => &mut entry.resource,
        };
        match (&*self.keys, value) {
            ([], AnyValue::Map(values)) => {
                for attribute in values.into_vec() {
                    map.set(attribute.key, attribute.value);
                }
                Ok(())
            }
            ([], _) => Err("attributes and resource take maps only".to_owned()),
            ([key, keys @ ..], value) => {
                put(map, key, keys, value);
                Ok(())
            }
        }
    }

    pub fn remove(&self, entry: &mut Entry) -> Option<AnyValue<'static>> {
        let mut map = match self.root {
            Root::Body if self.keys.is_empty() => {
                return Some(std::mem::take(&mut entry.record.body));
            }
            Root::Body => match &mut entry.record.body {
                AnyValue::Map(map) => map,
                _ => return None,
            },
            Root::Attributes => &mut entry.record.attributes,
            Root::Resource => &mut entry.resource,
        };
        let Some((last, keys)) = self.keys.split_last() else {
            return Some(AnyValue::Map(std::mem::take(map)));
        };
        for key in keys {
            let Some(AnyValue::Map(inner)) = map.get_mut(key) else {
                return None;
            };
            map = inner;
        }
        map.remove(last)
    }
}

fn inside<'v>(value: &'v AnyValue<'static>, keys: &[String]) -> Option<&'v AnyValue<'static>> {
    let mut value = value;
    for key in keys {
        let AnyValue::Map(map) = value else {
            return None;
        };
        value = map.get(key)?;
    }
    Some(value)
}

fn map_of<'v>(value: &'v mut AnyValue<'static>) -> &'v mut Attributes<'static> {
    if !matches!(value, AnyValue::Map(_)) {
        *value = AnyValue::Map(Attributes::default());
    }
    match value {
        AnyValue::Map(map) => map,
        _ => unreachable!("made one above"),
    }
}

fn put(map: &mut Attributes<'static>, key: &str, keys: &[String], value: AnyValue<'static>) {
    let [next, keys @ ..] = keys else {
        map.set(key.to_owned(), value);
        return;
    };
    if !map.contains(key) {
        map.set(key.to_owned(), AnyValue::Map(Attributes::default()));
    }
    let inner = map.get_mut(key).expect("put there above");
    put(map_of(inner), next, keys, value);
}

/// The keys of a name: with dots between them, or in brackets and quotes.
fn keys(text: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("'{text}' is no field");
    let mut keys = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('[') {
            let quote = quoted.chars().next().filter(|it| ['"', '\''].contains(it));
            let quoted = &quoted[quote.ok_or_else(wrong)?.len_utf8()..];
            let end = quoted.find(quote.ok_or_else(wrong)?).ok_or_else(wrong)?;
            keys.push(quoted[..end].to_owned());
            rest = quoted[end + 1..].strip_prefix(']').ok_or_else(wrong)?;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err(wrong());
            }
            keys.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return Ok(keys);
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
}
