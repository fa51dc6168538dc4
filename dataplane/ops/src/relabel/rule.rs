//! One rule: its text, and the checks that it has to pass.

use crate::names::NameScheme;
use crate::regex::{Anchored, Template};

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

/// Names of the actions, as written in configurations.
const ACTIONS: [(&str, Action); 11] = [
    ("replace", Action::Replace),
    ("keep", Action::Keep),
    ("drop", Action::Drop),
    ("keepequal", Action::KeepEqual),
    ("dropequal", Action::DropEqual),
    ("hashmod", Action::HashMod),
    ("labelmap", Action::LabelMap),
    ("labeldrop", Action::LabelDrop),
    ("labelkeep", Action::LabelKeep),
    ("lowercase", Action::Lowercase),
    ("uppercase", Action::Uppercase),
];

impl Action {
    #[must_use]
    pub fn from_name(name: &str) -> Option<Action> {
        ACTIONS
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, action)| *action)
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        let found = ACTIONS.iter().find(|(_, action)| *action == self);
        found.expect("every action has a name").0
    }
}

const SEPARATOR: &str = ";";
const REGEX: &str = "(.*)";
const REPLACEMENT: &str = "$1";

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

impl RuleText {
    /// The defaults of every setting.
    #[must_use]
    pub fn new(action: &str) -> RuleText {
        RuleText {
            source_labels: Vec::new(),
            separator: SEPARATOR.to_owned(),
            regex: REGEX.to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: REPLACEMENT.to_owned(),
            action: action.to_owned(),
        }
    }
}

/// A rule that can be applied.
#[derive(Debug, Clone)]
pub struct Rule {
    text: RuleText,
    action: Action,
    names: NameScheme,
    regex: Anchored,
    target: Template,
    replacement: Template,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        (&self.text, self.names) == (&other.text, other.names)
    }
}

impl Eq for Rule {}

impl Rule {
    /// Checks a rule as Alloy does; the error says what is wrong with which setting. The scheme
    /// decides which names `replace` may come up with when it is applied.
    ///
    /// Compat: Alloy takes any UTF-8 text as a `target_label` that is written out.
    pub fn new(text: RuleText, names: NameScheme) -> Result<Rule, String> {
        let action = Action::from_name(&text.action);
        let action = action.ok_or_else(|| format!("unrecognized action type {:?}", text.action))?;
        let regex = Anchored::new(&text.regex)?;
        check(&text, action)?;
        let target = Template::new(&text.target_label, regex.regex());
        let replacement = Template::new(&text.replacement, regex.regex());
        Ok(Rule {
            text,
            action,
            names,
            regex,
            target,
            replacement,
        })
    }

    /// The same rule under another scheme.
    #[must_use]
    pub fn with_names(mut self, names: NameScheme) -> Rule {
        self.names = names;
        self
    }

    #[must_use]
    pub fn text(&self) -> &RuleText {
        &self.text
    }

    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    pub(super) fn names(&self) -> NameScheme {
        self.names
    }

    pub(super) fn regex(&self) -> &Anchored {
        &self.regex
    }

    pub(super) fn target(&self) -> &Template {
        &self.target
    }

    pub(super) fn replacement(&self) -> &Template {
        &self.replacement
    }

    pub(super) fn source_labels(&self) -> &[String] {
        &self.text.source_labels
    }

    pub(super) fn separator(&self) -> &str {
        &self.text.separator
    }

    pub(super) fn target_label(&self) -> &str {
        &self.text.target_label
    }

    pub(super) fn modulus(&self) -> u64 {
        self.text.modulus
    }
}

fn check(text: &RuleText, action: Action) -> Result<(), String> {
    use Action::{
        DropEqual, HashMod, KeepEqual, LabelDrop, LabelKeep, LabelMap, Lowercase, Replace,
        Uppercase,
    };
    let name = action.name();
    let target = &text.target_label;
    let bad_target = || {
        Err(format!(
            "{target:?} is invalid 'target_label' for {name} action"
        ))
    };
    if action == HashMod && text.modulus == 0 {
        return Err("relabel configuration for hashmod requires non-zero modulus".to_owned());
    }
    let writes = [Replace, HashMod, Lowercase, Uppercase, KeepEqual, DropEqual].contains(&action);
    if writes && target.is_empty() {
        return Err(format!(
            "relabel configuration for {name} action requires 'target_label' value"
        ));
    }
    if action == Replace && target.contains('$') && !is_name_template(target) {
        return bad_target();
    }
    let plain = [Lowercase, Uppercase, KeepEqual, DropEqual].contains(&action);
    if plain && text.replacement != REPLACEMENT {
        return Err(format!("'replacement' can not be set for {name} action"));
    }
    if action == LabelMap && !is_name_template(&text.replacement) {
        let replacement = &text.replacement;
        return Err(format!(
            "{replacement:?} is invalid 'replacement' for {name} action"
        ));
    }
    let only_names = text.source_labels.is_empty() && target.is_empty();
    if [LabelDrop, LabelKeep].contains(&action) && !(only_names && has_defaults(text)) {
        return Err(format!(
            "{name} action requires only 'regex', and no other fields"
        ));
    }
    let only_labels = text.regex == REGEX && has_defaults(text);
    if [KeepEqual, DropEqual].contains(&action) && !only_labels {
        let needs = "requires only 'source_labels' and 'target_label', and no other fields";
        return Err(format!("{name} action {needs}"));
    }
    Ok(())
}

fn has_defaults(text: &RuleText) -> bool {
    text.modulus == 0 && text.separator == SEPARATOR && text.replacement == REPLACEMENT
}

/// Whether a text is a label name in which parts may be groups, which may give digits anywhere:
/// `^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$`
fn is_name_template(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut rest = text.as_bytes();
    if rest.is_empty() || rest[0].is_ascii_digit() {
        return false;
    }
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after.first()) {
            (b'$', Some(b'{')) => {
                let inner = &after[1..];
                let end = inner
                    .iter()
                    .position(|byte| !word(*byte))
                    .unwrap_or(inner.len());
                match inner.get(end) {
                    Some(b'}') if end > 0 => &inner[end + 1..],
                    _ => return false,
                }
            }
            (b'$', Some(next)) if word(*next) => after,
            (byte, _) if word(*byte) => after,
            _ => return false,
        };
    }
    true
}
