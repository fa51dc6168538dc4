//! What taking a configuration in the place of another would do, told from their texts alone.
//!
//! A component restarts when its block reads differently, or when a value that it uses comes from a
//! block that does. Layout and comments do not count, and neither does what its data goes to: ports
//! stay connected while the component behind them is replaced. Values are not evaluated, so that a
//! component is listed here that in the end gets the same value in another way, and keeps running.

use std::collections::{BTreeSet, HashMap};

use schema::{PortKind, Stability};
use syntax::{Body, TokenKind};

use crate::catalogue::{Catalogue, Kind};
use crate::graph::{Graph, Node, NodeIndex, Reference, Role};
use crate::load::{self, Rejected};
use crate::source::ConfigSource;

/// Ids of components by what would become of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub add: BTreeSet<String>,
    pub restart: BTreeSet<String>,
    pub remove: BTreeSet<String>,
    pub keep: BTreeSet<String>,
}

/// Reads both configurations and compares them.
pub fn difference(
    old: &ConfigSource,
    new: &ConfigSource,
    catalogue: &Catalogue,
    stability: Stability,
) -> Result<Difference, Rejected> {
    let graph = |source: &ConfigSource| {
        let parsed = load::parse(source)?;
        load::build(catalogue, stability, &parsed.text).map_err(|diagnostics| Rejected {
            sources: parsed.text.sources,
            diagnostics,
        })
    };
    Ok(between(&graph(old)?, &graph(new)?))
}

/// Compares two graphs.
pub(crate) fn between(old: &Graph, new: &Graph) -> Difference {
    let mut difference = Difference::default();
    let before: HashMap<(&str, bool), &Node> = old.nodes.iter().map(|it| (key(it), it)).collect();
    // Whether a node, or a value that it uses, is not what it was. In order: values come first.
    let mut changed = vec![false; new.nodes.len()];
    for at in &new.order {
        let node = &new.nodes[*at];
        let Some(old_node) = before.get(&key(node)) else {
            changed[*at] = true;
            if node.is_component() {
                difference.add.insert(node.id.clone());
            }
            continue;
        };
        let differs = !reads_as(old, old_node, new, node);
        changed[*at] = differs || uses_changed(new, *at, &changed);
        if node.is_component() {
            let list = match changed[*at] {
                true => &mut difference.restart,
                false => &mut difference.keep,
            };
            list.insert(node.id.clone());
        }
    }
    let now: BTreeSet<(&str, bool)> = new.nodes.iter().map(key).collect();
    for node in old.nodes.iter().filter(|node| node.is_component()) {
        if !now.contains(&key(node)) {
            difference.remove.insert(node.id.clone());
        }
    }
    difference
}

fn key(node: &Node) -> (&str, bool) {
    (&node.id, matches!(node.role, Role::Exports(_)))
}

fn uses_changed(graph: &Graph, at: NodeIndex, changed: &[bool]) -> bool {
    let node = &graph.nodes[at];
    let input = graph.modules[node.module].input;
    node.references
        .iter()
        .filter(|reference| changed[reference.target] && !is_port(graph, reference))
        .any(|reference| {
            // What an element of a `foreach` is used for is not told from the text.
            let element = matches!(graph.nodes[reference.target].role, Role::Item { .. });
            Some(reference.target) != input || element || uses_arguments(node)
        })
}

/// Whether it is a port of a component that the text names. What a custom component exports may be
/// a value that the text behind it makes.
fn is_port(graph: &Graph, reference: &Reference) -> bool {
    let Role::Kind(Kind::Data(component)) = graph.nodes[reference.target].role else {
        return false;
    };
    let exports = component.descriptor.exports.iter();
    let mut named = exports.filter(|export| Some(export.name) == reference.export.as_deref());
    named.any(|export| PortKind::from_type_name(export.type_name).is_some())
}

