//! What runs: the graph of the last configuration that was taken, and the state of each node.

use std::collections::HashMap;
use std::sync::Arc;

use engine::PlanNode;
use schema::{Body, Object, Value};
use syntax::{SourceMap, Tree};

use crate::catalogue::Kind;
use crate::graph::{BlockText, Graph, Module, Node, NodeIndex, Role};
use crate::health::HealthBook;
use crate::knowledge::Knowledge;

/// The graph with one state a node.
pub(crate) struct Live {
    pub text: ConfigText,
    /// What the name `constants` stands for.
    pub constants: Value,
    pub knowledge: Knowledge,
    pub graph: Graph,
    pub states: Vec<NodeState>,
    by_id: HashMap<String, NodeIndex>,
    /// States of nodes that are not in the graph at the moment. The next graph may have them again;
    /// what is left when all is settled is gone.
    shelf: HashMap<Key, Shelved>,
}

/// The texts that a graph is built of.
#[derive(Clone, Default)]
pub(crate) struct ConfigText {
    /// The configuration's own files, then what imports brought.
    pub sources: SourceMap,
    pub trees: Vec<Arc<Tree>>,
    /// What `module_path` stands for at the root.
    pub path: Arc<str>,
    /// The files of each import in `sources`.
    pub slots: HashMap<String, Vec<u32>>,
}

