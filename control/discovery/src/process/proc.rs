//! Processes as `/proc` shows them.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use schema::Target;

use super::DiscoverConfig;
use super::cgroup;
use super::join::CONTAINER_ID;
use crate::labels::Labels;

/// All processes, in the order of their numbers.
pub(super) fn discover(config: &DiscoverConfig) -> Result<Vec<Target>, String> {
    let failed = |error: io::Error| format!("failed to list pids: {error}");
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .map_err(failed)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    let names = match config.username {
        true => user_names(),
        false => HashMap::new(),
    };
    let mut targets = Vec::with_capacity(pids.len());
    for pid in pids {
        match process(pid, config, &names) {
            Ok(labels) => targets.push(Target::new(labels)),
            Err(error) if is_gone(&error) => {}
            // Compat: a process that we may not look at is left out.
            Err(error) => tracing::debug!(pid, "failed to get process info: {error}"),
        }
    }
    Ok(targets)
}

fn is_gone(error: &io::Error) -> bool {
    const NO_SUCH_PROCESS: i32 = 3;
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS)
}

fn process(
    pid: u32,
    config: &DiscoverConfig,
    names: &HashMap<String, String>,
) -> io::Result<Labels> {
    let folder = Path::new("/proc").join(pid.to_string());
    let mut labels = Labels::new();
    labels.insert("__process_pid__".to_owned(), pid.to_string());
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            labels.insert(name.to_owned(), value.to_owned());
        }
    };
    let link = |name: &str| -> io::Result<String> {
        Ok(fs::read_link(folder.join(name))?
            .to_string_lossy()
            .into_owned())
    };
    if config.exe {
        set("__meta_process_exe", &link("exe")?);
    }
    if config.cwd {
        set("__meta_process_cwd", &link("cwd")?);
    }
    if config.commandline {
        let words = fs::read(folder.join("cmdline"))?;
        let words = String::from_utf8_lossy(&words);
        let words: Vec<&str> = words.split('\0').filter(|word| !word.is_empty()).collect();
        set("__meta_process_commandline", &words.join(" "));
    }
    if config.username || config.uid {
        let status = fs::read_to_string(folder.join("status"))?;
        let uid = uid(&status).unwrap_or_default();
        if config.username {
            set(
                "__meta_process_username",
                names.get(uid).map_or("", |name| name),
            );
        }
        if config.uid {
            set("__meta_process_uid", uid);
        }
    }
    if config.container_id || config.cgroup_path {
        let groups = fs::read_to_string(folder.join("cgroup"))?;
        if config.container_id {
            set(
                CONTAINER_ID,
                cgroup::container_id(&groups).unwrap_or_default(),
            );
        }
        if config.cgroup_path {
            set("__meta_process_cgroup_path", &cgroup::path(&groups));
        }
    }
    Ok(labels)
}

/// The real user of `/proc/PID/status`.
fn uid(status: &str) -> Option<&str> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()
}

/// Names of users by number, of this machine's own list; directories on the network are not asked.
fn user_names() -> HashMap<String, String> {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let entry = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((fields.nth(1)?.to_owned(), name))
    };
    users.lines().filter_map(entry).collect()
}
