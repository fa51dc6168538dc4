//! How much of the machine the dataplane gets: driver, cores, shards, memory.

use std::sync::Arc;

use engine::{Command, Globals, Peers, Report, ShardOptions, shard_main};
use os::Topology;
use runtime::{Backend, ShardConfig, ShardHandle, start_shard};

use crate::exit::Failure;
use crate::run::flags::DataplaneFlags;

/// Limit: shards of one process. More than cores are only of use in tests, and each costs its own
/// buffers and lanes.
const SHARDS_MAX: usize = 256;

/// Limit: the least memory to run with: what the process takes idle and one batch a shard.
const MEMORY_BYTES_MIN: u64 = 32 * 1024 * 1024;

/// The part of the system's limit that is taken by default; the rest is for what is not accounted:
/// the control plane, the allocator's slack, the page cache of the log.
const MEMORY_PERCENT: u64 = 80;

/// What the flags come to on this machine.
#[derive(Debug)]
pub struct Dataplane {
    pub backend: Backend,
    /// Why the driver is not the best one.
    pub warning: Option<String>,
    /// The core of each shard.
    pub cores: Vec<usize>,
    pub memory_bytes: u64,
}

impl Dataplane {
    pub fn new(flags: &DataplaneFlags) -> Result<Dataplane, String> {
        let topology = os::topology();
        let cores = shard_cores(flags, &topology)?;
        let memory_bytes = memory_bytes(flags.memory_limit.as_deref(), os::memory_limit())?;
        let probe = runtime::probe(flags.io).map_err(|error| format!("--dataplane.io: {error}"))?;
        Ok(Dataplane {
            backend: probe.backend,
            warning: probe.warning,
            cores,
            memory_bytes,
        })
    }

    /// Starts all shards. An error leaves those that run to the end of the process.
    pub fn start(&self, globals: &Arc<Globals>) -> Result<Started, Failure> {
        if let Some(warning) = &self.warning {
            tracing::warn!("{warning}");
        }
        let (reports_in, reports) = flume::unbounded();
        let mut started = Started {
            handles: Vec::new(),
            commands: Vec::new(),
            reports,
        };
        let peers = Peers::of(self.cores.len());
        for (index, (core, peers)) in self.cores.iter().zip(peers).enumerate() {
            let (commands_in, commands) = flume::unbounded();
            let options = ShardOptions {
                index,
                count: self.cores.len(),
                memory_bytes: self.memory_bytes / self.cores.len() as u64,
                memory_probe: Some(os::anonymous_bytes),
                globals: globals.clone(),
                peers,
            };
            let reports = reports_in.clone();
            let config = ShardConfig {
                index,
                core: Some(*core),
                backend: self.backend,
            };
            let main = move || -> runtime::LocalBoxFuture<'static, ()> {
                Box::pin(shard_main(options, commands, reports))
            };
            let shard = start_shard(config, main).map_err(|error| {
                Failure::message(format!("cannot start shard {index}: {error}"))
            })?;
            started.handles.push(shard);
            started.commands.push(commands_in);
        }
        tracing::info!(
            shards = self.cores.len(),
            io = self.backend.name(),
            memory_limit = stdx::format_bytes(self.memory_bytes),
            "dataplane started"
        );
        Ok(started)
    }
}

/// Running shards and the ends of their channels.
pub struct Started {
    pub handles: Vec<ShardHandle>,
    pub commands: Vec<flume::Sender<Command>>,
    pub reports: flume::Receiver<Report>,
}

/// A core for each shard; with more shards than cores they share.
fn shard_cores(flags: &DataplaneFlags, topology: &Topology) -> Result<Vec<usize>, String> {
    let cores = match &flags.cores {
        Some(list) => os::parse_cores(list, topology)
            .map_err(|error| format!("--dataplane.cores: {error}"))?,
        None => topology.cores.clone(),
    };
    let default = match &flags.cores {
        Some(_) => cores.len(),
        None => topology.shard_count(),
    };
    let count = match &flags.shards {
        None => default.min(SHARDS_MAX),
        Some(text) => match text.parse::<usize>() {
            Ok(count) if (1..=SHARDS_MAX).contains(&count) => count,
            _ => {
                return Err(format!(
                    "--dataplane.shards: invalid {text:?}; valid: 1 to {SHARDS_MAX}"
                ));
            }
        },
    };
    Ok(cores.iter().copied().cycle().take(count).collect())
}

fn memory_bytes(given: Option<&str>, limit: u64) -> Result<u64, String> {
    let Some(text) = given else {
        return Ok((limit / 100 * MEMORY_PERCENT).max(MEMORY_BYTES_MIN));
    };
    let valid = format!(
        "valid: {} to {}",
        stdx::format_bytes(MEMORY_BYTES_MIN),
        stdx::format_bytes(limit)
    );
    match stdx::parse_bytes(text) {
        Ok(bytes) if (MEMORY_BYTES_MIN..=limit).contains(&bytes) => Ok(bytes),
        Ok(_) => Err(format!(
            "--dataplane.memory-limit: {text:?} is out of range; {valid}"
        )),
        Err(error) => Err(format!("--dataplane.memory-limit: {error}; {valid}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(cores: Option<&str>, shards: Option<&str>) -> DataplaneFlags {
        DataplaneFlags {
            io: runtime::IoChoice::Auto,
            cores: cores.map(str::to_owned),
            shards: shards.map(str::to_owned),
            memory_limit: None,
        }
    }

    #[test]
    fn shards_follow_cores_and_quota_unless_they_are_given() {
        let topology = Topology {
            cores: vec![0, 1, 2, 3],
            quota: Some(1.5),
        };
        let check = |cores, shards| shard_cores(&flags(cores, shards), &topology);
        assert_eq!(check(None, None), Ok(vec![0, 1]));
        assert_eq!(check(Some("1-3"), None), Ok(vec![1, 2, 3]));
        assert_eq!(check(Some("2"), Some("3")), Ok(vec![2, 2, 2]));
        assert!(
            check(None, Some("0"))
                .unwrap_err()
                .contains("valid: 1 to 256")
        );
        assert!(
            check(None, Some("many"))
                .unwrap_err()
                .contains("valid: 1 to 256")
        );
        assert!(check(Some("7"), None).unwrap_err().contains("valid: 0-3"));
    }

    #[test]
    fn memory_is_a_part_of_the_limit_unless_it_is_given() {
        let limit = 1000 * 1024 * 1024;
        assert_eq!(memory_bytes(None, limit), Ok(limit / 100 * 80));
        assert_eq!(memory_bytes(Some("100MiB"), limit), Ok(100 * 1024 * 1024));
        for bad in ["1MiB", "2GiB", "much"] {
            let error = memory_bytes(Some(bad), limit).unwrap_err();
            assert!(error.contains("valid: 32MiB to 1000MiB"), "{error}");
        }
    }
}
