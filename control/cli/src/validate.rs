//! `invar validate`: what `run` would refuse without evaluating anything, and what is likely not
//! meant.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use plan::{ConfigSource, Validated};

use crate::catalogue::catalogue;
use crate::exit::Failure;
use crate::run::flags::ConfigFlags;

#[derive(Args, Debug)]
pub struct ValidateFlags {
    /// The configuration: a file, or a folder whose *.alloy files are one configuration
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Text for people on standard error, or JSON for editors and pipelines on standard output
    #[arg(long = "format", value_name = "FORMAT", default_value = "text")]
    output: Format,

    #[command(flatten)]
    config: ConfigFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Warnings and advice change no exit status.
pub fn run(flags: &ValidateFlags) -> Result<(), Failure> {
    flags.config.check().map_err(Failure::message)?;
    let source = ConfigSource::Path(flags.path.clone());
    let validated = plan::validate(&source, &catalogue(), flags.config.stability_level.into());
    let refused = validated.is_refused();
    let Validated {
        sources,
        diagnostics: mut found,
        advice,
    } = validated;
    found.extend(advice);
    match flags.output {
        Format::Text => eprint!("{}", syntax::render_all(&found, &sources)),
        Format::Json => print!("{}", syntax::render_json(&found, &sources)),
    }
    match refused {
        true => Err(Failure::reported()),
        false => Ok(()),
    }
}
