//! Advice about a configuration that could run: what it likely does not mean.
//!
//! Exports that nothing uses, components that nothing reaches, data sent twice to one port, sockets
//! asked for twice, secrets written in clear. Nothing here refuses anything or changes what runs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use engine::Role as DataRole;
use schema::{BodySchema, PortKind, Type};
use syntax::{Attribute, Body, Diagnostic, Expr, ExprKind, Span, Stmt, Tree};

use crate::catalogue::Kind;
use crate::graph::{Graph, Node, NodeIndex, Role};
use crate::listens::Listens;

/// What there is to say of the files that the user wrote; modules from elsewhere are not theirs to
/// change. `whole` tells whether all references could be found: advice about what is unused would
/// only repeat an error about what was meant.
pub(crate) fn advise(graph: &Graph, trees: &[Arc<Tree>], whole: bool) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut listens = Listens::default();
    let mut seen: HashSet<Span> = HashSet::new();
    for node in graph.nodes.iter().filter(|node| is_of(node, trees)) {
        // The instances of a custom component share their text.
        if !seen.insert(node.text.span()) {
            continue;
        }
        let body = node.text.block().body();
        twice(node, body, &mut found);
        if let Role::Kind(kind) = node.role {
            let schema = (kind.descriptor().arguments)();
            secrets(schema, body, &node.local_id, &mut found);
            listens.collect(node, kind, &mut found);
        }
    }
    if whole {
        unused(graph, trees, &mut found);
        unused_declares(trees, &mut found);
    }
    found
}

fn is_of(node: &Node, trees: &[Arc<Tree>]) -> bool {
    trees.iter().any(|tree| Arc::ptr_eq(tree, &node.text.tree))
}

/// Which exports of each node are used; all, if a reference names none.
#[derive(Default)]
struct Uses<'a> {
    by_target: HashMap<NodeIndex, Vec<Option<&'a str>>>,
}

