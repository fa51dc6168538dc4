//! The graph of a configuration as text alone shows it, for drawing.

use schema::{PortKind, Stability};

use crate::catalogue::{Catalogue, Kind};
use crate::graph::{Graph, Node, NodeIndex, Reference, Role};
use crate::load::{self, Rejected};
use crate::source::ConfigSource;

/// Blocks and what goes between them.
#[derive(Debug, PartialEq, Eq)]
pub struct Outline {
    /// In an order in which values come before their users.
    pub blocks: Vec<OutlineBlock>,
    pub edges: Vec<OutlineEdge>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct OutlineBlock {
    pub id: String,
    pub name: String,
    pub label: Option<String>,
    pub kind: BlockKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    Receiver,
    Processor,
    Exporter,
    /// Computes values only.
    Resolver,
    /// Sets something up, such as `logging`.
    Setting,
    /// A custom component.
    Custom,
}

/// By indices of blocks.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutlineEdge {
    pub from: usize,
    pub to: usize,
    /// Telemetry goes this way; otherwise a value does.
    pub data: bool,
}

/// Reads a configuration and gives its graph.
pub fn outline(
    source: &ConfigSource,
    catalogue: &Catalogue,
    stability: Stability,
) -> Result<Outline, Rejected> {
    let parsed = load::parse(source)?;
    match load::build(catalogue, stability, &parsed.text) {
        Ok(graph) => Ok(drawn(&graph)),
        Err(diagnostics) => Err(Rejected {
            sources: parsed.text.sources,
            diagnostics,
        }),
    }
}

fn drawn(graph: &Graph) -> Outline {
    let mut blocks = Vec::new();
    let mut index_of: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    for at in &graph.order {
        let node = &graph.nodes[*at];
        let Some(kind) = kind_of(node) else { continue };
        index_of[*at] = Some(blocks.len());
        blocks.push(OutlineBlock {
            id: node.id.clone(),
            name: node.name.clone(),
            label: node.label.clone(),
            kind,
        });
    }
    // The two nodes of a custom component are one block.
    let shown = |at: NodeIndex| match graph.nodes[at].role {
        Role::Exports(module) => graph.modules[module]
            .input
            .and_then(|input| index_of[input]),
        _ => index_of[at],
    };
    let mut edges = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        for reference in &node.references {
            let (Some(user), Some(used)) = (shown(at), shown(reference.target)) else {
                continue;
            };
            let data = is_port(graph, reference, 0);
            let (from, to) = if data { (user, used) } else { (used, user) };
            if from != to {
                edges.push(OutlineEdge { from, to, data });
            }
        }
    }
    edges.sort();
    edges.dedup();
    Outline { blocks, edges }
}

fn kind_of(node: &Node) -> Option<BlockKind> {
    match node.role {
        Role::Kind(Kind::Data(component)) => Some(match component.role {
            engine::Role::Receiver => BlockKind::Receiver,
            engine::Role::Processor => BlockKind::Processor,
            engine::Role::Exporter => BlockKind::Exporter,
        }),
        Role::Kind(Kind::Resolver(_)) => Some(BlockKind::Resolver),
        Role::Kind(Kind::Setting(_)) => Some(BlockKind::Setting),
        Role::Input(_) | Role::Pending | Role::Foreach => Some(BlockKind::Custom),
        Role::Kind(Kind::Import(_)) | Role::Import(_) => Some(BlockKind::Setting),
        Role::Exports(_) | Role::Item { .. } | Role::Sample(_) => None,
    }
}

/// Whether a reference gives a port: by the declaration of the component, or, for the export of a
/// custom one, by what that export refers to.
fn is_port(graph: &Graph, reference: &Reference, depth: usize) -> bool {
    let Some(name) = &reference.export else {
        return false;
    };
    let node = &graph.nodes[reference.target];
    match node.role {
        Role::Kind(kind) => {
            let exports = kind.descriptor().exports.iter();
            let mut named = exports.filter(|export| export.name == name);
            named.any(|export| PortKind::from_type_name(export.type_name).is_some())
        }
        Role::Exports(_) if depth < crate::limits::MODULE_DEPTH_MAX => node
            .references
            .iter()
            .any(|inner| is_port(graph, inner, depth + 1)),
        _ => false,
    }
}
