//! From a configuration source to a graph: read, parse, build; what cannot be is told in one go.

use std::collections::HashMap;

use schema::Stability;
use sha2::{Digest, Sha256};
use syntax::{Diagnostic, SourceMap};

use crate::catalogue::Catalogue;
use crate::controller::Options;
use crate::graph::{self, Built, Graph, Inputs};
use crate::knowledge::Knowledge;
use crate::live::ConfigText;
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
    pub text: ConfigText,
    /// What `alloy_config_hash` shows.
    pub hash: String,
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
    let hash = hash(&sources);
    let text = ConfigText {
        sources,
        trees,
        path: source.module_path().into(),
        slots: HashMap::new(),
    };
    Ok(Parsed { text, hash })
}

/// The graph as text alone shows it: what imports would bring and what collections hold is not
/// known.
pub(crate) fn build(
    catalogue: &Catalogue,
    stability: Stability,
    text: &ConfigText,
) -> Result<Graph, Vec<Diagnostic>> {
    let built = graph::build(&Inputs {
        catalogue,
        stability,
        trees: &text.trees,
        path: &text.path,
        knowledge: &Knowledge::default(),
        samples: false,
    });
    match errors_of(&built, false) {
        errors if errors.is_empty() => Ok(built.graph),
        errors => Err(errors),
    }
}

/// What a graph of these texts is built of.
pub(crate) fn inputs<'a>(
    options: &'a Options,
    text: &'a ConfigText,
    knowledge: &'a Knowledge,
) -> Inputs<'a> {
    Inputs {
        catalogue: &options.catalogue,
        stability: options.stability,
        trees: &text.trees,
        path: &text.path,
        knowledge,
        samples: false,
    }
}

/// All that is wrong with a graph; `placed` says whether cycles have places.
///
/// Compat: with `run` they have none, and declares that contain themselves are cycles.
pub(crate) fn errors_of(built: &Built, placed: bool) -> Vec<Diagnostic> {
    let mut errors = built.errors.clone();
    for cycle in &built.cycles {
        errors.extend(built.graph.cycle_diagnostics(cycle, placed));
    }
    for recursion in &built.recursions {
        let mut error = recursion.clone();
        if !placed {
            error.span = None;
        }
        errors.push(error);
    }
    errors
}

/// Of all texts in their order.
fn hash(sources: &SourceMap) -> String {
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
