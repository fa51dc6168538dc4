//! An order in which every node comes after what it refers to, or the cycles that forbid one.

use super::{Graph, NodeIndex};

/// Nodes that refer to each other in a ring, each to the next and the last to the first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub nodes: Vec<NodeIndex>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Sets the graph's order and dependents. Nodes without references to each other keep the order of
/// the text.
pub(crate) fn order(graph: &mut Graph) -> Result<(), Vec<Cycle>> {
    for at in 0..graph.nodes.len() {
        let targets: Vec<NodeIndex> = graph.nodes[at]
            .references
            .iter()
            .map(|r| r.target)
            .collect();
        for target in targets {
            let dependents = &mut graph.nodes[target].dependents;
            if dependents.last() != Some(&at) {
                dependents.push(at);
            }
        }
    }
    let mut marks = vec![Mark::New; graph.nodes.len()];
    let mut order = Vec::with_capacity(graph.nodes.len());
    let mut cycles = Vec::new();
    for start in 0..graph.nodes.len() {
        visit(graph, start, &mut marks, &mut order, &mut cycles);
    }
    graph.order = order;
    if cycles.is_empty() {
        Ok(())
    } else {
        Err(cycles)
    }
}

/// Depth first without recursion: a chain of references may be as long as the configuration.
fn visit(
    graph: &Graph,
    start: NodeIndex,
    marks: &mut [Mark],
    order: &mut Vec<NodeIndex>,
    cycles: &mut Vec<Cycle>,
) {
    if marks[start] != Mark::New {
        return;
    }
    marks[start] = Mark::Open;
    // Each with the next of its references to look at.
    let mut path: Vec<(NodeIndex, usize)> = vec![(start, 0)];
    while let Some((at, next)) = path.last_mut() {
        let Some(reference) = graph.nodes[*at].references.get(*next) else {
            marks[*at] = Mark::Done;
            order.push(*at);
            path.pop();
            continue;
        };
        *next += 1;
        let target = reference.target;
        match marks[target] {
            Mark::Done => {}
            Mark::New => {
                marks[target] = Mark::Open;
                path.push((target, 0));
            }
            Mark::Open => {
                let from = path.iter().position(|(node, _)| *node == target);
                let from = from.expect("an open node is on the path");
                cycles.push(Cycle {
                    nodes: path[from..].iter().map(|(node, _)| *node).collect(),
                });
            }
        }
    }
}
