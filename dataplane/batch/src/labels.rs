//! A label set being built or edited: sorted by name, reused from series to series.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

/// A sorted label set in one buffer. After the first few series it allocates nothing more.
///
/// Invariant: names are unique and ascending. No value is empty (an empty label is an absent one),
/// but for what `put` was told to keep.
#[derive(Clone, Default)]
pub struct LabelsBuf {
    /// Names and values; replaced and removed ones stay as garbage until `clear`.
    text: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    name: Slice,
    value: Slice,
}

#[derive(Clone, Copy)]
struct Slice {
    start: u32,
    end: u32,
}

impl Slice {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl LabelsBuf {
    #[must_use]
    pub fn new() -> LabelsBuf {
        LabelsBuf::default()
    }

    /// Empties the set and keeps its allocations.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a label, if the set has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let index = self.search(name).ok()?;
        Some(self.slice(self.entries[index].value))
    }

    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.search(name).is_ok()
    }

    /// Sets a label; an empty value removes it, as everywhere in Prometheus.
    pub fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.remove(name);
            return;
        }
        self.put(name, value);
    }

    /// Sets a label, to an empty value too: streams of logs keep such labels.
    pub fn put(&mut self, name: &str, value: &str) {
        match self.search(name) {
            Ok(index) => self.entries[index].value = self.push(value),
            Err(index) => self.add(index, name, value),
        }
    }

    /// Replaces the content with that of another set, without allocating if there is room.
    pub fn copy_from(&mut self, other: &LabelsBuf) {
        self.clear();
        self.text.push_str(&other.text);
        self.entries.extend_from_slice(&other.entries);
    }

    /// Sets a label that must be new: false, and nothing changed, when the set has that name
    /// already.
    #[must_use]
    pub fn insert(&mut self, name: &str, value: &str) -> bool {
        match value.is_empty() {
            true => !self.contains(name),
            false => self.put_new(name, value),
        }
    }

    /// As `insert`, and an empty value is kept.
    #[must_use]
    pub fn put_new(&mut self, name: &str, value: &str) -> bool {
        let Err(index) = self.search(name) else {
            return false;
        };
        self.add(index, name, value);
        true
    }

    fn add(&mut self, index: usize, name: &str, value: &str) {
        let entry = Entry {
            name: self.push(name),
            value: self.push(value),
        };
        self.entries.insert(index, entry);
    }

    /// Removes a label; false when the set did not have it.
    pub fn remove(&mut self, name: &str) -> bool {
        match self.search(name) {
            Ok(index) => {
                self.entries.remove(index);
                true
            }
            Err(_) => false,
        }
    }

    /// Keeps the labels for which `keep` answers true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let text = &self.text;
        self.entries
            .retain(|entry| keep(&text[entry.name.range()], &text[entry.value.range()]));
    }

    /// The labels, ascending by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|entry| (self.slice(entry.name), self.slice(entry.value)))
    }

    /// Replaces the content with that of an iterator; of equal names the last wins.
    pub fn assign<'a>(&mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.clear();
        for (name, value) in labels {
            self.set(name, value);
        }
    }

    fn search(&self, name: &str) -> Result<usize, usize> {
        // Sources mostly hand labels over in order, so that the end is the likely place.
        match self.entries.last() {
            None => return Err(0),
            Some(last) if self.slice(last.name) < name => return Err(self.entries.len()),
            Some(_) => {}
        }
        self.entries
            .binary_search_by(|entry| self.slice(entry.name).cmp(name))
    }

    fn slice(&self, slice: Slice) -> &str {
        &self.text[slice.range()]
    }

    fn push(&mut self, text: &str) -> Slice {
        let start = self.text.len();
        self.text.push_str(text);
        let end = u32::try_from(self.text.len()).expect("a label set is far below 4 GiB");
        Slice {
            start: start as u32,
            end,
        }
    }
}

impl PartialEq for LabelsBuf {
    fn eq(&self, other: &LabelsBuf) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for LabelsBuf {}

/// Of the content, as equality is.
impl Hash for LabelsBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (name, value) in self.iter() {
            name.hash(state);
            value.hash(state);
        }
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for LabelsBuf {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(labels: I) -> LabelsBuf {
        let mut buf = LabelsBuf::new();
        buf.assign(labels);
        buf
    }
}

/// Written as Prometheus does: `{a="1", b="2"}`.
impl fmt::Debug for LabelsBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &[(&str, &str)]) -> LabelsBuf {
        text.iter().copied().collect()
    }

    #[test]
    fn labels_come_out_sorted_whatever_the_order_they_were_set_in() {
        let buf = labels(&[("job", "a"), ("__name__", "up"), ("instance", "x")]);
        let names: Vec<&str> = buf.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["__name__", "instance", "job"]);
    }

    #[test]
    fn setting_again_replaces_and_setting_empty_removes() {
        let mut buf = labels(&[("a", "1"), ("b", "2")]);
        buf.set("a", "3");
        buf.set("b", "");
        buf.set("c", "");
        assert_eq!(format!("{buf:?}"), r#"{a="3"}"#);
        assert_eq!(buf.get("b"), None);
    }

    #[test]
    fn put_keeps_an_empty_value_and_copies_are_equal() {
        let mut buf = labels(&[("b", "2")]);
        buf.put("a", "");
        let mut copy = labels(&[("z", "9")]);
        copy.copy_from(&buf);
        assert_eq!(format!("{copy:?}"), r#"{a="", b="2"}"#);
        assert_eq!(copy.get("a"), Some(""));
    }

    #[test]
    fn insert_refuses_a_second_label_of_a_name() {
        let mut buf = labels(&[("a", "1")]);
        assert!(!buf.insert("a", "2"));
        assert!(buf.insert("b", "2"));
        assert!(buf.insert("c", ""));
        assert_eq!(format!("{buf:?}"), r#"{a="1", b="2"}"#);
    }

    #[test]
    fn retain_removes_by_name_and_value() {
        let mut buf = labels(&[("a", "1"), ("b", "2"), ("c", "3")]);
        buf.retain(|name, value| name != "a" && value != "3");
        assert_eq!(format!("{buf:?}"), r#"{b="2"}"#);
    }

    #[test]
    fn equality_looks_at_content_and_not_at_the_buffer() {
        let mut edited = labels(&[("a", "0"), ("z", "9")]);
        edited.set("a", "1");
        edited.remove("z");
        assert_eq!(edited, labels(&[("a", "1")]));
        assert_ne!(edited, labels(&[("a", "2")]));
    }
}
