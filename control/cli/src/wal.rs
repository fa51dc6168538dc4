//! `invar wal`: reads the log on disk, beside a running process or without one. Changes nothing.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::exit::Failure;

#[derive(Subcommand, Debug)]
pub enum WalCommand {
    /// What each log holds: destinations, segments, what is kept aside
    Inspect(WalFlags),
    /// Read every record and check it; ends with a failure when one does not hold
    Verify(WalFlags),
}

#[derive(Args, Debug)]
pub struct WalFlags {
    /// The storage path, or any folder in it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(command: &WalCommand) -> Result<(), Failure> {
    let flags = match command {
        WalCommand::Inspect(flags) | WalCommand::Verify(flags) => flags,
    };
    let lanes =
        wal::find_lanes(&flags.folder).map_err(|error| unreadable(&flags.folder, &error))?;
    if lanes.is_empty() {
        return Err(Failure::message(format!(
            "no log below \"{}\"",
            flags.folder.display()
        )));
    }
    let mut broken = 0;
    for lane in &lanes {
        match command {
            WalCommand::Inspect(_) => {
                print!(
                    "{}",
                    wal::inspect(lane).map_err(|error| unreadable(lane, &error))?
                );
            }
            WalCommand::Verify(_) => {
                let found = wal::verify(lane).map_err(|error| unreadable(lane, &error))?;
                broken += usize::from(!found.is_sound());
                print!("{found}");
            }
        }
    }
    match broken {
        0 => Ok(()),
        count => Err(Failure::message(format!(
            "{count} of {} logs have records that do not hold",
            lanes.len()
        ))),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::message(format!("cannot read \"{}\": {error}", path.display()))
}
