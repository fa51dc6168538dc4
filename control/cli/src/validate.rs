//! `invar validate`: what `run` would refuse without evaluating anything.

use std::path::PathBuf;

use clap::Args;
use plan::ConfigSource;

use crate::catalogue::catalogue;
use crate::exit::Failure;
use crate::run::flags::ConfigFlags;

#[derive(Args, Debug)]
pub struct ValidateFlags {
    /// The configuration: a file, or a folder whose *.alloy files are one configuration
    #[arg(value_name = "PATH")]
    path: PathBuf,

    #[command(flatten)]
    config: ConfigFlags,
}

pub fn run(flags: &ValidateFlags) -> Result<(), Failure> {
    flags.config.check().map_err(Failure::message)?;
    let source = ConfigSource::Path(flags.path.clone());
    match plan::validate(&source, &catalogue(), flags.config.stability_level.into()) {
        Ok((sources, warnings)) => {
            eprint!("{}", syntax::render_all(&warnings, &sources));
            Ok(())
        }
        Err(rejected) => {
            eprint!("{}", rejected.render());
            Err(Failure::reported())
        }
    }
}
