//! `invar run` and `invar demo`: the program itself.
//!
//! ```text
//! flags -> storage, port -> shards -> controller loads the configuration -> admin HTTP
//!                                     signals: reload | stop
//! ```
//! The calling thread becomes the control thread.

mod dataplane;
pub mod flags;
mod identity;
mod program;
mod signals;

use std::path::Path;
use std::process::ExitCode;

use schema::Stability;

use crate::exit::{self, Failure};
use crate::logging;
use crate::run::flags::{DataplaneFlags, DemoFlags, RunFlags, ServerFlags};
use crate::run::program::Program;

/// What to run, whichever command asked for it.
struct Setup<'a> {
    /// None for the built-in configuration.
    path: Option<&'a Path>,
    server: &'a ServerFlags,
    storage_path: &'a Path,
    stability: Stability,
    dataplane: &'a DataplaneFlags,
    warnings: Vec<String>,
}

pub fn run(flags: &RunFlags) -> ExitCode {
    match flags.check() {
        Ok(warnings) => start(&Setup {
            path: Some(&flags.path),
            server: &flags.server,
            storage_path: &flags.storage_path,
            stability: flags.config.stability_level.into(),
            dataplane: &flags.dataplane,
            warnings,
        }),
        Err(error) => exit::status(Err(Failure::message(error))),
    }
}

pub fn demo(flags: &DemoFlags) -> ExitCode {
    start(&Setup {
        path: None,
        server: &flags.server,
        storage_path: &flags.storage_path,
        stability: Stability::Experimental,
        dataplane: &flags.dataplane,
        warnings: Vec::new(),
    })
}

fn start(setup: &Setup<'_>) -> ExitCode {
    let log = logging::start();
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    let result = Program::prepare(setup, &log).and_then(Program::run);
    log.flush();
    exit::status(result)
}
