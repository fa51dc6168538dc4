//! discovery.relabel: rewrites, keeps and drops targets by rules, and hands the rules on.
//!
//! Pure: its output follows from its arguments, which are new whenever the targets are.
//! Reference: docs/sources/reference/components/discovery/discovery.relabel.md

use std::sync::Arc;

use blocks::RelabelRule;
use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use ops::relabel::{NameScheme, Outcome, Rule};
use schema::{ExportField, Stability, Target, Targets, Value};

pub static COMPONENT: Component = Component::of::<Relabel>();

/// Which targets to rewrite, and how.
#[derive(schema::Arguments)]
pub struct Arguments {
    /// Targets to relabel.
    #[arg(required)]
    targets: Targets,
    /// Relabeling rules to apply to targets, in order.
    #[arg(block)]
    rule: Vec<RelabelRule>,
}

const EXPORTS: &[ExportField] = &[
    ExportField {
        name: "output",
        type_name: "list(map(string))",
    },
    ExportField {
        name: "rules",
        type_name: "RelabelRules",
    },
];

struct Relabel {
    cx: ResolverCx,
}

impl ResolverComponent for Relabel {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.relabel";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = EXPORTS;

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Relabel, ResolverError> {
        let mut relabel = Relabel { cx };
        relabel.update(arguments).await?;
        Ok(relabel)
    }

    async fn update(&mut self, arguments: Arc<Arguments>) -> Result<(), ResolverError> {
        let rules = rules(&arguments.rule);
        let output = relabel(&arguments.targets, &rules);
        self.cx.export([
            ("output", Value::Targets(output)),
            ("rules", Value::opaque("relabel.Rules", rules)),
        ]);
        self.cx.health(HealthState::Healthy, "relabelled targets");
        Ok(())
    }
}

/// Compat: names of targets may hold any UTF-8, as everywhere in Alloy but in a `prometheus.scrape`
/// or `prometheus.remote_write` that is set to legacy names.
fn rules(blocks: &[RelabelRule]) -> Vec<Rule> {
    let rules = blocks::rules(blocks).into_iter();
    rules
        .map(|rule| rule.with_names(NameScheme::Utf8))
        .collect()
}

fn relabel(targets: &Targets, rules: &[Rule]) -> Targets {
    if rules.is_empty() {
        return targets.clone();
    }
    let mut labels = batch::LabelsBuf::new();
    let mut output = Vec::with_capacity(targets.len());
    for target in targets.iter() {
        labels.assign(target.iter());
        if ops::relabel::apply(rules, &mut labels) == Outcome::Keep {
            output.push(Target::new(labels.iter()));
        }
    }
    Targets::new(output)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use ops::relabel::RuleText;

    use super::*;
    use crate::tests::{on_control, start};

    fn rule(action: &str, source: &str, regex: &str, target: &str, replacement: &str) -> Rule {
        let text = RuleText {
            source_labels: source.split_whitespace().map(str::to_owned).collect(),
            separator: ";".to_owned(),
            regex: regex.to_owned(),
            modulus: 0,
            target_label: target.to_owned(),
            replacement: replacement.to_owned(),
            action: action.to_owned(),
        };
        Rule::new(text, NameScheme::Utf8).expect("the rule is valid")
    }

    #[test]
    fn rules_rewrite_targets_and_drop_them() {
        let targets: Targets = [
            Target::new([("__address__", "a:1"), ("env", "prod")]),
            Target::new([("__address__", "b:1"), ("env", "dev")]),
        ]
        .into_iter()
        .collect();
        let rules = [
            rule("keep", "env", "prod", "", "$1"),
            rule("replace", "__address__", "(.*):.*", "host", "$1"),
            rule("labeldrop", "", "env", "", "$1"),
        ];
        let output = relabel(&targets, &rules);
        let expect: Targets = [Target::new([("__address__", "a:1"), ("host", "a")])]
            .into_iter()
            .collect();
        assert_eq!(output, expect);
        assert_eq!(relabel(&targets, &[]), targets);
    }

    #[test]
    fn names_may_hold_any_text() {
        let targets: Targets = [Target::new([("k", "a.b"), ("x", "1")])]
            .into_iter()
            .collect();
        let rules = [rule("replace", "k", "(.*)", "${1}", "v")];
        let output = relabel(&targets, &rules);
        assert_eq!(output[0].get("a.b"), Some("v"));
    }

    #[test]
    fn output_and_rules_are_exported_together() {
        on_control(async || {
            let targets = Value::Targets([Target::new([("a", "1")])].into_iter().collect());
            let started = start(&COMPONENT, [("targets", targets.clone())], Rc::default()).await;
            let instance = started.expect("there is nothing to go wrong");
            let Value::Object(exports) = instance.exports() else {
                panic!("exports are an object")
            };
            assert_eq!(exports.get("output"), Some(&targets));
            let rules = Value::opaque("relabel.Rules", Vec::<Rule>::new());
            assert_eq!(exports.get("rules"), Some(&rules));
        });
    }
}
