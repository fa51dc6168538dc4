//! A log entry on its way through the stages: labels, line, time, structured metadata and what was
//! extracted. One is reused from entry to entry, so that in steady state nothing is allocated.

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

use batch::LabelsBuf;

/// An entry.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub labels: Labels,
    pub extracted: Extracted,
    /// Nanoseconds since 1970.
    pub timestamp_ns: i64,
    /// Bytes: what comes from files and sockets need not be UTF-8.
    pub line: Vec<u8>,
    pub metadata: Pairs,
}

impl Entry {
    /// Empties the entry and keeps its allocations.
    pub fn clear(&mut self) {
        self.labels.clear();
        self.extracted.clear();
        self.timestamp_ns = 0;
        self.line.clear();
        self.metadata.clear();
    }

    /// All labels are extracted values too, as they are when an entry enters a pipeline.
    pub fn extract_labels(&mut self) {
        for (name, value) in self.labels.buf.iter() {
            self.extracted.set_text(name, value);
        }
    }
}

/// The labels of an entry, and the label set that they are as long as no stage changes them.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    buf: LabelsBuf,
    origin: Option<Rc<LabelsBuf>>,
}

impl Labels {
    /// Takes the labels of a stream over.
    pub fn assign(&mut self, labels: &Rc<LabelsBuf>) {
        self.buf.copy_from(labels);
        self.origin = Some(labels.clone());
    }

    fn clear(&mut self) {
        self.buf.clear();
        self.origin = None;
    }

    #[must_use]
    pub fn buf(&self) -> &LabelsBuf {
        &self.buf
    }

    /// The label set that was assigned, if these still are its labels.
    #[must_use]
    pub fn unchanged(&self) -> Option<&Rc<LabelsBuf>> {
        self.origin.as_ref()
    }

    /// A missing label has the empty value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.buf.get(name)
    }

    /// Sets a label. Compat: an empty value stays on the stream.
    pub fn set(&mut self, name: &str, value: &str) {
        if self.buf.get(name) != Some(value) {
            self.buf.put(name, value);
            self.origin = None;
        }
    }

    pub fn remove(&mut self, name: &str) {
        if self.buf.remove(name) {
            self.origin = None;
        }
    }

    pub fn retain(&mut self, keep: impl FnMut(&str, &str) -> bool) {
        let before = self.buf.len();
        self.buf.retain(keep);
        if self.buf.len() != before {
            self.origin = None;
        }
    }
}

/// A value that a stage extracted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Null, or a list or map of a database: there, but without a text.
    Opaque,
    Bool(bool),
    Float(f64),
    Int(i64),
    Text(&'a str),
}

impl Value<'_> {
    /// Appends the value's text; false if it has none.
    pub fn write(self, out: &mut String) -> bool {
        match self {
            Value::Opaque => return false,
            Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Value::Float(value) => write_float(value, out),
            Value::Int(value) => {
                use std::fmt::Write as _;
                write!(out, "{value}").expect("a string takes any text");
            }
            Value::Text(text) => out.push_str(text),
        }
        true
    }

    /// The value as text, if it has one.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        if let Value::Text(text) = self {
            return Some(Cow::Borrowed(text));
        }
        let mut out = String::new();
        self.write(&mut out).then_some(Cow::Owned(out))
    }
}

/// The shortest decimal digits without an exponent.
pub(crate) fn write_float(value: f64, out: &mut String) {
    use std::fmt::Write as _;
    match value {
        f64::INFINITY => out.push_str("+Inf"),
        f64::NEG_INFINITY => out.push_str("-Inf"),
        value if value.is_nan() => out.push_str("NaN"),
        value => write!(out, "{value}").expect("a string takes any text"),
    }
}

/// What was extracted: a small map from names to values. Looking up compares names one by one,
/// which for the few names of a pipeline is cheaper than hashing.
#[derive(Debug, Clone, Default)]
pub struct Extracted {
    /// Names and texts; replaced ones stay as garbage until `clear`.
    text: String,
    fields: Vec<Field>,
}

#[derive(Debug, Clone)]
struct Field {
    name: Range<usize>,
    value: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    Opaque,
    Bool(bool),
    Float(f64),
    Int(i64),
    Text(Range<usize>),
}

