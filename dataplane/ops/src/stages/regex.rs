//! `stage.regex`: extracts the named groups of a regular expression.

use crate::regex::{GoRegex, Slots};

use super::program::{Cx, Flow};
use super::{Entry, Source};

/// `stage.regex`.
#[derive(Debug)]
pub struct Extract {
    source: Source,
    regex: GoRegex,
    slots: Slots,
    to_labels: bool,
}

impl Extract {
    #[must_use]
    pub fn new(source: Option<&str>, regex: GoRegex, to_labels: bool) -> Extract {
        Extract {
            source: Source::new(source),
            slots: regex.slots(),
            regex,
            to_labels,
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let read = self.source.read(&entry.line, &entry.extracted, cx.scratch);
        let Some(text) = read else {
            return Flow::Pass;
        };
        if !self.regex.read_slots(text, &mut self.slots) {
            return Flow::Pass;
        }
        for (index, name) in self.regex.names().iter().enumerate().skip(1) {
            if name.is_empty() {
                continue;
            }
            // Compat: a group that took no part has the empty text.
            let value = self.slots.get(index).map_or("", |range| &text[range]);
            entry.extracted.set_text(name, value);
            if self.to_labels && !name.is_empty() {
                entry.labels.set(name, value);
            }
        }
        Flow::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{after, extracted, labels};

    fn stage(expression: &str, to_labels: bool) -> Extract {
        Extract::new(
            None,
            GoRegex::new(expression).expect("a pattern"),
            to_labels,
        )
    }

    #[test]
    fn named_groups_of_the_first_match_are_extracted() {
        let entry = after(stage(r"(?P<a>\d)(x)(?P<b>y)?", false), "z 1x 2xy");
        assert_eq!(extracted(&entry), ["a=1", "b="]);
        assert_eq!(extracted(&after(stage("(?P<a>q)", false), "z")), [""; 0]);
    }

    #[test]
    fn groups_become_labels_when_asked() {
        let entry = after(stage(r"(?P<a>\d)(?P<b>y)?", true), "1");
        assert_eq!(labels(&entry), r#"{a="1", b=""}"#);
    }

    #[test]
    fn a_line_that_is_not_utf8_is_read_with_replacements() {
        let mut rig = crate::stages::tests::Rig::of(stage("(?P<a>.*)", false));
        rig.entry(|entry| entry.line.extend_from_slice(b"a\xffb"));
        assert_eq!(extracted(&rig.out[0]), ["a=a\u{fffd}b"]);
        assert_eq!(rig.out[0].line, b"a\xffb");
    }
}
