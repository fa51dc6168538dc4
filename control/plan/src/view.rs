//! What the component API shows of the graph.

use std::sync::Arc;

use eval::Page;
use schema::{Capsule, Value};

use crate::catalogue::Kind;
use crate::graph::{Node, NodeIndex, Reference, Role};
use crate::handle::{ComponentDetail, ComponentView};
use crate::live::{Live, Part, empty_object};

/// The components of a module in the order of the text; None if there is no such module.
pub(crate) fn components(live: &Live, module: &str) -> Option<Vec<ComponentView>> {
    let wanted = live.graph.modules.iter().position(|it| it.id == module)?;
    let nodes = live.graph.nodes.iter().enumerate();
    let here = nodes.filter(|(_, node)| node.module == wanted && node.is_component());
    let mut views: Vec<ComponentView> = here.map(|(at, _)| view(live, at)).collect();
    views.sort_by(|a, b| a.local_id.cmp(&b.local_id));
    Some(views)
}

pub(crate) fn component(
    live: &Live,
    id: &str,
    globals: &engine::Globals,
) -> Option<Box<ComponentDetail>> {
    let at = live
        .find(id)
        .filter(|at| live.graph.nodes[*at].is_component())?;
    let state = &live.states[at];
    let mut arguments = state.body.as_deref().cloned().unwrap_or_default();
    let mut schema = None;
    if let Role::Kind(kind) = live.graph.nodes[at].role {
        schema = Some((kind.descriptor().arguments)());
        if let (Kind::Data(component), Part::Data(_)) = (kind, &state.part) {
            arguments = (component.shown)(&arguments, globals);
        }
    }
    let exports = match live.graph.nodes[at].role {
        // What it has are its elements, which are nobody's to refer to.
        Role::Foreach => empty_object(),
        _ => live.exports_of(at).clone(),
    };
    let debug = match &state.part {
        Part::Resolver(instance) => instance.inspect(),
        _ => None,
    };
    Some(Box::new(ComponentDetail {
        view: view(live, at),
        arguments,
        schema,
        exports,
        debug,
    }))
}

/// What a component of the control plane serves.
pub(crate) fn page(live: &Live, id: &str) -> Option<Arc<dyn Page>> {
    match &live.states[live.find(id)?].part {
        Part::Resolver(instance) => instance.page(),
        _ => None,
    }
}

fn view(live: &Live, at: NodeIndex) -> ComponentView {
    let node = &live.graph.nodes[at];
    let module = &live.graph.modules[node.module];
    let mut references_to: Vec<String> = references(live, node)
        .map(|reference| live.graph.nodes[reference.target].local_id.clone())
        .collect();
    references_to.sort();
    references_to.dedup();
    let mut referenced_by: Vec<String> = users(live, at)
        .map(|(user, _)| live.graph.nodes[user].local_id.clone())
        .collect();
    referenced_by.sort();
    referenced_by.dedup();
    let created_modules = match node.role {
        Role::Input(inner) => vec![live.graph.modules[inner].id.clone()],
        Role::Foreach => {
            let items = node
                .dependents
                .iter()
                .map(|item| live.graph.nodes[*item].role);
            let modules = items.filter_map(|role| match role {
                Role::Item { module, .. } => Some(live.graph.modules[module].id.clone()),
                _ => None,
            });
            modules.collect()
        }
        _ => Vec::new(),
    };
    ComponentView {
        name: node.name.clone(),
        local_id: node.local_id.clone(),
        module_id: module.id.clone(),
        label: node.label.clone(),
        references_to,
        referenced_by,
        data_flow_to: data_flow(live, at),
        health: live.states[at].health.worst().clone(),
        created_modules,
    }
}

/// References to other components; those to a module's own arguments are none.
fn references<'a>(live: &'a Live, node: &'a Node) -> impl Iterator<Item = &'a Reference> {
    let input = live.graph.modules[node.module].input;
    node.references
        .iter()
        .filter(move |reference| Some(reference.target) != input)
}

/// The nodes of the same module that refer to a component, and how.
fn users(live: &Live, at: NodeIndex) -> impl Iterator<Item = (NodeIndex, &Reference)> {
    let node = &live.graph.nodes[at];
    let target = live.graph.modules[node.module]
        .names
        .get(&node.local_id)
        .copied()
        .unwrap_or(at);
    live.graph.nodes[target]
        .dependents
        .iter()
        .flat_map(move |user| {
            let other = &live.graph.nodes[*user];
            let counts = other.is_component() && other.module == node.module;
            let to = move |reference: &&Reference| counts && reference.target == target;
            other
                .references
                .iter()
                .filter(to)
                .map(move |reference| (*user, reference))
        })
}

/// Where a component's data goes: to the owner of each port that it refers to, and to each
/// component that uses a value of it.
///
/// Compat: values of custom components make no edge (case `modules/declare_basic`).
fn data_flow(live: &Live, at: NodeIndex) -> Vec<String> {
    let node = &live.graph.nodes[at];
    let mut to = Vec::new();
    for reference in references(live, node) {
        if gives_port(live, reference) {
            to.push(live.graph.nodes[reference.target].id.clone());
        }
    }
    if let Role::Kind(_) = node.role {
        for (user, reference) in users(live, at) {
            let user = &live.graph.nodes[user];
            if matches!(user.role, Role::Kind(_)) && !gives_port(live, reference) {
                to.push(user.id.clone());
            }
        }
    }
    to.sort();
    to.dedup();
    to
}

fn gives_port(live: &Live, reference: &Reference) -> bool {
    let (Value::Object(exports), Some(name)) =
        (&live.states[reference.target].exports, &reference.export)
    else {
        return false;
    };
    matches!(exports.get(name), Some(Value::Capsule(Capsule::Port(_))))
}
