//! The `invar` binary: one file per subcommand, and `catalogue`, where all parts are put together.
//!
//! Exit status: 0 when the command did what it was asked, 1 otherwise, wrong flags included.

#![forbid(unsafe_code)]
// The command line reads and writes files and starts the control thread's helpers by itself.
#![allow(clippy::disallowed_methods)]

mod catalogue;
mod completion;
mod components;
mod dlq;
mod exit;
mod fmt;
mod graph;
mod log_block;
mod logging;
mod plan_command;
mod run;
mod test_command;
mod validate;
mod wal;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A telemetry gateway that runs Grafana Alloy configuration files on pinned per-core shards
#[derive(Parser, Debug)]
#[command(name = "invar", version = VERSION, args_override_self = true,
          disable_version_flag = true, arg_required_else_help = true)]
struct Cli {
    /// Print version
    #[arg(short = 'v', long, action = clap::ArgAction::Version)]
    version: (),

    #[command(subcommand)]
    command: Command,
}

pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a configuration
    #[command(args_override_self = true)]
    Run(Box<run::flags::RunFlags>),
    /// Run the built-in configuration: this process scrapes, relabels, logs and shows itself
    #[command(args_override_self = true)]
    Demo(Box<run::flags::DemoFlags>),
    /// Check a configuration without running it
    #[command(args_override_self = true)]
    Validate(validate::ValidateFlags),
    /// Format a configuration
    #[command(args_override_self = true)]
    Fmt(fmt::FmtFlags),
    /// List the components with their arguments, blocks, defaults and exports
    #[command(args_override_self = true)]
    Components(components::ComponentsFlags),
    /// Run the tests of a configuration
    #[command(args_override_self = true)]
    Test(test_command::TestFlags),
    /// Tell what taking a configuration would restart, add, remove and keep, without doing it
    #[command(args_override_self = true)]
    Plan(plan_command::PlanFlags),
    /// Draw a configuration as DOT or SVG
    #[command(args_override_self = true)]
    Graph(graph::GraphFlags),
    /// Read the log on disk
    #[command(subcommand)]
    Wal(wal::WalCommand),
    /// Look at what destinations refused for good, and have it sent again
    #[command(subcommand)]
    Dlq(dlq::DlqCommand),
    /// Write a completion script for a shell
    #[command(args_override_self = true)]
    Completion(completion::CompletionFlags),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told that the output is closed.
            drop(error.print());
            // Compat: wrong flags end with 1, help and version with 0 (case `service/cli_flags`).
            return if error.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match cli.command {
        Command::Run(flags) => run::run(&flags),
        Command::Demo(flags) => run::demo(&flags),
        Command::Validate(flags) => exit::status(validate::run(&flags)),
        Command::Fmt(flags) => exit::status(fmt::run(&flags)),
        Command::Components(flags) => exit::status(components::run(&flags)),
        Command::Plan(flags) => exit::status(plan_command::run(&flags)),
        Command::Test(flags) => exit::status(test_command::run(&flags)),
        Command::Graph(flags) => exit::status(graph::run(&flags)),
        Command::Wal(command) => exit::status(wal::run(&command)),
        Command::Dlq(command) => exit::status(dlq::run(&command)),
        Command::Completion(flags) => exit::status(completion::run(&flags, Cli::command())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_flags_of_a_command_share_a_name() {
        Cli::command().debug_assert();
    }
}