impl<'a> Uses<'a> {
    fn of(graph: &'a Graph) -> Uses<'a> {
        let mut uses = Uses::default();
        for node in &graph.nodes {
            for reference in &node.references {
                let names = uses.by_target.entry(reference.target).or_default();
                names.push(reference.export.as_deref());
            }
        }
        uses
    }

    fn any(&self, target: NodeIndex) -> bool {
        self.by_target.contains_key(&target)
    }

    fn export(&self, target: NodeIndex, export: &str) -> bool {
        let names = self.by_target.get(&target);
        names.is_some_and(|names| names.iter().any(|name| name.is_none_or(|it| it == export)))
    }
}

/// Components that nothing reaches, and exports that nothing uses.
fn unused(graph: &Graph, trees: &[Arc<Tree>], found: &mut Vec<Diagnostic>) {
    let uses = Uses::of(graph);
    // The exports of a declare, and whether some instance's are used.
    let mut custom: Vec<(Span, &str, bool)> = Vec::new();
    let mut seen: HashSet<Span> = HashSet::new();
    let nodes = graph.nodes.iter().enumerate();
    for (at, node) in nodes.filter(|(_, node)| !graph.is_unused(node)) {
        match node.role {
            Role::Kind(kind)
                if is_of(node, trees) && !uses.any(at) && seen.insert(node.text.span()) =>
            {
                found.extend(unreached(node, kind));
            }
            Role::Exports(module) => {
                for export in &graph.modules[module].exports {
                    if !trees
                        .iter()
                        .any(|tree| Arc::ptr_eq(tree, &export.text.tree))
                    {
                        continue;
                    }
                    let (span, used) = (export.text.span(), uses.export(at, &export.name));
                    match custom.iter_mut().find(|(known, ..)| *known == span) {
                        Some((_, _, before)) => *before |= used,
                        None => custom.push((span, &export.name, used)),
                    }
                }
            }
            _ => {}
        }
    }
    for (span, name, _) in custom.into_iter().filter(|(.., used)| !used) {
        let message = format!("nothing uses the export \"{name}\" of this custom component");
        let hint = "refer to it where the component is used, or remove the export block";
        found.push(Diagnostic::advice(span, message).hint(hint));
    }
}

fn unreached(node: &Node, kind: Kind) -> Option<Diagnostic> {
    let exports = kind.descriptor().exports;
    let first = exports.first()?;
    let takes_data = exports
        .iter()
        .any(|export| PortKind::from_type_name(export.type_name).is_some());
    let id = &node.local_id;
    let refer = format!("{id}.{}", first.name);
    let (message, hint) = match kind {
        Kind::Data(component) if component.role == DataRole::Receiver => return None,
        Kind::Data(_) if takes_data => (
            format!("nothing sends to \"{id}\""),
            format!("add {refer} to what sends to it, or remove the block"),
        ),
        Kind::Data(_) | Kind::Resolver(_) => (
            format!("nothing uses the exports of \"{id}\""),
            format!("refer to {refer}, or remove the block"),
        ),
        Kind::Setting(_) | Kind::Import(_) => return None,
    };
    let advice = Diagnostic::advice(node.text.span(), message);
    Some(advice.path(node.path()).hint(hint))
}

/// Custom components that are declared and never used.
fn unused_declares(trees: &[Arc<Tree>], found: &mut Vec<Diagnostic>) {
    let declares = trees.iter().flat_map(|tree| tree.body().blocks());
    let declares: Vec<_> = declares.filter(|block| block.name() == "declare").collect();
    if declares.is_empty() {
        return;
    }
    let mut used = HashSet::new();
    for tree in trees {
        names(tree.body(), &mut used);
    }
    for block in declares {
        if let Some(label) = block.label().filter(|label| !used.contains(label.text)) {
            let message = format!("nothing uses the custom component \"{}\"", label.text);
            let hint = "use it, or remove the declare block";
            found.push(Diagnostic::advice(label.span, message).hint(hint));
        }
    }
}

/// The names of all blocks, however deep.
fn names(body: Body<'_>, used: &mut HashSet<String>) {
    for block in body.blocks() {
        used.insert(block.name().into_owned());
        names(block.body(), used);
    }
}

/// Ports that stand twice in one list: each batch would arrive there twice.
fn twice(node: &Node, body: Body<'_>, found: &mut Vec<Diagnostic>) {
    for stmt in body.statements() {
        match stmt {
            Stmt::Attribute(attribute) => twice_in(node, attribute, found),
            Stmt::Block(block) => twice(node, block.body(), found),
        }
    }
}

fn twice_in(node: &Node, attribute: Attribute<'_>, found: &mut Vec<Diagnostic>) {
    let ExprKind::Array(elements) = attribute.value().kind() else {
        return;
    };
    let mut before: Vec<(&str, Span)> = Vec::new();
    for element in elements.filter(|element| element.reference().is_some()) {
        let text = element.source();
        let Some((_, first)) = before.iter().find(|(known, _)| *known == text) else {
            before.push((text, element.span()));
            continue;
        };
        let message = format!("\"{text}\" stands twice in \"{}\"", attribute.name().text);
        let advice = Diagnostic::advice(element.span(), message).path(node.path());
        let advice = advice.hint("remove one; what is sent there would arrive twice");
        found.push(advice.related(*first, "first used"));
    }
}

/// Secrets that stand in the text for everybody to read who reads the file.
fn secrets(schema: &BodySchema, body: Body<'_>, path: &str, found: &mut Vec<Diagnostic>) {
    for attribute in body.attributes() {
        let name = attribute.name().text;
        if let Some(field) = schema.field(name)
            && holds_secret(&field.ty)
            && let Some(span) = literal(attribute.value())
        {
            let message = format!("the secret \"{name}\" is written in clear");
            let advice = Diagnostic::advice(span, message).path(path);
            found.push(advice.hint(
                "read it with sys.env(\"NAME\"), or from a local.file with is_secret = true",
            ));
        }
    }
    for block in body.blocks() {
        if let Some(declared) = schema.block(&block.name()) {
            let path = format!("{path}.{}", block.name());
            secrets((declared.body)(), block.body(), &path, found);
        }
    }
}

fn holds_secret(ty: &Type) -> bool {
    match ty {
        Type::Secret => true,
        Type::List(element) | Type::Map(element) => holds_secret(element),
        _ => false,
    }
}

/// Where the first text in an expression stands that is not empty.
fn literal(expr: Expr<'_>) -> Option<Span> {
    match expr.kind() {
        ExprKind::String(text) => (!text.is_empty()).then(|| expr.span()),
        ExprKind::Paren(inner) => literal(inner),
        ExprKind::Array(mut elements) => elements.find_map(literal),
        ExprKind::Object(mut fields) => fields.find_map(|field| literal(field.value())),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
