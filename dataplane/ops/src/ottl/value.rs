//! What expressions evaluate to.
//!
//! A value borrows from the item or the statement where it can: reading an attribute and comparing
//! it copies nothing. What is kept longer is made owned first.

use std::borrow::Cow;

use super::time::Time;

/// A value. `Nil` is what an absent attribute reads as.
#[derive(Debug, Clone, Default)]
pub enum Value<'a> {
    #[default]
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Map(Cow<'a, Map>),
    List(Cow<'a, List>),
    Time(Time),
    /// Nanoseconds.
    Duration(i64),
    TraceId([u8; 16]),
    SpanId([u8; 8]),
    ProfileId([u8; 16]),
    /// Parts of an item that have no form in OTTL: events, links, a status.
    Part(Box<Part>),
}

/// A map in the order of its entries. Keys are few: a search is a walk.
#[derive(Debug, Clone, Default)]
pub struct Map {
    entries: Vec<(String, Value<'static>)>,
}

/// A list, and which of Go's types of lists it would be: those of one type compare as unequal to
/// lists of any type.
#[derive(Debug, Clone, Default)]
pub struct List {
    pub kind: ListKind,
    pub items: Vec<Value<'static>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListKind {
    /// Lists of data.
    #[default]
    Any,
    /// Lists that stand in a statement.
    Written,
    Texts,
    Ints,
    Floats,
    Bools,
    /// Counts of buckets. An attribute cannot be set to one.
    Unsigned,
}

/// A part of an item, kept as its encoded messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub kind: PartKind,
    pub messages: Vec<Vec<u8>>,
}

/// What the messages of a part are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    Status,
    Events,
    Links,
    NumberPoints,
    HistogramPoints,
    ExponentialPoints,
    SummaryPoints,
    Exemplars,
    Buckets,
    Quantiles,
}

impl PartKind {
    /// Whether it is a list of messages, and has a length.
    #[must_use]
    pub fn is_list(self) -> bool {
        !matches!(self, PartKind::Status | PartKind::Buckets)
    }
}

impl<'a> Value<'a> {
    #[must_use]
    pub fn text(text: impl Into<Cow<'a, str>>) -> Value<'a> {
        Value::Text(text.into())
    }

    #[must_use]
    pub fn map(map: Map) -> Value<'a> {
        Value::Map(Cow::Owned(map))
    }

    #[must_use]
    pub fn list(items: Vec<Value<'static>>) -> Value<'a> {
        Value::typed_list(ListKind::Any, items)
    }

    #[must_use]
    pub fn typed_list(kind: ListKind, items: Vec<Value<'static>>) -> Value<'a> {
        Value::List(Cow::Owned(List { kind, items }))
    }

    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// The same value, borrowing from this one.
    #[must_use]
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Text(text) => Value::Text(Cow::Borrowed(text)),
            Value::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Value::Map(map) => Value::Map(Cow::Borrowed(map)),
            Value::List(list) => Value::List(Cow::Borrowed(list)),
            Value::Nil => Value::Nil,
            Value::Bool(value) => Value::Bool(*value),
            Value::Int(value) => Value::Int(*value),
            Value::Float(value) => Value::Float(*value),
            Value::Time(value) => Value::Time(*value),
            Value::Duration(value) => Value::Duration(*value),
            Value::TraceId(value) => Value::TraceId(*value),
            Value::SpanId(value) => Value::SpanId(*value),
            Value::ProfileId(value) => Value::ProfileId(*value),
            Value::Part(part) => Value::Part(part.clone()),
        }
    }

    /// The value without what it borrows; copies texts, bytes, maps and lists that are borrowed.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Value::Map(map) => Value::Map(Cow::Owned(map.into_owned())),
            Value::List(list) => Value::List(Cow::Owned(list.into_owned())),
            Value::Nil => Value::Nil,
            Value::Bool(value) => Value::Bool(value),
            Value::Int(value) => Value::Int(value),
            Value::Float(value) => Value::Float(value),
            Value::Time(value) => Value::Time(value),
            Value::Duration(value) => Value::Duration(value),
            Value::TraceId(value) => Value::TraceId(value),
            Value::SpanId(value) => Value::SpanId(value),
            Value::ProfileId(value) => Value::ProfileId(value),
            Value::Part(part) => Value::Part(part),
        }
    }

    /// The name of the type, for messages.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "string",
            Value::Bytes(_) => "bytes",
            Value::Map(_) => "map",
            Value::List(_) => "list",
            Value::Time(_) => "time",
            Value::Duration(_) => "duration",
            Value::TraceId(_) => "trace id",
            Value::SpanId(_) => "span id",
            Value::ProfileId(_) => "profile id",
            Value::Part(_) => "part of an item",
        }
    }
}

impl Map {
    #[must_use]
    pub fn new() -> Map {
        Map::default()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value<'static>> {
        let found = self.entries.iter().find(|(other, _)| other == key);
        found.map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value<'static>> {
        let found = self.entries.iter_mut().find(|(other, _)| other == key);
        found.map(|(_, value)| value)
    }

    /// The value of a key, which is made with nil if it is absent.
    pub fn entry(&mut self, key: &str) -> &mut Value<'static> {
        let found = self.entries.iter().position(|(other, _)| other == key);
        let index = found.unwrap_or_else(|| {
            self.entries.push((key.to_owned(), Value::Nil));
            self.entries.len() - 1
        });
        &mut self.entries[index].1
    }

    /// Sets a key.
    pub fn set(&mut self, key: impl Into<String> + AsRef<str>, value: Value<'static>) {
        match self.get_mut(key.as_ref()) {
            Some(old) => *old = value,
            None => self.entries.push((key.into(), value)),
        }
    }

    /// Adds a key that is known to be new, or that data repeats.
    pub fn push(&mut self, key: String, value: Value<'static>) {
        self.entries.push((key, value));
    }

    pub fn remove(&mut self, key: &str) {
        let found = self.entries.iter().position(|(other, _)| other == key);
        if let Some(index) = found {
            self.entries.remove(index);
        }
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.entries.retain(|(key, _)| keep(key));
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'static>)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value<'static>)> {
        self.entries.iter_mut().map(|(key, value)| (&**key, value))
    }
}

impl IntoIterator for Map {
    type Item = (String, Value<'static>);
    type IntoIter = std::vec::IntoIter<(String, Value<'static>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<K: Into<String>> FromIterator<(K, Value<'static>)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value<'static>)>>(items: I) -> Map {
        let entries = items.into_iter().map(|(key, value)| (key.into(), value));
        Map {
            entries: entries.collect(),
        }
    }
}
