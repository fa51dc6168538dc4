//! Uses of functions of the standard library that are deprecated, or less stable than asked for.

use schema::{Function, Stability};
use syntax::{Body, Diagnostic, Expr, Name};

use crate::graph::{Graph, Module, Node, Role};

/// Reports them in a node's text.
pub(crate) fn check(graph: &Graph, node: &Node, stability: Stability, found: &mut Vec<Diagnostic>) {
    match node.role {
        Role::Kind(_) | Role::Input(_) | Role::Import(_) | Role::Pending => {
            let module = &graph.modules[node.module];
            check_body(module, node.text.block().body(), stability, found);
        }
        Role::Exports(inner) => {
            let module = &graph.modules[inner];
            for export in &module.exports {
                check_body(module, export.text.block().body(), stability, found);
            }
        }
        Role::Foreach => {
            let module = &graph.modules[node.module];
            for attribute in node.text.block().body().attributes() {
                check_value(module, attribute.value(), stability, found);
            }
        }
        Role::Item { .. } | Role::Sample(_) => {}
    }
}

fn check_body(module: &Module, body: Body<'_>, stability: Stability, found: &mut Vec<Diagnostic>) {
    for attribute in body.attributes() {
        check_value(module, attribute.value(), stability, found);
    }
    for block in body.blocks() {
        check_body(module, block.body(), stability, found);
    }
}

fn check_value(
    module: &Module,
    value: Expr<'_>,
    stability: Stability,
    found: &mut Vec<Diagnostic>,
) {
    value.each_reference(&mut |names| {
        if let Some(function) = eval::function(names.iter().map(|name| name.text))
            && !is_shadowed(module, &names)
        {
            found.extend(finding(function, &names, stability));
        }
    });
}

/// Whether a component of the module bears the name.
fn is_shadowed(module: &Module, names: &[Name<'_>]) -> bool {
    let mut id = String::new();
    names.iter().any(|name| {
        if !id.is_empty() {
            id.push('.');
        }
        id.push_str(name.text);
        module.names.contains_key(&id)
    })
}

fn finding(function: &Function, names: &[Name<'_>], stability: Stability) -> Option<Diagnostic> {
    let span = names[0].span.to(names[names.len() - 1].span);
    let name = function.name;
    if let Some(current) = function.replaced_by {
        let message = format!("function \"{name}\" is deprecated");
        return Some(Diagnostic::warning(span, message).hint(format!("use {current}")));
    }
    let level = function.stability;
    if level >= stability {
        return None;
    }
    let message = format!(
        "function \"{name}\" is at stability level \"{level}\", which is below the minimum of \
         \"{stability}\""
    );
    let hint = format!("run with --stability.level={level} to use it");
    Some(Diagnostic::error(span, message).hint(hint))
}
