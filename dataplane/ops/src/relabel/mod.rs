//! Relabelling: Prometheus' rules that rewrite, keep or drop label sets.
//!
//! Rules run when a series is new; what they made of it is remembered per series by whoever applies
//! them. So this is about being the same as Prometheus, and about errors at the right setting.

mod rule;
#[cfg(test)]
mod tests;

use batch::LabelsBuf;
use md5::{Digest, Md5};

pub use crate::names::NameScheme;
pub use rule::{Action, Rule, RuleText};

/// What rules say about a label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Keep,
    Drop,
}

/// Applies rules in order. After `Drop` the labels are as far as the rules had come.
#[must_use]
pub fn apply(rules: &[Rule], labels: &mut LabelsBuf) -> Outcome {
    let mut scratch = Scratch::default();
    for rule in rules {
        if rule.apply(labels, &mut scratch) == Outcome::Drop {
            return Outcome::Drop;
        }
    }
    Outcome::Keep
}

/// Texts of one rule, kept from rule to rule.
#[derive(Default)]
struct Scratch {
    source: String,
    target: String,
    value: String,
    changed: Vec<(String, String)>,
}

impl Rule {
    fn apply(&self, labels: &mut LabelsBuf, scratch: &mut Scratch) -> Outcome {
        self.read_source(labels, &mut scratch.source);
        let source = scratch.source.as_str();
        match self.action() {
            Action::Keep => return keep_if(self.regex().is_match(source)),
            Action::Drop => return keep_if(!self.regex().is_match(source)),
            Action::KeepEqual => return keep_if(self.target_value(labels) == source),
            Action::DropEqual => return keep_if(self.target_value(labels) != source),
            Action::Replace => self.replace(labels, scratch),
            Action::Lowercase => labels.set(self.target_label(), &lowercase(source)),
            Action::Uppercase => labels.set(self.target_label(), &uppercase(source)),
            Action::HashMod => {
                let bucket = hash(source) % self.modulus();
                labels.set(self.target_label(), &bucket.to_string());
            }
            Action::LabelMap => self.map_names(labels, scratch),
            Action::LabelDrop => labels.retain(|name, _| !self.regex().is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex().is_match(name)),
        }
        Outcome::Keep
    }

    fn read_source(&self, labels: &LabelsBuf, source: &mut String) {
        source.clear();
        for (index, name) in self.source_labels().iter().enumerate() {
            if index > 0 {
                source.push_str(self.separator());
            }
            source.push_str(labels.get(name).unwrap_or_default());
        }
    }

    fn target_value<'a>(&self, labels: &'a LabelsBuf) -> &'a str {
        labels.get(self.target_label()).unwrap_or_default()
    }

    fn replace(&self, labels: &mut LabelsBuf, scratch: &mut Scratch) {
        let Scratch {
            source,
            target,
            value,
            ..
        } = scratch;
        let Some(captures) = self.regex().regex().captures(source) else {
            return;
        };
        target.clear();
        self.target().expand(&captures, target);
        if !self.names().is_label_name(target) {
            return;
        }
        value.clear();
        self.replacement().expand(&captures, value);
        labels.set(target, value);
    }

    fn map_names(&self, labels: &mut LabelsBuf, scratch: &mut Scratch) {
        // The new names must not be seen by the rule itself.
        scratch.changed.clear();
        for (name, value) in labels
            .iter()
            .filter(|(name, _)| self.regex().is_match(name))
        {
            let mut mapped = String::new();
            self.regex()
                .regex()
                .replace_all(name, self.replacement(), &mut mapped);
            scratch.changed.push((mapped, value.to_owned()));
        }
        for (name, value) in &scratch.changed {
            labels.set(name, value);
        }
    }
}

fn keep_if(keep: bool) -> Outcome {
    if keep { Outcome::Keep } else { Outcome::Drop }
}

/// The last eight bytes of the MD5 sum, as Prometheus takes them.
fn hash(text: &str) -> u64 {
    let sum: [u8; 16] = Md5::digest(text.as_bytes()).into();
    u64::from_be_bytes(*sum.last_chunk().expect("eight of sixteen bytes"))
}

/// Go's ToLower maps character by character, without Rust's special cases (İ, final sigma).
fn lowercase(text: &str) -> String {
    text.chars().map(|c| simple(c.to_lowercase(), c)).collect()
}

/// Go's ToUpper maps character by character: ß stays.
fn uppercase(text: &str) -> String {
    text.chars().map(|c| simple(c.to_uppercase(), c)).collect()
}

/// The mapping if it is one character, otherwise the character itself.
fn simple(mut mapped: impl ExactSizeIterator<Item = char>, c: char) -> char {
    if mapped.len() == 1 {
        mapped.next().unwrap_or(c)
    } else {
        c
    }
}
