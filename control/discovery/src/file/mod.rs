//! discovery.file: targets from files in Prometheus' file SD format.
//!
//! Files are looked at each second, which costs a listing and one system call a file, works on
//! network mounts and sees files that are replaced; what changed in size or time is read again.
//! Each `refresh_interval` all of them are read. A file that cannot be used leaves its last targets
//! in place, is counted and logged; a file that is gone takes its targets along.
//! Reference: docs/sources/reference/components/discovery/discovery.file.md

mod decode;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use eval::{Component, ResolverCx, ResolverError};
use schema::{Check, MetricDecl, MetricKind};
use stdx::glob::Glob;

pub(crate) use decode::to_json;
pub use decode::{Format, decode};

use crate::refresh::{Discoverer, Discovery, Running, check_interval};

pub static COMPONENT: Component = Component::of::<Discoverer<File>>();

/// Which files hold targets.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Paths of files, ending in `.json`, `.yml` or `.yaml`; the last name may hold one `*`.
    #[arg(required)]
    files: Vec<String>,
    /// How often to read all files, changed or not.
    #[arg(default = "5m")]
    refresh_interval: Duration,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        check_interval(self.refresh_interval, check);
        for file in &self.files {
            if Format::of(file).is_none() || !names_its_folder(file) {
                let message = format!("path name {file:?} is not valid for file discovery");
                check.attribute("files", message);
            } else if let Err(error) = Glob::new(file) {
                check.attribute("files", format!("{file:?}: {error}"));
            }
        }
    }
}

/// Compat: one `*` at most, and no folder below it.
fn names_its_folder(file: &str) -> bool {
    match file.split_once('*') {
        None => true,
        Some((_, behind)) => !behind.contains(['*', '/']),
    }
}

const READ_ERRORS: &str = "prometheus_sd_file_read_errors_total";

struct File;

impl Discovery for File {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.file";
    const METRICS: &'static [MetricDecl] = &[MetricDecl {
        name: READ_ERRORS,
        kind: MetricKind::Counter,
        help: "The number of File-SD read errors.",
    }];

    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        let globs: Result<Vec<Glob>, _> =
            arguments.files.iter().map(|file| Glob::new(file)).collect();
        let globs = globs.map_err(|error| ResolverError::new(error.to_string()))?;
        Ok(Running::spawn(watch::run(
            globs,
            arguments.refresh_interval,
            cx,
        )))
    }
}

#[cfg(test)]
mod tests;
