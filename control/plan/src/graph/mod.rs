//! The graph of a configuration: nodes, what each refers to, and an order to evaluate them in.
//!
//! Built from trees alone, before anything is evaluated. Custom components are expanded in place:
//! an instance `outer.o` of a `declare` becomes two nodes, its *input* (the arguments it is given)
//! and its *exports*, around the nodes of its module, whose ids begin with `outer.o/`. So there is
//! one graph, one order and one kind of edge, however deep modules nest.
//!
//! What a text alone does not tell, the declares of an import and the elements of a `foreach`,
//! comes as knowledge. As long as it is not known, a use of an import is a *pending* node: it has
//! its id, so that others can refer to it, and nothing inside. When there is something to know,
//! the graph is built again.

mod build;
mod expand;
mod order;
mod registry;
mod resolve;

use std::collections::HashMap;
use std::sync::Arc;

use syntax::{Block, Diagnostic, Span, Stmt, StmtId, Tree};

use crate::catalogue::Kind;

pub(crate) use build::{Built, Inputs, build};
pub(crate) use order::Cycle;
pub(crate) use registry::is_import;

/// A node's index in [`Graph::nodes`].
pub(crate) type NodeIndex = usize;
/// A module's index in [`Graph::modules`]; the root is the first.
pub(crate) type ModuleIndex = usize;

pub(crate) const ROOT: ModuleIndex = 0;

/// All nodes of a configuration.
#[derive(Default)]
pub(crate) struct Graph {
    pub nodes: Vec<Node>,
    pub modules: Vec<Module>,
    /// Every node after all that it refers to.
    pub order: Vec<NodeIndex>,
}

/// A block of the configuration that is evaluated, or the exports of a custom component.
pub(crate) struct Node {
    /// With the module's path in front: `outer.o/local.file.f`.
    pub id: String,
    /// As the text of its module refers to it: `local.file.f`.
    pub local_id: String,
    /// The block's name: `local.file`.
    pub name: String,
    pub label: Option<String>,
    pub module: ModuleIndex,
    pub role: Role,
    pub text: BlockText,
    pub references: Vec<Reference>,
    /// Nodes that refer to this one.
    pub dependents: Vec<NodeIndex>,
}

/// What a node is.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Kind(Kind),
    /// A custom component's arguments; the module is the one inside.
    Input(ModuleIndex),
    /// A custom component's exports.
    Exports(ModuleIndex),
    /// The source of an import.
    Import(&'static eval::Component),
    /// A `foreach` block; its elements are nodes of their own.
    Foreach,
    /// An element of a `foreach`, by its place in the collection; the module is the one inside.
    Item {
        module: ModuleIndex,
        at: usize,
    },
    /// A custom component of an import whose content is not known.
    Pending,
    /// Stands for the arguments of a declare that nothing uses, or for an element of a collection
    /// that is not known, so that a check sees what is inside. Never evaluated.
    Sample(ModuleIndex),
}

/// The use of another node in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub target: NodeIndex,
    /// The name behind the node's id: `content` in `local.file.f.content`.
    pub export: Option<String>,
}

/// The root, or the inside of one custom component, import or element of a `foreach`.
pub(crate) struct Module {
    /// Empty for the root, else the id of what it is the inside of.
    pub id: String,
    /// The node that everything inside comes after; None for the root.
    pub input: Option<NodeIndex>,
    /// What can be seen from here besides the module's own names.
    pub around: Option<Around>,
    /// What the name `module_path` stands for.
    pub path: Arc<str>,
    /// What local ids mean here.
    pub names: HashMap<String, NodeIndex>,
    pub arguments: Vec<ArgumentBlock>,
    pub exports: Vec<ExportBlock>,
}

/// What the template of a `foreach` sees of its surroundings: its element, and all that the
/// `foreach` block itself sees. Declares inside of the template see it too.
#[derive(Clone)]
pub(crate) struct Around {
    pub item: NodeIndex,
    /// The name of the element.
    pub var: Arc<str>,
    pub module: ModuleIndex,
}

/// `argument "name" { optional = ..., default = ..., comment = ... }`
pub(crate) struct ArgumentBlock {
    pub name: String,
    pub text: BlockText,
}

/// `export "name" { value = ... }`
pub(crate) struct ExportBlock {
    pub name: String,
    pub text: BlockText,
}

/// A block's place in its tree, kept without a borrow.
#[derive(Clone)]
pub(crate) struct BlockText {
    pub tree: Arc<Tree>,
    stmt: StmtId,
}

impl BlockText {
    pub fn new(tree: &Arc<Tree>, block: Block<'_>) -> BlockText {
        BlockText {
            tree: tree.clone(),
            stmt: block.id(),
        }
    }

    pub fn block(&self) -> Block<'_> {
        match self.tree.stmt(self.stmt) {
            Stmt::Block(block) => block,
            Stmt::Attribute(_) => unreachable!("the id was taken from a block"),
        }
    }

    /// Of the block's name: where what concerns the whole block is reported.
    pub fn span(&self) -> Span {
        self.block().name_span()
    }

    /// Whether it is the same block of the same tree.
    fn same(&self, other: &BlockText) -> bool {
        Arc::ptr_eq(&self.tree, &other.tree) && self.stmt == other.stmt
    }

    /// Whether the blocks read the same, wherever they stand.
    pub fn reads_as(&self, other: &BlockText) -> bool {
        self.same(other) || self.written() == other.written()
    }

    fn written(&self) -> &str {
        let span = self.block().span();
        &self.tree.text()[span.start as usize..span.end as usize]
    }
}

impl Node {
    /// Whether the component API lists it.
    pub fn is_component(&self) -> bool {
        match self.role {
            Role::Kind(kind) => kind.is_component(),
            Role::Input(_) | Role::Foreach | Role::Pending => true,
            Role::Exports(_) | Role::Import(_) | Role::Item { .. } | Role::Sample(_) => false,
        }
    }

    /// What stands in messages in front of an attribute's name.
    pub fn path(&self) -> &str {
        &self.id
    }
}

impl Graph {
    /// Whether a node only shows what stands in a declare that nothing uses.
    pub fn is_unused(&self, node: &Node) -> bool {
        let mut module = node.module;
        while let Some(input) = self.modules[module].input {
            let input = &self.nodes[input];
            if matches!(input.role, Role::Sample(_)) && input.name == "declare" {
                return true;
            }
            module = input.module;
        }
        false
    }

    /// The diagnostics of a cycle: one for each of its nodes, or a single one without a place.
    ///
    /// Compat: `run` gives no position for a cycle, `validate` gives all (case `errors/cycle`).
    pub fn cycle_diagnostics(&self, cycle: &Cycle, placed: bool) -> Vec<Diagnostic> {
        let mut ids: Vec<&str> = cycle
            .nodes
            .iter()
            .map(|at| self.nodes[*at].id.as_str())
            .collect();
        // The two nodes of a custom component stand next to each other and bear one id.
        ids.dedup();
        let text = format!("{} -> {}", ids.join(" -> "), ids[0]);
        if !placed {
            return vec![Diagnostic::error(None, format!("cycle: {text}"))];
        }
        let mut found: Vec<Diagnostic> = Vec::new();
        for at in &cycle.nodes {
            let node = &self.nodes[*at];
            if matches!(node.role, Role::Exports(_)) {
                continue;
            }
            let message = format!("\"{}\" is part of the cycle {text}", node.id);
            found.push(Diagnostic::error(node.text.span(), message));
        }
        found
    }
}
