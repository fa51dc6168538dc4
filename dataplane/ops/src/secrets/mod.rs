//! Finds secrets in text: keys and tokens whose form gives them away, and what is assigned to names
//! that promise one.
//!
//! ```text
//! text -> words of rules that occur in it -> those rules' patterns -> entropy, what is allowed
//! ```
//!
//! A [`Detector`] is made of [`Rules`]: our own list, whose names are those of gitleaks, or a file
//! in the form of gitleaks. Cost of a text without any of the words: one pass of an automaton.

mod built_in;
mod file;

use std::cell::OnceCell;

use aho_corasick::AhoCorasick;
use sha1::{Digest, Sha1};

use crate::regex::GoRegex;

/// Rules, and what none of them finds.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    allowed: Vec<Allowed>,
}

/// What a kind of secret looks like.
#[derive(Debug)]
struct Rule {
    id: String,
    pattern: Pattern,
    /// Which group of the pattern is the secret; 0 is the first that took part.
    group: usize,
    /// A secret has more bits a character than this.
    entropy: f64,
    /// One of them occurs in the text, in whatever case; none is asked for when empty.
    words: Vec<String>,
    allowed: Vec<Allowed>,
}

/// What is no secret although it looks like one.
#[derive(Debug, Default)]
struct Allowed {
    target: Target,
    patterns: Vec<Pattern>,
    /// In small letters.
    words: Vec<String>,
    /// Both have to hold, where there are both.
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Target {
    #[default]
    Secret,
    Match,
    Line,
}

/// A pattern that is compiled when it is first needed: most rules never are.
#[derive(Debug)]
struct Pattern {
    text: String,
    compiled: OnceCell<GoRegex>,
}

impl Pattern {
    /// Invariant: the text is a pattern; whoever reads one from outside has tried it.
    fn new(text: String) -> Pattern {
        Pattern {
            text,
            compiled: OnceCell::new(),
        }
    }

    fn get(&self) -> &GoRegex {
        let compile = || GoRegex::new(&self.text).expect("the pattern was compiled before");
        self.compiled.get_or_init(compile)
    }
}

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'a> {
    pub rule: &'a str,
    pub secret: &'a str,
}

/// Finds secrets.
#[derive(Debug)]
pub struct Detector {
    rules: Vec<Rule>,
    allowed: Vec<Allowed>,
    words: AhoCorasick,
    /// By the index of a word: the rules that it wakes.
    waked: Vec<usize>,
    /// Rules that need no word.
    always: Vec<usize>,
}

/// What Alloy lets pass wherever it stands in a line.
const ALLOW_MARK: &str = "gitleaks:allow";

impl Detector {
    #[must_use]
    pub fn new(rules: Rules) -> Detector {
        let mut words = Vec::new();
        let mut waked = Vec::new();
        let mut always = Vec::new();
        for (index, rule) in rules.rules.iter().enumerate() {
            if rule.words.is_empty() {
                always.push(index);
            }
            for word in &rule.words {
                words.push(word.as_str());
                waked.push(index);
            }
        }
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&words)
            .expect("the limit on rules keeps the automaton small");
        Detector {
            rules: rules.rules,
            allowed: rules.allowed,
            words,
            waked,
            always,
        }
    }

    /// The secrets of a text, in the order of the rules. Stops where `expired` says so, and tells.
    pub fn scan<'a>(
        &'a self,
        text: &'a str,
        mut expired: impl FnMut() -> bool,
        found: &mut Vec<Finding<'a>>,
    ) -> bool {
        let mut rules = self.always.clone();
        let words = self.words.find_overlapping_iter(text);
        rules.extend(words.map(|word| self.waked[word.pattern().as_usize()]));
        rules.sort_unstable();
        rules.dedup();
        for rule in rules {
            if expired() {
                return false;
            }
            self.apply(&self.rules[rule], text, found);
        }
        forget_generic(found);
        !expired()
    }

    fn apply<'a>(&self, rule: &'a Rule, text: &'a str, found: &mut Vec<Finding<'a>>) {
        for captures in rule.pattern.get().captures_iter(text) {
            let whole = captures.get_match().as_str();
            let group = match rule.group {
                0 => captures
                    .iter()
                    .skip(1)
                    .flatten()
                    .find(|group| !group.is_empty()),
                group => captures.get(group),
            };
            let secret = group
                .map_or(whole, |group| group.as_str())
                .trim_matches('\n');
            let start = text[..captures.get_match().start()]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            let rest = &text[captures.get_match().end()..];
            let end = text.len() - rest.len() + rest.find('\n').unwrap_or(rest.len());
            let line = &text[start..end];
            let allowed = |allowed: &Allowed| allowed.holds(secret, whole, line);
            if secret.is_empty()
                || line.contains(ALLOW_MARK)
                || (rule.entropy > 0.0 && entropy(secret) <= rule.entropy)
                || self.allowed.iter().any(allowed)
                || rule.allowed.iter().any(allowed)
            {
                continue;
            }
            let rule = rule.id.as_str();
            found.push(Finding { rule, secret });
        }
    }
}

impl Allowed {
    fn holds(&self, secret: &str, whole: &str, line: &str) -> bool {
        let target = match self.target {
            Target::Secret => secret,
            Target::Match => whole,
            Target::Line => line,
        };
        let by_pattern = || {
            self.patterns
                .iter()
                .any(|pattern| pattern.get().is_match(target))
        };
        let by_word = || {
            let secret = secret.to_lowercase();
            self.words.iter().any(|word| secret.contains(word.as_str()))
        };
        match (self.all, self.patterns.is_empty(), self.words.is_empty()) {
            (true, false, false) => by_pattern() && by_word(),
            _ => by_pattern() || (!self.words.is_empty() && by_word()),
        }
    }
}

/// Of one secret, a rule that knows its kind counts more than one that guesses.
fn forget_generic(found: &mut Vec<Finding<'_>>) {
    let generic = |finding: &Finding<'_>| finding.rule.to_lowercase().contains("generic");
    if !found.iter().any(generic) {
        return;
    }
    let known: Vec<String> = found
        .iter()
        .filter(|finding| !generic(finding))
        .map(|finding| finding.secret.to_owned())
        .collect();
    found.retain(|finding| {
        let better = known.iter().any(|secret| secret.contains(finding.secret));
        !(generic(finding) && better)
    });
}

/// Bits a byte, by how often each character occurs.
fn entropy(text: &str) -> f64 {
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    let len = text.len() as f64;
    let counts = letters
        .chunk_by(|a, b| a == b)
        .map(|same| same.len() as f64 / len);
    counts.map(|share| -share * share.log2()).sum()
}

/// The SHA-1 of a secret, in hexadecimal digits.
#[must_use]
pub fn hash(secret: &str) -> String {
    let digest = Sha1::digest(secret.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
