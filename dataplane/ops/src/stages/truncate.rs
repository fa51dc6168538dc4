//! `stage.truncate`: cuts lines, labels, structured metadata and values that are too long.

use super::program::{Counters, Cx, Flow};
use super::{Entry, Value};

/// `stage.truncate`.
#[derive(Debug)]
pub struct Truncate {
    pub rules: Vec<TruncateRule>,
}

/// One rule.
#[derive(Debug)]
pub struct TruncateRule {
    pub what: TruncateWhat,
    /// Most bytes, the suffix among them.
    pub limit: usize,
    pub suffix: String,
    /// Names; none is all of the kind.
    pub sources: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruncateWhat {
    Line,
    Label,
    StructuredMetadata,
    Extracted,
}

impl TruncateWhat {
    fn name(self) -> &'static str {
        match self {
            TruncateWhat::Line => "line",
            TruncateWhat::Label => "label",
            TruncateWhat::StructuredMetadata => "structured_metadata",
            TruncateWhat::Extracted => "extracted",
        }
    }
}

impl Truncate {
    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let mut cut: Vec<&'static str> = Vec::new();
        for rule in &self.rules {
            let before = total(cx.counters, rule.what);
            rule.apply(entry, cx);
            if before != total(cx.counters, rule.what) {
                cut.push(rule.what.name());
            }
            if !cut.is_empty() {
                tell(entry, &cut);
            }
        }
        Flow::Pass
    }
}

fn total(counters: &Counters, what: TruncateWhat) -> u64 {
    counters.truncated.get(what.name()).copied().unwrap_or(0)
}

/// Keeps the value `truncated`, a sorted list of what was cut by this stage and those before.
fn tell(entry: &mut Entry, cut: &[&str]) {
    let mut all: Vec<String> = cut.iter().map(|name| (*name).to_owned()).collect();
    if let Some(Value::Text(before)) = entry.extracted.get("truncated") {
        all.extend(before.split(',').map(str::to_owned));
    }
    all.sort();
    all.dedup();
    entry.extracted.set_text("truncated", &all.join(","));
}

impl TruncateRule {
    fn apply(&self, entry: &mut Entry, cx: &mut Cx<'_>) {
        let count = cx.counters.truncated.entry(self.what.name()).or_default();
        match self.what {
            TruncateWhat::Line => {
                // Compat: bytes are counted, so that a character may be cut in two.
                if let Some(end) = self.end(entry.line.len()) {
                    entry.line.truncate(end);
                    entry.line.extend_from_slice(self.suffix.as_bytes());
                    *count += 1;
                }
            }
            TruncateWhat::Label => {
                let labels = entry.labels.buf().clone();
                for (name, value) in labels.iter().filter(|(name, _)| self.is_meant(name)) {
                    if let Some(cut) = self.cut(value) {
                        entry.labels.set(name, &cut);
                        *count += 1;
                    }
                }
            }
            TruncateWhat::StructuredMetadata => {
                for index in 0..entry.metadata.len() {
                    let (name, value) = entry.metadata.pair(index);
                    let name = String::from_utf8_lossy(name);
                    let end = self.end(value.len()).filter(|_| self.is_meant(&name));
                    if let Some(end) = end {
                        let cut = [&value[..end], self.suffix.as_bytes()].concat();
                        entry.metadata.set_value(index, &cut);
                        *count += 1;
                    }
                }
            }
            TruncateWhat::Extracted => {
                for index in 0..entry.extracted.len() {
                    let (name, value) = entry.extracted.field(index);
                    let Value::Text(text) = value else {
                        continue;
                    };
                    if let Some(cut) = self.cut(text).filter(|_| self.is_meant(name)) {
                        let name = name.to_owned();
                        entry.extracted.set_text(&name, &cut);
                        *count += 1;
                    }
                }
            }
        }
    }

    fn is_meant(&self, name: &str) -> bool {
        self.sources.is_empty() || self.sources.iter().any(|source| source == name)
    }

    /// Where to cut. Compat: what fits the limit but leaves no room for the suffix is cut too.
    fn end(&self, bytes: usize) -> Option<usize> {
        let end = self.limit - self.suffix.len();
        (bytes > end).then_some(end)
    }

    /// A cut text. Unlike in Alloy half a character becomes a replacement character, since labels
    /// and values are texts.
    fn cut(&self, text: &str) -> Option<String> {
        let end = self.end(text.len())?;
        let cut = String::from_utf8_lossy(&text.as_bytes()[..end]);
        Some(cut.into_owned() + &self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{Rig, extracted, labels};

    fn rule(what: TruncateWhat, limit: usize, suffix: &str, sources: &[&str]) -> TruncateRule {
        TruncateRule {
            what,
            limit,
            suffix: suffix.to_owned(),
            sources: sources.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn fill(entry: &mut Entry) {
        entry.line.extend_from_slice("ééééé".as_bytes());
        entry.labels.set("a", "12345");
        entry.labels.set("b", "12345");
        entry.metadata.push(b"m", b"12345");
        entry.extracted.set("n", Value::Float(123_456.0));
    }

    #[test]
    fn all_kinds_are_cut_and_told() {
        let mut rig = Rig::of(Truncate {
            rules: vec![
                rule(TruncateWhat::Line, 6, "...", &[]),
                rule(TruncateWhat::Label, 2, "", &["a"]),
                rule(TruncateWhat::StructuredMetadata, 4, "~", &[]),
                rule(TruncateWhat::Extracted, 3, "", &[]),
            ],
        });
        rig.entry(fill);
        let entry = &rig.out[0];
        assert_eq!(entry.line, b"\xc3\xa9\xc3...");
        assert_eq!(labels(entry), r#"{a="12", b="12345"}"#);
        assert_eq!(entry.metadata.get(b"m"), Some(&b"123~"[..]));
        let told = "truncated=extracted,lab,label,line,structured_metadata";
        assert_eq!(extracted(entry)[3..], [told.to_owned()]);
        assert_eq!(rig.counters().truncated["extracted"], 3);
    }

    #[test]
    fn what_is_short_stays() {
        let mut rig = Rig::of(Truncate {
            rules: vec![rule(TruncateWhat::Line, 10, "", &[])],
        });
        rig.line("0123456789").line("0123456789a");
        assert_eq!(rig.lines(), ["0123456789", "0123456789"]);
        assert!(!rig.out[0].extracted.contains("truncated"));
    }
}
