//! Where blocks stand in a drawing: in layers, each to the right of what leads to it, and inside of
//! a layer near the blocks that they are tied to.

use plan::Outline;

/// Times the layers are sorted by their neighbours; more changes little.
const SWEEPS: usize = 8;

/// The layer and the row of each block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub places: Vec<(usize, usize)>,
    pub layers: usize,
    pub rows: usize,
}

pub(super) fn layout(outline: &Outline) -> Layout {
    let layer_of = layers(outline);
    let count = layer_of.iter().max().map_or(0, |last| last + 1);
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (block, layer) in layer_of.iter().enumerate() {
        layers[*layer].push(block);
    }
    let mut rows = vec![0; layer_of.len()];
    number(&layers, &mut rows);
    let neighbours = neighbours(outline);
    for sweep in 0..SWEEPS {
        // Forward and backward in turn: each layer is sorted by those sorted just before it.
        let forward = sweep % 2 == 0;
        for step in 0..count {
            let at = if forward { step } else { count - 1 - step };
            let key = |block: usize| {
                let earlier = |other: &&usize| match forward {
                    true => layer_of[**other] < at,
                    false => layer_of[**other] > at,
                };
                centre(neighbours[block].iter().filter(earlier), &rows)
            };
            let mut keyed: Vec<(f64, usize, usize)> = layers[at]
                .iter()
                .map(|block| {
                    (
                        key(*block).unwrap_or(rows[*block] as f64),
                        rows[*block],
                        *block,
                    )
                })
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            layers[at] = keyed.into_iter().map(|(_, _, block)| block).collect();
            number(&layers[at..=at], &mut rows);
        }
    }
    Layout {
        places: layer_of.into_iter().zip(rows).collect(),
        layers: count,
        rows: layers.iter().map(Vec::len).max().unwrap_or(0),
    }
}

/// The longest way that leads to each block. Telemetry and values together may form a ring (a
/// component that sends to one whose value it uses): what closes it is left out.
fn layers(outline: &Outline) -> Vec<usize> {
    let mut layers = vec![0_usize; outline.blocks.len()];
    let order = ordered(outline);
    for block in &order.blocks {
        for edge in outline.edges.iter().filter(|edge| edge.from == *block) {
            if order.at[edge.from] < order.at[edge.to] {
                layers[edge.to] = layers[edge.to].max(layers[*block] + 1);
            }
        }
    }
    layers
}

struct Order {
    blocks: Vec<usize>,
    /// The place of each block in `blocks`.
    at: Vec<usize>,
}

/// Blocks after all that leads to them, as far as there are no rings.
fn ordered(outline: &Outline) -> Order {
    let count = outline.blocks.len();
    let mut outgoing: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut missing = vec![0_usize; count];
    for edge in &outline.edges {
        outgoing[edge.from].push(edge.to);
        missing[edge.to] += 1;
    }
    let mut blocks = Vec::with_capacity(count);
    let mut at = vec![usize::MAX; count];
    let mut next = 0;
    while blocks.len() < count {
        let free = (0..count).find(|block| at[*block] == usize::MAX && missing[*block] == 0);
        // In a ring some block has to be the first.
        let start = free.or_else(|| (0..count).find(|block| at[*block] == usize::MAX));
        at[start.expect("some block has no place yet")] = blocks.len();
        blocks.extend(start);
        while next < blocks.len() {
            for to in &outgoing[blocks[next]] {
                missing[*to] = missing[*to].saturating_sub(1);
                if missing[*to] == 0 && at[*to] == usize::MAX {
                    at[*to] = blocks.len();
                    blocks.push(*to);
                }
            }
            next += 1;
        }
    }
    Order { blocks, at }
}

fn neighbours(outline: &Outline) -> Vec<Vec<usize>> {
    let mut neighbours = vec![Vec::new(); outline.blocks.len()];
    for edge in &outline.edges {
        neighbours[edge.from].push(edge.to);
        neighbours[edge.to].push(edge.from);
    }
    neighbours
}

fn number(layers: &[Vec<usize>], rows: &mut [usize]) {
    for layer in layers {
        for (row, block) in layer.iter().enumerate() {
            rows[*block] = row;
        }
    }
}

fn centre<'a>(blocks: impl Iterator<Item = &'a usize>, rows: &[usize]) -> Option<f64> {
    let (mut sum, mut count) = (0, 0);
    for block in blocks {
        sum += rows[*block];
        count += 1;
    }
    (count > 0).then(|| sum as f64 / f64::from(count))
}

#[cfg(test)]
mod tests {
    use plan::BlockKind::{Exporter, Processor, Receiver};

    use super::super::tests::outline;
    use super::*;

    #[test]
    fn blocks_stand_behind_what_leads_to_them_and_ways_do_not_cross() {
        let outline = outline(
            &[
                ("w.a", Exporter),
                ("w.b", Exporter),
                ("p.b", Processor),
                ("p.a", Processor),
                ("s.a", Receiver),
                ("s.b", Receiver),
            ],
            &[(4, 3, true), (5, 2, true), (3, 0, true), (2, 1, true)],
        );
        let Layout {
            places,
            layers,
            rows,
        } = layout(&outline);
        assert_eq!((layers, rows), (3, 2));
        for (from, to) in [(4, 3), (5, 2), (3, 0), (2, 1)] {
            assert_eq!(places[to].0, places[from].0 + 1);
            assert_eq!(places[to].1, places[from].1);
        }
    }

    #[test]
    fn a_ring_of_telemetry_and_values_is_drawn_too() {
        let ring = outline(
            &[("a.a", Processor), ("a.b", Processor)],
            &[(0, 1, true), (1, 0, false)],
        );
        assert_eq!(layout(&ring).places, [(0, 0), (1, 0)]);
        assert_eq!(layout(&outline(&[], &[])).rows, 0);
    }
}
