//! otelcol.exporter.file: writes what it gets to files, as lines of JSON or as protobuf.
//!
//! ```text
//! batch -> by group -> encode -> pack -> end of the group's file, which is rotated when it is full
//! ```
//!
//! A batch is acknowledged when it is in its file, as the operating system has it; a write that
//! fails is asked for again and leaves no half of a message. One shard writes, others hand over,
//! so that messages of one node never mix.
//! Compatible with otelcol.exporter.file of Alloy. Files are rotated between messages, never
//! within one.

mod groups;
mod output;
mod run;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{Arguments, Check, ExportField, MetricDecl, Stability};

use crate::exporting::{ITEMS, ItemMetrics};
use crate::settings::DebugMetrics;
use groups::Groups;
use output::Output;
use run::{Encoding, Exporter, Files};

pub static COMPONENT: Component = Component::of::<ExporterFile>();

/// The component.
pub struct ExporterFile;

#[derive(Arguments)]
#[arg(check = ExporterFileArguments::check)]
pub struct ExporterFileArguments {
    /// File to write to; with `group_by` the star in it is what an attribute says.
    #[arg(required)]
    pub path: String,
    /// Keep what the file holds, and write behind it.
    #[arg(default = false)]
    pub append: bool,
    /// How messages are packed: `zstd` or not at all.
    #[arg(default = "")]
    pub compression: String,
    /// Taken for compatibility: what is acknowledged is in the file.
    #[arg(default = "1s")]
    pub flush_interval: Duration,
    /// How messages are written: `json`, a line each, or `proto`, each behind its length in four
    /// bytes, big end first. Packed messages are always behind their lengths.
    #[arg(default = "json")]
    pub format: String,
    /// An extension that encodes. Alloy knows none yet either.
    #[arg(default = "")]
    pub encoding: String,
    /// How well messages are packed.
    #[arg(block)]
    pub compression_params: Option<CompressionParams>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// A file for each value of an attribute.
    #[arg(block)]
    pub group_by: Option<GroupBy>,
    /// When a new file is begun, and how long old ones are kept. Without effect with `group_by`.
    #[arg(block)]
    pub rotation: Option<Rotation>,
}

/// How well messages are packed.
#[derive(Arguments)]
pub struct CompressionParams {
    /// Taken for compatibility: there is one level.
    #[arg(required)]
    pub level: i64,
}

/// A file for each value of an attribute.
#[derive(Arguments, Clone)]
pub struct GroupBy {
    /// Write to several files.
    #[arg(default = false)]
    pub enabled: bool,
    /// Most files that are open; the one that was not used for longest is closed.
    #[arg(default = 100, min = 1)]
    pub max_open_files: i64,
    /// Attribute of the resource that stands in the place of the star; resources without it are
    /// dropped.
    #[arg(default = "fileexporter.path_segment")]
    pub resource_attribute: String,
}

/// When a new file is begun, and how long old ones are kept.
#[derive(Arguments, Clone)]
pub struct Rotation {
    /// Taken for compatibility: times in names of files are in UTC.
    #[arg(default = false)]
    pub localtime: bool,
    /// Most old files that are kept; 0 keeps all.
    #[arg(default = 100, min = 0)]
    pub max_backups: i64,
    /// How many days old files are kept; 0 keeps them.
    #[arg(default = 0, min = 0)]
    pub max_days: i64,
    /// Size in MiB from which on a new file is begun.
    #[arg(default = 100, min = 0)]
    pub max_megabytes: i64,
}

impl ExporterFileArguments {
    fn check(&self, check: &mut Check<'_>) {
        if !self.encoding.is_empty() {
            check.attribute("encoding", "encoding parameter is not yet supported");
        }
        if self.path.is_empty() {
            check.attribute("path", "path must be non-empty");
        }
        let packs = !self.compression.is_empty();
        if self.append && packs {
            let message = "append and compression enabled at the same time is not supported";
            check.attribute("append", message);
        }
        if self.append && self.rotation.is_some() {
            let message = "append and rotation enabled at the same time is not supported";
            check.attribute("append", message);
        }
        if !matches!(self.format.as_str(), "json" | "proto") {
            check.attribute("format", "format type is not supported");
        }
        if packs && self.compression != "zstd" {
            check.attribute("compression", "compression is not supported");
        }
        if self.grouping().is_some()
            && let Err(message) = self.check_groups()
        {
            check.attribute("path", message);
        }
    }

    fn check_groups(&self) -> Result<(), &'static str> {
        match self.path.split_once('*') {
            Some((_, after)) if after.contains('*') => {
                Err("path must contain exactly one * when group_by is enabled")
            }
            None => Err("path must contain exactly one * when group_by is enabled"),
            Some(("", _)) => Err("path must not start with * when group_by is enabled"),
            Some(_) => match self.grouping() {
                Some(groups) if groups.resource_attribute.is_empty() => {
                    Err("resource_attribute must not be empty when group_by is enabled")
                }
                _ => Ok(()),
            },
        }
    }

    fn grouping(&self) -> Option<&GroupBy> {
        self.group_by.as_ref().filter(|groups| groups.enabled)
    }
}

impl DataComponent for ExporterFile {
    type Arguments = ExporterFileArguments;
    const NAME: &'static str = "otelcol.exporter.file";
    const STABILITY: Stability = Stability::PublicPreview;
    const ROLE: Role = Role::Exporter;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "input",
        type_name: "otelcol.Consumer",
    }];
    const METRICS: &'static [MetricDecl] = ITEMS;

    async fn build(arguments: Arc<ExporterFileArguments>, cx: &Build) -> Result<Built, BuildError> {
        let files = match arguments.grouping() {
            Some(grouping) => Files::Grouped(Groups::new(&arguments, grouping)),
            None => {
                let options = output::Options {
                    append: arguments.append,
                    rotation: arguments.rotation.clone(),
                };
                let output = Output::open(arguments.path.as_str().into(), options).await;
                Files::One(output.map_err(|error| {
                    BuildError::new(format!("cannot open \"{}\": {error}", arguments.path))
                })?)
            }
        };
        let encoding = Encoding {
            json: arguments.format == "json",
            packed: !arguments.compression.is_empty(),
        };
        let exporter = Exporter::new(files, encoding, cx.ledger("file"), ItemMetrics::new(cx));
        Ok(Built::new().port("input", Rc::new(exporter)))
    }
}
