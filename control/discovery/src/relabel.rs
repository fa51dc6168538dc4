//! discovery.relabel: rewrites, keeps and drops targets by rules, and hands the rules on.
//!
//! Pure: its output follows from its arguments, which are new whenever the targets are.
//! Reference: docs/sources/reference/components/discovery/discovery.relabel.md

use std::sync::Arc;

use blocks::RelabelRule;
use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use ops::relabel::{Outcome, Rule};
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
        let rules = blocks::rules(&arguments.rule);
        let output = relabel(&arguments.targets, &rules);
        self.cx.export([
            ("output", Value::Targets(output)),
            ("rules", Value::opaque("relabel.Rules", rules)),
        ]);
        self.cx.health(HealthState::Healthy, "relabelled targets");
        Ok(())
    }
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
