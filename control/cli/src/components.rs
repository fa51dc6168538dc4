//! `invar components`: every component with what it takes and gives, from the one declaration.

use std::fmt::Write as _;

use clap::Args;
use plan::Kind;
use schema::{BodySchema, Descriptor};

use crate::catalogue::catalogue;
use crate::exit::Failure;

#[derive(Args, Debug)]
pub struct ComponentsFlags {
    /// Everything there is to know, for programs
    #[arg(long)]
    json: bool,

    /// The blocks that set the process up, such as logging, in place of components
    #[arg(long)]
    blocks: bool,

    /// Only components whose name contains this
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub fn run(flags: &ComponentsFlags) -> Result<(), Failure> {
    let catalogue = catalogue();
    let wanted = |kind: &Kind| {
        let name = kind.descriptor().name;
        kind.is_component() != flags.blocks
            && flags
                .name
                .as_ref()
                .is_none_or(|part| name.contains(part.as_str()))
    };
    let descriptors: Vec<&Descriptor> = catalogue
        .kinds()
        .into_iter()
        .filter(wanted)
        .map(Kind::descriptor)
        .collect();
    if flags.json {
        let all: Vec<_> = descriptors
            .iter()
            .map(|it| schema::descriptor_json(it))
            .collect();
        println!("{:#}", serde_json::Value::from(all));
        return Ok(());
    }
    for descriptor in descriptors {
        print!("{}", described(descriptor));
    }
    Ok(())
}

fn described(descriptor: &Descriptor) -> String {
    let mut text = format!("{} ({})\n", descriptor.name, descriptor.stability);
    describe_body(&mut text, (descriptor.arguments)(), 1);
    for export in descriptor.exports {
        writeln!(text, "    exports {}: {}", export.name, export.type_name).expect("no I/O");
    }
    text.push('\n');
    text
}

/// Limit: blocks that may nest in themselves are shown this deep.
const DEPTH_MAX: usize = 6;

fn describe_body(text: &mut String, schema: &BodySchema, depth: usize) {
    let indent = "    ".repeat(depth);
    for field in &schema.fields {
        write!(text, "{indent}{}: {}", field.name, field.type_name()).expect("no I/O");
        match &field.default {
            _ if field.required => text.push_str(", required"),
            Some(default) => write!(text, ", default {default:?}").expect("no I/O"),
            None => {}
        }
        if let Some(instead) = field.deprecated {
            write!(text, ", deprecated: {instead}").expect("no I/O");
        }
        text.push('\n');
    }
    for block in &schema.blocks {
        let required = if block.required { ", required" } else { "" };
        let repeatable = if block.repeatable { ", repeatable" } else { "" };
        writeln!(text, "{indent}{} {{}}{required}{repeatable}", block.name).expect("no I/O");
        if depth < DEPTH_MAX {
            describe_body(text, (block.body)(), depth + 1);
        }
    }
}
