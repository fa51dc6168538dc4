//! A drawing of a configuration that any browser shows, without scripts or fonts of its own.

use std::fmt::Write as _;

use plan::{BlockKind, Outline, OutlineBlock};

use super::layout::{Layout, layout};

// Pixels of a drawing at its own size.
const BOX_WIDTH: usize = 230;
const BOX_HEIGHT: usize = 44;
const GAP_X: usize = 70;
const GAP_Y: usize = 18;
const MARGIN: usize = 20;

/// What fits into a box at the size of the text; longer names are cut, the title has them whole.
const LETTERS_MAX: usize = 32;

const STYLE: &str = "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1b2430}\
.label{font-weight:bold}rect{stroke:#44515f;rx:6}path{fill:none;stroke:#44515f}\
.value{stroke-dasharray:4 3;stroke:#8a94a0}";

pub(super) fn draw(outline: &Outline) -> String {
    let layout = layout(outline);
    let (width, height) = size(&layout);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n<style>{STYLE}</style>\n<defs><marker id=\"tip\" \
         viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path d=\"M0,0L8,4L0,8\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" style=\"fill:#fff;stroke:none;rx:0\"/>\n"
    );
    for edge in &outline.edges {
        line(
            &mut svg,
            layout.places[edge.from],
            layout.places[edge.to],
            edge.data,
        );
    }
    for (block, place) in outline.blocks.iter().zip(&layout.places) {
        square(&mut svg, block, corner(*place));
    }
    svg.push_str("</svg>\n");
    svg
}

fn size(layout: &Layout) -> (usize, usize) {
    let span = |count: usize, one: usize, gap: usize| match count {
        0 => 2 * MARGIN,
        count => 2 * MARGIN + count * (one + gap) - gap,
    };
    (
        span(layout.layers, BOX_WIDTH, GAP_X),
        span(layout.rows, BOX_HEIGHT, GAP_Y),
    )
}

fn corner((layer, row): (usize, usize)) -> (usize, usize) {
    (
        MARGIN + layer * (BOX_WIDTH + GAP_X),
        MARGIN + row * (BOX_HEIGHT + GAP_Y),
    )
}

fn line(svg: &mut String, from: (usize, usize), to: (usize, usize), data: bool) {
    let (x1, y1) = corner(from);
    let (x1, y1) = (x1 + BOX_WIDTH, y1 + BOX_HEIGHT / 2);
    let (x2, y2) = corner(to);
    let y2 = y2 + BOX_HEIGHT / 2;
    let half = GAP_X / 2;
    let class = if data { "data" } else { "value" };
    writeln!(
        svg,
        "<path class=\"{class}\" marker-end=\"url(#tip)\" d=\"M{x1},{y1}C{},{y1} {},{y2} \
         {x2},{y2}\"/>",
        x1 + half,
        // Never below zero: an arrow back to the first layer ends at the margin.
        x2.saturating_sub(half),
    )
    .expect("writing to a string does not fail");
}

fn square(svg: &mut String, block: &OutlineBlock, (x, y): (usize, usize)) {
    let fill = match block.kind {
        BlockKind::Receiver => "#d8ecd9",
        BlockKind::Processor => "#e3e8f4",
        BlockKind::Exporter => "#f7e0cf",
        BlockKind::Resolver => "#f4f0d6",
        BlockKind::Setting => "#eeeeee",
        BlockKind::Custom => "#ead9f0",
    };
    let module = block
        .id
        .rsplit_once('/')
        .map(|(module, _)| format!("{module}/"));
    let name = format!("{}{}", module.unwrap_or_default(), block.name);
    let label = block.label.as_deref().unwrap_or_default();
    writeln!(
        svg,
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" \
         height=\"{BOX_HEIGHT}\" fill=\"{fill}\"/><text x=\"{}\" y=\"{}\">{}</text>\
         <text class=\"label\" x=\"{}\" y=\"{}\">{}</text></g>",
        escaped(&block.id),
        x + 10,
        y + 18,
        escaped(&fitted(&name)),
        x + 10,
        y + 35,
        escaped(&fitted(label)),
    )
    .expect("writing to a string does not fail");
}

/// The end of a long text tells more than its beginning.
fn fitted(text: &str) -> String {
    let count = text.chars().count();
    if count <= LETTERS_MAX {
        return text.to_owned();
    }
    let end: String = text.chars().skip(count - LETTERS_MAX + 1).collect();
    format!("\u{2026}{end}")
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::tests::outline;
    use super::*;

    #[test]
    fn boxes_arrows_and_the_size_fit_the_blocks() {
        let svg = draw(&outline(
            &[
                ("a.scrape.s", BlockKind::Receiver),
                ("a.write.w", BlockKind::Exporter),
            ],
            &[(0, 1, true)],
        ));
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"570\""));
        assert!(svg.contains("M250,42C285,42 285,42 320,42"), "{svg}");
        assert_eq!(svg.matches("<g>").count(), 2);
        assert_eq!(fitted(&"x".repeat(40)).chars().count(), LETTERS_MAX);
        assert_eq!(escaped("<a&\"b\">"), "&lt;a&amp;&quot;b&quot;&gt;");
    }
}
