//! Taking the configuration anew while the last one runs.

use std::collections::BTreeSet;

use crate::controller::{Controller, split};
use crate::difference::{self, Difference};
use crate::graph::{Node, Role, build};
use crate::knowledge::{Content, Knowledge};
use crate::live::ConfigText;
use crate::load::{self, Parsed, Rejected};
use crate::outcome::Outcome;
use crate::rollout::SPANS;
use crate::source::ConfigSource;
use crate::spans::Span;
use crate::validate;

impl Controller {
    /// Takes the configuration anew.
    ///
    /// What the text alone shows to be wrong refuses the whole: everything goes on as before.
    /// Compat: what only evaluation finds (a file that is missing, an index out of range) makes
    /// that component unhealthy, a new one without running, an old one with its old arguments; the
    /// rest of the configuration is taken, and the answer is an error all the same.
    pub(crate) async fn reload(&mut self) -> Result<String, String> {
        let mut span = self.options.tracer.root(SPANS, "Reload");
        let result = self.reload_within(&span).await;
        match &result {
            Ok(_) => span.ok(),
            Err(shown) => span.failed(|| shown.clone()),
        }
        result
    }

    async fn reload_within(&mut self, span: &Span) -> Result<String, String> {
        let hash = match self.take_text() {
            Ok(hash) => hash,
            Err(rejected) => return Err(self.refuse(rejected)),
        };
        for state in &mut self.live.states {
            state.stale |= !state.evaluated || state.health.evaluation_failed();
        }
        let mut outcome = Outcome::default();
        let mut evaluation = span.child("GraphEvaluate");
        let failures = self.settle(&mut outcome, &evaluation).await;
        let errors = failures.into_diagnostics();
        match errors.first() {
            None => evaluation.ok(),
            Some(first) => evaluation.failed(|| first.message.clone()),
        }
        drop(evaluation);
        self.publish();
        outcome.unchanged = self.unchanged(&outcome);
        let text = outcome.to_string();
        if errors.is_empty() {
            self.metrics.loaded(&hash);
            tracing::info!(
                added = outcome.added.len(),
                changed = outcome.changed.len(),
                removed = outcome.removed.len(),
                unchanged = outcome.unchanged,
                "configuration reloaded"
            );
            return Ok(text);
        }
        self.metrics.refused();
        let shown = syntax::render_all(&errors, &self.live.text.sources);
        tracing::error!(
            err = shown,
            added = outcome.added.len(),
            changed = outcome.changed.len(),
            removed = outcome.removed.len(),
            unchanged = outcome.unchanged,
            "configuration reloaded, but not all components could be evaluated"
        );
        Err(format!("{shown}{text}"))
    }

    /// Builds the graph of the new text in the place of the present one. Gives its hash.
    fn take_text(&mut self) -> Result<String, Rejected> {
        let Parsed { mut text, hash } = load::parse(&self.options.source)?;
        let mut knowledge = self.live.knowledge.clone();
        let mut built = build(&load::inputs(&self.options, &text, &knowledge));
        // An import that reads differently may bring something else, which what uses it counts on.
        let mut dropped = BTreeSet::new();
        for node in &built.graph.nodes {
            if matches!(node.role, Role::Import(_)) && !self.is_same(node) {
                dropped.insert(node.id.clone());
            }
        }
        let fallback = dropped.iter().filter_map(|id| {
            let old = knowledge.imports.remove(id)?;
            Some((id.clone(), old))
        });
        let fallback = fallback.collect();
        parse_again(&mut text, &mut knowledge);
        if !knowledge.imports.is_empty() || !dropped.is_empty() {
            built = build(&load::inputs(&self.options, &text, &knowledge));
        }
        let mut diagnostics = load::errors_of(&built, false);
        let mut warnings = Vec::new();
        if diagnostics.is_empty() {
            let new = |node: &Node| !self.is_same(node);
            let found = validate::check(&built.graph, self.options.stability, new);
            (diagnostics, warnings) = split(found);
        }
        if !diagnostics.is_empty() {
            return Err(Rejected {
                sources: text.sources,
                diagnostics,
            });
        }
        self.fallback = fallback;
        self.learnable.extend(dropped);
        self.live.text = text;
        self.live.knowledge = knowledge;
        self.live.rebuild(built.graph);
        self.warn(&warnings);
        Ok(hash)
    }

    /// What a reload would do with a source, by default the controller's own.
    pub(crate) fn difference(&self, source: Option<&ConfigSource>) -> Result<Difference, String> {
        let source = source.unwrap_or(&self.options.source);
        let parsed = load::parse(source).map_err(|rejected| rejected.render())?;
        let (mut text, mut knowledge) = (parsed.text, self.live.knowledge.clone());
        parse_again(&mut text, &mut knowledge);
        let built = build(&load::inputs(&self.options, &text, &knowledge));
        let mut errors = load::errors_of(&built, false);
        if errors.is_empty() {
            errors = split(validate::check(
                &built.graph,
                self.options.stability,
                |_| true,
            ))
            .0;
        }
        match errors.as_slice() {
            [] => Ok(difference::between(&self.live.graph, &built.graph)),
            errors => Err(syntax::render_all(errors, &text.sources)),
        }
    }

    /// Whether a node runs already with the same text.
    pub(crate) fn is_same(&self, node: &Node) -> bool {
        self.live.find(&node.id).is_some_and(|at| {
            let old = &self.live.graph.nodes[at];
            std::mem::discriminant(&old.role) == std::mem::discriminant(&node.role)
                && old.text.reads_as(&node.text)
        })
    }

    fn unchanged(&self, outcome: &Outcome) -> usize {
        let unchanged = self.live.components().filter(|(node, state)| {
            !state.health.evaluation_failed()
                && !outcome.added.contains(&node.id)
                && !outcome.changed.contains(&node.id)
        });
        unchanged.count()
    }
}

/// Gives what imports brought its place among the new texts.
fn parse_again(text: &mut ConfigText, knowledge: &mut Knowledge) {
    for (id, imported) in &mut knowledge.imports {
        if let Content::Unusable(_) = imported.content {
            continue;
        }
        let slots = text.slots.entry(id.clone()).or_default();
        // It could be parsed before; if not, it is unusable now, and says so.
        if let Err(found) = imported.parse(&mut text.sources, slots) {
            let why = syntax::render_all(&found, &text.sources);
            imported.content = Content::Unusable(why);
        }
    }
}
