//! From a configuration source to a graph: read, parse, build; what cannot be is told in one go.

use std::sync::Arc;

use schema::Stability;
use sha2::{Digest, Sha256};
use syntax::{Diagnostic, SourceMap, Tree};

use crate::catalogue::Catalogue;
use crate::graph::{self, Built, Graph};
use crate::source::ConfigSource;

/// A configuration that is not taken, with all that is wrong with it and the texts to show it in.
#[derive(Debug)]
pub struct Rejected {
    pub sources: SourceMap,
    pub diagnostics: Vec<Diagnostic>,
}

impl Rejected {
    /// All diagnostics with their places, one after the other.
    pub fn render(&self) -> String {
        syntax::render_all(&self.diagnostics, &self.sources)
    }
}

/// Texts that could be parsed.
pub(crate) struct Parsed {
    pub sources: SourceMap,
    pub trees: Vec<Arc<Tree>>,
}

/// Reads and parses all files; mistakes of all of them are reported together.
pub(crate) fn parse(source: &ConfigSource) -> Result<Parsed, Rejected> {
    let sources = source.read().map_err(|diagnostic| Rejected {
        sources: SourceMap::new(),
        diagnostics: vec![*diagnostic],
    })?;
    let mut trees = Vec::new();
    let mut diagnostics = Vec::new();
    let mut file = 0;
    while let Some(text) = sources.text(file) {
        let parsed = syntax::parse(file, text.clone());
        trees.push(parsed.tree);
        diagnostics.extend(parsed.diagnostics);
        file += 1;
    }
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(Rejected {
            sources,
            diagnostics,
        });
    }
    Ok(Parsed { sources, trees })
}

/// Builds the graph that `run` evaluates.
pub(crate) fn build(
    catalogue: &Catalogue,
    stability: Stability,
    parsed: &Parsed,
) -> Result<Graph, Vec<Diagnostic>> {
    let Built {
        graph,
        mut errors,
        cycles,
    } = graph::build(catalogue, stability, &parsed.trees);
    for cycle in &cycles {
        errors.extend(graph.cycle_diagnostics(cycle, false));
    }
    if errors.is_empty() {
        Ok(graph)
    } else {
        Err(errors)
    }
}

/// What `alloy_config_hash` shows: of all texts in their order.
pub(crate) fn hash(sources: &SourceMap) -> String {
    let mut hash = Sha256::new();
    let mut file = 0;
    while let Some(text) = sources.text(file) {
        hash.update(text.as_bytes());
        file += 1;
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
