//! `invar completion`: a script that completes commands and flags in a shell.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::exit::Failure;

#[derive(Args, Debug)]
pub struct CompletionFlags {
    /// The shell to write for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Writes the script for `command`, which is the whole command line.
pub fn run(flags: &CompletionFlags, mut command: Command) -> Result<(), Failure> {
    clap_complete::generate(flags.shell, &mut command, "invar", &mut std::io::stdout());
    Ok(())
}
