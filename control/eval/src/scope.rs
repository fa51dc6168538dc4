//! What names mean at one place of a configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use schema::{Object, Value};

/// Values by dotted names. Names that it does not know are looked up in the standard library.
///
/// A scope is a tree: `prometheus.scrape.a` is three steps, of which only the last is a value, so
/// that setting the exports of one node touches no other.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    root: BTreeMap<Arc<str>, Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    Value(Value),
    Branch(BTreeMap<Arc<str>, Entry>),
}

/// What the first names of a reference lead to.
pub(crate) enum Found<'s> {
    /// The value that the first `names` names stand for.
    Value { value: &'s Value, names: usize },
    /// Something is below the names, but no value at them.
    Branch(Value),
    /// The first name is not in the scope.
    Unknown,
    /// The first names are in the scope, the one at this index is not.
    NoField(usize),
}

impl Scope {
    pub fn new() -> Scope {
        Scope::default()
    }

    /// Gives a dotted name its value, in place of the one before. A value in the way becomes a
    /// branch.
    pub fn set(&mut self, path: &str, value: Value) {
        let mut entries = &mut self.root;
        let mut names = path.split('.').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                entries.insert(name.into(), Entry::Value(value));
                return;
            }
            let entry = entries.entry(name.into()).or_insert_with(Entry::branch);
            if let Entry::Value(_) = entry {
                *entry = Entry::branch();
            }
            let Entry::Branch(below) = entry else { return };
            entries = below;
        }
    }

    pub(crate) fn find<'a>(&self, names: impl Iterator<Item = &'a str>) -> Found<'_> {
        let mut entries = &self.root;
        for (at, name) in names.enumerate() {
            match entries.get(name) {
                Some(Entry::Value(value)) => {
                    return Found::Value {
                        value,
                        names: at + 1,
                    };
                }
                Some(Entry::Branch(below)) => entries = below,
                None if at == 0 => return Found::Unknown,
                None => return Found::NoField(at),
            }
        }
        Found::Branch(object_of(entries))
    }

    /// All first names, for suggestions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.root.keys().map(|name| &**name)
    }
}

impl Entry {
    fn branch() -> Entry {
        Entry::Branch(BTreeMap::new())
    }
}

fn object_of(entries: &BTreeMap<Arc<str>, Entry>) -> Value {
    let value = |entry: &Entry| match entry {
        Entry::Value(value) => value.clone(),
        Entry::Branch(below) => object_of(below),
    };
    let fields = entries
        .iter()
        .map(|(name, entry)| (name.clone(), value(entry)));
    Value::Object(Arc::new(fields.collect::<Object>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(scope: &Scope, path: &str) -> String {
        match scope.find(path.split('.')) {
            Found::Value { value, names } => format!("{value:?} after {names}"),
            Found::Branch(value) => format!("branch {value:?}"),
            Found::Unknown => "unknown".to_owned(),
            Found::NoField(at) => format!("no field {at}"),
        }
    }

    #[test]
    fn a_name_leads_to_the_value_above_its_fields() {
        let mut scope = Scope::new();
        scope.set("local.file.a", Value::object([("content", "x".into())]));
        scope.set("item", 3_i64.into());
        assert_eq!(
            shape(&scope, "local.file.a.content"),
            r#"{"content": "x"} after 3"#
        );
        assert_eq!(shape(&scope, "item"), "3 after 1");
        assert_eq!(shape(&scope, "local.file.b"), "no field 2");
        assert_eq!(shape(&scope, "other.x"), "unknown");
        assert_eq!(
            shape(&scope, "local"),
            r#"branch {"file": {"a": {"content": "x"}}}"#
        );
    }
}