/// Everything inside of a custom component comes after its arguments; this tells whether any are
/// used.
fn uses_arguments(node: &Node) -> bool {
    fn within(body: Body<'_>) -> bool {
        let mut used = false;
        for attribute in body.attributes() {
            attribute
                .value()
                .each_reference(&mut |names| used |= names[0].text == "argument");
        }
        used || body.blocks().any(|block| within(block.body()))
    }
    within(node.text.block().body())
}

fn reads_as(old: &Graph, old_node: &Node, new: &Graph, new_node: &Node) -> bool {
    match (old_node.role, new_node.role) {
        (Role::Exports(old_module), Role::Exports(new_module)) => {
            let texts = |graph: &Graph, module: usize| -> Vec<String> {
                let exports = graph.modules[module].exports.iter();
                exports.map(|export| written(export.text.block())).collect()
            };
            texts(old, old_module) == texts(new, new_module)
        }
        _ => {
            let (old, new) = (old_node.text.block(), new_node.text.block());
            text_of(old) == text_of(new) || written(old) == written(new)
        }
    }
}

fn text_of(block: syntax::Block<'_>) -> &str {
    let span = block.span();
    &block.body().tree().text()[span.start as usize..span.end as usize]
}

/// The block's text without what only people read.
fn written(block: syntax::Block<'_>) -> String {
    let tree = syntax::parse(0, text_of(block)).tree;
    let mut text = String::new();
    for (kind, token) in tree.tokens() {
        if !kind.is_trivia() && kind != TokenKind::Terminator {
            text.push_str(token);
            text.push(' ');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> ConfigSource {
        ConfigSource::Text {
            name: "c.alloy",
            text: text.to_owned(),
        }
    }

    /// `+added ~restarted -removed =kept`
    fn check(old: &str, new: &str, expect: &str) {
        let catalogue = crate::tests::catalogue();
        let stability = Stability::GenerallyAvailable;
        let Difference {
            add,
            restart,
            remove,
            keep,
        } = difference(&source(old), &source(new), &catalogue, stability)
            .unwrap_or_else(|rejected| panic!("{}", rejected.render()));
        let mut shown = Vec::new();
        for (mark, ids) in [('+', add), ('~', restart), ('-', remove), ('=', keep)] {
            shown.extend(ids.into_iter().map(|id| format!("{mark}{id}")));
        }
        assert_eq!(shown.join(" "), expect, "from {old} to {new}");
    }

    #[test]
    fn layout_and_comments_restart_nothing_and_a_changed_value_what_uses_it() {
        let old = "test.line \"l\" { path = \"a\" }\ntest.pipe \"p\" { value = test.line.l.text }\n\
                   test.pipe \"q\" { count = 1 }";
        let spaced = old
            .replace(" = ", "=")
            .replace("{ path", "{ // read\n path");
        check(old, &spaced, "=test.line.l =test.pipe.p =test.pipe.q");
        let other = old.replace("\"a\"", "\"b\"");
        check(old, &other, "~test.line.l ~test.pipe.p =test.pipe.q");
    }

    #[test]
    fn a_replaced_destination_leaves_its_senders_alone() {
        let to = "test.pipe \"a\" { forward_to = [test.pipe.b.receiver] }\n";
        check(
            &format!("{to}test.pipe \"b\" {{ count = 1 }}\ntest.pipe \"c\" {{ }}"),
            &format!("{to}test.pipe \"b\" {{ count = 2 }}\ntest.pipe \"d\" {{ }}"),
            "+test.pipe.d ~test.pipe.b -test.pipe.c =test.pipe.a",
        );
    }

    #[test]
    fn arguments_of_a_custom_component_restart_what_uses_them() {
        let of = |n: u32| {
            format!(
                "declare \"d\" {{\n argument \"n\" {{ }}\n\
                 test.pipe \"uses\" {{ count = argument.n.value }}\n test.pipe \"not\" {{ }}\n\
                 export \"to\" {{ value = test.pipe.not.receiver }}\n}}\nd \"o\" {{ n = {n} }}"
            )
        };
        check(
            &of(1),
            &of(2),
            "~d.o ~d.o/test.pipe.uses =d.o/test.pipe.not",
        );
    }
}
