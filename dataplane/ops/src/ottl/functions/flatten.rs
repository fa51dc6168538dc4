//! `flatten`: nested maps and lists brought to the top of a map.

use std::collections::HashMap;

use super::call::{Args, Edit, Literals};
use crate::ottl::error::Error;
use crate::ottl::value::{Map, Value};

pub(super) fn prepare(literals: &Literals) -> Result<Box<dyn Edit>, String> {
    let depth = literals.int(2).unwrap_or(i64::MAX);
    if depth < 1 {
        return Err(format!(
            "invalid depth '{depth}' for flatten function, must be greater than 0"
        ));
    }
    Ok(Box::new(Flatten {
        prefix: literals.text(1).unwrap_or_default().to_owned(),
        depth,
        resolve_conflicts: literals.flag(3).unwrap_or_default(),
    }))
}

#[derive(Debug)]
struct Flatten {
    prefix: String,
    depth: i64,
    resolve_conflicts: bool,
}

impl Edit for Flatten {
    fn edit(&self, old: Value<'static>, _: &mut Args<'_>) -> Result<Option<Value<'static>>, Error> {
        let Value::Map(map) = old else {
            return Ok(None);
        };
        let mut pass = Pass {
            rules: self,
            result: Map::new(),
            seen: HashMap::new(),
        };
        pass.map(map.into_owned(), &self.prefix, 0);
        Ok(Some(Value::map(pass.result)))
    }
}

struct Pass<'f> {
    rules: &'f Flatten,
    result: Map,
    /// How often a key was met, for the numbers of those that clash.
    seen: HashMap<String, usize>,
}

impl Pass<'_> {
    fn map(&mut self, map: Map, prefix: &str, depth: i64) {
        for (key, value) in map {
            let key = match prefix {
                "" => key,
                prefix => format!("{prefix}.{key}"),
            };
            self.value(key, value, depth);
        }
    }

    fn value(&mut self, key: String, value: Value<'static>, depth: i64) {
        match value {
            Value::Map(map) if depth < self.rules.depth => {
                self.map(map.into_owned(), &key, depth + 1);
            }
            Value::List(list) if depth < self.rules.depth => {
                for (index, item) in list.into_owned().items.into_iter().enumerate() {
                    self.item(&key, index, item, depth);
                }
            }
            value => self.put(key, value),
        }
    }

    fn item(&mut self, key: &str, index: usize, item: Value<'static>, depth: i64) {
        let nested = depth + 1 < self.rules.depth;
        match item {
            Value::Map(map) if nested => {
                self.map(map.into_owned(), &format!("{key}.{index}"), depth + 2);
            }
            Value::List(list) if nested => {
                // Compat: the keys of lists in lists run together, there is no dot between.
                for (inner, item) in list.into_owned().items.into_iter().enumerate() {
                    self.value(format!("{key}.{index}{inner}"), item, depth + 3);
                }
            }
            item if self.rules.resolve_conflicts => self.put(key.to_owned(), item),
            item => self.result.set(format!("{key}.{index}"), item),
        }
    }

    fn put(&mut self, key: String, value: Value<'static>) {
        if !self.rules.resolve_conflicts {
            self.result.set(key, value);
            return;
        }
        if self.result.get(&key).is_none() {
            self.seen.insert(key.clone(), 0);
            self.result.push(key, value);
            return;
        }
        let count = self.seen.entry(key.clone()).or_default();
        let numbered = format!("{key}.{count}");
        *count += 1;
        self.result.set(numbered, value);
    }
}
