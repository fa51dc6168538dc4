//! `stage.drop`: drops entries for which all given conditions hold.

use crate::regex::GoRegex;

use super::Entry;
use super::program::{Cx, Flow};

/// `stage.drop`. What is None or empty is no condition.
#[derive(Debug)]
pub struct Drop {
    pub reason: String,
    /// Without an expression all of these have to be there; with one, their texts are joined and
    /// have to match it. Without sources the line has to match.
    pub sources: Vec<String>,
    pub separator: String,
    pub expression: Option<GoRegex>,
    /// The joined text has to be this, instead of an expression.
    pub value: Option<String>,
    pub older_than_ns: Option<i64>,
    pub longer_than: Option<usize>,
}

impl Drop {
    pub(super) fn process(&mut self, entry: &mut Entry, cx: &mut Cx<'_>) -> Flow {
        match self.holds(entry, cx) {
            true => cx.drop(&self.reason),
            false => Flow::Pass,
        }
    }

    fn holds(&self, entry: &Entry, cx: &mut Cx<'_>) -> bool {
        if self
            .longer_than
            .is_some_and(|most| entry.line.len() <= most)
        {
            return false;
        }
        let cutoff = self.older_than_ns.map(|age| cx.now_ns.saturating_sub(age));
        if cutoff.is_some_and(|cutoff| entry.timestamp_ns >= cutoff) {
            return false;
        }
        if self.expression.is_none() && self.value.is_none() {
            let there = |source: &String| entry.extracted.contains(source);
            return self.sources.iter().all(there);
        }
        cx.scratch.clear();
        if !self.sources.is_empty() && !self.join(entry, cx.scratch) {
            return false;
        }
        if let Some(value) = &self.value {
            return cx.scratch == value;
        }
        let Some(expression) = &self.expression else {
            return true;
        };
        if !self.sources.is_empty() {
            return expression.is_match(cx.scratch);
        }
        match std::str::from_utf8(&entry.line) {
            Ok(line) => expression.is_match(line),
            Err(_) => expression.is_match(&String::from_utf8_lossy(&entry.line)),
        }
    }

    /// The texts of the sources that are there. False if one has no text: nothing is dropped then.
    fn join(&self, entry: &Entry, out: &mut String) -> bool {
        let mut first = true;
        for source in &self.sources {
            let Some(value) = entry.extracted.get(source) else {
                continue;
            };
            if !first {
                out.push_str(&self.separator);
            }
            first = false;
            if !value.write(out) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Value;
    use crate::stages::tests::Rig;

    fn none() -> Drop {
        Drop {
            reason: "r".into(),
            sources: Vec::new(),
            separator: ";".into(),
            expression: None,
            value: None,
            older_than_ns: None,
            longer_than: None,
        }
    }

    fn regex(text: &str) -> Option<GoRegex> {
        Some(GoRegex::new(text).expect("a pattern"))
    }

    fn kept(drop: Drop) -> Vec<String> {
        let mut rig = Rig::of(drop);
        rig.now_ns = 100;
        for (line, level, time) in [("info", "info", 10), ("long debug", "debug", 90)] {
            rig.entry(|entry| {
                entry.line.extend_from_slice(line.as_bytes());
                entry.extracted.set_text("level", level);
                entry.extracted.set("null", Value::Opaque);
                entry.timestamp_ns = time;
            });
        }
        assert_eq!(rig.counters().dropped_entries as usize, 2 - rig.out.len());
        rig.lines()
    }

    #[test]
    fn one_condition_is_enough_when_it_is_the_only_one() {
        let longer = kept(Drop {
            longer_than: Some(5),
            ..none()
        });
        assert_eq!(longer, ["info"]);
        let older = kept(Drop {
            older_than_ns: Some(50),
            ..none()
        });
        assert_eq!(older, ["long debug"]);
        let line = kept(Drop {
            expression: regex("^in"),
            ..none()
        });
        assert_eq!(line, ["long debug"]);
    }

    #[test]
    fn all_conditions_have_to_hold() {
        let both = Drop {
            longer_than: Some(5),
            older_than_ns: Some(50),
            ..none()
        };
        assert_eq!(kept(both).len(), 2);
    }

    #[test]
    fn sources_are_there_or_match_together() {
        let sources = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let there = Drop {
            sources: sources(&["level", "null"]),
            ..none()
        };
        assert_eq!(kept(there).len(), 0);
        let missing = Drop {
            sources: sources(&["level", "gone"]),
            ..none()
        };
        assert_eq!(kept(missing).len(), 2);
        let value = Drop {
            sources: sources(&["level"]),
            value: Some("info".into()),
            ..none()
        };
        assert_eq!(kept(value), ["long debug"]);
        let twice = sources(&["level", "gone", "level"]);
        let joined = Drop {
            sources: twice,
            expression: regex("^info;info$"),
            ..none()
        };
        assert_eq!(kept(joined), ["long debug"]);
        let opaque = Drop {
            sources: sources(&["level", "null"]),
            expression: regex(""),
            ..none()
        };
        assert_eq!(kept(opaque).len(), 2);
    }
}
