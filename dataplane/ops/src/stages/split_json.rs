//! `stage.split_json`: makes an entry of each element of a JSON array.

use super::json_scan::{Scanner, Token};
use super::program::{Cx, Flow};
use super::{Entry, Source};

/// `stage.split_json`.
#[derive(Debug)]
pub struct SplitJson {
    source: Source,
    elements: Vec<(usize, usize)>,
}

impl SplitJson {
    #[must_use]
    pub fn new(source: Option<&str>) -> SplitJson {
        SplitJson {
            source: Source::new(source),
            elements: Vec::new(),
        }
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let read = self.source.read(&entry.line, &entry.extracted, cx.scratch);
        let Some(text) = read else {
            return Flow::Pass;
        };
        if elements(text, &mut self.elements).is_none() {
            return Flow::Pass;
        }
        let Some((last, others)) = self.elements.split_last() else {
            return cx.drop_uncounted();
        };
        let text = text.to_owned();
        for (start, end) in others {
            let mut element = cx.fresh();
            element.clone_from(entry);
            element.line.clear();
            element
                .line
                .extend_from_slice(&text.as_bytes()[*start..*end]);
            cx.spilled.push(element);
        }
        entry.line.clear();
        entry
            .line
            .extend_from_slice(&text.as_bytes()[last.0..last.1]);
        Flow::Pass
    }
}

/// Where the elements of the array are; None for anything else than a whole array.
fn elements(text: &str, out: &mut Vec<(usize, usize)>) -> Option<()> {
    out.clear();
    let mut scanner = Scanner::new(text.as_bytes());
    if scanner.value()? != Token::Array {
        return None;
    }
    let mut more = scanner.first_element()?;
    while more {
        let start = scanner.skip_blank();
        scanner.skip_value()?;
        out.push((start, scanner.at()));
        more = scanner.next_element()?;
    }
    scanner.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::Rig;

    fn split(line: &str) -> Vec<String> {
        let mut rig = Rig::of(SplitJson::new(None));
        rig.line(line);
        rig.lines()
    }

    #[test]
    fn each_element_becomes_an_entry_as_it_was_written() {
        assert_eq!(
            split(r#" [ {"a": 1} , null,"x" ]"#),
            [r#"{"a": 1}"#, "null", "\"x\""]
        );
        assert_eq!(split("[]"), [""; 0]);
    }

    #[test]
    fn what_is_no_array_passes() {
        for line in ["", "{}", "x", "[1", "[1,]", "[1] 2", "[1 2]"] {
            assert_eq!(split(line), [line]);
        }
    }

    #[test]
    fn every_entry_has_all_that_the_one_had() {
        let mut rig = Rig::of(SplitJson::new(Some("list")));
        rig.entry(|entry| {
            entry.labels.set("a", "1");
            entry.extracted.set_text("list", "[1,2]");
            entry.metadata.push(b"m", b"v");
            entry.timestamp_ns = 5;
        });
        assert_eq!(rig.lines(), ["1", "2"]);
        for entry in &rig.out {
            assert_eq!(entry.labels.get("a"), Some("1"));
            assert_eq!(entry.metadata.get(b"m"), Some(&b"v"[..]));
            assert_eq!(entry.timestamp_ns, 5);
        }
    }
}