impl Extracted {
    pub fn clear(&mut self) {
        self.text.clear();
        self.fields.clear();
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        self.find(name).map(|index| self.value(index))
    }

    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The fields in the order in which they were first set.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, Value<'_>)> {
        (0..self.fields.len()).map(|index| self.field(index))
    }

    /// The field at a place of that order.
    #[must_use]
    pub fn field(&self, index: usize) -> (&str, Value<'_>) {
        (
            &self.text[self.fields[index].name.clone()],
            self.value(index),
        )
    }

    pub fn set(&mut self, name: &str, value: Value<'_>) {
        let kept = match value {
            Value::Opaque => Kept::Opaque,
            Value::Bool(value) => Kept::Bool(value),
            Value::Float(value) => Kept::Float(value),
            Value::Int(value) => Kept::Int(value),
            Value::Text(text) => Kept::Text(self.push(text)),
        };
        self.place(name, kept);
    }

    pub fn set_text(&mut self, name: &str, text: &str) {
        self.set(name, Value::Text(text));
    }

    /// Sets a text that `write` appends.
    pub fn write_text(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        let start = self.text.len();
        write(&mut self.text);
        let range = start..self.text.len();
        self.place(name, Kept::Text(range));
    }

    pub fn remove(&mut self, name: &str) {
        if let Some(index) = self.find(name) {
            self.fields.remove(index);
        }
    }

    fn place(&mut self, name: &str, value: Kept) {
        match self.find(name) {
            Some(index) => self.fields[index].value = value,
            None => {
                let name = self.push(name);
                self.fields.push(Field { name, value });
            }
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.fields
            .iter()
            .position(|field| &self.text[field.name.clone()] == name)
    }

    fn value(&self, index: usize) -> Value<'_> {
        match &self.fields[index].value {
            Kept::Opaque => Value::Opaque,
            Kept::Bool(value) => Value::Bool(*value),
            Kept::Float(value) => Value::Float(*value),
            Kept::Int(value) => Value::Int(*value),
            Kept::Text(range) => Value::Text(&self.text[range.clone()]),
        }
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }
}

/// Structured metadata: names and values in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Pairs {
    text: Vec<u8>,
    pairs: Vec<(Range<usize>, Range<usize>)>,
}

impl Pairs {
    pub fn clear(&mut self) {
        self.text.clear();
        self.pairs.clear();
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        (0..self.pairs.len()).map(|index| self.pair(index))
    }

    #[must_use]
    pub fn pair(&self, index: usize) -> (&[u8], &[u8]) {
        let (name, value) = &self.pairs[index];
        (&self.text[name.clone()], &self.text[value.clone()])
    }

    /// The value of the first pair of this name.
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter()
            .find_map(|(other, value)| (other == name).then_some(value))
    }

    /// Appends a pair, whatever names there are.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let name = self.keep(name);
        let value = self.keep(value);
        self.pairs.push((name, value));
    }

    /// Replaces the value of the first pair of this name, or appends one.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let known = self.iter().position(|(other, _)| other == name);
        match known {
            Some(index) => self.set_value(index, value),
            None => self.push(name, value),
        }
    }

    pub fn set_value(&mut self, index: usize, value: &[u8]) {
        self.pairs[index].1 = self.keep(value);
    }

    /// Removes all pairs of this name.
    pub fn remove(&mut self, name: &[u8]) {
        let text = &self.text;
        self.pairs.retain(|(other, _)| &text[other.clone()] != name);
    }

    fn keep(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(text);
        start..self.text.len()
    }
}

/// What a stage reads: the line, or the value of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Line,
    Key(String),
}

impl Source {
    /// `None` is the line.
    #[must_use]
    pub fn new(key: Option<&str>) -> Source {
        key.map_or(Source::Line, |key| Source::Key(key.to_owned()))
    }

    /// The text, or None if there is no such value or it has no text. A value is copied to
    /// `scratch` (a few bytes), so that the stage may write to what it has read from; so is a line
    /// that is not UTF-8, with replacement characters.
    pub(crate) fn read<'a>(
        &self,
        line: &'a [u8],
        extracted: &Extracted,
        scratch: &'a mut String,
    ) -> Option<&'a str> {
        scratch.clear();
        match self {
            Source::Line => match std::str::from_utf8(line) {
                Ok(text) => return Some(text),
                Err(_) => scratch.push_str(&String::from_utf8_lossy(line)),
            },
            Source::Key(key) => {
                if !extracted.get(key)?.write(scratch) {
                    return None;
                }
            }
        }
        Some(scratch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_text_that_go_gives_them() {
        let text = |value: Value<'_>| value.text().map(Cow::into_owned);
        assert_eq!(
            text(Value::Float(1e21)).as_deref(),
            Some("1000000000000000000000")
        );
        assert_eq!(text(Value::Float(-0.0)).as_deref(), Some("-0"));
        assert_eq!(text(Value::Float(1.5)).as_deref(), Some("1.5"));
        assert_eq!(text(Value::Float(1e-7)).as_deref(), Some("0.0000001"));
        assert_eq!(text(Value::Bool(true)).as_deref(), Some("true"));
        assert_eq!(text(Value::Opaque), None);
    }

    #[test]
    fn what_is_set_again_keeps_its_place() {
        let mut extracted = Extracted::default();
        extracted.set_text("a", "1");
        extracted.set("b", Value::Bool(true));
        extracted.set_text("a", "2");
        let fields: Vec<_> = extracted.iter().collect();
        assert_eq!(fields, [("a", Value::Text("2")), ("b", Value::Bool(true))]);
        extracted.remove("a");
        assert!(!extracted.contains("a"));
    }

    #[test]
    fn setting_a_label_to_what_it_is_changes_nothing() {
        let mut labels = Labels::default();
        labels.assign(&Rc::new([("a", "1")].into_iter().collect()));
        labels.set("a", "1");
        labels.remove("b");
        assert!(labels.unchanged().is_some());
        labels.set("a", "");
        assert!(labels.unchanged().is_none());
        assert_eq!(labels.get("a"), Some(""));
    }
}
