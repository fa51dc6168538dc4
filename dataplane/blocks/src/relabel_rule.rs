//! rule and write_relabel_config: one step of relabelling.

use ops::regex::Anchored;
use ops::relabel::{NameScheme, Rule, RuleText};
use schema::{Argument, Arguments, Check, Regex, Type, Value};

/// One step of relabelling.
#[derive(Arguments, Clone)]
#[arg(check = RelabelRule::check)]
pub struct RelabelRule {
    /// What the step does.
    #[arg(
        default = "replace",
        one_of(
            "replace",
            "keep",
            "drop",
            "hashmod",
            "labelmap",
            "labeldrop",
            "labelkeep",
            "lowercase",
            "uppercase",
            "keepequal",
            "dropequal"
        )
    )]
    pub action: String,
    /// What the hash of the source is divided by, for hashmod.
    pub modulus: u64,
    /// Must match the whole source.
    #[arg(default = "(.*)")]
    pub regex: Regex,
    /// What is written, with the regex's groups as `$1`.
    #[arg(default = "$1")]
    pub replacement: String,
    /// Stands between the source labels' values.
    #[arg(default = ";")]
    pub separator: String,
    /// Labels whose values are the source.
    pub source_labels: Vec<String>,
    /// Label that is written.
    pub target_label: String,
}

impl RelabelRule {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(cause) = Anchored::new(&self.regex.0) {
            check.attribute("regex", cause);
            return;
        }
        let Err(message) = self.compile() else { return };
        // The message quotes the setting that it is about.
        let settings = [
            "target_label",
            "replacement",
            "modulus",
            "source_labels",
            "regex",
        ];
        match settings
            .into_iter()
            .find(|name| message.contains(name) && check.given(name))
        {
            Some(name) => check.attribute(name, message),
            None => check.body(message),
        }
    }

    /// The rule of `ops`.
    pub fn rule(&self) -> Rule {
        self.compile().expect("the check has compiled it")
    }

    fn compile(&self) -> Result<Rule, String> {
        // Every component's default scheme; one that is set to another asks for `with_names`.
        let text = RuleText {
            source_labels: self.source_labels.clone(),
            separator: self.separator.clone(),
            regex: self.regex.0.clone(),
            modulus: self.modulus,
            target_label: self.target_label.clone(),
            replacement: self.replacement.clone(),
            action: self.action.clone(),
        };
        Rule::new(text, NameScheme::Legacy)
    }
}

/// The rules of `ops`, in the order of the text.
pub fn rules(blocks: &[RelabelRule]) -> Vec<Rule> {
    blocks.iter().map(RelabelRule::rule).collect()
}

/// Rules that another component exports, as in `relabel_rules`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RelabelRules(pub Vec<Rule>);

/// The capsule's kind.
const RULES: &str = "RelabelRules";

impl Argument for RelabelRules {
    fn ty() -> Type {
        Type::Capsule(RULES)
    }

    fn from_value(value: &Value) -> Result<RelabelRules, String> {
        let rules = match value {
            Value::Capsule(capsule) => capsule.downcast::<Vec<Rule>>(),
            _ => None,
        };
        let rules = rules.ok_or("these are no relabel rules")?;
        Ok(RelabelRules(rules.clone()))
    }

    fn to_value(&self) -> Value {
        Value::opaque(RULES, self.0.clone())
    }

    fn zero() -> Option<RelabelRules> {
        Some(RelabelRules::default())
    }
}
