//! What runs: the graph of the last configuration that was taken, and the state of each node.

use std::collections::HashMap;
use std::sync::Arc;

use engine::PlanNode;
use schema::{Body, Object, Value};
use syntax::SourceMap;

use crate::catalogue::Kind;
use crate::graph::{Graph, Node, NodeIndex, Role};
use crate::health::HealthBook;

/// The graph with one state a node.
pub(crate) struct Live {
    pub sources: SourceMap,
    /// What the name `constants` stands for.
    pub constants: Value,
    pub graph: Graph,
    pub states: Vec<NodeState>,
    by_id: HashMap<String, NodeIndex>,
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
            sources: SourceMap::new(),
            constants,
            graph: Graph::default(),
            states: Vec::new(),
            by_id: HashMap::new(),
        }
    }

    /// The new graph with the states of nodes that were there before: same id, same kind. What is
    /// left in `old` is gone from the configuration.
    pub fn take_over(sources: SourceMap, graph: Graph, old: &mut Live) -> Live {
        let mut states = Vec::with_capacity(graph.nodes.len());
        let mut by_id = HashMap::with_capacity(graph.nodes.len());
        let mut left: HashMap<(String, bool), NodeIndex> = HashMap::new();
        for (at, node) in old.graph.nodes.iter().enumerate() {
            left.insert(key(node), at);
        }
        for (at, node) in graph.nodes.iter().enumerate() {
            if !matches!(node.role, Role::Exports(_)) {
                by_id.insert(node.id.clone(), at);
            }
            let before = left
                .get(&key(node))
                .filter(|before| same_kind(node, &old.graph.nodes[**before]))
                .map(|before| std::mem::replace(&mut old.states[*before], NodeState::new()));
            states.push(before.unwrap_or_else(NodeState::new));
        }
        let constants = old.constants.clone();
        Live {
            sources,
            constants,
            graph,
            states,
            by_id,
        }
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
            Role::Kind(_) | Role::Exports(_) => at,
        };
        &self.states[at].exports
    }
}

fn key(node: &Node) -> (String, bool) {
    (node.id.clone(), matches!(node.role, Role::Exports(_)))
}

fn same_kind(a: &Node, b: &Node) -> bool {
    match (a.role, b.role) {
        (Role::Kind(a), Role::Kind(b)) => match (a, b) {
            (Kind::Data(a), Kind::Data(b)) => std::ptr::eq(a, b),
            (Kind::Resolver(a), Kind::Resolver(b)) => std::ptr::eq(a, b),
            (Kind::Setting(a), Kind::Setting(b)) => std::ptr::eq(a, b),
            _ => false,
        },
        (Role::Input(_), Role::Input(_)) | (Role::Exports(_), Role::Exports(_)) => true,
        _ => false,
    }
}