/// A node's id and what kind of node it is.
type Key = (String, &'static str);

/// A state with what it was evaluated of.
pub(crate) struct Shelved {
    pub node: Node,
    pub state: NodeState,
    path: Arc<str>,
    parts: Vec<BlockText>,
}

/// What is known about a node after its evaluation.
pub(crate) struct NodeState {
    /// The last body that could be evaluated and decoded; None until there is one.
    pub body: Option<Arc<Body>>,
    /// An object. What others see also while the node's own evaluation fails.
    pub exports: Value,
    pub health: HealthBook,
    /// Whether there was an evaluation without an error.
    pub evaluated: bool,
    /// Whether it is to be evaluated at the next occasion.
    pub stale: bool,
    pub part: Part,
}

/// The part of the program that a node's arguments are handed to.
pub(crate) enum Part {
    None,
    Data(Arc<PlanNode>),
    Resolver(Box<eval::Instance>),
    Setting,
}

impl NodeState {
    pub fn new() -> NodeState {
        NodeState {
            body: None,
            exports: empty_object(),
            health: HealthBook::new(),
            evaluated: false,
            stale: true,
            part: Part::None,
        }
    }
}

pub(crate) fn empty_object() -> Value {
    Value::Object(Arc::new(Object::default()))
}

impl Live {
    /// A configuration without anything.
    pub fn empty(constants: Value) -> Live {
        Live {
            text: ConfigText::default(),
            constants,
            knowledge: Knowledge::default(),
            graph: Graph::default(),
            states: Vec::new(),
            by_id: HashMap::new(),
            shelf: HashMap::new(),
        }
    }

    /// Puts a graph in the place of the present one. Nodes that were there before, with the same id
    /// and kind, keep their states; those that read differently or see other nodes become stale.
    pub fn rebuild(&mut self, graph: Graph) {
        let old = std::mem::replace(&mut self.graph, graph);
        let Graph { nodes, modules, .. } = old;
        for (node, state) in nodes.into_iter().zip(std::mem::take(&mut self.states)) {
            let shelved = Shelved {
                path: modules[node.module].path.clone(),
                parts: parts(&modules, &node),
                state,
                node,
            };
            self.shelf.insert(key(&shelved.node), shelved);
        }
        self.by_id.clear();
        let mut new = vec![false; self.graph.nodes.len()];
        for (at, node) in self.graph.nodes.iter().enumerate() {
            if !matches!(node.role, Role::Exports(_)) {
                self.by_id.insert(node.id.clone(), at);
            }
            let module = &self.graph.modules[node.module];
            let state = match self.shelf.remove(&key(node)) {
                Some(mut shelved) if same_kind(node, &shelved.node) => {
                    let parts = parts(&self.graph.modules, node);
                    let reads_the_same = node.text.reads_as(&shelved.node.text)
                        && module.path == shelved.path
                        && parts.len() == shelved.parts.len()
                        && parts.iter().zip(&shelved.parts).all(|(a, b)| a.reads_as(b));
                    shelved.state.stale |= !reads_the_same;
                    shelved.state
                }
                _ => {
                    new[at] = true;
                    NodeState::new()
                }
            };
            self.states.push(state);
        }
        for (node, state) in self.graph.nodes.iter().zip(&mut self.states) {
            state.stale |= node.references.iter().any(|it| new[it.target]);
        }
    }

    pub fn components(&self) -> impl Iterator<Item = (&Node, &NodeState)> {
        let nodes = self.graph.nodes.iter().zip(&self.states);
        nodes.filter(|(node, _)| node.is_component())
    }

    /// Whether the node stands in the template of a `foreach` whose components are not to count on
    /// `/metrics`.
    pub fn is_muted(&self, node: &Node) -> bool {
        let mut around = self.graph.modules[node.module].around.as_ref();
        while let Some(outer) = around {
            let foreach = self.graph.nodes[outer.item].references[0].target;
            let body = self.states[foreach].body.as_ref();
            let enabled = body.and_then(|body| body.value("enable_metrics"));
            if enabled != Some(&Value::Bool(true)) {
                return true;
            }
            around = self.graph.modules[outer.module].around.as_ref();
        }
        false
    }

    /// Marks what depends on a node.
    pub fn spoil_dependents(&mut self, at: NodeIndex) {
        for dependent in &self.graph.nodes[at].dependents {
            self.states[*dependent].stale = true;
        }
    }

    /// Forgets what was learned of a node that is gone.
    pub fn forget(&mut self, id: &str) {
        self.knowledge.imports.remove(id);
        self.knowledge.items.remove(id);
        self.text.slots.remove(id);
    }

    /// What the last graphs had and this one has not.
    pub fn clear_shelf(&mut self) -> Vec<Shelved> {
        self.shelf.drain().map(|(_, shelved)| shelved).collect()
    }

    /// The node of a component or block; of a custom component its input.
    pub fn find(&self, id: &str) -> Option<NodeIndex> {
        self.by_id.get(id).copied()
    }

    /// The exports of a component: those of a custom one are at another node than its input.
    pub fn exports_of(&self, at: NodeIndex) -> &Value {
        let node = &self.graph.nodes[at];
        let at = match node.role {
            Role::Input(_) => {
                let names = &self.graph.modules[node.module].names;
                names.get(&node.local_id).copied().unwrap_or(at)
            }
            _ => at,
        };
        &self.states[at].exports
    }
}

fn key(node: &Node) -> Key {
    let kind = match node.role {
        Role::Kind(_) => "kind",
        Role::Input(_) => "input",
        Role::Exports(_) => "exports",
        Role::Import(_) => "import",
        Role::Foreach => "foreach",
        Role::Item { .. } => "item",
        Role::Pending => "pending",
        Role::Sample(_) => "sample",
    };
    (node.id.clone(), kind)
}

/// The blocks besides a node's own that its evaluation reads.
fn parts(modules: &[Module], node: &Node) -> Vec<BlockText> {
    match node.role {
        Role::Input(module) => {
            let arguments = modules[module].arguments.iter();
            arguments.map(|it| it.text.clone()).collect()
        }
        Role::Exports(module) => {
            let exports = modules[module].exports.iter();
            exports.map(|it| it.text.clone()).collect()
        }
        _ => Vec::new(),
    }
}

fn same_kind(a: &Node, b: &Node) -> bool {
    match (a.role, b.role) {
        (Role::Kind(Kind::Data(a)), Role::Kind(Kind::Data(b))) => std::ptr::eq(a, b),
        (Role::Kind(Kind::Resolver(a)), Role::Kind(Kind::Resolver(b))) => std::ptr::eq(a, b),
        (Role::Kind(Kind::Setting(a)), Role::Kind(Kind::Setting(b))) => std::ptr::eq(a, b),
        (Role::Kind(_), Role::Kind(_)) => false,
        // The key tells the others apart.
        _ => true,
    }
}
