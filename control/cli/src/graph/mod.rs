//! `invar graph`: draws a configuration, as DOT for other programs or as SVG for a browser.

mod layout;
mod svg;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plan::{BlockKind, ConfigSource, Outline};

use crate::catalogue::catalogue;
use crate::exit::Failure;
use crate::run::flags::ConfigFlags;

#[derive(Args, Debug)]
pub struct GraphFlags {
    /// The configuration: a file, or a folder whose *.alloy files are one configuration
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// What to write to standard output
    #[arg(long = "format", value_name = "FORMAT", default_value = "dot")]
    output: Format,

    #[command(flatten)]
    config: ConfigFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Dot,
    Svg,
}

pub fn run(flags: &GraphFlags) -> Result<(), Failure> {
    flags.config.check().map_err(Failure::message)?;
    let source = ConfigSource::Path(flags.path.clone());
    let outline = plan::outline(&source, &catalogue(), flags.config.stability_level.into());
    let outline = outline.map_err(|rejected| {
        eprint!("{}", rejected.render());
        Failure::reported()
    })?;
    match flags.output {
        Format::Dot => print!("{}", dot(&outline)),
        Format::Svg => print!("{}", svg::draw(&outline)),
    }
    Ok(())
}

/// Where telemetry goes is drawn solid, where values go dashed.
fn dot(outline: &Outline) -> String {
    let mut text = "digraph configuration {\n\trankdir=LR;\n\tnode [shape=box];\n".to_owned();
    for block in &outline.blocks {
        let shape = match block.kind {
            BlockKind::Receiver => "cds",
            BlockKind::Exporter => "rarrow",
            BlockKind::Resolver => "ellipse",
            BlockKind::Setting => "note",
            BlockKind::Custom => "component",
            BlockKind::Processor => "box",
        };
        let id = quoted(&block.id);
        writeln!(text, "\t{id} [shape={shape}];").expect("writing to a string does not fail");
    }
    for edge in &outline.edges {
        let (from, to) = (&outline.blocks[edge.from].id, &outline.blocks[edge.to].id);
        let style = if edge.data { "" } else { " [style=dashed]" };
        writeln!(text, "\t{} -> {}{style};", quoted(from), quoted(to))
            .expect("writing to a string does not fail");
    }
    text.push_str("}\n");
    text
}

fn quoted(id: &str) -> String {
    format!("\"{}\"", id.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use plan::{OutlineBlock, OutlineEdge};

    use super::*;

    /// Blocks by id and kind, edges by index; `true` for telemetry.
    pub(super) fn outline(blocks: &[(&str, BlockKind)], edges: &[(usize, usize, bool)]) -> Outline {
        let blocks = blocks.iter().map(|(id, kind)| {
            let (name, label) = id.rsplit_once('.').expect("an id has a label");
            OutlineBlock {
                id: (*id).to_owned(),
                name: name.to_owned(),
                label: Some(label.to_owned()),
                kind: *kind,
            }
        });
        let edges = edges.iter().map(|(from, to, data)| OutlineEdge {
            from: *from,
            to: *to,
            data: *data,
        });
        Outline {
            blocks: blocks.collect(),
            edges: edges.collect(),
        }
    }

    #[test]
    fn dot_tells_telemetry_from_values() {
        let drawn = dot(&outline(
            &[
                ("local.file.f", BlockKind::Resolver),
                ("a.scrape.s", BlockKind::Receiver),
                ("a.write.w", BlockKind::Exporter),
            ],
            &[(0, 1, false), (1, 2, true)],
        ));
        assert!(drawn.contains("\t\"local.file.f\" -> \"a.scrape.s\" [style=dashed];\n"));
        assert!(
            drawn.contains("\t\"a.scrape.s\" -> \"a.write.w\";\n"),
            "{drawn}"
        );
    }
}
