//! discovery.process: the processes of this machine as targets, joined with containers that other
//! discoveries found.
//!
//! Reads `/proc`, so that it works on Linux only; elsewhere it is refused. A process that ends
//! while it is being looked at is left out.
//! Reference: docs/sources/reference/components/discovery/discovery.process.md

#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod join;
#[cfg(target_os = "linux")]
mod proc;

use std::sync::Arc;
use std::time::Duration;

use eval::{Component, ResolverCx, ResolverError};
use schema::{Check, Targets};

#[cfg(target_os = "linux")]
use crate::refresh::refresh;
use crate::refresh::{Discoverer, Discovery, Running, check_interval};

pub static COMPONENT: Component = Component::of::<Discoverer<Process>>();

/// What to tell of processes, and what to join them with.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Targets to join with processes of the same container.
    join: Targets,
    /// How often to look.
    #[arg(default = "60s")]
    refresh_interval: Duration,
    /// What to tell of each process.
    #[arg(block)]
    discover_config: DiscoverConfig,
}

/// What to tell of each process.
#[derive(schema::Arguments, Clone)]
pub struct DiscoverConfig {
    /// The path of its program.
    #[arg(default = true)]
    exe: bool,
    /// Its working directory.
    #[arg(default = true)]
    cwd: bool,
    /// Its command line.
    #[arg(default = true)]
    commandline: bool,
    /// The number of its user.
    #[arg(default = false)]
    uid: bool,
    /// The name of its user.
    #[arg(default = false)]
    username: bool,
    /// Its control groups.
    #[arg(default = false)]
    cgroup_path: bool,
    /// Its container.
    #[arg(default = true)]
    container_id: bool,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        check_interval(self.refresh_interval, check);
    }
}

struct Process;

impl Discovery for Process {
    type Arguments = Arguments;

    const NAME: &'static str = "discovery.process";

    #[cfg(target_os = "linux")]
    fn run(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<Running, ResolverError> {
        let interval = arguments.refresh_interval;
        Ok(refresh(cx, interval, None, async move || {
            let config = arguments.discover_config.clone();
            // A thousand processes are some five thousand system calls.
            let found = tokio::task::spawn_blocking(move || proc::discover(&config)).await;
            let processes = found.map_err(|error| error.to_string())??;
            Ok(join::join(processes, &arguments.join))
        }))
    }

    #[cfg(not(target_os = "linux"))]
    fn run(_: Arc<Arguments>, _: ResolverCx) -> Result<Running, ResolverError> {
        Err(ResolverError::new(
            "discovery.process reads /proc, which this system does not have: it needs Linux",
        ))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
