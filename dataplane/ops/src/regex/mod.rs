//! Go's regular expressions (RE2 syntax) on Rust's engine.
//!
//! Both engines are of the same family: linear time, leftmost first. What differs is the surface:
//! `\d`, `\w`, `\s` and `\b` are ASCII in Go, `\Q..\E` quotes, a brace that is no repetition is a
//! character, and inside brackets Rust gives meaning to `[`, `&&`, `--` and `~~`. `translate`
//! rewrites all that.

mod template;
mod translate;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use template::Template;

/// Limit: patterns that a thread keeps compiled, each some 30 KiB; at it, all are forgotten. A rule
/// is compiled when its text is checked, again when it is decoded and again when it is built, and
/// many rules have the same pattern, `(.*)` above all.
const RECENT_MAX: usize = 256;

thread_local! {
    static RECENT: RefCell<HashMap<String, GoRegex>> = RefCell::default();
}

/// A pattern of Go's package regexp. Clones share.
#[derive(Debug, Clone)]
pub struct GoRegex {
    regex: regex::Regex,
    /// Names of groups, in the order of the groups; empty for those without.
    names: Arc<[String]>,
}

impl GoRegex {
    /// Compiles a pattern, or gives the one that this thread compiled before; the error says what
    /// is wrong with it.
    pub fn new(pattern: &str) -> Result<GoRegex, String> {
        if let Some(known) = RECENT.with_borrow(|recent| recent.get(pattern).cloned()) {
            return Ok(known);
        }
        let translated = translate::translate(pattern)?;
        let regex = regex::Regex::new(&translated.pattern).map_err(|error| reason(&error))?;
        let names = translated.names.into();
        let compiled = GoRegex { regex, names };
        RECENT.with_borrow_mut(|recent| {
            if recent.len() >= RECENT_MAX {
                recent.clear();
            }
            recent.insert(pattern.to_owned(), compiled.clone());
        });
        Ok(compiled)
    }

    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The first match with its groups.
    #[must_use]
    pub fn captures<'t>(&self, text: &'t str) -> Option<regex::Captures<'t>> {
        self.regex.captures(text)
    }

    /// All matches with their groups.
    pub fn captures_iter<'r, 't>(
        &'r self,
        text: &'t str,
    ) -> impl Iterator<Item = regex::Captures<'t>> + use<'r, 't> {
        self.regex.captures_iter(text)
    }

    /// Every match, as the places of its groups, the whole match first.
    pub fn all_groups(&self, text: &str, mut found: impl FnMut(&[Option<Range<usize>>])) {
        let mut groups = Vec::new();
        for captures in self.regex.captures_iter(text) {
            groups.clear();
            groups.extend(
                captures
                    .iter()
                    .map(|group| group.map(|group| group.range())),
            );
            found(&groups);
        }
    }

    /// The places of all matches.
    pub fn find_all(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        self.regex.find_iter(text).map(|found| found.range())
    }

    /// Room for the places of groups, for `read_slots`.
    #[must_use]
    pub fn slots(&self) -> Slots {
        Slots {
            locations: self.regex.capture_locations(),
        }
    }

    /// `captures` without an allocation: false if there is no match.
    pub fn read_slots(&self, text: &str, slots: &mut Slots) -> bool {
        self.regex
            .captures_read(&mut slots.locations, text)
            .is_some()
    }

    /// Names of the groups; the first is the whole match and has none.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Appends the text with each match replaced by the same text, whatever is in it.
    pub fn replace_all_literal(&self, text: &str, with: &str, out: &mut String) {
        out.push_str(&self.regex.replace_all(text, regex::NoExpand(with)));
    }

    /// Appends the text with each match replaced.
    pub fn replace_all(&self, text: &str, template: &Template, out: &mut String) {
        let mut rest = 0;
        for captures in self.regex.captures_iter(text) {
            let whole = captures.get_match();
            out.push_str(&text[rest..whole.start()]);
            template.expand(&captures, out);
            rest = whole.end();
        }
        out.push_str(&text[rest..]);
    }
}

/// Where the groups of a match are.
#[derive(Debug, Clone)]
pub struct Slots {
    locations: regex::CaptureLocations,
}

impl Slots {
    /// The place of a group; None if it took no part.
    #[must_use]
    pub fn get(&self, group: usize) -> Option<Range<usize>> {
        self.locations.get(group).map(|(start, end)| start..end)
    }
}

/// A pattern that must match the whole text, as everywhere in Prometheus: `^(?s:pattern)$`.
#[derive(Clone)]
pub struct Anchored {
    pattern: String,
    regex: GoRegex,
    /// Whether the pattern matches any text, with the text as its group 1: the default of rules.
    everything: bool,
}

impl Anchored {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Anchored, String> {
        let regex = GoRegex::new(&format!("^(?s:{pattern})$"))?;
        Ok(Anchored {
            pattern: pattern.to_owned(),
            regex,
            everything: pattern == "(.*)",
        })
    }

    /// As written by the user.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.everything || self.regex.is_match(text)
    }

    #[must_use]
    pub fn regex(&self) -> &GoRegex {
        &self.regex
    }
}

impl fmt::Debug for Anchored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Anchored({:?})", self.pattern)
    }
}

impl PartialEq for Anchored {
    fn eq(&self, other: &Anchored) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for Anchored {}

/// The last line of the engine's report: the one that tells, without the drawing above it.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
