//! `stage.pattern`: extracts values by a pattern of LogQL, `<ip> - <_> "<method> <path>"`.

use crate::names::NameScheme;

use super::program::{Cx, Flow};
use super::{Entry, Source};

/// `stage.pattern`.
#[derive(Debug)]
pub struct Pattern {
    source: Source,
    /// What the text has to begin with.
    prefix: String,
    /// Captures, each with the literal that ends it; only the last may have an empty one.
    captures: Vec<Capture>,
    to_labels: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Capture {
    /// None for `<_>`.
    name: Option<String>,
    end: String,
}

enum Part<'a> {
    Capture(&'a str),
    Literal(&'a str),
}

impl Pattern {
    pub fn new(source: Option<&str>, pattern: &str, to_labels: bool) -> Result<Pattern, String> {
        let mut prefix = String::new();
        let mut captures: Vec<Capture> = Vec::new();
        for part in parts(pattern) {
            match (part, captures.last_mut()) {
                (Part::Literal(text), None) => prefix.push_str(text),
                (Part::Literal(text), Some(capture)) => capture.end.push_str(text),
                (Part::Capture(_), Some(capture)) if capture.end.is_empty() => {
                    return Err("found consecutive captures: put a literal between them".into());
                }
                (Part::Capture(name), _) => captures.push(Capture {
                    name: (name != "_").then(|| name.to_owned()),
                    end: String::new(),
                }),
            }
        }
        let mut names: Vec<&str> = captures.iter().filter_map(|c| c.name.as_deref()).collect();
        names.sort_unstable();
        if names.is_empty() {
            return Err("at least one capture is required".to_owned());
        }
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("duplicate capture name ({})", twice[0]));
        }
        if let Some(name) = names
            .iter()
            .find(|name| !NameScheme::Legacy.is_label_name(name))
        {
            return Err(format!("invalid capture label name '{name}'"));
        }
        Ok(Pattern {
            source: Source::new(source),
            prefix,
            captures,
            to_labels,
        })
    }

    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        let read = self.source.read(&entry.line, &entry.extracted, cx.scratch);
        let Some(text) = read else {
            return Flow::Pass;
        };
        let Some(mut rest) = text
            .strip_prefix(&*self.prefix)
            .filter(|_| !text.is_empty())
        else {
            return Flow::Pass;
        };
        for capture in &self.captures {
            // Compat: a capture whose end is missing takes all that is left, and is the last.
            let end = match capture.end.as_str() {
                "" => None,
                end => memchr::memmem::find(rest.as_bytes(), end.as_bytes()),
            };
            let value = &rest[..end.unwrap_or(rest.len())];
            if let Some(name) = &capture.name {
                entry.extracted.set_text(name, value);
                if self.to_labels {
                    entry.labels.set(name, value);
                }
            }
            match end {
                Some(end) => rest = &rest[end + capture.end.len()..],
                None => break,
            }
        }
        Flow::Pass
    }
}

/// A capture is `<name>`; any other angle bracket is a literal.
fn parts(pattern: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = capture(rest) {
            rest = after;
            return Some(Part::Capture(name));
        }
        let next = rest
            .char_indices()
            .skip(1)
            .find(|(at, c)| *c == '<' && capture(&rest[*at..]).is_some());
        let (literal, after) = rest.split_at(next.map_or(rest.len(), |(at, _)| at));
        rest = after;
        Some(Part::Literal(literal))
    })
}

fn capture(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let (name, after) = inner.split_at(end);
    let after = after.strip_prefix('>')?;
    let first = name.bytes().next()?;
    (!first.is_ascii_digit()).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::tests::{after, extracted, labels};

    fn check(pattern: &str, line: &str, expected: &[&str]) {
        let stage = Pattern::new(None, pattern, false).expect("a pattern");
        assert_eq!(
            extracted(&after(stage, line)),
            expected,
            "{pattern} on {line}"
        );
    }

    #[test]
    fn captures_reach_to_the_next_literal() {
        let pattern = "<ip> - <_> [<ts>] \"<method> <path> <_>\" <status>";
        let line = "1.2.3.4 - bob [now] \"GET /x HTTP/1.1\" 200";
        let expected = [
            "ip=1.2.3.4",
            "ts=now",
            "method=GET",
            "path=/x",
            "status=200",
        ];
        check(pattern, line, &expected);
        check(pattern, "1.2.3.4 - bob [now", &["ip=1.2.3.4", "ts=now"]);
        check("x<a>", "y", &[]);
        check("<a>", "", &[]);
        check("<a> b", "1 b c", &["a=1"]);
        check("a<b<c>", "a<b1", &["c=1"]);
        check("<1x><a>", "<1x>5", &["a=5"]);
    }

    #[test]
    fn what_cannot_match_is_refused() {
        for pattern in ["", "abc", "<_>", "<a><b>", "<a> <a>", "<_><a>"] {
            assert!(Pattern::new(None, pattern, false).is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn captures_become_labels_when_asked() {
        let stage = Pattern::new(None, "<a> <b>", true).expect("a pattern");
        assert_eq!(labels(&after(stage, "1 2")), r#"{a="1", b="2"}"#);
    }
}
